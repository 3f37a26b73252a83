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

use crate::kinds;
use crate::object::split_api_version;

/// The facts that a rule needs besides the object itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Related {
    /// For a Service with a selector: how many of its endpoints are ready; none where that is not known.
    pub(crate) ready_endpoints: Option<usize>,
    /// For a Service without ready endpoints: whether no pod is there or coming that it selects, since its workload is
    /// scaled to zero, or nothing has such pods.
    pub(crate) no_pods_to_come: bool,
    /// For what gets an address from a controller: whether nobody in the cluster gives it one.
    pub(crate) unserved: bool,
    /// For a claim: whether its storage class waits for the first pod that uses it.
    pub(crate) waits_for_consumer: bool,
}

/// Whether the object is ready.
pub(crate) fn of(object: &Json, related: &Related) -> Readiness {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return pending("being deleted");
    }
    if is_suspended(object) {
        return Readiness::Ready;
    }
    if is_unobserved(object) {
        return pending("the controller has not seen the change yet");
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
        ("networking.k8s.io", "Ingress") => network::ingress(object, related),
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

/// True if an object as the server returned it does its work by being there: nothing that happens later decides.
pub(crate) fn is_ready_by_itself(object: &Json) -> bool {
    let (group, _) = split_api_version(object["apiVersion"].as_str().unwrap_or(""));
    let kind = object["kind"].as_str().unwrap_or("");
    let is_leaving = object.pointer("/metadata/deletionTimestamp").is_some();
    // The cluster fills it in, or deletes it where its account is missing.
    let is_token = object["type"] == "kubernetes.io/service-account-token";
    let is_passive = kinds::is_passive(group, kind) && !is_token;
    !is_leaving && (is_passive || is_new_without_pods(group, kind, object))
}

/// True if it is a workload that was just made and is to have no pods. One that had some is waited for until they are gone.
fn is_new_without_pods(group: &str, kind: &str, object: &Json) -> bool {
    let is_scaled = matches!((group, kind), ("apps", "Deployment" | "StatefulSet" | "ReplicaSet"));
    is_scaled
        && object["spec"]["replicas"] == 0
        && object["metadata"]["generation"] == 1
        && number(object, "/status/replicas", 0) == 0
}

/// True if the controller has yet to see the object as it is now. Some controllers write the number as text.
pub(crate) fn is_unobserved(object: &Json) -> bool {
    let observed = match object.pointer("/status/observedGeneration") {
        Some(Json::String(text)) => text.parse::<i64>().ok(),
        Some(number) => number.as_i64(),
        None => None,
    };
    let generation = object.pointer("/metadata/generation").and_then(Json::as_i64);
    matches!((observed, generation), (Some(observed), Some(generation)) if observed < generation)
}

/// True if somebody told the controller of a custom resource to leave it alone: it does not even look at changes then.
fn is_suspended(object: &Json) -> bool {
    let (group, _) = split_api_version(object["apiVersion"].as_str().unwrap_or(""));
    let is_own = kinds::scope(group, object["kind"].as_str().unwrap_or("")).is_some();
    let says = |field: &str| object["spec"][field] == Json::Bool(true);
    !is_own && (says("suspend") || says("paused"))
}

/// When somebody last changed what is wanted of the object, as far as is known: what a controller said before that is
/// about something else. As the server writes times, so that they compare as texts.
pub(crate) fn last_changed(object: &Json) -> Option<&str> {
    let managers = object.pointer("/metadata/managedFields")?.as_array()?.iter();
    let of_spec = managers.filter(|entry| entry["subresource"].as_str().is_none_or(str::is_empty));
    of_spec.filter_map(|entry| entry["time"].as_str()).max()
}

/// True if it is a Job that does nothing until somebody resumes it.
pub(crate) fn is_suspended_job(object: &Json) -> bool {
    object["kind"] == "Job" && object["apiVersion"] == "batch/v1" && workload::is_suspended(object)
}

/// True if a controller, if there is one for it, has yet to give it an address.
pub(crate) fn lacks_address(object: &Json) -> bool {
    let is_balanced = object.pointer("/spec/type").and_then(Json::as_str) == Some("LoadBalancer");
    let takes_one = match (object["apiVersion"].as_str(), object["kind"].as_str()) {
        (Some("v1"), Some("Service")) => is_balanced,
        (Some(version), Some("Ingress")) => version.starts_with("networking.k8s.io/"),
        _ => false,
    };
    takes_one && network::lacks_address(object)
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
    /// When it was last written.
    updated: &'a str,
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
        updated: found["lastUpdateTime"].as_str().unwrap_or(""),
    })
}

/// A number in the object; `default` where it is missing.
fn number(object: &Json, pointer: &str, default: i64) -> i64 {
    object.pointer(pointer).and_then(Json::as_i64).unwrap_or(default)
}

#[cfg(test)]
mod tests;
