//! Reads what a readiness rule needs besides the object itself.

use serde_json::Value as Json;

use super::call::{Call, CallError};
use super::events;
use super::session::Session;
use crate::readiness::Related;

/// Reads what the rule for this object needs. Objects that we may not read count as not known.
///
/// `unserved` says that the wait for an address was over without one, or that the object was seen ready without one.
pub(crate) async fn of(session: &Session, object: &Json, unserved: bool) -> Result<Related, CallError> {
    let related = match (object["apiVersion"].as_str(), object["kind"].as_str()) {
        (Some("v1"), Some("Service")) => endpoints(session, object).await,
        (Some("v1"), Some("PersistentVolumeClaim")) => waits_for_consumer(session, object).await.map(|waits| Related {
            waits_for_consumer: waits,
            ..Related::default()
        }),
        _ => Ok(Related::default()),
    };
    let related = match related {
        Err(error) if error.code() == Some(403) => Related::default(),
        other => other?,
    };
    Ok(Related { unserved, ..related })
}

async fn endpoints(session: &Session, service: &Json) -> Result<Related, CallError> {
    let ready_endpoints = ready_endpoints(session, service).await?;
    let no_pods_to_come = ready_endpoints == Some(0) && !pods_to_come(session, service).await?;
    Ok(Related {
        ready_endpoints,
        no_pods_to_come,
        ..Related::default()
    })
}

/// Whether there are pods that a Service selects, or something that is about to make such pods. What may not be read
/// counts as coming.
async fn pods_to_come(session: &Session, service: &Json) -> Result<bool, CallError> {
    let (Some(selector), Some(namespace)) = (
        service["spec"]["selector"].as_object(),
        service["metadata"]["namespace"].as_str(),
    ) else {
        return Ok(false);
    };
    let labels: Vec<(&str, &str)> = selector
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    let pods = Call::list_metadata(format!("/api/v1/namespaces/{namespace}/pods"))
        .with("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed");
    let pods = match session.labelled(pods, &labels).await {
        Err(error) if error.code() == Some(403) => return Ok(true),
        other => other?,
    };
    for pod in pods
        .iter()
        .filter(|pod| !pod["metadata"]["deletionTimestamp"].is_string())
    {
        if !waits_for_its_gates(session, namespace, pod).await? {
            return Ok(true);
        }
    }
    match session.makers.are_there(session, namespace, selector).await {
        Err(error) if error.code() == Some(403) => Ok(true),
        other => other,
    }
}

/// True if a pod, of which the metadata were listed, is not to be scheduled until somebody says so.
async fn waits_for_its_gates(session: &Session, namespace: &str, pod: &Json) -> Result<bool, CallError> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
    let pod = session.get(Call::get(path)).await?;
    let gates = |pod: &Json| {
        pod["spec"]["schedulingGates"]
            .as_array()
            .is_some_and(|gates| !gates.is_empty())
    };
    Ok(pod.is_none_or(|pod| gates(&pod)))
}

/// True if anybody in the cluster looks after the address that an object lacks: a controller that does leaves a finalizer
/// on it, or says something about it.
pub(crate) async fn is_served(session: &Session, object: &Json) -> bool {
    let finalizers = object["metadata"]["finalizers"].as_array();
    if finalizers.is_some_and(|finalizers| !finalizers.is_empty()) {
        return true;
    }
    match (
        object["metadata"]["namespace"].as_str(),
        object["metadata"]["uid"].as_str(),
    ) {
        (Some(namespace), Some(uid)) => events::is_spoken_of(session, namespace, uid).await,
        _ => false,
    }
}

async fn ready_endpoints(session: &Session, service: &Json) -> Result<Option<usize>, CallError> {
    let selects = service
        .pointer("/spec/selector")
        .and_then(Json::as_object)
        .is_some_and(|map| !map.is_empty());
    let text = |pointer: &str| service.pointer(pointer).and_then(Json::as_str);
    let (true, Some(namespace), Some(name)) = (selects, text("/metadata/namespace"), text("/metadata/name")) else {
        return Ok(None);
    };
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
    let labels = [("kubernetes.io/service-name", name)];
    let slices = session.labelled(Call::get(path), &labels).await?;
    let endpoints = slices
        .iter()
        .filter_map(|slice| slice["endpoints"].as_array())
        .flatten();
    // An endpoint that says nothing is ready, by the API's definition.
    let ready = endpoints.filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&Json::Bool(false)));
    Ok(Some(ready.count()))
}

async fn waits_for_consumer(session: &Session, claim: &Json) -> Result<bool, CallError> {
    let class = match claim.pointer("/spec/storageClassName").and_then(Json::as_str) {
        Some("") => return Ok(false),
        Some(name) => {
            session
                .get(Call::get(format!("/apis/storage.k8s.io/v1/storageclasses/{name}")))
                .await?
        }
        None => default_class(session).await?,
    };
    Ok(class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer"))
}

/// The class that claims without one get; the server writes it into the claim, unless it came later.
async fn default_class(session: &Session) -> Result<Option<Json>, CallError> {
    let classes = session
        .list(Call::get("/apis/storage.k8s.io/v1/storageclasses"))
        .await?;
    let is_default =
        |class: &Json| class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    Ok(classes.into_iter().find(is_default))
}
