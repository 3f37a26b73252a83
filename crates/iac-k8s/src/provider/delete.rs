//! Deletes objects, and waits until they are gone.

use std::time::Duration;

use iac_core::provider::{Context, DeleteData, DeleteRequest, ErrorKind, ProviderError, Recorded};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::call::{Call, CallError};
use super::data::claims_of;
use super::discovery::ApiKind;
use super::session::{Session, uid};
use crate::kinds;
use crate::object::ObjectId;
use crate::readiness::condition;

/// The pause between two looks where a watch tells of each change.
const AWAKE: Duration = Duration::from_secs(5);

/// How long it is looked as often as without a watch.
const EAGER: Duration = Duration::from_secs(1);

/// Deletes one object and waits until it is gone.
pub(crate) async fn delete(session: &Session, request: &DeleteRequest, cx: &Context) -> Result<(), ProviderError> {
    let recorded = &request.recorded;
    let id = recorded_id(recorded)?;
    let deadline = Instant::now() + request.timeout;
    let progress = |message: String| cx.progress(&recorded.key, message);
    let mut claims = match request.delete_data != DeleteData::None && id.type_name() == "apps/StatefulSet" {
        true => claims_of(session, &id, &recorded.inputs).await?,
        false => Vec::new(),
    };
    claims.retain(|claim| request.delete_data.allows(&claim.item()));
    // In the foreground it goes after what it owns, which takes the cluster's collector, and that is slow: to learn of a
    // new kind takes it half a minute.
    let propagation = match kinds::runs_pods(&id.type_name()) {
        true => "Foreground",
        false => "Background",
    };
    delete_one(session, &id, recorded.uid.as_deref(), propagation, deadline, &progress).await?;
    for claim in claims {
        progress(format!("deleting the claim {}", claim.id.full_name()));
        delete_one(session, &claim.id, None, "Background", deadline, &progress).await?;
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
        Ok(answer) if is_gone(&answer.body, uid) => Ok(()),
        Ok(_) => wait_gone(session, id, &kind, uid, deadline, progress).await,
        Err(error) if error.is_not_found() => Ok(()),
        // Another object has the name now: ours is gone.
        Err(error) if error.code() == Some(409) && is_other(session, &kind, id, uid).await? => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// True if the answer to a deletion says that the object is gone. One that a finalizer, a grace period or its dependents
/// still hold is returned itself, with its deletion timestamp.
fn is_gone(answer: &Json, expected: Option<&str>) -> bool {
    let gone = answer.pointer("/details/uid").and_then(Json::as_str);
    answer["kind"] == "Status"
        && answer["status"] == "Success"
        && gone.is_some()
        && (expected.is_none() || expected == gone)
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
    let ear = session.ear(kind, id);
    let began = Instant::now();
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
        if message != said && began.elapsed() >= Duration::from_millis(350) {
            progress(format!(
                "being deleted{}{message}",
                if message.is_empty() { "" } else { ": " }
            ));
            said = message;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        // What holds it is to be told soon.
        let heard = if began.elapsed() < EAGER { pause } else { AWAKE };
        ear.wait(pause.min(left), heard.min(left)).await;
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
