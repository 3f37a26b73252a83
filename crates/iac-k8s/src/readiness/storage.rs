//! Readiness of claims, volumes, namespaces and quotas.

use iac_core::provider::Readiness;
use serde_json::Value as Json;

use super::{Related, failed, pending};

fn phase(object: &Json) -> &str {
    object.pointer("/status/phase").and_then(Json::as_str).unwrap_or("")
}

/// Bound, or waiting for its first pod as its storage class wants it to.
pub(super) fn claim(object: &Json, related: &Related) -> Readiness {
    match phase(object) {
        "Bound" => Readiness::Ready,
        "Lost" => failed("the volume that it was bound to is gone", true),
        _ if related.waits_for_consumer => Readiness::Ready,
        _ => match object.pointer("/spec/storageClassName").and_then(Json::as_str) {
            Some(class) if !class.is_empty() => pending(format!("no volume of class {class} is bound to it yet")),
            _ => pending("no volume is bound to it yet, and it names no storage class"),
        },
    }
}

/// Can be used, or is in use.
pub(super) fn volume(object: &Json) -> Readiness {
    match phase(object) {
        // Released by its former claim: somebody has to look at the data before it can be bound again.
        "Available" | "Bound" | "Released" => Readiness::Ready,
        "Failed" => {
            let message = object.pointer("/status/message").and_then(Json::as_str).unwrap_or("");
            failed(format!("the volume failed: {message}"), true)
        }
        _ => pending("not available yet"),
    }
}

/// Active.
pub(super) fn namespace(object: &Json) -> Readiness {
    match phase(object) {
        "Terminating" => pending("being deleted"),
        _ => Readiness::Ready,
    }
}

/// In force as written.
pub(super) fn quota(object: &Json) -> Readiness {
    match object.pointer("/status/hard") == object.pointer("/spec/hard") {
        true => Readiness::Ready,
        false => pending("the quota is not in force yet"),
    }
}
