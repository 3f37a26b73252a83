//! Asking providers what is declared, where they are, and what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::{Engine, EngineError, Observe, PlanRequest, by_provider};
use crate::config::ConfigValue;
use crate::declare::{Declaration, ResourceDecl};
use crate::plan::resolve::{Outputs, resolve, wanted_outputs};
use crate::plan::{Interrupted, Mode, PlanProblem, WorldEntry};
use crate::provider::{
    ConnectRequest, DataItem, Existence, ExternalRef, ObserveRequest, Observed, Problem, Provider, Recorded, Reference,
    Referent, Target,
};
use crate::urn::Key;
use crate::value::{FieldPath, OutputRef, Source, Value};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// What the providers are connected to.
pub(super) struct Connections {
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) looked: bool,
}

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
        };
        recorded.insert(key.clone(), entry);
    }
}

impl Engine {
    pub(super) fn provider(&self, name: &str, example: &Key) -> Result<&Arc<dyn Provider>, EngineError> {
        self.providers.get(name).ok_or_else(|| EngineError::NoProvider {
            provider: name.to_owned(),
            example: example.to_string(),
        })
    }

    /// What the inputs refer to by name, as each provider reads them.
    pub(super) fn references(&self, declaration: &Declaration) -> Result<Vec<Reference>, EngineError> {
        let mut by_provider: BTreeMap<&str, Vec<&ResourceDecl>> = BTreeMap::new();
        for resource in &declaration.resources {
            by_provider.entry(resource.key.provider()).or_default().push(resource);
        }
        let mut references = Vec::new();
        for (name, resources) in by_provider {
            references.extend(self.provider(name, &resources[0].key)?.references(&resources));
        }
        Ok(references)
    }

    pub(super) fn validate(&self, declaration: &Declaration) -> Vec<PlanProblem> {
        let problems = |resource: &ResourceDecl| {
            let problems = self
                .providers
                .get(resource.key.provider())
                .map(|provider| provider.validate(resource));
            let problems = problems.unwrap_or_default();
            problems
                .into_iter()
                .map(|problem| of(resource, problem))
                .collect::<Vec<_>>()
        };
        declaration.resources.iter().flat_map(problems).collect()
    }

    /// What each resource is called; two of one name are a problem.
    pub(super) fn identities(
        &self,
        declaration: &Declaration,
        problems: &mut Vec<PlanProblem>,
    ) -> BTreeMap<Key, String> {
        let mut identities = BTreeMap::new();
        let mut taken: BTreeMap<String, &ResourceDecl> = BTreeMap::new();
        for resource in &declaration.resources {
            let Some(provider) = self.providers.get(resource.key.provider()) else {
                continue;
            };
            match provider.identity(resource) {
                Ok(identity) => {
                    let full = format!("{} {identity}", resource.key.provider());
                    if let Some(first) = taken.get(&full) {
                        let message = format!("{identity} is declared already at {} ({})", first.source, first.key);
                        problems.push(of(resource, Problem::new(FieldPath::root(), message)));
                    }
                    taken.insert(full, resource);
                    identities.insert(resource.key.clone(), identity);
                }
                Err(problem) => problems.push(of(resource, problem)),
            }
        }
        identities
    }

    /// Connects every provider that is needed.
    pub(super) async fn connect(
        &self,
        request: &PlanRequest<'_>,
        declaration: &Declaration,
        recorded: &BTreeMap<Key, WorldEntry>,
        interrupted: &BTreeMap<Key, Interrupted>,
    ) -> Result<Connections, EngineError> {
        let declared = declaration.resources.iter().map(|resource| &resource.key);
        let needed = by_provider(declared.chain(recorded.keys()).chain(interrupted.keys()));
        for (name, keys) in &needed {
            if let Some(example) = keys.first() {
                self.provider(name, example)?;
            }
        }
        let mut connections = Connections {
            targets: bindings(request, declaration)?,
            looked: request.observe != Observe::Never,
        };
        if !connections.looked {
            return Ok(connections);
        }
        let connects = needed
            .keys()
            .filter_map(|name| Some((*name, self.providers.get(*name)?)));
        let connects = connects.map(|(name, provider)| async move {
            let connect = ConnectRequest {
                stack: request.declaration.stack.clone(),
                config: provider_config(request, name),
                timeout: CONNECT,
            };
            (name, provider.connect(&connect).await)
        });
        for (name, connected) in join_all(connects).await {
            match connected {
                Ok(target) => {
                    check_target(name, request, &target)?;
                    connections.targets.insert(name.to_owned(), target);
                }
                Err(error) => {
                    let error = EngineError::Provider {
                        provider: name.to_owned(),
                        error,
                    };
                    if request.observe == Observe::Required || !error.is_unreachable() {
                        return Err(error);
                    }
                    connections.looked = false;
                }
            }
        }
        Ok(connections)
    }

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

    /// Problems for names that lead to nothing, neither in the stack nor out there.
    pub(super) async fn missing(
        &self,
        declaration: &Declaration,
        references: &[Reference],
    ) -> Result<Vec<PlanProblem>, EngineError> {
        let mut problems = Vec::new();
        let external = |reference: &Reference| match &reference.to {
            Referent::External(name) if !name.optional => Some(name.clone()),
            _ => None,
        };
        for (name, keys) in by_provider(references.iter().map(|reference| &reference.from)) {
            let Some(provider) = self.providers.get(name) else {
                continue;
            };
            let ours: Vec<&Reference> = references
                .iter()
                .filter(|reference| keys.contains(&reference.from))
                .collect();
            let names: Vec<ExternalRef> = ours
                .iter()
                .filter_map(|reference| external(reference))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            if names.is_empty() {
                continue;
            }
            let answers = provider.exists(&names).await;
            let answers = answers.map_err(|error| EngineError::Provider {
                provider: name.to_owned(),
                error,
            })?;
            check_count(name, names.len(), answers.len())?;
            let missing: BTreeSet<&ExternalRef> = names
                .iter()
                .zip(&answers)
                .filter(|(_, answer)| **answer == Existence::No)
                .map(|(name, _)| name)
                .collect();
            let dangling = ours
                .iter()
                .filter(|reference| external(reference).is_some_and(|name| missing.contains(&name)));
            for reference in dangling {
                problems.extend(dangling_problem(declaration, reference));
            }
        }
        Ok(problems)
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

fn of(resource: &ResourceDecl, problem: Problem) -> PlanProblem {
    PlanProblem {
        key: Some(resource.key.clone()),
        source: Some(resource.source.clone()),
        path: problem.path,
        message: problem.message,
        hint: problem.hint,
    }
}

fn dangling_problem(declaration: &Declaration, reference: &Reference) -> Option<PlanProblem> {
    let Referent::External(name) = &reference.to else {
        return None;
    };
    let resource = declaration.get(&reference.from)?;
    let message = format!(
        "it names {} {}, which neither this stack declares nor the target has",
        name.kind, name.name
    );
    let hint = "declare it, correct the name, or create it first".to_owned();
    Some(of(
        resource,
        Problem {
            path: reference.path.clone(),
            message,
            hint: Some(hint),
        },
    ))
}

/// A provider's own part of the configuration: the keys below its name.
fn provider_config(request: &PlanRequest<'_>, provider: &str) -> BTreeMap<String, String> {
    let prefix = format!("{provider}.");
    let plain = |(key, entry): (&String, &crate::config::Entry)| match &entry.value {
        ConfigValue::Plain(text) => Some((key.strip_prefix(&prefix)?.to_owned(), text.clone())),
        ConfigValue::Secret(_) => None,
    };
    request.config.entries().iter().filter_map(plain).collect()
}

/// One stack, one target: another cluster under the same stack would be taken for one that lost everything.
fn check_target(provider: &str, request: &PlanRequest<'_>, target: &Target) -> Result<(), EngineError> {
    match request.state.targets.get(provider) {
        Some(recorded) if recorded.id != target.id && !request.state.records.is_empty() => {
            Err(EngineError::OtherTarget {
                provider: provider.to_owned(),
                recorded: recorded.description.clone(),
                connected: target.description.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// What the declaration is bound to, as targets: they are recorded and compared like those of providers.
fn bindings(request: &PlanRequest<'_>, declaration: &Declaration) -> Result<BTreeMap<String, Target>, EngineError> {
    let bindings = declaration.bindings.iter().map(|(what, given)| {
        match request.state.targets.get(what) {
            Some(recorded) if recorded.id != *given && !request.state.records.is_empty() => {
                return Err(EngineError::OtherBinding {
                    what: what.clone(),
                    recorded: recorded.id.clone(),
                    given: given.clone(),
                });
            }
            _ => {}
        }
        let target = Target {
            description: given.clone(),
            id: given.clone(),
        };
        Ok((what.clone(), target))
    });
    bindings.collect()
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
