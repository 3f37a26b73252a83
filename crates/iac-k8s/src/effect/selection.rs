//! Which Services and policies lead to which pods.

use iac_core::Value;

use super::Seen;
use crate::kinds;

/// The labels of the pods of an object.
pub(super) fn labels<'a>(kind: &str, object: &'a Value) -> Option<&'a Value> {
    object.pointer(&format!("{}/metadata/labels", kinds::pod_template(kind)?))
}

/// True if a selector of a Service is not empty and asks for what these labels have.
pub(super) fn selects(selector: &Value, labels: Option<&Value>) -> bool {
    let wanted = selector.as_object();
    wanted.is_some_and(|wanted| wanted.iter().count() > 0) && has_all(selector, labels)
}

/// True if these labels have all that is asked for.
pub(super) fn has_all(wanted: &Value, labels: Option<&Value>) -> bool {
    let has = |label: &str, value: &Value| {
        let there = labels.and_then(|labels| labels.get(label)?.as_str());
        there.is_some() && there == value.as_str()
    };
    wanted
        .as_object()
        .is_none_or(|wanted| wanted.iter().all(|(label, value)| has(label, value)))
}

/// Labels in words: `app=web, tier=front`.
pub(super) fn terms(wanted: &Value) -> String {
    let wanted = wanted.as_object().into_iter().flat_map(|wanted| wanted.iter());
    let terms: Vec<String> = wanted
        .map(|(label, value)| format!("{label}={}", value.as_str().unwrap_or("?")))
        .collect();
    terms.join(", ")
}

/// The Services that stay and that select the pods which an object has until now.
pub(super) fn services<'a>(seen: &Seen<'_>, all: &'a [Seen<'a>]) -> Vec<&'a Seen<'a>> {
    let is_meant = |service: &&Seen<'_>| {
        let selector = service.then().pointer("/spec/selector");
        service.kind == "core/Service"
            && service.item.remains()
            && service.id.namespace == seen.id.namespace
            && selector.is_some_and(|selector| selects(selector, labels(&seen.kind, seen.before())))
    };
    all.iter().filter(is_meant).collect()
}

/// The other objects that stay and whose pods a Service selects.
pub(super) fn others<'a>(service: &Seen<'_>, but: &Seen<'_>, all: &'a [Seen<'a>]) -> Vec<&'a Seen<'a>> {
    let Some(selector) = service.then().pointer("/spec/selector") else {
        return Vec::new();
    };
    let has_pods = |other: &Seen<'_>| other.then().pointer("/spec/replicas").and_then(Value::as_i64) != Some(0);
    let is_meant = |other: &&Seen<'_>| {
        other.place != but.place
            && other.kind != "batch/Job"
            && other.item.remains()
            && has_pods(other)
            && other.id.namespace == service.id.namespace
            && selects(selector, labels(&other.kind, other.then()))
    };
    all.iter().filter(is_meant).collect()
}
