//! The requests and answers between the engine and a provider.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Claim, Effect, Mark, StackKey};
use crate::state::StackId;
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, FieldPattern, Packed, Value};

/// A stage of a resource's life that others can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The object is there.
    Exists,
    /// It does its work: the rollout is complete, the job has completed, the claim is bound.
    Ready,
}

/// A name in a resource's inputs that means something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The resource whose inputs hold the name.
    pub from: Key,
    /// The phase of that resource that needs the other one.
    pub phase: Phase,
    /// The field that holds the name.
    pub path: FieldPath,
    /// The thing that the name means.
    pub to: Referent,
}

/// The thing that a [`Reference`] leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referent {
    /// A resource of the stack, and the phase it has to have reached.
    Declared(Key, Phase),
    /// A resource of the stack that no field names, and that should have reached this phase before all the same: what
    /// decides whether the other one is let in, and with which defaults. It gives way where it would close a cycle.
    First(Key, Phase),
    /// The same, where the inputs themselves ask for this order (`depends_on`). It is never given up: where it cannot be
    /// kept, that is an error.
    Ordered(Key, Phase),
    /// Something that the stack does not declare.
    External(ExternalRef),
}

/// A thing that inputs name and the stack does not declare. Type and name with a blank between them are its identity, as
/// [`Provider::identity`](super::Provider::identity) gives it for a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalRef {
    /// Its type, as in a key without the provider: `core/Secret`.
    pub kind: String,
    /// Its full name: `codelab/db`.
    pub name: String,
    /// The consequence for the resource that names it, where it is missing.
    pub need: Need,
}

/// When a name in a resource's inputs has to lead to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// At once: the system refuses what names it. Where it is missing, a step that creates or changes the one that names
    /// it has a problem.
    AtOnce,
    /// Sooner or later: the system takes what names it, which does its work once it is there. Where it is missing, such a
    /// step has a note.
    Later,
    /// Never: the one that names it can do without.
    Optional,
}

/// Whether an [`ExternalRef`] is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existence {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// That cannot be told, because of this.
    Unknown(String),
}

/// Something wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the inputs.
    pub path: FieldPath,
    /// The problem and its cause.
    pub message: String,
    /// A sentence on what to do.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a path.
    pub fn new(path: FieldPath, message: impl Into<String>) -> Self {
        Self {
            path,
            message: message.into(),
            hint: None,
        }
    }
}

/// A request to [`Provider::connect`](super::Provider::connect).
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The stack's name.
    pub stack: String,
    /// The stack's id, which everything bears that it makes or changes from now on.
    pub id: StackId,
    /// Configuration of this provider: the stack's keys below the provider's name (`kubernetes.context` is `context`).
    pub config: std::collections::BTreeMap<String, String>,
    /// The longest time to try.
    pub timeout: Duration,
    /// For hashes of secrets that others get to see.
    pub key: StackKey,
    /// The files that the command line names for what the run itself reads and writes (a plan, a report): no part of what
    /// a provider packs.
    pub own_files: Vec<std::path::PathBuf>,
}

/// The system that a provider is connected to; shown before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// For people: `context prod, server https://10.0.0.1:6443`.
    pub description: String,
    /// An identifier that tells this target from any other for as long as it lives (a cluster's UID); recorded, and another one
    /// under the same stack is refused.
    pub id: String,
    /// Further identifiers, by names, the strongest first: not every account may see the same. Of those that two runs both saw,
    /// the first decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<(String, String)>,
}

impl Target {
    /// True if this is the target that was recorded.
    pub fn is(&self, recorded: &Self) -> bool {
        let both = self.evidence.iter().find_map(|(name, value)| {
            let mut theirs = recorded.evidence.iter().filter(|(other, _)| other == name);
            theirs.next().map(|(_, other)| value == other)
        });
        if self.evidence.is_empty() || recorded.evidence.is_empty() {
            // Earlier versions recorded the identity alone.
            return self.id == recorded.id;
        }
        both.unwrap_or(false)
    }
}

/// The record of a resource, with its secrets opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its name in the stack.
    pub key: Key,
    /// Its name in the outside world.
    pub identity: String,
    /// The identifier that tells it from another object of the same name, where there is such a thing.
    pub uid: Option<String>,
    /// The inputs as last applied, all resolved.
    pub inputs: Value,
    /// Its outputs, as far as others use them.
    pub outputs: Value,
    /// Data that the provider wants to remember.
    pub private: Packed,
    /// The resources that it depended on when it was applied.
    pub dependencies: Vec<(Key, Phase)>,
    /// True if it has been ready since it was last applied.
    pub ready: bool,
}

/// A question for [`Provider::observe`](super::Provider::observe).
#[derive(Debug, Clone)]
pub struct ObserveRequest {
    /// Which resource.
    pub key: Key,
    /// Its name in the outside world.
    pub identity: String,
    /// The declared inputs; outputs of others may be unresolved. None for what the program no longer declares.
    pub inputs: Option<Value>,
    /// The record, if there is one.
    pub recorded: Option<Recorded>,
    /// True if all outputs are wanted, not only whether something changed.
    pub full: bool,
    /// The fields whose present values are to be kept.
    pub ignored: Vec<FieldPattern>,
}

/// The observation of one object.
#[allow(clippy::large_enum_variant, reason = "nearly all answers are the large one")]
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Nothing of that name.
    Absent,
    /// Nothing of that name, and rightly so: it did its work for the recorded inputs and was cleaned up (a Job with a
    /// time to live).
    Finished,
    /// An object.
    Present(Live),
    /// That could not be found out, because of this.
    Unknown(String),
}

/// An object out there.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The identifier that tells it from another object of the same name.
    pub uid: Option<String>,
    /// The mark that it bears.
    pub mark: Mark,
    /// Its outputs, as far as they were read.
    pub outputs: Value,
    /// Fields that no longer are as we applied them: `before` is ours, `after` what is there.
    pub drift: Vec<FieldChange>,
    /// The fields to keep ([`ObserveRequest::ignored`]) that are not as recorded, or as declared where nothing is recorded, in
    /// the form of inputs: `after` is there. Of those that are not told, the recorded values are kept.
    pub ignored: Vec<FieldChange>,
    /// Whether it is ready.
    pub readiness: Readiness,
    /// If it is being deleted: the reason why the deletion waits. It is as good as gone, and is recreated once it is gone.
    pub leaving: Option<String>,
    /// The others that wrote the object as a whole and still hold fields of it. Those fields become the stack's where it is
    /// adopted.
    pub co_owners: Vec<String>,
    /// When each of those who have fields of it last wrote it, by the names that are the origins in `drift`, as far as the
    /// system tells.
    pub writes: BTreeMap<String, Timestamp>,
}

/// Whether a resource does its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet, and this is how far it is.
    Pending(String),
    /// It does.
    Ready,
    /// It does not, because of this.
    Failed {
        /// Why.
        reason: String,
        /// True if it cannot recover by itself.
        terminal: bool,
    },
    /// It has failed for good, because of this, and only a new object in its place can try again: a Job that has used up
    /// its attempts. The next run recreates it.
    Spent(String),
}

/// The intended change of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// Create it; there is nothing of the name.
    Create,
    /// Change it in place.
    Update,
    /// Take over what is there under its name, and make it as declared.
    Adopt,
    /// Recreate it, under the same name once the old one is deleted, or under another name while the old one is still there.
    Replace,
}

/// A question for [`Provider::predict`](super::Provider::predict).
#[derive(Debug, Clone)]
pub struct PredictRequest {
    /// Which resource.
    pub key: Key,
    /// The intended change.
    pub intent: Intent,
    /// The inputs; leaves that depend on steps before are unresolved expressions.
    pub inputs: Value,
    /// The record, if there is one.
    pub recorded: Option<Recorded>,
    /// The object that is there, if any.
    pub live: Option<Live>,
    /// True if fields that somebody else holds are taken over.
    pub adopt: bool,
}

/// The consequences of a change, before it is made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    /// The fields that would change.
    pub changes: Vec<FieldChange>,
    /// Why it cannot be done in place; empty when it can.
    pub replace: Vec<Replacement>,
    /// For a replacement under another name: what only one of the two objects can hold, so that the old one has to go
    /// first.
    pub exclusive: Vec<Exclusive>,
    /// The party that looked.
    pub checked: Checked,
    /// Outputs that are known already (null: none), so that dependents can be planned with them.
    pub outputs: Value,
    /// The risks: harm that it can do.
    pub risks: Vec<Risk>,
    /// The effects on the running system, as far as they can only be told by looking at it.
    pub effects: Vec<Effect>,
    /// The problems that it will certainly fail with.
    pub problems: Vec<Problem>,
    /// Further notes for a reviewer.
    pub notes: Vec<String>,
    /// True if nobody is served by it, so that a replacement is no downtime: a Job.
    pub unserving: bool,
    /// The changes that are only counted unless everything is to be seen.
    pub minor: Option<Minor>,
    /// Data that belongs to nothing any more once this is done: the volumes of a container that is one too many.
    pub leaves: Vec<DataItem>,
}

/// Changes of no interest to most readers, such as the descriptions in a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minor {
    /// The sort of changes, in words that follow their number: `of the schema: 20 descriptions`.
    pub what: String,
    /// Which fields change.
    pub paths: BTreeSet<FieldPath>,
}

/// The party that checked a prediction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Checked {
    /// The system itself.
    #[default]
    ByServer,
    /// Only we, because of this.
    Locally(String),
}

/// A field that can only be changed by recreating the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The field.
    pub path: FieldPath,
    /// The reason, in the words of whoever says so.
    pub why: String,
}

/// Something that only one object can hold at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusive {
    /// The field that asks for it.
    pub path: FieldPath,
    /// The thing, in words that follow "only one object can hold": `port 8080 of the host`.
    pub what: String,
}

/// Something in a step that could hurt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// The sort of risk.
    pub kind: RiskKind,
    /// The risk in words.
    pub message: String,
}

/// A sort of harm that a step can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskKind {
    /// Data goes for good.
    DataLoss,
    /// What uses data starts without it, though the data stays.
    EmptyData,
    /// The service is down for a while.
    Downtime,
    /// More becomes reachable than before.
    Exposure,
    /// Somebody may do more than before.
    Privilege,
    /// It cannot be undone.
    Irreversible,
    /// Something that stays relies on what goes.
    BrokenReference,
    /// Somebody else's change is taken back.
    Undo,
}

/// Data that a deletion would take along, or leave without its owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataItem {
    /// Its type for people: `PersistentVolumeClaim`, `volume`.
    pub kind: String,
    /// Its name, as `--delete-data` takes it.
    pub name: String,
    /// The amount of data and its owner, for people, as far as that is known: `10Gi`, `3 objects of others: …`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub amount: String,
    /// True if it stays when the resource is deleted, unless `--delete-data` names it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outlives: bool,
    /// True if it is an object that does not bear the stack's mark: it goes only where its very name is given.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unmarked: bool,
}

impl DataItem {
    /// Data that goes with its resource.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// Says how much there is.
    #[must_use]
    pub fn amount(self, amount: impl Into<String>) -> Self {
        Self {
            amount: amount.into(),
            ..self
        }
    }
}

/// Which data a run may delete: what `--delete-data` says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "WrittenChoice", into = "WrittenChoice")]
pub enum DeleteData {
    /// None: what holds data is kept.
    #[default]
    None,
    /// The data of these names, of which one may stand for all.
    Names(Vec<String>),
    /// All, but what goes by its name only.
    All,
}

/// As it is typed; plans of earlier versions say only whether all may go.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenChoice {
    Names(Vec<String>),
    All(bool),
}

impl From<WrittenChoice> for DeleteData {
    fn from(written: WrittenChoice) -> Self {
        match written {
            WrittenChoice::Names(names) => Self::of(&names),
            WrittenChoice::All(true) => Self::All,
            WrittenChoice::All(false) => Self::None,
        }
    }
}

impl From<DeleteData> for WrittenChoice {
    fn from(choice: DeleteData) -> Self {
        Self::Names(match choice {
            DeleteData::None => Vec::new(),
            DeleteData::Names(names) => names,
            DeleteData::All => vec![DeleteData::ALL.to_owned()],
        })
    }
}

impl DeleteData {
    /// The word that stands for all names.
    pub const ALL: &str = "all";

    /// The choice that these names make, of which one may be `all`.
    pub fn of(names: &[String]) -> Self {
        match names {
            [] => Self::None,
            names if names.iter().all(|name| name == Self::ALL) => Self::All,
            names => Self::Names(names.to_vec()),
        }
    }

    /// True if this data may go.
    pub fn allows(&self, item: &DataItem) -> bool {
        match self {
            Self::None => false,
            Self::Names(names) => {
                let all = names.iter().any(|name| name == Self::ALL);
                names.contains(&item.name) || all && !item.unmarked
            }
            Self::All => !item.unmarked,
        }
    }
}

/// A request to [`Provider::apply`](super::Provider::apply).
#[derive(Debug, Clone)]
pub struct ApplyRequest {
    /// Which resource.
    pub key: Key,
    /// Its name in the outside world.
    pub identity: String,
    /// Create, update or adopt; a replacement comes as a deletion and a creation.
    pub intent: Intent,
    /// The inputs, all resolved.
    pub inputs: Value,
    /// The record, if there is one.
    pub recorded: Option<Recorded>,
    /// True if fields that somebody else holds are taken over.
    pub adopt: bool,
    /// The fields that are kept as they are: what somebody wrote there since the plan was made is not taken back.
    pub ignored: Vec<FieldPattern>,
    /// The evidence that the object is the stack's, should it not bear the stack's mark.
    pub claim: Claim,
    /// Which object was looked at when this was planned: a change or a takeover of another one is refused.
    pub uid: Option<String>,
    /// Which of the data that it leaves ([`Prediction::leaves`]) goes as well.
    pub delete_data: DeleteData,
    /// The longest time that the call may take.
    pub timeout: Duration,
}

/// The result of [`Provider::apply`](super::Provider::apply) or [`Provider::wait_ready`](super::Provider::wait_ready).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Applied {
    /// The identifier that tells the object from another of the same name.
    pub uid: Option<String>,
    /// All its outputs; the engine records those that others use.
    pub outputs: Value,
    /// Data that the provider wants to remember; small, no secrets. An object `images` in it says which container images run,
    /// from the name that was declared to what it meant: `{"nginx:1": "nginx@sha256:…"}`. The history shows it.
    pub private: serde_json::Value,
}

/// A request to [`Provider::delete`](super::Provider::delete).
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    /// The record of the resource.
    pub recorded: Recorded,
    /// Which of the data that it leaves behind by default (a StatefulSet's claims) goes as well.
    pub delete_data: DeleteData,
    /// The evidence that the object is the stack's, should it not bear the stack's mark.
    pub claim: Claim,
    /// The longest time that the call may take.
    pub timeout: Duration,
}

/// A request to [`Provider::wait_ready`](super::Provider::wait_ready).
#[derive(Debug, Clone)]
pub struct WaitRequest {
    /// The resource as recorded after its application.
    pub recorded: Recorded,
    /// The longest time to wait.
    pub timeout: Duration,
    /// True if anything else in the stack, or an export, needs it ready. Where nothing does, a provider may stop to wait
    /// for what nobody in the target is going to do.
    pub needed: bool,
}
