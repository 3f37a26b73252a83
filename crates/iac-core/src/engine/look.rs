//! Asking providers what is there.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::{Engine, EngineError, by_provider};
use crate::declare::{Declaration, Options, ResourceDecl};
use crate::plan::resolve::{Outputs, resolve, wanted_outputs};
use crate::plan::{Interrupted, Mode, ObjectName, Selected, WorldEntry};
use crate::provider::{DataItem, ObserveRequest, Observed, Recorded};
use crate::urn::Key;
use crate::value::{FieldPattern, OutputRef, Source, Value, pattern};

/// Returns the observation for a plan that does not look at the world: the record alone, with every object unknown.
pub(super) fn unseen(recorded: &BTreeMap<Key, WorldEntry>) -> Sight {
    let own = recorded.iter().filter(|(_, entry)| !entry.gone);
    let unknown = own.map(|(key, _)| (key.clone(), Observed::Unknown("not looked at".to_owned())));
    Sight {
        observed: unknown.collect(),
        ..Sight::default()
    }
}

/// The observations of the objects in the world.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// Under the name of each declared resource, and of each other one that is recorded.
    pub(super) observed: BTreeMap<Key, Observed>,
    /// Of other objects: former ones, and those of interrupted operations.
    pub(super) others: BTreeMap<ObjectName, Observed>,
    /// The key under which each name in `observed` was looked at.
    names: BTreeMap<ObjectName, Key>,
}

impl Sight {
    /// Returns the observation of the object with this name.
    pub(super) fn of(&self, name: &ObjectName) -> Option<&Observed> {
        match self.names.get(name) {
            Some(key) => self.observed.get(key),
            None => self.others.get(name),
        }
    }
}

/// All that is to be looked at.
pub(super) struct Part<'a> {
    pub(super) declaration: &'a Declaration,
    pub(super) identities: &'a BTreeMap<Key, String>,
    pub(super) recorded: &'a BTreeMap<Key, WorldEntry>,
    pub(super) interrupted: &'a [Interrupted],
    pub(super) selected: &'a Selected,
}

impl Engine {
    /// Looks at everything that is declared, recorded or left open.
    pub(super) async fn observe(&self, part: &Part<'_>) -> Result<Sight, EngineError> {
        let Part {
            recorded, interrupted, ..
        } = *part;
        let own = own_questions(part);
        let own_names: BTreeMap<ObjectName, Key> = own
            .iter()
            .map(|question| (ObjectName::new(&question.key, &question.identity), question.key.clone()))
            .collect();
        let mut asked: BTreeSet<ObjectName> = own_names.keys().cloned().collect();
        let former = recorded
            .values()
            .flat_map(|entry| &entry.formers)
            .map(|former| about(&former.recorded.key, &former.recorded.identity, Some(&former.recorded)));
        let open = interrupted
            .iter()
            .map(|operation| about(&operation.key, &operation.identity, None));
        let others: Vec<ObserveRequest> = former
            .chain(open)
            .filter(|question| asked.insert(ObjectName::new(&question.key, &question.identity)))
            .collect();
        let names: Vec<ObjectName> = others
            .iter()
            .map(|question| ObjectName::new(&question.key, &question.identity))
            .collect();
        let keys: Vec<Key> = own.iter().map(|question| question.key.clone()).collect();
        let mut answers = self.ask_what_is_there(own.into_iter().chain(others).collect()).await?;
        let others = answers.split_off(keys.len());
        Ok(Sight {
            observed: keys.into_iter().zip(answers).collect(),
            others: names.into_iter().zip(others).collect(),
            names: own_names,
        })
    }

    /// The answers to the questions, each provider asked once.
    async fn ask_what_is_there(&self, questions: Vec<ObserveRequest>) -> Result<Vec<Observed>, EngineError> {
        let unknown = || Observed::Unknown("this program has no provider for it".to_owned());
        let mut answers: Vec<Observed> = questions.iter().map(|_| unknown()).collect();
        let mut batches: BTreeMap<String, (Vec<usize>, Vec<ObserveRequest>)> = BTreeMap::new();
        for (place, question) in questions.into_iter().enumerate() {
            let (places, batch) = batches.entry(question.key.provider().to_owned()).or_default();
            places.push(place);
            batch.push(question);
        }
        let batches = batches
            .into_iter()
            .filter_map(|(name, batch)| Some((self.providers.get(&name)?, name, batch)));
        let batches = batches
            .map(|(provider, name, (places, batch))| async move { (name, provider.observe(&batch).await, places) });
        for (name, found, places) in join_all(batches).await {
            let found = match found {
                Ok(found) => found,
                Err(error) => return Err(EngineError::Provider { provider: name, error }),
            };
            check_count(&name, places.len(), found.len())?;
            for (place, found) in places.into_iter().zip(found) {
                answers[place] = found;
            }
        }
        Ok(answers)
    }

    /// The data that goes with these objects.
    pub(super) async fn data_of(
        &self,
        ending: Vec<Recorded>,
    ) -> Result<BTreeMap<ObjectName, Vec<DataItem>>, EngineError> {
        let mut data: BTreeMap<ObjectName, Vec<DataItem>> = BTreeMap::new();
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
            for (recorded, items) in batch.into_iter().zip(answers) {
                let name = ObjectName::new(&recorded.key, &recorded.identity);
                data.entry(name).or_insert(items);
            }
        }
        Ok(data)
    }
}

/// The objects that the program gives up: those of resources that it no longer declares, and former ones.
pub(super) fn ending(
    mode: Mode,
    declaration: &Declaration,
    recorded: &BTreeMap<Key, WorldEntry>,
    selected: &Selected,
) -> Vec<Recorded> {
    if mode == Mode::Refresh {
        return Vec::new();
    }
    let declared: BTreeSet<&Key> = declaration.resources.iter().map(|resource| &resource.key).collect();
    let part = recorded.iter().filter(|(key, _)| selected.has(key));
    let ending = part.flat_map(|(key, entry)| {
        let goes = !declared.contains(key) && !entry.gone && !entry.options.retain_on_delete;
        let formers = entry.formers.iter().map(|former| &former.recorded);
        goes.then_some(&entry.recorded).into_iter().chain(formers).cloned()
    });
    ending.collect()
}

/// Returns the questions about the resources that are declared or recorded.
fn own_questions(part: &Part<'_>) -> Vec<ObserveRequest> {
    let Part {
        declaration,
        identities,
        recorded,
        selected,
        ..
    } = *part;
    // Left-out resources are looked at as they are recorded.
    let declared: BTreeMap<&Key, &ResourceDecl> = declaration
        .resources
        .iter()
        .filter(|resource| selected.has(&resource.key))
        .map(|resource| (&resource.key, resource))
        .collect();
    let wanted = wanted_outputs(declaration);
    let lookup = |output: &OutputRef| recorded_output(declaration, recorded, output);
    let entry = |key: &Key| recorded.get(key).filter(|entry| !entry.gone);
    let keys: BTreeSet<&Key> = declared
        .keys()
        .copied()
        .chain(recorded.keys().filter(|key| entry(key).is_some()))
        .collect();
    let recorded_options = |key: &Key| recorded.get(key).map(|entry| &entry.options);
    let question = |key: &Key| {
        let recorded = entry(key).map(|entry| entry.recorded.clone());
        let identity = identities.get(key).cloned();
        let identity = identity.or_else(|| recorded.as_ref().map(|recorded| recorded.identity.clone()));
        let resolved =
            |resource: &&ResourceDecl| resolve(&resource.inputs, &lookup).unwrap_or_else(|_| resource.inputs.clone());
        ObserveRequest {
            key: key.clone(),
            identity: identity.unwrap_or_default(),
            inputs: declared.get(key).map(resolved),
            full: lacks_outputs(recorded.as_ref(), wanted.get(key)),
            ignored: ignored(declared.get(key).copied(), recorded_options(key)).to_vec(),
            recorded,
        }
    };
    keys.into_iter().map(question).collect()
}

/// The fields of a resource that are left as they are: as the program says, or the record where there is no program.
fn ignored<'a>(declared: Option<&'a ResourceDecl>, recorded: Option<&'a Options>) -> &'a [FieldPattern] {
    let options = declared.map(|resource| &resource.options).or(recorded);
    options.map_or(&[], |options| &options.ignore_changes)
}

/// Takes changes of fields that are left as they are out of what others changed.
pub(super) fn leave_ignored(sight: &mut Sight, declaration: &Declaration, recorded: &BTreeMap<Key, WorldEntry>) {
    let declared: BTreeMap<&Key, &ResourceDecl> = declaration
        .resources
        .iter()
        .map(|resource| (&resource.key, resource))
        .collect();
    for (key, observed) in &mut sight.observed {
        let entry = recorded.get(key);
        let patterns = ignored(declared.get(key).copied(), entry.map(|entry| &entry.options));
        if let (Observed::Present(live), Some(entry), false) = (observed, entry, patterns.is_empty()) {
            let drift = std::mem::take(&mut live.drift);
            (live.drift, _) = pattern::split_all(patterns, drift, &entry.recorded.inputs);
        }
    }
}

/// A question about an object that the program does not name.
fn about(key: &Key, identity: &str, recorded: Option<&Recorded>) -> ObserveRequest {
    ObserveRequest {
        key: key.clone(),
        identity: identity.to_owned(),
        inputs: None,
        recorded: recorded.cloned(),
        full: false,
        ignored: Vec::new(),
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
        Source::Resource(key) => {
            let entry = recorded.get(key).filter(|entry| !entry.gone)?;
            Outputs::recorded(&entry.recorded.outputs).get(&output.path).cloned()
        }
        other => declaration.secrets.get(other).cloned().map(Value::Secret),
    }
}

/// True if someone uses an output that is not recorded.
fn lacks_outputs(recorded: Option<&Recorded>, wanted: Option<&BTreeSet<String>>) -> bool {
    let (Some(recorded), Some(wanted)) = (recorded, wanted) else {
        return false;
    };
    let outputs = Outputs::recorded(&recorded.outputs);
    wanted.iter().any(|pointer| outputs.get(pointer).is_none())
}
