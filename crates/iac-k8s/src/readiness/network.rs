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
    if kind == "LoadBalancer" && !has_address(object) && is_empty(object.pointer("/spec/externalIPs")) {
        return pending("no load balancer has given it an address yet");
    }
    let selects = !is_empty(object.pointer("/spec/selector"));
    if selects && related.ready_endpoints == Some(0) {
        return pending("no ready pod behind it yet");
    }
    Readiness::Ready
}

/// Has an address. A cluster may have a controller that never reports one, so this can wait in vain: the message says
/// what for.
pub(super) fn ingress(object: &Json) -> Readiness {
    if has_address(object) {
        return Readiness::Ready;
    }
    let class = object.pointer("/spec/ingressClassName").and_then(Json::as_str);
    pending(match class {
        Some(class) => format!("no ingress controller of class {class} has given it an address yet"),
        None => "no ingress controller has given it an address yet (spec.ingressClassName is not set)".to_owned(),
    })
}

fn has_address(object: &Json) -> bool {
    let addresses = object.pointer("/status/loadBalancer/ingress").and_then(Json::as_array);
    addresses.is_some_and(|addresses| !addresses.is_empty())
}

fn is_empty(list: Option<&Json>) -> bool {
    match list {
        Some(Json::Array(items)) => items.is_empty(),
        Some(Json::Object(map)) => map.is_empty(),
        _ => true,
    }
}

/// Works as long as its controller does not say that it can not. Missing metrics, common in the first minutes, do not
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
