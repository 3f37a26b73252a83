//! The end of a run: a line for people, JSON for scripts.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::apply::{Outcome, Report, Timeline};
use crate::plan::{Action, Plan};
use crate::render::sanitize;

/// The name of the report's format and its version.
const FORMAT: &str = "iac.run/1";

/// One line that counts what was done.
pub(super) fn report_line(plan: &Plan, report: &Report, elapsed: &str) -> String {
    let counted = [
        (Action::Create, "created"),
        (Action::Update, "updated"),
        (Action::Replace, "replaced"),
        (Action::Delete, "deleted"),
        (Action::Adopt, "adopted"),
        (Action::Forget, "forgotten"),
        (Action::Wait, "waited for"),
        (Action::Record, "recorded"),
        (Action::Cleanup, "cleaned up"),
    ];
    let mut parts: Vec<String> = counted
        .iter()
        .map(|(action, word)| (report.count(*action), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let count = |which: fn(&Outcome) -> bool| report.outcomes.values().filter(|outcome| which(outcome)).count();
    let others = [
        (report.failed(), "failed"),
        (count(|outcome| matches!(outcome, Outcome::Skipped(_))), "skipped"),
        (
            count(|outcome| matches!(outcome, Outcome::NotWaited(_))),
            "not waited for",
        ),
        (count(|outcome| matches!(outcome, Outcome::Interrupted)), "interrupted"),
        (count(|outcome| matches!(outcome, Outcome::Cancelled)), "not started"),
    ];
    parts.extend(
        others
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}")),
    );
    let done = if parts.is_empty() {
        "nothing changed".to_owned()
    } else {
        parts.join(", ")
    };
    let version = report
        .version
        .map_or_else(String::new, |version| format!(" (version {version})"));
    format!("Stack {}: {done} in {elapsed}{version}", sanitize(&plan.stack))
}

/// Returns the times of a step, in milliseconds, and the step that it waited for before, as JSON.
fn took_json(line: &Timeline) -> Json {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    json!({
        "waited": milliseconds(line.waited),
        "waited_for": line.waited_for,
        "there": line.there.map(milliseconds),
        "ready": line.ready.map(milliseconds),
        "gone": line.gone.map(milliseconds),
    })
}

/// A run as JSON.
pub(super) fn report_json(plan: &Plan, report: &Report, verb: &str) -> Json {
    let outcomes = report.outcomes.iter().map(|(key, outcome)| {
        let mut json = match outcome {
            Outcome::Done(action) => json!({"outcome": "done", "action": action}),
            Outcome::Failed(error) => json!({"outcome": "failed", "error": error.message, "details": error.details}),
            Outcome::NotReady(error) => {
                json!({"outcome": "not-ready", "error": error.message, "details": error.details})
            }
            Outcome::Skipped(because) => json!({"outcome": "skipped", "because": because}),
            Outcome::NotWaited(because) => json!({"outcome": "not-waited", "because": because}),
            Outcome::Interrupted => json!({"outcome": "interrupted"}),
            Outcome::Cancelled => json!({"outcome": "cancelled"}),
        };
        json["key"] = json!(key);
        json["done"] = json!(report.done.get(key));
        json["took"] = json!(report.timelines.get(key).map(took_json));
        json
    });
    json!({
        "format": FORMAT,
        "stack": plan.stack,
        "verb": verb,
        "ok": report.is_ok(),
        "summary": report.summary(),
        "version": report.version,
        "outcomes": outcomes.collect::<Vec<_>>(),
    })
}
