//! Asking providers what changes would do.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::look::check_count;
use super::{Engine, EngineError, by_provider};
use crate::plan::{Planner, Predicted};
use crate::provider::{Checked, Intent, Live, PredictRequest, Prediction, Recorded};
use crate::urn::Key;
use crate::value::Value;
use crate::value::diff::diff;

impl Engine {
    /// Answers the planner until it has what it needs. Returns the objects that would be replaced, of which the data is to be
    /// asked.
    pub(super) async fn settle(
        &self,
        planner: &mut Planner<'_>,
        looked: bool,
        identities: &BTreeMap<Key, String>,
    ) -> Result<Vec<Recorded>, EngineError> {
        let mut replaced: Vec<Recorded> = Vec::new();
        loop {
            let asks = planner.asks();
            if asks.is_empty() {
                return Ok(replaced);
            }
            let answers = if looked {
                self.ask(&asks).await?
            } else {
                asks.iter().map(offline).collect()
            };
            let mut predicted = Vec::with_capacity(asks.len());
            for (ask, prediction) in asks.into_iter().zip(answers) {
                let object = ask.recorded.as_ref().map(|recorded| recorded.identity.clone());
                if looked && (ask.intent == Intent::Replace || !prediction.replace.is_empty()) {
                    let identity = identities.get(&ask.key).cloned().unwrap_or_default();
                    replaced.push(ask.recorded.unwrap_or_else(|| found(&ask.key, identity, ask.live)));
                }
                let made = Predicted {
                    intent: ask.intent,
                    inputs: ask.inputs,
                    object,
                    prediction,
                };
                predicted.push((ask.key, made));
            }
            planner.learn(predicted);
        }
    }

    /// The answers, in the order of the questions.
    async fn ask(&self, asks: &[PredictRequest]) -> Result<Vec<Prediction>, EngineError> {
        let batches = by_provider(asks.iter().map(|ask| &ask.key));
        let batches = batches.keys().filter_map(|name| {
            let batch: Vec<PredictRequest> = asks.iter().filter(|ask| ask.key.provider() == *name).cloned().collect();
            Some((*name, self.providers.get(*name)?, batch))
        });
        let batches =
            batches.map(|(name, provider, batch)| async move { (name, provider.predict(&batch).await, batch) });
        let mut answered = BTreeMap::new();
        for (name, answers, batch) in join_all(batches).await {
            let answers = answers.map_err(|error| EngineError::Provider {
                provider: name.to_owned(),
                error,
            })?;
            check_count(name, batch.len(), answers.len())?;
            answered.extend(batch.into_iter().map(|ask| ask.key).zip(answers));
        }
        let answer = |ask: &PredictRequest| answered.remove(&ask.key).unwrap_or_else(|| offline(ask));
        Ok(asks.iter().map(answer).collect())
    }
}

/// An object that is there, and that no record knows.
pub(super) fn found(key: &Key, identity: String, live: Option<Live>) -> Recorded {
    Recorded {
        key: key.clone(),
        identity,
        uid: live.and_then(|live| live.uid),
        inputs: Value::Null,
        outputs: Value::Null,
        private: Default::default(),
        dependencies: Vec::new(),
        ready: false,
    }
}

/// Returns the prediction that is possible without looking at the world.
fn offline(ask: &PredictRequest) -> Prediction {
    let recorded = ask.recorded.as_ref().map(|recorded| &recorded.inputs);
    Prediction {
        changes: recorded.map(|recorded| diff(recorded, &ask.inputs)).unwrap_or_default(),
        checked: Checked::Locally("nobody was asked (offline)".to_owned()),
        ..Prediction::default()
    }
}
