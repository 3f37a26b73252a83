//! A saved plan, read back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::json::{FORMAT, digest};
use crate::declare::SourceLine;
use crate::plan::{Action, Mode, Order, Precondition};
use crate::provider::{DeleteData, Target};
use crate::urn::Key;

/// A plan as it was saved and reviewed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SavedPlan {
    /// The stack.
    pub stack: String,
    /// What it is for.
    pub mode: Mode,
    /// Which build of the program made it.
    pub build: String,
    /// True if the world was looked at.
    pub observed: bool,
    /// What each provider was connected to.
    pub targets: BTreeMap<String, Target>,
    /// The steps, unchanged resources left out.
    pub steps: Vec<SavedStep>,
    /// What of the plan is wrong; one with problems cannot be applied.
    pub problems: Vec<Json>,
    /// Which data may be deleted.
    pub delete_data: DeleteData,
    /// The digest of what it does.
    pub digest: String,
}

/// One step of a saved plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SavedStep {
    /// Which resource.
    pub key: Key,
    /// Its name in the outside world.
    pub identity: String,
    /// What was to be done.
    pub action: Action,
    /// Which object was to be there first, for a replacement.
    #[serde(default)]
    pub order: Option<Order>,
    /// What was to become of the objects that it leaves.
    #[serde(default)]
    pub leftovers: Json,
    /// Where it was declared.
    pub source: Option<SourceLine>,
    /// The inputs in canonical form.
    pub inputs: Json,
    /// The options to record.
    pub options: Json,
    /// The fields that were to change.
    pub changes: Vec<SavedChange>,
    /// What had to hold.
    pub precondition: Precondition,
    /// Who had checked it.
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
    /// Who causes it, where that is not the program.
    #[serde(default)]
    pub origin: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct SavedChecked {
    pub(super) by: String,
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
        /// What it says.
        found: String,
    },
    /// Its digest is not that of its steps.
    #[error("it was changed after it was written: its digest does not fit its steps")]
    Digest,
}

impl SavedPlan {
    /// Reads a plan that was saved with `preview --out`.
    ///
    /// # Errors
    /// When it is no plan, of another format, or its steps do not fit its digest.
    pub fn parse(text: &str) -> Result<Self, SavedPlanError> {
        let json: Json = serde_json::from_str(text)?;
        if json["format"] != FORMAT {
            let found = json["format"].as_str().unwrap_or("not given").to_owned();
            return Err(SavedPlanError::Format { found });
        }
        if json["digest"].as_str() != Some(&digest(&json)) {
            return Err(SavedPlanError::Digest);
        }
        Ok(Self::deserialize(json)?)
    }

    /// The step of a resource.
    pub fn step(&self, key: &Key) -> Option<&SavedStep> {
        self.steps.iter().find(|step| step.key == *key)
    }
}
