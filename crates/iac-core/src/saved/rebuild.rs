//! A plan rebuilt from its file alone, to be shown and compared; not to be carried out.
//!
//! Each secret in it has its hash for a value.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::Deserialize as _;
use serde_json::Value as Json;

use super::read::{SavedChange, SavedEdge, SavedPlan, SavedPlanError, SavedStep, SavedUnchanged};
use super::secret;
use crate::declare::Options;
use crate::plan::{Action, Leftover, Plan, Reason, Step};
use crate::provider::{Checked, Phase};
use crate::review::{PlanDiff, View};
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, Secret, Value, codec};

impl SavedPlan {
    /// Returns the view of it for people; resources that stay as they are as in [`View::of`].
    ///
    /// # Errors
    /// [`SavedPlanError::Value`]: an edited file, since such a plan is never written.
    pub fn view(&self, unchanged: bool) -> Result<View, SavedPlanError> {
        Ok(View::of(&self.to_plan()?, unchanged))
    }

    /// Returns the difference to a later plan of the same stack. Secrets that have no hash in one of them, since the stack had
    /// no key yet, count as the same.
    ///
    /// # Errors
    /// [`SavedPlanError::Value`], as [`view`](Self::view).
    pub fn difference(&self, later: &Self) -> Result<PlanDiff, SavedPlanError> {
        let (mut before, mut after) = (self.to_plan()?, later.to_plan()?);
        if !self.tells_secrets_apart() || !later.tells_secrets_apart() {
            forget_hashes(&mut before);
            forget_hashes(&mut after);
        }
        Ok(PlanDiff::of(&before, &after))
    }

    /// The plan, with a hash in the place of each secret.
    fn to_plan(&self) -> Result<Plan, SavedPlanError> {
        let changed = self.steps.iter().map(SavedStep::to_step);
        let unchanged = self.unchanged.iter().map(|step| Ok(step.to_step()));
        let exports = self.exports.iter();
        Ok(Plan {
            stack: self.stack.clone(),
            mode: self.mode,
            build: self.build.clone(),
            observed: self.observed,
            targets: self.targets.clone(),
            steps: changed.chain(unchanged).collect::<Result<_, _>>()?,
            exports: exports
                .map(|(name, json)| Ok((name.clone(), value(json, name)?)))
                .collect::<Result<BTreeMap<_, _>, SavedPlanError>>()?,
            notes: self.notes.clone(),
            problems: self.problems.clone(),
            kept: self.kept.clone(),
            delete_data: self.delete_data.clone(),
            selection: self.selection.clone(),
            estimate: self.estimate,
            commits: self.commits.clone(),
        })
    }
}

impl SavedStep {
    fn to_step(&self) -> Result<Step, SavedPlanError> {
        let about = |part: &str| format!("{part} of {}", self.key);
        let leftovers = match &self.leftovers {
            Json::Null => Vec::new(),
            json => Vec::<Leftover>::deserialize(json).map_err(|error| wrong(&about("leftovers"), &error))?,
        };
        let inputs = match &self.inputs {
            Json::Null => None,
            json => Some(value(json, &about("inputs"))?),
        };
        let checked = match self.checked.by.as_str() {
            "server" => Checked::ByServer,
            _ => Checked::Locally(self.checked.because.clone()),
        };
        Ok(Step {
            action: self.action,
            order: self.order,
            reasons: self.reasons.iter().cloned().map(Reason::from).collect(),
            source: self.source.clone(),
            changes: self
                .changes
                .iter()
                .map(|change| change.to_change(&self.key))
                .collect::<Result<_, _>>()?,
            lines: self.lines.clone(),
            minor: self.minor.clone(),
            risks: self.risks.clone(),
            effects: self.effects.clone(),
            checked,
            notes: self.notes.clone(),
            after: edges(&self.after),
            ready_after: edges(&self.ready_after),
            leftovers,
            inputs,
            options: Options::deserialize(&self.options).map_err(|error| wrong(&about("options"), &error))?,
            precondition: self.precondition.clone(),
            ..Step::bare(&self.key, &self.identity, Action::Same)
        })
    }
}

impl SavedUnchanged {
    fn to_step(&self) -> Step {
        Step {
            leftovers: self.leftovers.clone(),
            reasons: self.reasons.iter().cloned().map(Reason::from).collect(),
            source: self.source.clone(),
            risks: self.risks.clone(),
            effects: self.effects.clone(),
            notes: self.notes.clone(),
            after: edges(&self.after),
            ready_after: edges(&self.ready_after),
            ..Step::bare(&self.key, &self.identity, Action::Same)
        }
    }
}

impl SavedChange {
    fn to_change(&self, key: &Key) -> Result<FieldChange, SavedPlanError> {
        let about = format!("{} of {key}", self.path);
        let side = |json: &Option<Json>| json.as_ref().map(|json| value(json, &about)).transpose();
        let path: Result<FieldPath, _> = self.path.parse();
        Ok(FieldChange {
            path: path.map_err(|error| wrong(&about, &error))?,
            before: side(&self.before)?,
            after: side(&self.after)?,
            origin: self.origin.clone(),
        })
    }
}

/// Makes all secrets of a plan the same, but for what may be seen of them.
fn forget_hashes(plan: &mut Plan) {
    let forget = |value: &mut Value| {
        let mapped = value.try_map_leaves(&mut |_, leaf| {
            Ok::<_, Infallible>(match leaf {
                Value::Secret(secret) => Value::Secret(match secret.shown() {
                    Some(shown) => Secret::from("").shown_as(shown),
                    None => Secret::from(""),
                }),
                leaf => leaf.clone(),
            })
        });
        match mapped {
            Ok(mapped) => *value = mapped,
            Err(never) => match never {},
        }
    };
    for step in &mut plan.steps {
        let changes = step.changes.iter_mut();
        let values = changes.flat_map(|change| change.before.iter_mut().chain(&mut change.after));
        values.chain(&mut step.inputs).for_each(forget);
    }
}

fn edges(edges: &[SavedEdge]) -> Vec<(Key, Phase)> {
    edges.iter().map(|edge| (edge.key.clone(), edge.phase)).collect()
}

fn value(json: &Json, about: &str) -> Result<Value, SavedPlanError> {
    codec::read_unresolved(json, &mut |_, form| secret::of_form(form)).map_err(|error| wrong(about, &error))
}

fn wrong(about: &str, error: &dyn std::fmt::Display) -> SavedPlanError {
    SavedPlanError::Value {
        what: format!("{about}: {error}"),
    }
}
