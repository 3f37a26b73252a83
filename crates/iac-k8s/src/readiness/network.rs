//! Readiness of what leads to pods, and of what scales them.

use iac_core::provider::Readiness;
use serde_json::Value as Json;

use super::{Related, condition, pending};

/// Has the address that its type promises, and somebody behind it when it selects pods.
pub(super) fn service(object: &Json, related: &Related) -> Readiness {
    let kind = object
        .pointer("/spec/type")
        .and_then(Json::as_str)
        .unwrap_or("ClusterIP");
    if kind == "ExternalName" {
        return Readiness::Ready;
    }
    if kind == "LoadBalancer"
        && !related.unserved
        && lacks_address(object)
        && is_empty(object.pointer("/spec/externalIPs"))
    {
        return pending("no load balancer has given it an address yet");
    }
    let selects = !is_empty(object.pointer("/spec/selector"));
    if selects && related.ready_endpoints == Some(0) && !related.no_pods_to_come {
        return pending("no ready pod behind it yet");
    }
    Readiness::Ready
}

/// Has an address, unless nobody is there to give it one.
pub(super) fn ingress(object: &Json, related: &Related) -> Readiness {
    if related.unserved || !lacks_address(object) {
        return Readiness::Ready;
    }
    let class = object.pointer("/spec/ingressClassName").and_then(Json::as_str);
    pending(match class {
        Some(class) => format!("no ingress controller of class {class} has given it an address yet"),
        None => "no ingress controller has given it an address yet (spec.ingressClassName is not set)".to_owned(),
    })
}

/// True if it waits for an address from a controller.
pub(super) fn lacks_address(object: &Json) -> bool {
    is_empty(object.pointer("/status/loadBalancer/ingress"))
}

fn is_empty(list: Option<&Json>) -> bool {
    match list {
        Some(Json::Array(items)) => items.is_empty(),
        Some(Json::Object(map)) => map.is_empty(),
        _ => true,
    }
}

/// Works as long as its controller does not say that it cannot. Missing metrics, common in the first minutes, do not
/// make it wait.
pub(super) fn autoscaler(object: &Json) -> Readiness {
    match condition(object, "AbleToScale") {
        Some(able) if able.is("False") && able.reason.starts_with("Failed") => pending(able.text()),
        _ => match condition(object, "ScalingActive") {
            Some(active) if active.is("False") && active.reason == "InvalidSelector" => pending(active.text()),
            _ => Readiness::Ready,
        },
    }
}
