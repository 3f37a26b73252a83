//! A plan as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Commits, Estimate, Selection};
use crate::declare::{Options, SourceLine};
use crate::provider::{Checked, DataItem, DeleteData, Effect, Minor, Phase, Risk, Target};
use crate::state::StepKind;
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, Value};

/// The purpose of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Make the world as declared.
    Up,
    /// Delete what is recorded.
    Destroy,
    /// Compare the record with the world, change neither.
    Refresh,
}

/// The action on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing: it is as declared.
    Same,
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Delete it and create it again.
    Replace,
    /// Delete it.
    Delete,
    /// Take over what is there.
    Adopt,
    /// Drop it from the record without touching it.
    Forget,
    /// Nothing but wait until it is ready: an earlier run was interrupted or gave up.
    Wait,
    /// Leave it and its data, though it is no longer wanted.
    Keep,
    /// Only the record follows the program: options, or which object it is about.
    Record,
    /// The resource stays as it is; delete what an earlier replacement of it left.
    Cleanup,
}

impl Action {
    /// Its name in formats: the word that serialization writes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::Wait => "wait",
            Self::Keep => "keep",
            Self::Record => "record",
            Self::Cleanup => "cleanup",
        }
    }

    /// True if the action changes the world or the record.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::Same | Self::Keep)
    }

    /// The sort of step that it is in the history, where how long it takes depends on the world.
    pub(crate) fn timed(self) -> Option<StepKind> {
        match self {
            Self::Create => Some(StepKind::Create),
            Self::Update => Some(StepKind::Update),
            Self::Replace => Some(StepKind::Replace),
            Self::Adopt => Some(StepKind::Adopt),
            Self::Delete => Some(StepKind::Delete),
            Self::Same | Self::Forget | Self::Wait | Self::Keep | Self::Record | Self::Cleanup => None,
        }
    }

    /// True if the action changes the world.
    pub fn touches_world(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Update | Self::Replace | Self::Delete | Self::Adopt | Self::Cleanup
        )
    }
}

/// Which of the two objects of a replacement is there first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The new one is made, what used the old one points to it, and then the old one is deleted.
    CreateFirst,
    /// The old one is deleted before the new one is made.
    DeleteFirst,
}

/// A stage of a step that others can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The object is there; for a deletion, it is gone.
    Exists,
    /// It does its work.
    Ready,
    /// Its former objects are gone.
    Gone,
}

impl From<Phase> for Stage {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Exists => Self::Exists,
            Phase::Ready => Self::Ready,
        }
    }
}

/// An object that a resource was, and that the step leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its name in the outside world.
    pub identity: String,
    /// The ID that tells it from another object of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its fate: deleted, kept, handed over or forgotten.
    #[serde(flatten)]
    pub fate: Fate,
    /// True if it goes before the resource's own object is made or changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
}

/// The fate of a [`Leftover`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It is deleted.
    Delete,
    /// It stays, in the world and in the record: it holds data, or is needed by what does.
    Keep,
    /// It is dropped from the record and not touched.
    Forget {
        /// Why.
        because: String,
    },
    /// It is another resource's now.
    Handover {
        /// Whose.
        to: Key,
    },
}

impl Leftover {
    /// True if something is done about it once the step's own object is there.
    pub(crate) fn is_work(&self) -> bool {
        matches!(self.fate, Fate::Delete | Fate::Handover { .. })
    }
}

/// Why a step is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// It is declared and neither recorded nor there.
    New,
    /// It is recorded, and no longer there.
    Gone,
    /// The recorded object is no longer there, and another object has its name.
    Another,
    /// It is being deleted, and this is what that waits for.
    Leaving(String),
    /// It is recorded, and the program no longer declares it.
    NotDeclared,
    /// The program declares other values for these fields.
    Inputs(Vec<FieldPath>),
    /// A field follows from another resource's output, which this run changes.
    Upstream {
        /// The field.
        path: FieldPath,
        /// The other resource.
        from: Key,
    },
    /// Somebody changed these fields of the live object.
    Drift(Vec<FieldPath>),
    /// A field can only be changed by creating the object again; in the words of the one that says so.
    Immutable {
        /// The field.
        path: FieldPath,
        /// The server or rule that says so, in its words.
        why: String,
    },
    /// An earlier run was interrupted in the middle of this operation.
    Interrupted(String),
    /// It exists but is not ready, or was never seen ready.
    NotReady {
        /// Why it is not; none if it is by now.
        why: Option<String>,
        /// True if it was, at the end of the last run.
        was: bool,
    },
    /// It has failed for good, because of this, and only a new object can try again.
    Spent(String),
    /// An object of that name is there already.
    Exists {
        /// True if it bears this stack's mark.
        ours: bool,
    },
    /// These still hold fields of it, which it is to take over.
    CoOwned(Vec<String>),
    /// The whole stack is to go.
    Destroy,
    /// The program asks for it by this option.
    Option(String),
    /// The program gives it another name in the outside world.
    Renamed {
        /// Its name until now.
        from: String,
    },
    /// The old object has to go first, since only one can hold something.
    Exclusive {
        /// The field that asks for it.
        path: FieldPath,
        /// The thing that only one can hold.
        what: String,
    },
    /// The user asks for a new object by this: `--replace`.
    Asked(String),
    /// An earlier replacement of it left these objects.
    Leftover(Vec<String>),
}

/// The conditions on the world under which a step is still the one that was reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// True if the object is there.
    pub exists: bool,
    /// Which object it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which resource.
    pub key: Key,
    /// Its name in the outside world.
    pub identity: String,
    /// The action.
    pub action: Action,
    /// Which object is there first; for a replacement.
    pub order: Option<Order>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Where it is declared; none for what no longer is.
    pub source: Option<SourceLine>,
    /// The fields that change.
    pub changes: Vec<FieldChange>,
    /// The places of their new values, where those stand on lines of their own in a file.
    pub lines: BTreeMap<FieldPath, SourceLine>,
    /// Those of them that are only counted unless everything is to be seen.
    pub minor: Option<Minor>,
    /// The risks: all in it that could hurt.
    pub risks: Vec<Risk>,
    /// The effects on the running system.
    pub effects: Vec<Effect>,
    /// The check behind it: by the system itself, or only by us.
    pub checked: Checked,
    /// Further notes for a reviewer.
    pub notes: Vec<String>,
    /// The resources that have to come first, with the phase that each has to reach.
    pub after: Vec<(Key, Phase)>,
    /// Those of them that only say when it may begin to work, and that it has no other need of.
    pub order_only: Vec<(Key, Phase)>,
    /// The resources that its readiness waits for besides the object itself.
    pub ready_after: Vec<(Key, Phase)>,
    /// Its former objects: they go once it is ready and what used them points to it.
    pub leftovers: Vec<Leftover>,
    /// Data that belongs to nothing any more once the step is done.
    pub leaves: Vec<DataItem>,
    /// The stages that have to be reached before any object of it is deleted.
    pub deletes_after: Vec<(Key, Stage)>,
    /// The inputs to apply; leaves that depend on earlier steps are expressions. None for a deletion.
    pub inputs: Option<Value>,
    /// The options to record.
    pub options: Options,
    /// The conditions that have to hold when it is carried out.
    pub precondition: Precondition,
}

impl Step {
    /// A step without reasons, changes, order or inputs, on an object that is there: the start of those that have some.
    pub(crate) fn bare(key: &Key, identity: &str, action: Action) -> Self {
        Self {
            key: key.clone(),
            identity: identity.to_owned(),
            action,
            order: None,
            reasons: Vec::new(),
            source: None,
            changes: Vec::new(),
            lines: BTreeMap::new(),
            minor: None,
            risks: Vec::new(),
            effects: Vec::new(),
            checked: Checked::ByServer,
            notes: Vec::new(),
            after: Vec::new(),
            order_only: Vec::new(),
            ready_after: Vec::new(),
            leftovers: Vec::new(),
            leaves: Vec::new(),
            deletes_after: Vec::new(),
            inputs: None,
            options: Options::default(),
            precondition: Precondition {
                exists: true,
                uid: None,
            },
        }
    }

    /// The names of the former objects that it deletes.
    pub(crate) fn deleted_leftovers(&self) -> Vec<String> {
        let deleted = self.leftovers.iter().filter(|leftover| leftover.fate == Fate::Delete);
        deleted.map(|leftover| leftover.identity.clone()).collect()
    }

    /// True if the step leaves objects to be dealt with once it is ready. What is no longer wanted goes with what it left.
    pub(crate) fn has_gone_stage(&self) -> bool {
        let unwanted = matches!(
            self.action,
            Action::Delete | Action::Forget | Action::Keep | Action::Same
        );
        !unwanted && self.leftovers.iter().any(Leftover::is_work)
    }
}

/// Something that a reviewer should know about the plan as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNote {
    /// The resource it is about, if it is about one.
    pub key: Option<Key>,
    /// Where that is declared.
    pub source: Option<SourceLine>,
    /// What.
    pub message: String,
}

/// A problem of a plan; a plan that has any is shown and not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanProblem {
    /// The resource, if it is one resource's.
    pub key: Option<Key>,
    /// Where that is declared; in a file, the line of the field.
    pub source: Option<SourceLine>,
    /// The field, the root where it is the resource as a whole.
    pub path: FieldPath,
    /// The problem and its cause, in the words of the one that says so.
    pub message: String,
    /// The next thing to do.
    pub hint: Option<String>,
}

/// Data that a run leaves though its resource is no longer wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptData {
    /// The resource that holds it.
    pub key: Key,
    /// The data.
    pub items: Vec<DataItem>,
}

/// A plan: the steps that a run would take.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The stack.
    pub stack: String,
    /// Its purpose.
    pub mode: Mode,
    /// The build of the program that made it.
    pub build: String,
    /// True if the world was looked at; if not, the record stands in for it.
    pub observed: bool,
    /// The target of each provider, by the provider's name.
    pub targets: BTreeMap<String, Target>,
    /// The steps in an order in which they can be carried out; `Same` ones too.
    pub steps: Vec<Step>,
    /// The exports of the stack; expressions where a value is not known yet.
    pub exports: BTreeMap<String, Value>,
    /// The notes for a reviewer.
    pub notes: Vec<PlanNote>,
    /// The problems of the plan.
    pub problems: Vec<PlanProblem>,
    /// Data that stays.
    pub kept: Vec<KeptData>,
    /// Which data may be deleted.
    pub delete_data: DeleteData,
    /// The part of the stack that it is about.
    pub selection: Selection,
    /// The time that carrying it out will take, where earlier runs tell.
    pub estimate: Option<Estimate>,
    /// The commits since the last successful `up`, where they are known.
    pub commits: Option<Commits>,
}

impl Plan {
    /// The steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action.is_change())
    }

    /// True if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_called_as_it_is_written() {
        for action in [
            Action::Same,
            Action::Create,
            Action::Update,
            Action::Replace,
            Action::Delete,
            Action::Adopt,
            Action::Forget,
            Action::Wait,
            Action::Keep,
            Action::Record,
            Action::Cleanup,
        ] {
            assert_eq!(serde_json::json!(action), action.name());
        }
    }
}
