//! Asking providers what is there.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::{Engine, EngineError, by_provider};
use crate::declare::{Declaration, ResourceDecl};
use crate::plan::resolve::{Outputs, resolve, wanted_outputs};
use crate::plan::{Interrupted, Mode, WorldEntry};
use crate::provider::{DataItem, ObserveRequest, Observed, Recorded};
use crate::urn::Key;
use crate::value::{OutputRef, Source, Value};

/// What the observation is, where nobody looked: the record.
pub(super) fn unseen(recorded: &BTreeMap<Key, WorldEntry>) -> BTreeMap<Key, Observed> {
    recorded
        .keys()
        .map(|key| (key.clone(), Observed::Unknown("not looked at".to_owned())))
        .collect()
}

/// Turns what an interrupted creation left of a resource that nobody declares or records into a record, so that the
/// plan deletes it.
pub(super) fn adopt_orphans(
    recorded: &mut BTreeMap<Key, WorldEntry>,
    observed: &BTreeMap<Key, Observed>,
    interrupted: &BTreeMap<Key, Interrupted>,
    declaration: &Declaration,
) {
    for (key, interrupted) in interrupted {
        let Some(Observed::Present(live)) = observed.get(key) else {
            continue;
        };
        if recorded.contains_key(key) || declaration.get(key).is_some() || !live.ours {
            continue;
        }
        let orphan = Recorded {
            key: key.clone(),
            identity: interrupted.identity.clone(),
            uid: live.uid.clone(),
            inputs: Value::Null,
            outputs: Value::Null,
            private: serde_json::Value::Null,
            dependencies: Vec::new(),
            ready: false,
        };
        let entry = WorldEntry {
            recorded: orphan,
            options: Default::default(),
            source: None,
            formers: Vec::new(),
            gone: false,
        };
        recorded.insert(key.clone(), entry);
    }
}

impl Engine {
    /// Looks at everything that is declared, recorded or left open.
    pub(super) async fn observe(
        &self,
        declaration: &Declaration,
        identities: &BTreeMap<Key, String>,
        recorded: &BTreeMap<Key, WorldEntry>,
        interrupted: &BTreeMap<Key, Interrupted>,
    ) -> Result<BTreeMap<Key, Observed>, EngineError> {
        let declared: BTreeMap<&Key, &ResourceDecl> = declaration
            .resources
            .iter()
            .map(|resource| (&resource.key, resource))
            .collect();
        let wanted = wanted_outputs(declaration);
        let all = by_provider(
            declared
                .keys()
                .copied()
                .chain(recorded.keys())
                .chain(interrupted.keys()),
        );
        let lookup = |output: &OutputRef| recorded_output(declaration, recorded, output);
        let question = |key: &Key| {
            let recorded = recorded.get(key).map(|entry| entry.recorded.clone());
            let identity = identities.get(key).cloned();
            let identity = identity.or_else(|| recorded.as_ref().map(|recorded| recorded.identity.clone()));
            let identity = identity.or_else(|| interrupted.get(key).map(|interrupted| interrupted.identity.clone()));
            let resolved = |resource: &&ResourceDecl| {
                resolve(&resource.inputs, &lookup).unwrap_or_else(|_| resource.inputs.clone())
            };
            ObserveRequest {
                key: key.clone(),
                identity: identity.unwrap_or_default(),
                inputs: declared.get(key).map(resolved),
                full: lacks_outputs(recorded.as_ref(), wanted.get(key)),
                recorded,
            }
        };
        let batches = all
            .iter()
            .filter_map(|(name, keys)| Some((*name, self.providers.get(*name)?, keys)));
        let batches = batches.map(|(name, provider, keys)| {
            let requests: Vec<ObserveRequest> = keys.iter().map(|key| question(key)).collect();
            async move { (name, provider.observe(&requests).await, requests) }
        });
        let mut observed = BTreeMap::new();
        for (name, answers, requests) in join_all(batches).await {
            let answers = answers.map_err(|error| EngineError::Provider {
                provider: name.to_owned(),
                error,
            })?;
            check_count(name, requests.len(), answers.len())?;
            observed.extend(requests.into_iter().map(|request| request.key).zip(answers));
        }
        Ok(observed)
    }

    /// The data that goes with what may be deleted.
    pub(super) async fn data(
        &self,
        mode: Mode,
        looked: bool,
        declaration: &Declaration,
        recorded: &BTreeMap<Key, WorldEntry>,
    ) -> Result<BTreeMap<Key, Vec<DataItem>>, EngineError> {
        if !looked || mode == Mode::Refresh {
            return Ok(BTreeMap::new());
        }
        let declared: BTreeSet<&Key> = declaration.resources.iter().map(|resource| &resource.key).collect();
        let ending = recorded
            .iter()
            .filter(|(key, _)| !declared.contains(key))
            .map(|(_, entry)| entry.recorded.clone());
        self.data_of(ending.collect()).await
    }

    pub(super) async fn data_of(&self, ending: Vec<Recorded>) -> Result<BTreeMap<Key, Vec<DataItem>>, EngineError> {
        let mut data = BTreeMap::new();
        for (name, keys) in by_provider(ending.iter().map(|recorded| &recorded.key)) {
            let Some(provider) = self.providers.get(name) else {
                continue;
            };
            let batch: Vec<Recorded> = ending
                .iter()
                .filter(|recorded| keys.contains(&recorded.key))
                .cloned()
                .collect();
            let answers = provider.data(&batch).await;
            let answers = answers.map_err(|error| EngineError::Provider {
                provider: name.to_owned(),
                error,
            })?;
            check_count(name, batch.len(), answers.len())?;
            data.extend(batch.into_iter().map(|recorded| recorded.key).zip(answers));
        }
        Ok(data)
    }
}

pub(super) fn check_count(provider: &str, questions: usize, answers: usize) -> Result<(), EngineError> {
    if questions == answers {
        return Ok(());
    }
    Err(EngineError::Answers {
        provider: provider.to_owned(),
        questions,
        answers,
    })
}

fn recorded_output(
    declaration: &Declaration,
    recorded: &BTreeMap<Key, WorldEntry>,
    output: &OutputRef,
) -> Option<Value> {
    match &output.source {
        Source::Resource(key) => Outputs::recorded(&recorded.get(key)?.recorded.outputs)
            .get(&output.path)
            .cloned(),
        other => declaration.secrets.get(other).cloned().map(Value::Secret),
    }
}

/// Whether someone uses an output that is not recorded.
fn lacks_outputs(recorded: Option<&Recorded>, wanted: Option<&BTreeSet<String>>) -> bool {
    let (Some(recorded), Some(wanted)) = (recorded, wanted) else {
        return false;
    };
    let outputs = Outputs::recorded(&recorded.outputs);
    wanted.iter().any(|pointer| outputs.get(pointer).is_none())
}
