//! Kinds that a server does not have.

use iac_core::provider::{ErrorKind, ProviderError};

use crate::awaited::ANNOTATION;
use crate::object::ObjectId;

/// The failure of an object whose kind the server does not have.
pub(super) fn unknown_kind(id: &ObjectId) -> ProviderError {
    let message = format!("the server has no kind {} in {}", id.kind, id.api_version());
    ProviderError::new(ErrorKind::NotFound, message).with_hint(match id.group.as_str() {
        "monitoring.coreos.com" => {
            "this kind is the Prometheus Operator's: install the operator, or leave the object out; an application can have a Prometheus of its own instead, app.prometheus(\"prometheus\", PrometheusOptions::image(\"prom/prometheus:v3.5.0\"))".to_owned()
        }
        _ => format!(
            "check apiVersion and kind; for a custom resource declare its CustomResourceDefinition or install it first. If something that this stack declares makes the kind, say so with the annotation {ANNOTATION}: \"true\" on the object: then a run waits for the kind"
        ),
    })
}

/// The failure of an object whose kind was waited for, and did not come.
pub(super) fn never_came(id: &ObjectId) -> ProviderError {
    let message = format!(
        "the server still has no kind {} in {}: nothing made it",
        id.kind,
        id.api_version()
    );
    ProviderError::new(ErrorKind::NotFound, message).with_hint(
        "look at what is to make it: whether its controller runs, and what the status and the events of the object that describes the kind say. The next run goes on here; the annotation iac.dev/wait sets another limit",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_without_an_operator_says_what_to_do_instead() {
        let mut id = ObjectId {
            group: "monitoring.coreos.com".to_owned(),
            version: "v1".to_owned(),
            kind: "ServiceMonitor".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "web-monitor".to_owned(),
        };
        let error = unknown_kind(&id);
        assert_eq!(
            error.message,
            "the server has no kind ServiceMonitor in monitoring.coreos.com/v1"
        );
        assert!(error.hint.is_some_and(|hint| hint.contains("app.prometheus(")));
        id.group = "example.com".to_owned();
        let hint = unknown_kind(&id).hint;
        assert!(hint.is_some_and(|hint| hint.starts_with("check apiVersion and kind")));
    }
}
