//! The view of a finished run: how each step ended, what it waited for, and how long it took.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::view::{safe, safe_lines};
use super::words::{mode, short_name, symbol, word};
use crate::apply::{Outcome, Report, Timeline};
use crate::plan::{Action, Mode, Plan, Step};
use crate::provider::ProviderError;
use crate::urn::Key;

/// The outcome of a step that went as planned.
const DONE: &str = "done";

/// A finished run as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunView {
    /// The stack.
    pub stack: String,
    /// The purpose of the run.
    pub mode: Mode,
    /// One line that counts what was done.
    pub summary: String,
    /// True if everything was done.
    pub ok: bool,
    /// The steps that were to do something, in the order in which they began; those that never did come last.
    pub steps: Vec<RunStep>,
}

/// One step of a run. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunStep {
    /// The number of the step in its plan.
    pub id: usize,
    /// The name of the resource for people.
    pub name: String,
    /// The sign of the action.
    pub sign: String,
    /// The action.
    pub action: Action,
    /// The word for the action.
    pub word: String,
    /// The end of the step, in a word or two: `done`, `failed`, …
    pub outcome: String,
    /// The error, or the reason for which it was not tried; one line each.
    pub why: Vec<String>,
    /// The steps that it waited for, by [`id`](Self::id).
    pub after: Vec<usize>,
    /// The step that it waited for last.
    pub waited_for: Option<usize>,
    /// The time from the beginning of the run until it began; none if it never did.
    pub began: Option<u64>,
    /// The time until the object was there, or gone.
    pub there: u64,
    /// The time from then on until it was ready.
    pub ready: u64,
    /// The time that the deletion of the object took that it replaced.
    pub gone: u64,
}

impl RunStep {
    /// True if it was done as planned.
    pub fn is_done(&self) -> bool {
        self.outcome == DONE
    }

    /// The time that it worked, without what it waited for before.
    pub fn total(&self) -> u64 {
        self.there.saturating_add(self.ready).saturating_add(self.gone)
    }
}

impl RunView {
    /// The view of a run that carried out this plan. `summary` is the line that counts what was done.
    pub fn of(plan: &Plan, report: &Report, summary: &str) -> Self {
        let changed = || plan.steps.iter().filter(|step| report.outcomes.contains_key(&step.key));
        let ids: HashMap<&Key, usize> = changed().map(|step| &step.key).zip(1..).collect();
        let names = |key: &Key| match plan.steps.iter().find(|step| &step.key == key) {
            Some(step) => short_name(&step.key, &step.identity),
            None => safe(&key.short()),
        };
        let step = |step: &Step| {
            let outcome = report.outcomes.get(&step.key)?;
            Some(RunStep::of(
                step,
                plan.mode,
                outcome,
                report.timelines.get(&step.key),
                &ids,
                &names,
            ))
        };
        let mut steps: Vec<RunStep> = changed().filter_map(step).collect();
        steps.sort_by_key(|step| (step.began.is_none(), step.began, step.id));
        Self {
            stack: safe(&plan.stack),
            mode: plan.mode,
            summary: safe(summary),
            ok: report.is_ok(),
            steps,
        }
    }

    /// Returns the purpose of the run, in a word.
    pub(super) fn verb(&self) -> &'static str {
        mode(self.mode)
    }
}

impl RunStep {
    fn of(
        step: &Step,
        mode: Mode,
        outcome: &Outcome,
        timeline: Option<&Timeline>,
        ids: &HashMap<&Key, usize>,
        names: &dyn Fn(&Key) -> String,
    ) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let part = |of: fn(&Timeline) -> Option<Duration>| timeline.and_then(of).map_or(0, milliseconds);
        let (outcome, why) = words(outcome, names);
        Self {
            id: ids.get(&step.key).copied().unwrap_or_default(),
            name: short_name(&step.key, &step.identity),
            sign: symbol(step).to_owned(),
            action: step.action,
            word: word(mode, step.action).to_owned(),
            outcome: outcome.to_owned(),
            why,
            after: step.after.iter().filter_map(|(key, _)| ids.get(key).copied()).collect(),
            waited_for: timeline.and_then(|line| ids.get(line.waited_for.as_ref()?).copied()),
            began: timeline.map(|line| milliseconds(line.waited)),
            there: part(|line| line.there),
            ready: part(|line| line.ready),
            gone: part(|line| line.gone),
        }
    }
}

/// Returns the outcome of a step in words, and the reasons.
fn words(outcome: &Outcome, names: &dyn Fn(&Key) -> String) -> (&'static str, Vec<String>) {
    let needs = |key: &Key| vec![format!("it needs {}", names(key))];
    match outcome {
        Outcome::Done(_) => (DONE, Vec::new()),
        Outcome::Failed(error) => ("failed", lines(error)),
        Outcome::NotReady(error) => ("not ready", lines(error)),
        Outcome::Skipped(because) => ("skipped", needs(because)),
        Outcome::NotWaited(because) => ("not waited for", needs(because)),
        Outcome::Interrupted => ("interrupted", Vec::new()),
        Outcome::Cancelled => ("not started", Vec::new()),
    }
}

fn lines(error: &ProviderError) -> Vec<String> {
    let all = std::iter::once(&error.message).chain(&error.details).chain(&error.hint);
    all.flat_map(|text| safe_lines(text)).collect()
}
