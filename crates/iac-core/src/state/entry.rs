//! The entries of the journal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Binding, OpId, Pending, Record, RunInfo, StackId, Summary, Times};
use crate::provider::Target;
use crate::urn::Key;
use crate::value::Packed;

/// One line of the journal: a change of state, complete in itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// A run begins to write; the first entry of its term.
    Run { run: RunInfo, at: Timestamp },
    /// An intent.
    Begin(Pending),
    /// Outcome: the object is as the record says.
    Applied { op: OpId, key: Key, record: Box<Record> },
    /// Outcome: the object is gone.
    Deleted { op: OpId },
    /// Outcome: somebody looked, and nothing was made, or only what the record says.
    Failed {
        op: OpId,
        #[serde(default, skip_serializing_if = "Json::is_null")]
        message: Json,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partial: Option<Keyed>,
    },
    /// An intent of a killed run is settled; what was found is in entries of its own.
    Resolved { op: OpId },
    /// A resource has become ready.
    Ready {
        key: Key,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Packed>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        private: Option<Packed>,
    },
    /// A record as it is from now on.
    Put { key: Key, record: Box<Record> },
    /// A record goes; the object stays.
    Forget { key: Key },
    /// All exports as they are from now on.
    Exports { exports: BTreeMap<String, Json> },
    /// All targets as they are from now on.
    Targets { targets: BTreeMap<String, Target> },
    /// The program and project that the stack belongs to from now on.
    Binding { binding: Box<Binding> },
    /// The id of the stack from now on.
    Id { id: StackId },
    /// Several changes that a person asked for: all of them, or none.
    Edit { changes: Vec<Change> },
    /// The run is complete and is this version. In a snapshot only the times count, which are those of all runs, and the
    /// commit.
    Close {
        version: u64,
        at: Timestamp,
        summary: Summary,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        took: BTreeMap<Key, Times>,
        /// The commit of the last successful `up`, if that is this run; empty where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
}

/// A record with its resource's name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Keyed {
    pub(super) key: Key,
    pub(super) record: Box<Record>,
}

/// One change of an [`Entry::Edit`]; each is as the entry of its name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Change {
    Put { key: Key, record: Box<Record> },
    Forget { key: Key },
    Begin(Pending),
    Resolved { op: OpId },
    Exports { exports: BTreeMap<String, Json> },
    Targets { targets: BTreeMap<String, Target> },
    Binding { binding: Box<Binding> },
    Id { id: StackId },
}

impl From<Change> for Entry {
    fn from(change: Change) -> Self {
        match change {
            Change::Put { key, record } => Self::Put { key, record },
            Change::Forget { key } => Self::Forget { key },
            Change::Begin(pending) => Self::Begin(pending),
            Change::Resolved { op } => Self::Resolved { op },
            Change::Exports { exports } => Self::Exports { exports },
            Change::Targets { targets } => Self::Targets { targets },
            Change::Binding { binding } => Self::Binding { binding },
            Change::Id { id } => Self::Id { id },
        }
    }
}

impl Change {
    /// The resource whose record it changes.
    pub(super) fn key(&self) -> Option<&Key> {
        match self {
            Self::Put { key, .. } | Self::Forget { key } => Some(key),
            Self::Begin(_)
            | Self::Resolved { .. }
            | Self::Exports { .. }
            | Self::Targets { .. }
            | Self::Binding { .. }
            | Self::Id { .. } => None,
        }
    }
}
