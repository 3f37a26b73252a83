//! A provider whose texts quote no secret, whatever the one behind it says.
//!
//! Systems like to quote what they refuse. Texts of errors, problems and progress end up on terminals and in logs, so
//! every secret that was seen on its way in or out is taken out of them. What a provider gives as *data* stays as it is:
//! what is secret there, it has to mark.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use super::{
    Applied, ApplyRequest, Checked, ConnectRequest, Connecting, Context, DataItem, DeleteRequest, Effect, Exclusive,
    Existence, ExternalRef, Live, Mark, ObserveRequest, Observed, PlanItem, PredictRequest, Prediction, Problem,
    Provider, ProviderError, Readiness, Recorded, Reference, Target, WaitRequest,
};
use crate::declare::ResourceDecl;
use crate::secret_names::{SecretNames, texts};
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{KnownSecrets, Secrets, Value};

/// The provider with a watch on what it says.
pub(crate) struct Discreet {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) known: KnownSecrets,
    /// The names that say that a value is secret, in changes that others made.
    pub(crate) names: SharedNames,
}

/// Which names say that a value is secret, as the configuration of the run has it.
pub(crate) type SharedNames = Arc<RwLock<SecretNames>>;

impl Discreet {
    fn learn_recorded(&self, recorded: &Recorded) {
        self.known.learn(&recorded.inputs);
        self.known.learn(&recorded.outputs);
    }

    fn learn_changes(&self, changes: &[FieldChange]) {
        for value in changes.iter().flat_map(|change| [&change.before, &change.after]) {
            value.iter().for_each(|value| self.known.learn(value));
        }
    }

    fn learn_live(&self, live: &Live) {
        self.known.learn(&live.outputs);
        self.learn_changes(&live.drift);
        self.learn_changes(&live.ignored);
    }

    fn hide_all<'a>(&self, texts: impl IntoIterator<Item = &'a mut String>) {
        texts.into_iter().for_each(|text| self.known.hide(text));
    }

    fn problem(&self, mut problem: Problem) -> Problem {
        self.hide_all([&mut problem.message].into_iter().chain(&mut problem.hint));
        problem
    }

    fn error(&self, mut error: ProviderError) -> ProviderError {
        if let Some(partial) = &error.partial {
            self.known.learn(&partial.outputs);
        }
        let texts = [&mut error.message].into_iter().chain(&mut error.details);
        self.hide_all(texts.chain(&mut error.hint));
        error
    }

    fn applied(&self, answer: Result<Applied, ProviderError>) -> Result<Applied, ProviderError> {
        match answer {
            Ok(applied) => {
                self.known.learn(&applied.outputs);
                Ok(applied)
            }
            Err(error) => Err(self.error(error)),
        }
    }

    fn observed(&self, mut observed: Observed) -> Observed {
        match &mut observed {
            Observed::Unknown(why) => self.known.hide(why),
            Observed::Present(live) => {
                self.learn_live(live);
                let changes = live.drift.iter_mut().chain(&mut live.ignored);
                self.hide_all(changes.flat_map(|change| &mut change.origin));
                if let Mark::Missing(seen) | Mark::Lost(seen) | Mark::Theirs(seen) = &mut live.mark {
                    self.known.hide(seen);
                }
                match &mut live.readiness {
                    Readiness::Pending(text) | Readiness::Failed { reason: text, .. } | Readiness::Spent(text) => {
                        self.known.hide(text);
                    }
                    Readiness::Ready => {}
                }
                self.hide_all(&mut live.leaving);
            }
            Observed::Absent | Observed::Finished => {}
        }
        observed
    }

    fn prediction(&self, mut prediction: Prediction) -> Prediction {
        self.known.learn(&prediction.outputs);
        self.learn_changes(&prediction.changes);
        let Prediction {
            changes,
            replace,
            exclusive,
            checked,
            risks,
            effects,
            problems,
            notes,
            outputs: _,
            unserving: _,
            minor: _,
            leaves: _,
        } = &mut prediction;
        self.hide_all(changes.iter_mut().flat_map(|change| &mut change.origin));
        self.hide_all(replace.iter_mut().map(|replacement| &mut replacement.why));
        self.hide_all(exclusive.iter_mut().map(|exclusive| &mut exclusive.what));
        self.hide_all(risks.iter_mut().map(|risk| &mut risk.message));
        self.hide_all(effects.iter_mut().flat_map(Effect::texts));
        self.hide_all(notes);
        if let Checked::Locally(why) = checked {
            self.known.hide(why);
        }
        *problems = problems.drain(..).map(|problem| self.problem(problem)).collect();
        prediction
    }

    /// Marks as secret in changes what is secret in the inputs that they are about, and what is by its name or form.
    fn conceal(&self, changes: &mut [FieldChange], inputs: Option<&Value>, recorded: Option<&Recorded>) {
        if changes.is_empty() {
            return;
        }
        let trees: Vec<&Value> = inputs
            .into_iter()
            .chain(recorded.map(|recorded| &recorded.inputs))
            .collect();
        let secrets = Secrets::of(trees.iter().copied());
        let mut open = HashSet::new();
        trees.iter().for_each(|tree| texts(tree, &mut open));
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            secrets.conceal_change(change);
            names.conceal_change(change, &open);
        }
    }

    fn context(&self, cx: &Context) -> Context {
        let (known, to) = (self.known.clone(), cx.clone());
        cx.with_sink(move |mut progress| {
            known.hide(&mut progress.message);
            to.pass(progress);
        })
    }
}

#[async_trait]
impl Provider for Discreet {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn always_recorded(&self) -> &[&str] {
        self.provider.always_recorded()
    }

    fn keyed_output(&self, resource: &ResourceDecl, pointer: &str) -> bool {
        self.provider.keyed_output(resource, pointer)
    }

    fn connecting(&self) -> Connecting {
        self.provider.connecting()
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        self.known.learn(&resource.inputs);
        self.provider
            .identity(resource)
            .map_err(|problem| self.problem(problem))
    }

    async fn learn_names(&self, declared: &[&ResourceDecl], recorded: &[&str]) -> Result<(), ProviderError> {
        let learned = self.provider.learn_names(declared, recorded).await;
        learned.map_err(|error| self.error(error))
    }

    fn known_as(&self, recorded: &str) -> String {
        self.provider.known_as(recorded)
    }

    fn references(&self, resources: &[&ResourceDecl]) -> Vec<Reference> {
        self.provider.references(resources)
    }

    fn exclusive(&self, old: &Recorded, new: &ResourceDecl) -> Vec<Exclusive> {
        let mut found = self.provider.exclusive(old, new);
        found
            .iter_mut()
            .for_each(|exclusive| self.known.hide(&mut exclusive.what));
        found
    }

    fn work_side_by_side(&self, old: &Recorded, new: &ResourceDecl) -> bool {
        self.provider.work_side_by_side(old, new)
    }

    fn effects(&self, items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
        let mut found = self.provider.effects(items);
        for (_, effect) in &mut found {
            self.hide_all(effect.texts());
        }
        found
    }

    fn validate(&self, resource: &ResourceDecl) -> Vec<Problem> {
        self.known.learn(&resource.inputs);
        let problems = self.provider.validate(resource).into_iter();
        problems.map(|problem| self.problem(problem)).collect()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError> {
        self.provider.connect(request).await.map_err(|error| self.error(error))
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        let mut answers = self.provider.exists(names).await.map_err(|error| self.error(error))?;
        for answer in &mut answers {
            if let Existence::Unknown(why) = answer {
                self.known.hide(why);
            }
        }
        Ok(answers)
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        for request in requests {
            request.inputs.iter().for_each(|inputs| self.known.learn(inputs));
            request
                .recorded
                .iter()
                .for_each(|recorded| self.learn_recorded(recorded));
        }
        let answers = self.provider.observe(requests).await;
        let mut answers = answers.map_err(|error| self.error(error))?;
        for (request, answer) in requests.iter().zip(&mut answers) {
            if let Observed::Present(live) = answer {
                for changes in [&mut live.drift, &mut live.ignored] {
                    self.conceal(changes, request.inputs.as_ref(), request.recorded.as_ref());
                }
            }
        }
        Ok(answers.into_iter().map(|answer| self.observed(answer)).collect())
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        for request in requests {
            self.known.learn(&request.inputs);
            request
                .recorded
                .iter()
                .for_each(|recorded| self.learn_recorded(recorded));
            request.live.iter().for_each(|live| self.learn_live(live));
        }
        let answers = self.provider.predict(requests).await;
        let mut answers = answers.map_err(|error| self.error(error))?;
        for (request, answer) in requests.iter().zip(&mut answers) {
            self.conceal(&mut answer.changes, Some(&request.inputs), request.recorded.as_ref());
        }
        Ok(answers.into_iter().map(|answer| self.prediction(answer)).collect())
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        resources.iter().for_each(|recorded| self.learn_recorded(recorded));
        self.provider.data(resources).await.map_err(|error| self.error(error))
    }

    fn left_behind(&self, holder: &Key, item: &DataItem) -> Option<Recorded> {
        self.provider.left_behind(holder, item)
    }

    fn prepares(&self, key: &Key, inputs: &Value) -> bool {
        self.provider.prepares(key, inputs)
    }

    async fn prepare(&self, request: &ApplyRequest, cx: &Context) -> Result<(), ProviderError> {
        self.known.learn(&request.inputs);
        let answer = self.provider.prepare(request, &self.context(cx)).await;
        answer.map_err(|error| self.error(error))
    }

    async fn apply(&self, request: &ApplyRequest, cx: &Context) -> Result<Applied, ProviderError> {
        self.known.learn(&request.inputs);
        request
            .recorded
            .iter()
            .for_each(|recorded| self.learn_recorded(recorded));
        self.applied(self.provider.apply(request, &self.context(cx)).await)
    }

    async fn delete(&self, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
        self.learn_recorded(&request.recorded);
        let answer = self.provider.delete(request, &self.context(cx)).await;
        answer.map_err(|error| self.error(error))
    }

    async fn wait_ready(&self, request: &WaitRequest, cx: &Context) -> Result<Applied, ProviderError> {
        self.learn_recorded(&request.recorded);
        self.applied(self.provider.wait_ready(request, &self.context(cx)).await)
    }
}
