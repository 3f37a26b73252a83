//! Deletes objects, waits until they are gone, and tells what data would go with them.

use std::time::Duration;

use iac_core::provider::{Context, DataItem, DeleteRequest, ErrorKind, ProviderError, Recorded};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use super::call::{Call, CallError};
use super::discovery::ApiKind;
use super::session::{Session, uid};
use crate::kinds;
use crate::object::ObjectId;
use crate::readiness::condition;

/// Deletes one object and waits until it is gone.
pub(crate) async fn delete(session: &Session, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
    let recorded = &request.recorded;
    let id = recorded_id(recorded)?;
    let deadline = Instant::now() + request.timeout;
    let progress = |message: String| cx.progress(&recorded.key, message);
    let claims = match request.delete_data && id.type_name() == "apps/StatefulSet" {
        true => claims_of(session, &id, &recorded.inputs).await?,
        false => Vec::new(),
    };
    // In the foreground it goes after what it owns, which takes the cluster's collector, and that is slow: to learn of a
    // new kind takes it half a minute.
    let propagation = match kinds::runs_pods(&id.type_name()) {
        true => "Foreground",
        false => "Background",
    };
    delete_one(session, &id, recorded.uid.as_deref(), propagation, deadline, &progress).await?;
    for claim in claims {
        progress(format!("deleting the claim {}", claim.full_name()));
        delete_one(session, &claim, None, "Background", deadline, &progress).await?;
    }
    Ok(())
}

/// Deletes a workload alone: its pods go on running, and belong to nobody.
pub(crate) async fn without_pods(
    session: &Session,
    id: &ObjectId,
    uid: Option<&str>,
    deadline: Instant,
    progress: &(dyn Fn(String) + Sync),
) -> Result<(), ProviderError> {
    delete_one(session, id, uid, "Orphan", deadline, progress).await
}

/// What a record is about. Its version comes from its inputs.
pub(crate) fn recorded_id(recorded: &Recorded) -> Result<ObjectId, ProviderError> {
    ObjectId::of(&recorded.inputs)
        .ok()
        .or_else(|| ObjectId::from_identity(&recorded.identity))
        .ok_or_else(|| {
            let message = format!("{:?} is no name of a Kubernetes object", recorded.identity);
            ProviderError::new(ErrorKind::Internal, message)
        })
}

async fn delete_one(
    session: &Session,
    id: &ObjectId,
    uid: Option<&str>,
    propagation: &str,
    deadline: Instant,
    progress: &(dyn Fn(String) + Sync),
) -> Result<(), ProviderError> {
    // Without its definition there can be no object.
    let Some(kind) = session.discovery.find_any(&session.connection, id).await? else {
        return Ok(());
    };
    let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation});
    if let Some(uid) = uid {
        options["preconditions"] = json!({"uid": uid});
    }
    let call = Call::delete(kind.path(id), &options);
    let waiting = |error: &CallError| progress(format!("trying again: {error}"));
    match session.connection.call_patiently(&call, deadline, &waiting).await {
        Ok(_) => wait_gone(session, id, &kind, uid, deadline, progress).await,
        Err(error) if error.is_not_found() => Ok(()),
        // Another object has the name now: ours is gone.
        Err(error) if error.code() == Some(409) && is_other(session, &kind, id, uid).await? => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn is_other(session: &Session, kind: &ApiKind, id: &ObjectId, expected: Option<&str>) -> Result<bool, CallError> {
    let object = session.get(Call::get_metadata(kind.path(id))).await?;
    Ok(expected.is_some() && object.and_then(|object| uid(&object)).as_deref() != expected)
}

/// Waits until the object of that UID is gone.
pub(crate) async fn wait_gone(
    session: &Session,
    id: &ObjectId,
    kind: &ApiKind,
    expected: Option<&str>,
    deadline: Instant,
    progress: &(dyn Fn(String) + Sync),
) -> Result<(), ProviderError> {
    let mut pause = Duration::from_millis(50);
    let mut said = String::new();
    loop {
        let Some(object) = session.get(Call::get(kind.path(id))).await? else {
            return Ok(());
        };
        if expected.is_some() && uid(&object).as_deref() != expected {
            return Ok(());
        }
        let holding = holding(&object);
        if Instant::now() >= deadline {
            let message = format!("{id} is still there; its deletion was asked for and goes on");
            let hint = "look for the controller that should remove the finalizers; when it is gone for good, remove them by hand";
            return Err(ProviderError::new(ErrorKind::Timeout, message)
                .with_details(holding)
                .with_hint(hint));
        }
        let message = holding.join("; ");
        if message != said && pause >= Duration::from_millis(400) {
            progress(format!(
                "being deleted{}{message}",
                if message.is_empty() { "" } else { ": " }
            ));
            said = message;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// What keeps a deleted object from going, a line each.
pub(crate) fn holding(object: &Json) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, pointer) in [("metadata", "/metadata/finalizers"), ("spec", "/spec/finalizers")] {
        let finalizers = object.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
        let names: Vec<&str> = finalizers.filter_map(Json::as_str).collect();
        if !names.is_empty() {
            lines.push(format!("{place}.finalizers: {}", names.join(", ")));
        }
    }
    for kind in [
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionContentFailure",
        "NamespaceContentRemaining",
        "NamespaceFinalizersRemaining",
        "Terminating",
    ] {
        if let Some(condition) = condition(object, kind).filter(|condition| condition.status == "True") {
            lines.push(condition.text());
        }
    }
    lines
}

/// The claims that a StatefulSet made from its templates.
async fn claims_of(session: &Session, id: &ObjectId, inputs: &iac_core::Value) -> Result<Vec<ObjectId>, ProviderError> {
    let templates = inputs
        .pointer("/spec/volumeClaimTemplates")
        .and_then(iac_core::Value::as_array);
    let names: Vec<&str> = templates
        .into_iter()
        .flatten()
        .filter_map(|template| template.pointer("/metadata/name")?.as_str())
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let claims = claims_in(session, id.namespace.as_deref().unwrap_or_default()).await?;
    let is_ours = |claim: &str| names.iter().any(|template| is_claim_of(claim, template, &id.name));
    Ok(claims.into_iter().filter(|claim| is_ours(&claim.name)).collect())
}

/// Whether a claim has the name that a StatefulSet gives to those of a template.
pub(crate) fn is_claim_of(claim: &str, template: &str, set: &str) -> bool {
    let ordinal = claim.strip_prefix(&format!("{template}-{set}-"));
    ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit()))
}

async fn claims_in(session: &Session, namespace: &str) -> Result<Vec<ObjectId>, CallError> {
    let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims");
    let claims = session.list(Call::list_metadata(path)).await?;
    let name = |claim: &Json| {
        claim
            .pointer("/metadata/name")
            .and_then(Json::as_str)
            .map(str::to_owned)
    };
    Ok(claims
        .iter()
        .filter_map(|claim| {
            Some(ObjectId {
                group: String::new(),
                version: "v1".to_owned(),
                kind: "PersistentVolumeClaim".to_owned(),
                namespace: Some(namespace.to_owned()),
                name: name(claim)?,
            })
        })
        .collect())
}

/// The data that would go if this were deleted: a claim's own, all claims of a namespace, and the claims of a StatefulSet
/// that says so. By default the claims of a StatefulSet outlive it.
pub(crate) async fn data(session: &Session, recorded: &Recorded) -> Result<Vec<DataItem>, ProviderError> {
    let id = recorded_id(recorded)?;
    let claims = match id.type_name().as_str() {
        "core/PersistentVolumeClaim" => session.read(&id).await?.map(|_| id).into_iter().collect(),
        "core/Namespace" => claims_in(session, &id.name).await?,
        "apps/StatefulSet" => {
            let policy = recorded
                .inputs
                .pointer("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted");
            match policy.and_then(iac_core::Value::as_str) {
                Some("Delete") => claims_of(session, &id, &recorded.inputs).await?,
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    let item = |claim: ObjectId| DataItem {
        kind: claim.kind.clone(),
        name: claim.full_name(),
    };
    Ok(claims.into_iter().map(item).collect())
}
