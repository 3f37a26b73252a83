//! The difference between two plans of a stack: what is new to somebody who has reviewed the first one.
//!
//! Both are views, and steps are told apart by their keys. Values are compared on the plans, where a secret has a hash: a
//! changed secret is news, though its text is the same.

mod markdown;
mod text;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::field;
use super::model::{FieldView, RiskView, StepView, View};
use super::words::verb;
use crate::plan::{Plan, Step};
use crate::provider::effect::HOW_LONG;
use crate::value::FieldPath;
use crate::value::diff::{FieldChange, diff};

/// The format of a difference as JSON, and its version.
pub const DIFF_FORMAT: &str = "iac.plan-diff/1";

/// The side of a difference that something is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Only the second plan has it.
    New,
    /// Only the first plan has it.
    Gone,
    /// The first plan has this.
    Was,
    /// The second plan has this in its place.
    Now,
    /// Both have it, not the same.
    Changed,
}

/// The difference between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDiff {
    /// [`DIFF_FORMAT`].
    pub format: String,
    /// The stack.
    pub stack: String,
    /// The summary of the first plan.
    pub before: String,
    /// The summary of the second plan.
    pub after: String,
    /// One line that counts what is new, gone and changed.
    pub summary: String,
    /// The lines about the plan as a whole: its mode, targets, notes, problems, data that stays, exports.
    pub about: Vec<LineDiff>,
    /// The risks that only one of them has, the worst first; not those that are only worded differently at the same step.
    pub risks: Vec<RiskDiff>,
    /// The steps, those of the second plan first.
    pub steps: Vec<StepDiff>,
}

/// A line that only one plan has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineDiff {
    /// The plan.
    pub side: Side,
    /// The line.
    pub text: String,
}

/// A risk that only one plan has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskDiff {
    /// The plan.
    pub side: Side,
    /// The risk.
    #[serde(flatten)]
    pub risk: RiskView,
}

/// A step that only one plan has, or that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDiff {
    /// New, gone or changed.
    pub side: Side,
    /// The step: that of the second plan, unless it is gone.
    pub step: StepView,
    /// For a changed one: its causes, risks, effects and notes that only one plan has.
    pub lines: Vec<LineDiff>,
    /// For a changed one: its fields that are not the same.
    pub fields: Vec<FieldDiff>,
}

/// A field of a step that is in both plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDiff {
    /// The plan; [`Changed`](Side::Changed) for a value of a new resource, which is another one in the second plan.
    pub side: Side,
    /// The field.
    pub field: FieldView,
}

impl PlanDiff {
    /// The difference; both plans are of one stack.
    pub(crate) fn of(before: &Plan, after: &Plan) -> Self {
        let views = (View::of(before, false), View::of(after, false));
        let steps = steps((before, &views.0), (after, &views.1));
        let risks = risks(&views.0, &views.1);
        let about = lines(&about(&views.0), &about(&views.1));
        Self {
            format: DIFF_FORMAT.to_owned(),
            stack: views.1.stack.clone(),
            summary: summary(&steps, &risks, &about),
            before: views.0.summary,
            after: views.1.summary,
            about,
            risks,
            steps,
        }
    }

    /// True if both say the same.
    pub fn is_empty(&self) -> bool {
        self.about.is_empty() && self.risks.is_empty() && self.steps.is_empty()
    }
}

/// Returns the lines about a plan as a whole.
fn about(view: &View) -> Vec<String> {
    let mut said = vec![format!("mode: {}", super::words::mode(view.mode))];
    if !view.observed {
        said.push("not observed: the record stands in for what is really there".to_owned());
    }
    said.extend(view.targets.iter().map(|target| format!("target {target}")));
    said.extend(view.notes.iter().map(|note| match &note.name {
        Some(name) => format!("note: {name}: {}", note.message),
        None => format!("note: {}", note.message),
    }));
    said.extend(
        view.kept
            .iter()
            .map(|kept| format!("kept: {} {} (of {})", kept.kind, kept.name, kept.holder)),
    );
    said.extend(
        view.exports
            .iter()
            .map(|export| format!("export {} = {}", export.name, export.value)),
    );
    said.extend(view.problems.iter().map(|problem| {
        let about = problem.urn.as_ref().map_or_else(String::new, |urn| format!("{urn}: "));
        format!("error: {about}{}", problem.message.join(" "))
    }));
    said
}

/// The lines that only one side has: those that are gone, then those that are new.
fn lines(before: &[String], after: &[String]) -> Vec<LineDiff> {
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    let line = |side| {
        move |text: &String| LineDiff {
            side,
            text: text.clone(),
        }
    };
    gone.map(line(Side::Gone)).chain(new.map(line(Side::New))).collect()
}

fn risks(before: &View, after: &View) -> Vec<RiskDiff> {
    let is_in = |risk: &RiskView, view: &View| {
        let mut others = view.risks.iter();
        others.any(|other| (other.kind, &other.name) == (risk.kind, &risk.name) && other.message == risk.message)
    };
    let only = |side, of: &View, other: &View| -> Vec<RiskDiff> {
        let risks = of.risks.iter().filter(|risk| !is_in(risk, other)).cloned();
        risks.map(|risk| RiskDiff { side, risk }).collect()
    };
    let mut found = only(Side::New, after, before);
    found.extend(only(Side::Gone, before, after));
    found
}

fn steps((before, before_view): (&Plan, &View), (after, after_view): (&Plan, &View)) -> Vec<StepDiff> {
    let steps_before: HashMap<&str, &Step> = before.steps.iter().map(|step| (step.key.as_str(), step)).collect();
    let steps_after: HashMap<&str, &Step> = after.steps.iter().map(|step| (step.key.as_str(), step)).collect();
    let views_before: HashMap<&str, &StepView> = before_view.steps().map(|step| (step.key.as_str(), step)).collect();
    let views_after: HashMap<&str, &StepView> = after_view.steps().map(|step| (step.key.as_str(), step)).collect();
    let whole = |side, step: &StepView| StepDiff {
        side,
        step: step.clone(),
        lines: Vec::new(),
        fields: Vec::new(),
    };
    let now = after_view.steps().filter_map(|now| {
        let key = now.key.as_str();
        let Some(was) = views_before.get(key) else {
            return Some(whole(Side::New, now));
        };
        let fields = match (steps_before.get(key), steps_after.get(key)) {
            (Some(was), Some(now)) => fields(was, now),
            _ => Vec::new(),
        };
        let lines = lines(&step_lines(was), &step_lines(now));
        let changed = StepDiff {
            side: Side::Changed,
            step: now.clone(),
            lines,
            fields,
        };
        (!changed.lines.is_empty() || !changed.fields.is_empty()).then_some(changed)
    });
    let gone = before_view
        .steps()
        .filter(|step| !views_after.contains_key(step.key.as_str()))
        .map(|step| whole(Side::Gone, step));
    now.chain(gone).collect()
}

/// Returns the lines about a step, besides its fields.
fn step_lines(step: &StepView) -> Vec<String> {
    let mut said = vec![verb(step.action).to_owned()];
    said.extend(step.reasons.iter().map(|reason| format!("because {reason}")));
    said.extend(
        step.risks
            .iter()
            .map(|risk| format!("! {}: {}", risk.label, risk.message)),
    );
    let effects = step.effects.iter().filter(|effect| effect.label != HOW_LONG);
    said.extend(effects.map(|effect| format!("{}: {}", effect.label, effect.text)));
    said.extend(step.order.iter().cloned());
    said.extend(
        step.not_checked
            .iter()
            .map(|why| format!("not checked by the server: {why}")),
    );
    said.extend(step.notes.iter().map(|note| format!("note: {note}")));
    said
}

/// The fields of a step that are not the same in both plans.
fn fields(before: &Step, after: &Step) -> Vec<FieldDiff> {
    let mut found = changes(before, after);
    // The values of a new resource are its inputs; those of any other one are told by its changes.
    if before.changes.is_empty()
        && after.changes.is_empty()
        && let (Some(before), Some(after)) = (&before.inputs, &after.inputs)
    {
        let changed = diff(before, after);
        found.extend(changed.iter().map(|change| FieldDiff {
            side: Side::Changed,
            field: field::field(change),
        }));
    }
    found
}

/// Returns the changes by position and side: a removed and an added item of a list may have the same position.
fn by_place(changes: &[FieldChange]) -> BTreeMap<(&FieldPath, bool), &FieldChange> {
    let places = changes.iter().map(|change| (&change.path, change.after.is_none()));
    places.zip(changes).collect()
}

fn changes(before: &Step, after: &Step) -> Vec<FieldDiff> {
    let (was, now) = (by_place(&before.changes), by_place(&after.changes));
    // The lines of the first plan may be other ones by now.
    let told = |side, change: &FieldChange| FieldDiff {
        side,
        field: match side {
            Side::New | Side::Now => field::placed(after, change),
            _ => field::field(change),
        },
    };
    let mut found = Vec::new();
    for (place, now) in &now {
        match was.get(place) {
            None => found.push(told(Side::New, now)),
            Some(was) if was == now => {}
            Some(was) => found.extend([told(Side::Was, was), told(Side::Now, now)]),
        }
    }
    let gone = was.iter().filter(|(place, _)| !now.contains_key(*place));
    found.extend(gone.map(|(_, change)| told(Side::Gone, change)));
    found
}

fn summary(steps: &[StepDiff], risks: &[RiskDiff], about: &[LineDiff]) -> String {
    let count = |side| steps.iter().filter(|step| step.side == side).count();
    let counted = |count: usize, what: &str, side: &str| match count {
        0 => None,
        1 => Some(format!("1 {what} {side}")),
        count => Some(format!("{count} {what}s {side}")),
    };
    let risk = |side| risks.iter().filter(|risk| risk.side == side).count();
    let parts: Vec<String> = [
        counted(count(Side::New), "step", "new"),
        counted(count(Side::Gone), "step", "gone"),
        counted(count(Side::Changed), "step", "changed"),
        counted(risk(Side::New), "risk", "new"),
        counted(risk(Side::Gone), "risk", "gone"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (parts.is_empty(), about.is_empty()) {
        (true, true) => "Difference: none".to_owned(),
        (true, false) => "Difference: no step".to_owned(),
        (false, _) => format!("Difference: {}", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests;
