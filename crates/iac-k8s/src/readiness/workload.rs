//! Readiness of what runs pods.

use iac_core::provider::Readiness;
use serde_json::Value as Json;

use super::{condition, failed, last_changed, number, pending};

/// All replicas run the current template, are available, and no old ones are left.
pub(super) fn deployment(object: &Json) -> Readiness {
    if object.pointer("/status/observedGeneration").is_none() {
        return pending("the controller has not seen it yet");
    }
    if object.pointer("/spec/paused") == Some(&Json::Bool(true)) {
        return Readiness::Ready;
    }
    let progressing = condition(object, "Progressing");
    // The rollout that took too long may be the one before the last change.
    let is_current = |updated: &str| last_changed(object).is_none_or(|changed| updated > changed);
    if let Some(condition) = progressing
        && condition.reason == "ProgressDeadlineExceeded"
        && is_current(condition.updated)
    {
        return failed(condition.text(), true);
    }
    let wanted = number(object, "/spec/replicas", 1);
    let have = |field: &str| number(object, &format!("/status/{field}"), 0);
    let (updated, available, total) = (have("updatedReplicas"), have("availableReplicas"), have("replicas"));
    if updated < wanted {
        let failure = condition(object, "ReplicaFailure").filter(|condition| condition.is("True"));
        let why = failure.map_or(String::new(), |condition| format!("; {}", condition.text()));
        return pending(format!("{updated} of {wanted} replicas updated{why}"));
    }
    if total > updated {
        return pending(format!("{} old replicas still to go", total - updated));
    }
    if available < wanted {
        return pending(format!("{available} of {wanted} replicas ready"));
    }
    Readiness::Ready
}

/// All replicas that its update strategy lets it change are current and ready.
pub(super) fn stateful_set(object: &Json) -> Readiness {
    if object.pointer("/status/observedGeneration").is_none() {
        return pending("the controller has not seen it yet");
    }
    let wanted = number(object, "/spec/replicas", 1);
    let have = |field: &str| number(object, &format!("/status/{field}"), 0);
    // Ready for as long as it asks for.
    let ready = match number(object, "/spec/minReadySeconds", 0) {
        0 => have("readyReplicas"),
        _ => have("availableReplicas"),
    };
    let total = have("replicas");
    if ready < wanted || total < wanted {
        return pending(format!("{ready} of {wanted} replicas ready"));
    }
    if total > wanted {
        return pending(format!("{} replicas still to go", total - wanted));
    }
    // Pods are changed by hand, so waiting for them would take for ever.
    if object.pointer("/spec/updateStrategy/type").and_then(Json::as_str) == Some("OnDelete") {
        return Readiness::Ready;
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition", 0);
    let expected = (wanted - partition).max(0);
    let current = object.pointer("/status/currentRevision") == object.pointer("/status/updateRevision");
    let updated = if current { wanted } else { have("updatedReplicas") };
    if updated < expected {
        return pending(format!("{updated} of {expected} replicas updated"));
    }
    Readiness::Ready
}

/// A pod on each node that should have one, current and available.
pub(super) fn daemon_set(object: &Json) -> Readiness {
    if object.pointer("/status/observedGeneration").is_none() {
        return pending("the controller has not seen it yet");
    }
    let have = |field: &str| number(object, &format!("/status/{field}"), 0);
    let wanted = have("desiredNumberScheduled");
    let by_hand = object.pointer("/spec/updateStrategy/type").and_then(Json::as_str) == Some("OnDelete");
    let (updated, available) = (have("updatedNumberScheduled"), have("numberAvailable"));
    if updated < wanted && !by_hand {
        return pending(format!("{updated} of {wanted} pods updated"));
    }
    if available < wanted {
        return pending(format!("{available} of {wanted} pods ready"));
    }
    Readiness::Ready
}

/// As many available pods as wanted.
pub(super) fn replica_set(object: &Json) -> Readiness {
    let wanted = number(object, "/spec/replicas", 1);
    let available = number(object, "/status/availableReplicas", 0);
    if available >= wanted {
        return Readiness::Ready;
    }
    let failure = condition(object, "ReplicaFailure").filter(|condition| condition.is("True"));
    let why = failure.map_or(String::new(), |condition| format!("; {}", condition.text()));
    pending(format!("{available} of {wanted} replicas ready{why}"))
}

/// Runs and is ready, or has done its work.
pub(super) fn pod(object: &Json) -> Readiness {
    let message = object.pointer("/status/message").and_then(Json::as_str).unwrap_or("");
    match object.pointer("/status/phase").and_then(Json::as_str).unwrap_or("") {
        "Succeeded" => Readiness::Ready,
        "Failed" => Readiness::Spent(format!(
            "the pod failed{}{message}",
            if message.is_empty() { "" } else { ": " }
        )),
        _ if is_gated(object) => Readiness::Ready,
        _ => match condition(object, "Ready") {
            Some(condition) if condition.is("True") => Readiness::Ready,
            Some(condition) if !condition.reason.is_empty() => pending(condition.text()),
            _ => match condition(object, "PodScheduled") {
                Some(condition) if condition.is("False") => pending(condition.text()),
                _ => pending("the pod is starting"),
            },
        },
    }
}

/// True if a Job does nothing until somebody resumes it, or lets it run pods again.
pub(super) fn is_suspended(job: &Json) -> bool {
    job.pointer("/spec/suspend") == Some(&Json::Bool(true)) || number(job, "/spec/parallelism", 1) == 0
}

/// True if it is not to be scheduled until somebody says so.
fn is_gated(pod: &Json) -> bool {
    condition(pod, "PodScheduled").is_some_and(|scheduled| scheduled.reason == "SchedulingGated")
}

/// Has completed, or is suspended: then nothing more is to come until somebody resumes it.
pub(super) fn job(object: &Json) -> Readiness {
    if condition(object, "Complete").is_some_and(|condition| condition.is("True")) {
        return Readiness::Ready;
    }
    let is_true = |kind: &str| condition(object, kind).filter(|condition| condition.is("True"));
    if let Some(condition) = is_true("Failed") {
        return Readiness::Spent(condition.text());
    }
    // It is about to be: its pods are ended first.
    if let Some(condition) = is_true("FailureTarget") {
        return failed(condition.text(), true);
    }
    if is_suspended(object) {
        return Readiness::Ready;
    }
    let wanted = number(object, "/spec/completions", 1);
    let have = |field: &str| number(object, &format!("/status/{field}"), 0);
    let (succeeded, failures) = (have("succeeded"), have("failed"));
    let failures = match failures {
        0 => String::new(),
        1 => ", 1 attempt failed".to_owned(),
        many => format!(", {many} attempts failed"),
    };
    pending(format!("{succeeded} of {wanted} completions{failures}"))
}
