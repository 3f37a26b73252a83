//! All that a plan is made from.

use std::collections::BTreeMap;

use super::{DeleteData, Mode, Selected, Selection};
use crate::declare::{Declaration, Options, SourceLine};
use crate::graph::Graph;
use crate::provider::{DataItem, Intent, Observed, Prediction, Recorded, Target};
use crate::state::{FormerObject, NewRecord};
use crate::urn::Key;
use crate::value::Value;

/// The name of an object in the outside world, with the provider that gives it that name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The provider.
    pub provider: String,
    /// The object's identity.
    pub identity: String,
}

impl ObjectName {
    /// The object of this identity that a resource is, was, or is to be.
    pub fn new(key: &Key, identity: &str) -> Self {
        Self {
            provider: key.provider().to_owned(),
            identity: identity.to_owned(),
        }
    }
}

/// One recorded resource.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldEntry {
    /// The record, secrets opened.
    pub recorded: Recorded,
    /// Its options as recorded.
    pub options: Options,
    /// Where it was declared.
    pub source: Option<SourceLine>,
    /// Its former objects: they are still to be deleted, or are kept for their data.
    pub formers: Vec<FormerObject>,
    /// True if there is no object of its own, only former ones.
    pub gone: bool,
    /// The difference from the record, since the program gives the resource another name.
    pub moved: Moved,
    /// True if it has former objects that the record lacks, since an interrupted run left them.
    pub taken_in: bool,
    /// Objects of it that are recorded as another resource's as well, and which one has them from now on.
    pub elsewhere: BTreeMap<String, Key>,
}

/// The effect on an entry of matching recorded names with declared ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Moved {
    /// It is as recorded.
    #[default]
    No,
    /// The object that is recorded as its own has another name than the program says, and is the last former one here.
    Renamed,
    /// One of its former objects has the name that the program says and is its own again; the one recorded as its own is
    /// the last former one here.
    Back,
    /// The same, where there was none of its own.
    Restored,
}

impl From<NewRecord> for WorldEntry {
    fn from(record: NewRecord) -> Self {
        Self {
            recorded: record.recorded,
            options: record.options,
            source: record.source,
            formers: record.formers,
            gone: record.gone,
            moved: Moved::No,
            taken_in: false,
            elsewhere: BTreeMap::new(),
        }
    }
}

impl WorldEntry {
    /// The record as it is written.
    pub(crate) fn to_record(&self) -> NewRecord {
        NewRecord {
            recorded: self.recorded.clone(),
            options: self.options.clone(),
            source: self.source.clone(),
            formers: self.formers.clone(),
            gone: self.gone,
        }
    }

    /// The object that a replacement under another name replaces.
    pub fn renamed(&self) -> Option<&FormerObject> {
        self.formers.last().filter(|_| self.moved == Moved::Renamed)
    }

    /// The object that the resource is, or was until now.
    pub fn until_now(&self) -> Option<&Recorded> {
        if self.gone {
            return self.renamed().map(|former| &former.recorded);
        }
        Some(&self.recorded)
    }

    /// Which of the former objects is recorded as the resource's own, and only becomes a former one now.
    pub(super) fn left_now(&self) -> Option<usize> {
        let moved = matches!(self.moved, Moved::Renamed | Moved::Back);
        self.formers.len().checked_sub(1).filter(|_| moved)
    }

    /// All objects of it.
    pub fn objects(&self) -> impl Iterator<Item = &Recorded> {
        let own = (!self.gone).then_some(&self.recorded);
        own.into_iter()
            .chain(self.formers.iter().map(|former| &former.recorded))
    }
}

/// An operation of an earlier run that has no outcome: the run was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// The resource that it was on.
    pub key: Key,
    /// The operation: `create`.
    pub what: String,
    /// The object's name in the outside world.
    pub identity: String,
}

/// A provider's prediction, with the question that it answers.
#[derive(Debug, Clone)]
pub struct Predicted {
    /// The intent of the question.
    pub intent: Intent,
    /// The inputs it was made for.
    pub inputs: Value,
    /// The object that it was made for, as recorded.
    pub object: Option<String>,
    /// The answer.
    pub prediction: Prediction,
}

/// All that a plan is made from.
#[derive(Debug)]
pub struct World<'a> {
    /// The purpose of the plan.
    pub mode: Mode,
    /// The build of the program that asks.
    pub build: &'a str,
    /// The targets that the providers are connected to.
    pub targets: &'a BTreeMap<String, Target>,
    /// True if the world was looked at.
    pub looked: bool,
    /// The declaration of the program; for a destroy, nothing of it is wanted.
    pub declaration: &'a Declaration,
    /// Its graph.
    pub graph: &'a Graph,
    /// The name of each declared resource in the outside world.
    pub identities: &'a BTreeMap<Key, String>,
    /// The records, each under the name that the program gives the resource now.
    pub recorded: &'a BTreeMap<Key, WorldEntry>,
    /// The operations that an earlier run left open.
    pub interrupted: &'a [Interrupted],
    /// The objects under the name of each declared resource, and of each other one that is recorded.
    pub observed: &'a BTreeMap<Key, Observed>,
    /// The other objects: former ones, and those of interrupted operations.
    pub others: &'a BTreeMap<ObjectName, Observed>,
    /// The data that would go with an object.
    pub data: &'a BTreeMap<ObjectName, Vec<DataItem>>,
    /// Which data may go.
    pub delete_data: &'a DeleteData,
    /// True if the records bear the seal of the stack's key, so that their word counts.
    pub sealed: bool,
    /// The part of the stack that the run is about, as the user says it.
    pub selection: &'a Selection,
    /// The resources of that part.
    pub selected: &'a Selected,
}

impl World<'_> {
    /// The data that goes with an object of a resource.
    pub(super) fn items_of(&self, key: &Key, identity: &str) -> &[DataItem] {
        let items = self.data.get(&ObjectName::new(key, identity));
        items.map_or(&[], Vec::as_slice)
    }

    /// The data that goes with an object, and may not.
    pub(super) fn withheld(&self, name: &ObjectName) -> impl Iterator<Item = &DataItem> {
        let items = self.data.get(name).into_iter().flatten();
        items.filter(|item| !self.delete_data.allows(item))
    }
}
