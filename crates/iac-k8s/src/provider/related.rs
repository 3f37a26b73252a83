//! Reads what a readiness rule needs besides the object itself.

use serde_json::Value as Json;

use super::call::{Call, CallError};
use super::session::Session;
use crate::readiness::Related;

/// What the rule for this object needs. What we may not read counts as not known.
pub(crate) async fn of(session: &Session, object: &Json) -> Result<Related, CallError> {
    let related = match (object["apiVersion"].as_str(), object["kind"].as_str()) {
        (Some("v1"), Some("Service")) => ready_endpoints(session, object).await.map(|ready_endpoints| Related {
            ready_endpoints,
            ..Related::default()
        }),
        (Some("v1"), Some("PersistentVolumeClaim")) => waits_for_consumer(session, object).await.map(|waits| Related {
            waits_for_consumer: waits,
            ..Related::default()
        }),
        _ => Ok(Related::default()),
    };
    match related {
        Err(error) if error.code() == Some(403) => Ok(Related::default()),
        other => other,
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
    let selector = format!("kubernetes.io/service-name={name}");
    let slices = session.list(Call::get(path).with("labelSelector", selector)).await?;
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
