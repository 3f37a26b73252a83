//! A saved plan, read back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::reason::SavedReason;
use super::write::{FORMAT, SEAL, digest};
use crate::declare::SourceLine;
use crate::plan::{
    Action, Commits, Estimate, KeptData, Leftover, Mode, Order, PlanNote, PlanProblem, Precondition, Selection,
};
use crate::provider::{DeleteData, Effect, Minor, Phase, Risk, Target};
use crate::state::Vault;
use crate::urn::Key;
use crate::value::{FieldPath, canonical};

/// The formats of earlier versions: the digest of the first covered less, and neither holds all that is shown of a plan.
const OLDER: [&str; 2] = ["iac.plan/1", "iac.plan/2"];

/// A plan as it was saved and reviewed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SavedPlan {
    /// The stack.
    pub stack: String,
    /// Its purpose.
    pub mode: Mode,
    /// The build of the program that made it.
    pub build: String,
    /// True if the world was looked at.
    pub observed: bool,
    /// The target that each provider was connected to.
    pub targets: BTreeMap<String, Target>,
    /// The steps, unchanged resources left out.
    pub steps: Vec<SavedStep>,
    /// The resources that stay as they are.
    pub(super) unchanged: Vec<SavedUnchanged>,
    /// The exports of the stack, in canonical form.
    pub(super) exports: BTreeMap<String, Json>,
    /// Notes.
    pub(super) notes: Vec<PlanNote>,
    /// The problems of the plan; one with problems cannot be applied.
    pub problems: Vec<PlanProblem>,
    /// Which data may be deleted.
    pub delete_data: DeleteData,
    /// The part of the stack that it is about.
    #[serde(default)]
    pub selection: Selection,
    /// Data that was to stay.
    pub kept: Vec<KeptData>,
    /// The time that carrying it out will take, where earlier runs tell.
    #[serde(default)]
    pub(super) estimate: Option<Estimate>,
    /// The commits since the last successful `up`, where they are known.
    #[serde(default)]
    pub(super) commits: Option<Commits>,
    /// The digest of what it does.
    pub digest: String,
    /// The seal of the stack's key, if the stack had one.
    #[serde(default)]
    mac: Option<String>,
    /// The text that the seal covers.
    #[serde(skip)]
    sealed: String,
}

/// One step of a saved plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SavedStep {
    /// Which resource.
    pub key: Key,
    /// Its name in the outside world.
    pub identity: String,
    /// The action.
    pub action: Action,
    /// Which object was to be there first, for a replacement.
    #[serde(default)]
    pub order: Option<Order>,
    /// The fate of the objects that it leaves.
    #[serde(default)]
    pub leftovers: Json,
    /// Why.
    pub(super) reasons: Vec<SavedReason>,
    /// The changes that are only counted.
    #[serde(default)]
    pub(super) minor: Option<Minor>,
    /// The effects on the running system.
    pub(super) effects: Vec<Effect>,
    /// Notes.
    pub(super) notes: Vec<String>,
    /// The resources that come first.
    pub(super) after: Vec<SavedEdge>,
    /// The resources that its readiness waits for.
    pub(super) ready_after: Vec<SavedEdge>,
    /// Where it was declared.
    pub source: Option<SourceLine>,
    /// The inputs in canonical form.
    pub inputs: Json,
    /// The options to record.
    pub options: Json,
    /// The fields that were to change.
    pub changes: Vec<SavedChange>,
    /// The places of their new values, where those have lines of their own.
    #[serde(default)]
    pub(super) lines: BTreeMap<FieldPath, SourceLine>,
    /// The conditions that had to hold.
    pub precondition: Precondition,
    /// The risks: all in it that could hurt.
    pub risks: Vec<Risk>,
    /// The check behind it: by the system itself, or only by us.
    pub(super) checked: SavedChecked,
}

/// One field change of a saved step.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SavedChange {
    /// Where.
    pub path: String,
    /// The value before, if there was one.
    #[serde(default, deserialize_with = "present")]
    pub before: Option<Json>,
    /// The value after, if there is one.
    #[serde(default, deserialize_with = "present")]
    pub after: Option<Json>,
    /// The cause, where that is not the program.
    #[serde(default)]
    pub origin: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct SavedChecked {
    pub(super) by: String,
    #[serde(default)]
    pub(super) because: String,
}

/// A resource that stays as it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct SavedUnchanged {
    pub(super) key: Key,
    pub(super) identity: String,
    pub(super) source: Option<SourceLine>,
    #[serde(default)]
    pub(super) leftovers: Vec<Leftover>,
    #[serde(default)]
    pub(super) reasons: Vec<SavedReason>,
    #[serde(default)]
    pub(super) risks: Vec<Risk>,
    #[serde(default)]
    pub(super) effects: Vec<Effect>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    #[serde(default)]
    pub(super) after: Vec<SavedEdge>,
    #[serde(default)]
    pub(super) ready_after: Vec<SavedEdge>,
}

/// A resource that comes first, with the phase that it has to reach.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct SavedEdge {
    pub(super) key: Key,
    pub(super) phase: Phase,
}

/// Keeps a null that is there apart from a field that is not.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Why a text is no plan that can be used.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is no JSON, or no plan.
    #[error("it is no saved plan: {0}")]
    Json(#[from] serde_json::Error),
    /// It is a plan of another format.
    #[error("its format is {found}; this program reads {FORMAT}")]
    Format {
        /// The format that it names.
        found: String,
    },
    /// It is a plan of an earlier version.
    #[error("it was made by an older version of this program, and cannot be checked as it has to be; preview again")]
    Older,
    /// Its digest is not that of its steps.
    #[error("it was changed after it was written: its digest does not fit its steps")]
    Digest,
    /// A value in it is not of its form.
    #[error("a value of it cannot be read: {what}")]
    Value {
        /// Which, and why.
        what: String,
    },
    /// It does not bear the seal of the stack's key.
    #[error(
        "it does not bear the seal of the stack's key: it was changed after it was written, or the stack has another key by now"
    )]
    Seal,
    /// It bears no seal, and one is due.
    #[error("it bears no seal, and the stack has a key: it was made before the stack had one, or changed")]
    Unsealed,
}

impl SavedPlan {
    /// Reads a plan that was saved with `preview --out`.
    ///
    /// # Errors
    /// When it is no plan, of another format, or its steps do not fit its digest.
    pub fn parse(text: &str) -> Result<Self, SavedPlanError> {
        let mut json: Json = serde_json::from_str(text)?;
        if OLDER.iter().any(|older| json["format"] == *older) {
            return Err(SavedPlanError::Older);
        }
        if json["format"] != FORMAT {
            let found = json["format"].as_str().unwrap_or("not given").to_owned();
            return Err(SavedPlanError::Format { found });
        }
        if json["digest"].as_str() != Some(&digest(&json)) {
            return Err(SavedPlanError::Digest);
        }
        let mac = json.as_object_mut().and_then(|fields| fields.remove("mac"));
        let sealed = canonical::to_string(&json);
        Ok(Self {
            mac: mac.map(|mac| mac.as_str().unwrap_or_default().to_owned()),
            sealed,
            ..Self::deserialize(json)?
        })
    }

    /// Whether the stack's key vouches for all of it, where the stack has one.
    ///
    /// # Errors
    /// [`SavedPlanError::Seal`] and [`SavedPlanError::Unsealed`].
    pub fn check_seal(&self, vault: &Vault) -> Result<(), SavedPlanError> {
        match &self.mac {
            Some(mac) if vault.is_mac(SEAL, self.sealed.as_bytes(), mac) => Ok(()),
            Some(_) => Err(SavedPlanError::Seal),
            None if vault.is_kept() => Err(SavedPlanError::Unsealed),
            None => Ok(()),
        }
    }

    /// The JSON of the file.
    ///
    /// # Errors
    /// None that can be: it was read before.
    pub fn json(&self) -> Result<Json, SavedPlanError> {
        let mut json: Json = serde_json::from_str(&self.sealed)?;
        if let Some(mac) = &self.mac {
            json["mac"] = mac.as_str().into();
        }
        Ok(json)
    }

    /// True if it bears a seal.
    pub fn is_sealed(&self) -> bool {
        self.mac.is_some()
    }

    /// True if it has a hash of every secret: those of a stack without a key have none.
    pub fn tells_secrets_apart(&self) -> bool {
        let unkeyed = [r#"{"$secret":""}"#, r#"{"$secret":{"hash":"","#];
        !unkeyed.iter().any(|form| self.sealed.contains(form))
    }

    /// The step of a resource.
    pub fn step(&self, key: &Key) -> Option<&SavedStep> {
        self.steps.iter().find(|step| step.key == *key)
    }
}
