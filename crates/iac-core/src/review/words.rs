//! The words and signs for actions, modes and risks, and the line that counts a plan's steps.

use std::collections::BTreeMap;

use super::model::Count;
use crate::plan::{Action, Mode, Order, Plan, Reason, Step};
use crate::provider::{Checked, RiskKind};
use crate::render::sanitize;
use crate::urn::Key;

/// The limits of a plan for which nobody was asked.
pub(crate) const OFFLINE: &str = "the plan compares with the record alone; what exists, and whether the images, storage classes and Secrets of others that it names do, was \
     not looked at";

/// The action of a step as people are to see it: where the program changes something that has no effect on the object, only the
/// record follows.
pub(crate) fn shown(step: &Step) -> Action {
    let is_own = |reason: &Reason| matches!(reason, Reason::Inputs(_));
    let has_no_effect = step.action == Action::Update
        && step.changes.is_empty()
        && step.checked == Checked::ByServer
        && step.leftovers.is_empty()
        && step.reasons.iter().all(is_own);
    match has_no_effect {
        true => Action::Record,
        false => step.action,
    }
}

/// The sign that stands before a step.
pub(crate) fn symbol(step: &Step) -> &'static str {
    match shown(step) {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace if step.order == Some(Order::CreateFirst) => "+-",
        Action::Replace => "±",
        Action::Record => "*",
        Action::Cleanup => "/",
        Action::Delete => "-",
        Action::Adopt => ">",
        Action::Forget => "x",
        Action::Wait => ".",
        Action::Keep => "=",
        Action::Same => " ",
    }
}

/// The word for an action in a sentence.
pub(crate) fn verb(action: Action) -> &'static str {
    match action {
        Action::Same => "unchanged",
        Action::Cleanup => "clean up",
        action => action.name(),
    }
}

/// The word for a mode.
pub(crate) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Up => "up",
        Mode::Destroy => "destroy",
        Mode::Refresh => "refresh",
    }
}

/// The name of a resource for people: its kind and its name in the outside world (`Deployment codelab/api`); the name
/// in the program where it has none out there.
pub fn short_name(key: &Key, identity: &str) -> String {
    let name = match identity.split_once(' ') {
        Some((kind, name)) => format!("{} {name}", kind.rsplit('/').next().unwrap_or(kind)),
        None => key.short(),
    };
    sanitize(&name).into_owned()
}

/// The word for an action in a plan of this mode: a refresh does nothing to the world, it tells what was done to it.
pub(crate) fn word(mode: Mode, action: Action) -> &'static str {
    match (mode, action) {
        (Mode::Refresh, Action::Update) => "changed",
        (Mode::Refresh, Action::Forget | Action::Delete) => "gone",
        (_, action) => verb(action),
    }
}

/// The word for a risk.
pub(crate) fn risk_name(kind: RiskKind) -> &'static str {
    match kind {
        RiskKind::DataLoss => "data-loss",
        RiskKind::EmptyData => "empty data",
        RiskKind::Downtime => "downtime",
        RiskKind::Exposure => "exposure",
        RiskKind::Privilege => "privilege",
        RiskKind::Irreversible => "irreversible",
        RiskKind::BrokenReference => "broken reference",
        RiskKind::Undo => "undo",
    }
}

/// Returns the rank of a risk: harm that cannot be mended comes first.
pub(crate) fn weight(kind: RiskKind) -> usize {
    match kind {
        RiskKind::DataLoss => 0,
        RiskKind::EmptyData => 1,
        RiskKind::Irreversible => 2,
        RiskKind::Downtime => 3,
        RiskKind::BrokenReference => 4,
        RiskKind::Privilege => 5,
        RiskKind::Exposure => 6,
        RiskKind::Undo => 7,
    }
}

/// The number of steps by action.
pub(super) fn counts(plan: &Plan) -> Vec<Count> {
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    for step in &plan.steps {
        *counts.entry(shown(step)).or_default() += 1;
    }
    let count = |(action, count)| Count {
        action,
        word: word(plan.mode, action).to_owned(),
        count,
    };
    counts.into_iter().map(count).collect()
}

/// One line that counts the steps.
pub fn summary(plan: &Plan) -> String {
    if !plan.problems.is_empty() {
        let count = plan.problems.len();
        let errors = if count == 1 { "error" } else { "errors" };
        return format!("Plan: refused, nothing is carried out; {count} {errors}");
    }
    let counts = counts(plan);
    let changes: Vec<String> = counts
        .iter()
        .filter(|count| count.action.is_change())
        .map(|Count { action, word, count }| match action {
            _ if plan.mode == Mode::Refresh => format!("{count} {word}"),
            Action::Wait => format!("{count} to wait for"),
            _ => format!("{count} to {word}"),
        })
        .collect();
    let changes = if changes.is_empty() {
        match plan.mode {
            Mode::Refresh => "none".to_owned(),
            Mode::Up | Mode::Destroy => "no changes".to_owned(),
        }
    } else {
        changes.join(", ")
    };
    let title = if plan.mode == Mode::Refresh { "Drift" } else { "Plan" };
    let mut text = format!("{title}: {changes}");
    for (action, word) in [(Action::Same, "unchanged"), (Action::Keep, "kept")] {
        if let Some(count) = counts.iter().find(|count| count.action == action) {
            text.push_str(&format!("; {} {word}", count.count));
        }
    }
    let holders = plan.kept.iter().map(|kept| kept.items.len()).sum::<usize>();
    let kept = counts.iter().find(|count| count.action == Action::Keep);
    if holders > kept.map_or(0, |count| count.count) {
        text.push_str(&format!(
            "; data kept in {holders} {}",
            if holders == 1 { "place" } else { "places" }
        ));
    }
    text.push_str(&risks(plan));
    if let Some(estimate) = &plan.estimate {
        text.push_str(&format!("; {}", estimate.text()));
    }
    text
}

/// The risks of a plan by their sort, for the end of its summary.
fn risks(plan: &Plan) -> String {
    let mut counts: BTreeMap<RiskKind, usize> = BTreeMap::new();
    for risk in plan.steps.iter().flat_map(|step| &step.risks) {
        *counts.entry(risk.kind).or_default() += 1;
    }
    let risks: Vec<String> = counts
        .iter()
        .map(|(kind, count)| format!("{count} {}", risk_name(*kind)))
        .collect();
    if risks.is_empty() {
        return String::new();
    }
    format!("; risks: {}", risks.join(", "))
}
