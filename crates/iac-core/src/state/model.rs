//! State as data: what is recorded of a stack, and what the engine says to the writer.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Binding, StackId, StateError, Times, Vault, sealed};
use crate::declare::{Options, SourceLine};
use crate::provider::{Phase, Recorded, Target};
use crate::urn::Key;
use crate::value::{Packed, Value};

/// All that is recorded of a stack at one moment; secrets are still sealed.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Number of the last batch of the journal that is part of it; 0 for a stack that was never written.
    pub generation: u64,
    /// The resources.
    pub records: BTreeMap<Key, Record>,
    /// The operations that were begun and have no outcome, in the order they were begun: an earlier run was killed.
    pub pending: Vec<Pending>,
    /// The exports of the stack; secrets are sealed as in records.
    pub exports: BTreeMap<String, Json>,
    /// The target that each provider was connected to, by the provider's name.
    pub targets: BTreeMap<String, Target>,
    /// The program and project that it belongs to; none before its first `up`.
    pub binding: Option<Binding>,
    /// Its id; none before its first `up`, and before the first one of a version that draws ids.
    pub id: Option<StackId>,
    /// Number of the last completed run; 0 before the first.
    pub version: u64,
    /// The times that the last steps with each resource took; also of some that are no longer recorded.
    pub times: BTreeMap<Key, Times>,
    /// The commit of the last successful `up`, as in [`RunInfo::commit`]; none where it is not known.
    pub commit: Option<String>,
    /// True if all of it was found under the seal of the stack's key; without one, whoever can write the files can write
    /// anything into them.
    pub sealed: bool,
}

/// Compares the recorded content, and not how it was found.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let recorded = |state: &Self| (state.generation, state.version);
        recorded(self) == recorded(other)
            && self.records == other.records
            && self.pending == other.pending
            && self.exports == other.exports
            && self.targets == other.targets
            && self.binding == other.binding
            && self.id == other.id
            && self.times == other.times
            && self.commit == other.commit
    }
}

/// The record of one resource.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its name in the outside world.
    pub identity: String,
    /// The identifier that tells it from another object of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The inputs as last applied, in the form of [`codec`](crate::value::codec).
    pub inputs: Packed,
    /// The outputs that others use, in the same form.
    #[serde(default, skip_serializing_if = "Packed::is_null")]
    pub outputs: Packed,
    /// Data that the provider wants to remember.
    #[serde(default, skip_serializing_if = "Packed::is_null")]
    pub private: Packed,
    /// The resources that it depended on when it was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<(Key, Phase)>,
    /// True if it has been ready since it was last applied.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: bool,
    /// The options it was declared with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: Options,
    /// Where it was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceLine>,
    /// The objects that it was before it was replaced, which are still to be deleted, or are kept for their data, the oldest
    /// first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formers: Vec<Former>,
    /// True if the object itself is deleted, and the record stays only for its former objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gone: bool,
}

/// An object that a resource was before it was replaced, and that is still to be deleted, or is kept for its data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Former {
    /// Its name in the outside world.
    pub identity: String,
    /// The identifier that tells it from another object of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The inputs as last applied, in the form of [`codec`](crate::value::codec).
    #[serde(default, skip_serializing_if = "Packed::is_null")]
    pub inputs: Packed,
    /// Data that the provider wanted to remember.
    #[serde(default, skip_serializing_if = "Packed::is_null")]
    pub private: Packed,
    /// The resources that it depended on when it was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<(Key, Phase)>,
    /// The options it was declared with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: Options,
}

/// Defaults are left out of files: most resources have them.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An intent without an outcome.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The operation.
    pub op: OpId,
    /// The kind of operation.
    pub kind: OpKind,
    /// The resource.
    pub key: Key,
    /// The name of the resource in the outside world.
    pub identity: String,
    /// Which object it was, if one was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// A keyed digest of the inputs that were to be applied; empty for a deletion.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub inputs_digest: String,
    /// When it was begun, by the clock of the machine that did.
    pub started: Timestamp,
}

/// An operation for [`Writer::begin_op`](super::Writer::begin_op).
#[derive(Clone, PartialEq, Debug)]
pub struct Operation {
    /// The kind of operation.
    pub kind: OpKind,
    /// The resource.
    pub key: Key,
    /// The name that the resource has, or will have, in the outside world.
    pub identity: String,
    /// Which object it is, if one is known.
    pub uid: Option<String>,
    /// A keyed digest of the inputs that are to be applied ([`Vault::keyed_hash`](super::Vault::keyed_hash) when they
    /// hold secrets); empty for a deletion.
    pub inputs_digest: String,
}

/// A kind of operation on the outside world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpKind {
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Take over what is there.
    Adopt,
    /// Delete it.
    Delete,
}

impl fmt::Display for OpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Delete => "delete",
        })
    }
}

/// Names an operation within a stack, across runs: the holder's term and a number within it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OpId {
    pub(super) term: u64,
    pub(super) number: u64,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.term, self.number)
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<OpId> for String {
    fn from(op: OpId) -> Self {
        op.to_string()
    }
}

impl FromStr for OpId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('-')
            .and_then(|(term, number)| Some((term.parse().ok()?, number.parse().ok()?)));
        let (term, number) = parts.ok_or_else(|| format!("{text:?} is no operation: expected TERM-NUMBER"))?;
        Ok(Self { term, number })
    }
}

impl TryFrom<String> for OpId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A record with its secrets open: what is to be recorded of a resource, and what [`State::open`] gives.
#[derive(Clone, PartialEq, Debug)]
pub struct NewRecord {
    /// The resource.
    pub recorded: Recorded,
    /// Its options.
    pub options: Options,
    /// Where it is declared.
    pub source: Option<SourceLine>,
    /// The objects that it was before it was replaced and that are still there, the oldest first. Whoever records a resource
    /// again hands on those that are recorded: one that is left out is forgotten.
    pub formers: Vec<FormerObject>,
    /// True if the object itself is deleted, and the record stays only for its former objects.
    pub gone: bool,
}

impl NewRecord {
    /// A record of an object that has replaced nothing.
    pub fn new(recorded: Recorded, options: Options, source: Option<SourceLine>) -> Self {
        Self {
            recorded,
            options,
            source,
            formers: Vec::new(),
            gone: false,
        }
    }
}

/// A [`Former`] with its secrets open.
#[derive(Clone, PartialEq, Debug)]
pub struct FormerObject {
    /// The object, under the name of the resource that it was.
    pub recorded: Recorded,
    /// The options it was declared with.
    pub options: Options,
}

/// The result of [`State::open`]: each record with its secrets opened.
pub type Opened = BTreeMap<Key, NewRecord>;

/// The run that writes, for the lease and the history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunInfo {
    /// The user's name.
    pub who: String,
    /// The machine's name.
    pub host: String,
    /// The process's number.
    pub pid: u32,
    /// The verb: `up`.
    pub command: String,
    /// Which build of the program it is.
    pub build: String,
    /// The commit of the workspace, with `-dirty` behind it where files differed; none where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// The result of a run, for the history.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// The number of resources that were created or adopted.
    pub created: u64,
    /// The number of resources that were changed in place, or in the record alone.
    pub updated: u64,
    /// The number of resources that were recreated.
    pub replaced: u64,
    /// The number of resources that were deleted or forgotten.
    pub deleted: u64,
    /// The number of steps that failed.
    pub failed: u64,
    /// True if everything that was planned is done.
    pub ok: bool,
}

/// A completed run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Its number, from 1 without gaps.
    pub version: u64,
    /// The run: its user, machine and command.
    pub run: RunInfo,
    /// When it took the lease.
    pub started: Timestamp,
    /// When it was done.
    pub finished: Timestamp,
    /// The result of the run.
    pub summary: Summary,
    /// The resources whose records changed since the version before.
    pub changed: Vec<Key>,
    /// The times of the steps that came to their end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub took: BTreeMap<Key, Times>,
}

impl RunInfo {
    /// This process.
    pub fn current(command: impl Into<String>, build: impl Into<String>) -> Self {
        Self {
            who: super::process::user(),
            host: super::process::host(),
            pid: std::process::id(),
            command: command.into(),
            build: build.into(),
            commit: None,
        }
    }

    /// The same, of a workspace at this commit.
    #[must_use]
    pub fn at_commit(self, commit: Option<String>) -> Self {
        Self { commit, ..self }
    }
}

impl Record {
    /// All values in it that may hold secrets.
    pub(super) fn values(&self) -> impl Iterator<Item = &Packed> {
        let formers = self.formers.iter().map(|former| &former.inputs);
        [&self.inputs, &self.outputs].into_iter().chain(formers)
    }

    /// Returns the resources that it and its former objects depend on.
    pub(super) fn dependency_keys(&self) -> impl Iterator<Item = &Key> {
        let formers = self.formers.iter().flat_map(|former| &former.dependencies);
        self.dependencies.iter().chain(formers).map(|(key, _)| key)
    }
}

impl State {
    /// True if anything in it is sealed; if not, any vault opens it ([`Vault::ephemeral`]).
    pub fn has_secrets(&self) -> bool {
        let mut values = self.records.values().flat_map(Record::values);
        values.any(sealed::has_secret) || self.exports.values().any(sealed::json_has_secret)
    }

    /// The records with their secrets opened.
    ///
    /// # Errors
    /// [`StateError::Open`] when a sealed value does not open.
    pub fn open(&self, vault: &Vault) -> Result<Opened, StateError> {
        self.open_each(vault).collect()
    }

    /// The records with their secrets opened, one after the other.
    pub(crate) fn open_each(&self, vault: &Vault) -> impl Iterator<Item = Result<(Key, NewRecord), StateError>> {
        let records = self.records.iter();
        records.map(|(key, record)| Ok((key.clone(), sealed::open_record(vault, key, record)?)))
    }

    /// The exports with their secrets opened.
    ///
    /// # Errors
    /// [`StateError::Open`] when a sealed value does not open.
    pub fn open_exports(&self, vault: &Vault) -> Result<BTreeMap<String, Value>, StateError> {
        let exports = self.exports.iter();
        exports
            .map(|(name, json)| {
                Ok((
                    name.clone(),
                    sealed::open_value(vault, &sealed::export_place(name), "value", json)?,
                ))
            })
            .collect()
    }
}
