//! The causes of a step as they stand in a saved plan.

use serde::{Deserialize, Serialize};

use crate::plan::Reason;
use crate::urn::Key;
use crate::value::FieldPath;

/// A [`Reason`] with a name for each of its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum SavedReason {
    New,
    Gone,
    Another,
    Leaving { why: String },
    NotDeclared,
    Inputs { paths: Vec<FieldPath> },
    Upstream { path: FieldPath, from: Key },
    Drift { paths: Vec<FieldPath> },
    Immutable { path: FieldPath, why: String },
    Interrupted { what: String },
    NotReady { why: Option<String>, was_ready: bool },
    Spent { why: String },
    Exists { ours: bool },
    CoOwned { managers: Vec<String> },
    Destroy,
    Asked { by: String },
    Renamed { from: String },
    Exclusive { path: FieldPath, what: String },
    Leftover { names: Vec<String> },
    Option { option: String },
}

impl From<Reason> for SavedReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::New => Self::New,
            Reason::Gone => Self::Gone,
            Reason::Another => Self::Another,
            Reason::Leaving(why) => Self::Leaving { why },
            Reason::NotDeclared => Self::NotDeclared,
            Reason::Inputs(paths) => Self::Inputs { paths },
            Reason::Upstream { path, from } => Self::Upstream { path, from },
            Reason::Drift(paths) => Self::Drift { paths },
            Reason::Immutable { path, why } => Self::Immutable { path, why },
            Reason::Interrupted(what) => Self::Interrupted { what },
            Reason::NotReady { why, was } => Self::NotReady { why, was_ready: was },
            Reason::Spent(why) => Self::Spent { why },
            Reason::Exists { ours } => Self::Exists { ours },
            Reason::CoOwned(managers) => Self::CoOwned { managers },
            Reason::Destroy => Self::Destroy,
            Reason::Asked(by) => Self::Asked { by },
            Reason::Renamed { from } => Self::Renamed { from },
            Reason::Exclusive { path, what } => Self::Exclusive { path, what },
            Reason::Leftover(names) => Self::Leftover { names },
            Reason::Option(option) => Self::Option { option },
        }
    }
}

impl From<SavedReason> for Reason {
    fn from(saved: SavedReason) -> Self {
        match saved {
            SavedReason::New => Self::New,
            SavedReason::Gone => Self::Gone,
            SavedReason::Another => Self::Another,
            SavedReason::Leaving { why } => Self::Leaving(why),
            SavedReason::NotDeclared => Self::NotDeclared,
            SavedReason::Inputs { paths } => Self::Inputs(paths),
            SavedReason::Upstream { path, from } => Self::Upstream { path, from },
            SavedReason::Drift { paths } => Self::Drift(paths),
            SavedReason::Immutable { path, why } => Self::Immutable { path, why },
            SavedReason::Interrupted { what } => Self::Interrupted(what),
            SavedReason::NotReady { why, was_ready } => Self::NotReady { why, was: was_ready },
            SavedReason::Spent { why } => Self::Spent(why),
            SavedReason::Exists { ours } => Self::Exists { ours },
            SavedReason::CoOwned { managers } => Self::CoOwned(managers),
            SavedReason::Destroy => Self::Destroy,
            SavedReason::Asked { by } => Self::Asked(by),
            SavedReason::Renamed { from } => Self::Renamed { from },
            SavedReason::Exclusive { path, what } => Self::Exclusive { path, what },
            SavedReason::Leftover { names } => Self::Leftover(names),
            SavedReason::Option { option } => Self::Option(option),
        }
    }
}
