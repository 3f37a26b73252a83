//! Jobs that run, or run again.

use std::collections::BTreeSet;

use iac_core::Value;
use iac_core::provider::effect::{Run, Transition};
use iac_core::provider::{Effect, Phase, Readiness};

use super::{Seen, containers, list, text};

/// The number of times that a Job is tried again unless it says so.
const BACKOFF_LIMIT: i64 = 6;

pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
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
    let beside = order(seen, all);
    [run].into_iter().chain(forgotten(seen)).chain(beside).collect()
}

/// Says which pods of the stack run while a Job does that runs again, and may meet what it does: those of the same image that do
/// not wait for it, and those that are there until then.
fn order(job: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    if job.item.recorded.is_none() {
        return Vec::new();
    }
    let image = |seen: &Seen<'_>| {
        let spec = seen.pods().map_or(&Value::Null, |(_, then)| then);
        containers(spec).find_map(|container| text(container, "/image").map(str::to_owned))
    };
    let own = image(job);
    let is_kin = |other: &&Seen<'_>| {
        other.place != job.place
            && other.kind.starts_with("apps/")
            && other.id.namespace == job.id.namespace
            && other.item.transition == Transition::Update
            && other.changes_pods()
            && image(other) == own
    };
    let (wait, beside): (Vec<&Seen<'_>>, Vec<&Seen<'_>>) =
        all.iter().filter(is_kin).partition(|other| waits(other, job, all));
    let names = |some: &[&Seen<'_>]| some.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    let mut told = Vec::new();
    if !wait.is_empty() {
        told.push(Effect::other(format!(
            "while it runs, the old pods of {} go on, and meet what it does",
            names(&wait)
        )));
    }
    if !beside.is_empty() {
        let (who, does, it) = match beside.len() {
            1 => (names(&beside), "does", "is changed"),
            _ => (names(&beside), "do", "are changed"),
        };
        told.push(Effect::other(format!(
            "{who} {does} not wait for it, and {it} also if it fails: old and new pods run while it does, so the old ones may meet what \
             it does, and the new ones what it has not done yet"
        )));
    }
    told
}

/// True if an object is changed only once another one is ready, as far as the plan says.
fn waits(one: &Seen<'_>, job: &Seen<'_>, all: &[Seen<'_>]) -> bool {
    let mut open = vec![one];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        for (key, phase) in next.item.waits_for {
            if key == job.item.key && *phase == Phase::Ready {
                return true;
            }
            if seen.insert(key) {
                open.extend(all.iter().filter(|other| other.item.key == key));
            }
        }
    }
    false
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
