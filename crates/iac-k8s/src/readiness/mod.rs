//! Whether an object does its work: a pure function of the object and of little else.
//!
//! Every kind has its rule in one of the modules below; [`Related`] carries what a rule needs besides the object.
//! A kind without a rule follows the conventions of custom resources ([`generic`]).

mod generic;
mod network;
mod storage;
mod workload;

use iac_core::provider::Readiness;
use serde_json::Value as Json;

/// What a rule needs to know besides the object itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Related {
    /// For a Service with a selector: how many of its endpoints are ready; none where that is not known.
    pub(crate) ready_endpoints: Option<usize>,
    /// For a claim: whether its storage class waits for the first pod that uses it.
    pub(crate) waits_for_consumer: bool,
}

/// Whether the object is ready.
pub(crate) fn of(object: &Json, related: &Related) -> Readiness {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return pending("being deleted");
    }
    if let Some(readiness) = unobserved(object) {
        return readiness;
    }
    let group = object["apiVersion"]
        .as_str()
        .and_then(|version| version.rsplit_once('/'));
    let group = group.map_or("", |(group, _)| group);
    match (group, object["kind"].as_str().unwrap_or("")) {
        ("apps", "Deployment") => workload::deployment(object),
        ("apps", "StatefulSet") => workload::stateful_set(object),
        ("apps", "DaemonSet") => workload::daemon_set(object),
        ("apps", "ReplicaSet") => workload::replica_set(object),
        ("", "ReplicationController") => workload::replica_set(object),
        ("", "Pod") => workload::pod(object),
        ("batch", "Job") => workload::job(object),
        ("", "Service") => network::service(object, related),
        ("networking.k8s.io", "Ingress") => network::ingress(object),
        ("autoscaling", "HorizontalPodAutoscaler") => network::autoscaler(object),
        ("", "PersistentVolumeClaim") => storage::claim(object, related),
        ("", "PersistentVolume") => storage::volume(object),
        ("", "Namespace") => storage::namespace(object),
        ("", "ResourceQuota") => storage::quota(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => generic::definition(object),
        ("apiregistration.k8s.io", "APIService") => generic::api_service(object),
        // Its schedule is what it is for; the jobs it starts are its own business.
        ("batch", "CronJob") => Readiness::Ready,
        _ => generic::custom(object),
    }
}

/// Whether the controller has yet to see the object as it is now. Some controllers write the number as text.
fn unobserved(object: &Json) -> Option<Readiness> {
    let observed = match object.pointer("/status/observedGeneration")? {
        Json::String(text) => text.parse::<i64>().ok()?,
        number => number.as_i64()?,
    };
    let generation = object.pointer("/metadata/generation")?.as_i64()?;
    (observed < generation).then(|| pending("the controller has not seen the change yet"))
}

fn pending(message: impl Into<String>) -> Readiness {
    Readiness::Pending(message.into())
}

fn failed(reason: impl Into<String>, terminal: bool) -> Readiness {
    Readiness::Failed {
        reason: reason.into(),
        terminal,
    }
}

/// A condition of the object's status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition<'a> {
    /// `True`, `False` or `Unknown`.
    pub(crate) status: &'a str,
    /// In one word.
    pub(crate) reason: &'a str,
    /// In words.
    pub(crate) message: &'a str,
}

impl Condition<'_> {
    fn is(&self, status: &str) -> bool {
        self.status == status
    }

    /// Reason and message, as far as they are there.
    pub(crate) fn text(&self) -> String {
        match (self.reason, self.message) {
            ("", message) => message.to_owned(),
            (reason, "") => reason.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}

/// The condition of a type.
pub(crate) fn condition<'a>(object: &'a Json, kind: &str) -> Option<Condition<'a>> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    Some(Condition {
        status: found["status"].as_str().unwrap_or(""),
        reason: found["reason"].as_str().unwrap_or(""),
        message: found["message"].as_str().unwrap_or(""),
    })
}

/// A number in the object; `default` where it is missing.
fn number(object: &Json, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Json::as_i64).unwrap_or(default)
}

#[cfg(test)]
mod tests;
