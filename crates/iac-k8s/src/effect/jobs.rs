//! Jobs that run, or run again.

use iac_core::Value;
use iac_core::provider::effect::{Run, Transition};
use iac_core::provider::{Effect, Readiness};

use super::{Seen, list, text};

/// The number of times that a Job is tried again unless it says so.
const BACKOFF_LIMIT: i64 = 6;

pub(super) fn of(seen: &Seen<'_>) -> Vec<Effect> {
    let runs = matches!(seen.item.transition, Transition::Create | Transition::Replace);
    if seen.kind != "batch/Job" || !runs {
        return Vec::new();
    }
    let limit = seen.then().pointer("/spec/backoffLimit").and_then(Value::as_i64);
    let tries = u64::try_from(limit.unwrap_or(BACKOFF_LIMIT))
        .ok()
        .map(|retries| retries + 1);
    let run = Effect::Run(Run {
        command: command(seen.then()),
        again: seen.item.recorded.is_some(),
        tries,
        last: last(seen),
    });
    [run].into_iter().chain(forgotten(seen)).collect()
}

/// Says what goes with the last run.
fn forgotten(seen: &Seen<'_>) -> Option<Effect> {
    if seen.item.transition != Transition::Replace || seen.item.live.is_none() {
        return None;
    }
    let failed = matches!(
        seen.item.live.map(|live| &live.readiness),
        Some(Readiness::Failed { .. } | Readiness::Spent(_))
    );
    let namespace = seen.id.namespace.as_deref().unwrap_or_default();
    let save = match failed {
        true => format!(
            "; to keep the logs: kubectl logs -n {namespace} -l job-name={} --prefix --tail=-1",
            seen.id.name
        ),
        false => String::new(),
    };
    Some(Effect::other(format!(
        "the pods of its last run and their logs are deleted{save}"
    )))
}

/// Returns the command of the first container.
fn command(job: &Value) -> String {
    let Some(container) = list(job, "/spec/template/spec/containers").first() else {
        return "nothing".to_owned();
    };
    let words = ["/command", "/args"]
        .into_iter()
        .flat_map(|field| list(container, field));
    let words: Vec<&str> = words.map(|word| word.as_str().unwrap_or("(secret)")).collect();
    match words.is_empty() {
        true => format!("the image {}", text(container, "/image").unwrap_or("(not known yet)")),
        false => words.join(" "),
    }
}

fn last(seen: &Seen<'_>) -> Option<String> {
    let recorded = seen.item.recorded?;
    Some(match seen.item.live.map(|live| &live.readiness) {
        Some(Readiness::Failed { reason, .. } | Readiness::Spent(reason)) => format!("failed: {reason}"),
        Some(Readiness::Pending(_)) => "is still at work, and is stopped".to_owned(),
        Some(Readiness::Ready) => "completed".to_owned(),
        None if recorded.ready => "completed".to_owned(),
        None => return None,
    })
}
