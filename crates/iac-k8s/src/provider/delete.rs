//! Deletes objects that bear our mark, and waits until they are gone.
//!
//! A deletion names the object and the version that was looked at, so that it fails if anything was written since; then it
//! is looked at again.

use std::time::Duration;

use iac_core::provider::{Claim, Context, DeleteData, DeleteRequest, ErrorKind, ProviderError, Recorded};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::call::{Call, CallError};
use super::data::claims_of;
use super::discovery::ApiKind;
use super::session::{Session, uid};
use super::{others, pods, since};
use crate::kinds;
use crate::object::ObjectId;
use crate::readiness::condition;

/// The pause between two looks where a watch tells of each change.
const AWAKE: Duration = Duration::from_secs(5);

/// The time for which looks are as frequent as without a watch.
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
    let told = session.told.of(&id);
    let came: Vec<String> = claims
        .iter()
        .map(|claim| claim.told())
        .filter(|claim| !told.contains(claim))
        .collect();
    if !came.is_empty() {
        return Err(since::refusal(
            &id.to_string(),
            came.len(),
            &others::list(&came),
            "NAME",
        ));
    }
    since::refuse_what_came(session, &id, recorded.uid.as_deref()).await?;
    let propagation = match kinds::runs_pods(&id.type_name()) {
        true => Propagation::AfterPods,
        false => Propagation::Background,
    };
    let deletion = Deletion {
        session,
        expected: recorded.uid.as_deref(),
        claim: request.claim,
        propagation,
        deadline,
        progress: &progress,
    };
    deletion.of(&id).await?;
    for claim in claims {
        progress(format!("deleting the claim {}", claim.id.full_name()));
        let deletion = Deletion {
            expected: None,
            // Its controller made it, and somebody asked for its end.
            claim: Claim::Named,
            propagation: Propagation::Background,
            ..deletion
        };
        deletion.of(&claim.id).await?;
    }
    Ok(())
}

/// Returns the name of the object that a record is about. Its version comes from the record's inputs, and nothing else
/// does, so that the looks, the messages and the deletion are about one object.
pub(crate) fn recorded_id(recorded: &Recorded) -> Result<ObjectId, ProviderError> {
    let named = ObjectId::from_identity(&recorded.identity).ok_or_else(|| {
        let message = format!("{:?} is no name of a Kubernetes object", recorded.identity);
        ProviderError::new(ErrorKind::Internal, message)
    })?;
    let described = ObjectId::of(&recorded.inputs).ok();
    let version = described
        .filter(|described| described.type_name() == named.type_name())
        .map(|described| described.version);
    Ok(ObjectId {
        version: version.unwrap_or_default(),
        ..named
    })
}

/// The fate of the objects that an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// It goes first where pods are among it. That takes the cluster's collector, which is slow: to learn of a new kind takes
    /// it half a minute, and it takes up some ten objects in a second.
    AfterPods,
    /// It goes afterwards.
    Background,
    /// It stays, and belongs to nobody.
    Orphan,
}

/// The deletion of an object.
#[derive(Clone, Copy)]
pub(crate) struct Deletion<'a> {
    pub(crate) session: &'a Session,
    /// The UID of the object that is meant; where another one has its name, it is gone.
    pub(crate) expected: Option<&'a str>,
    /// The claim to it, should it not bear our mark.
    pub(crate) claim: Claim,
    /// The fate of the objects that it owns.
    pub(crate) propagation: Propagation,
    pub(crate) deadline: Instant,
    pub(crate) progress: &'a (dyn Fn(String) + Sync),
}

/// An object as it was looked at.
struct Looked {
    uid: String,
    version: String,
    /// True if it certainly had no pods then.
    without_pods: bool,
}

impl Deletion<'_> {
    /// Deletes an object, and waits until it is gone.
    pub(crate) async fn of(&self, id: &ObjectId) -> Result<(), ProviderError> {
        let Self { session, deadline, .. } = *self;
        // Without its definition there can be no object.
        let Some(kind) = session.discovery.find_any(&session.connection, id).await? else {
            return Ok(());
        };
        let waiting = |error: &CallError| (self.progress)(format!("trying again: {error}"));
        let mut known = self.known();
        let mut changes = false;
        loop {
            let looked = match known.take() {
                Some(known) => known,
                None => match self.look(id, &kind).await? {
                    Some(looked) => looked,
                    None => return Ok(()),
                },
            };
            let propagation = match self.propagation {
                Propagation::Orphan => "Orphan",
                Propagation::Background => "Background",
                // The version that is named had no pods, so there is nothing to wait for.
                Propagation::AfterPods if looked.without_pods && !changes => "Background",
                Propagation::AfterPods => "Foreground",
            };
            let options = json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation,
                "preconditions": {"uid": looked.uid, "resourceVersion": looked.version},
            });
            let call = Call::delete(kind.path(id), &options);
            match session.connection.call_patiently(&call, deadline, &waiting).await {
                Ok(answer) if is_gone(&answer.body, &looked.uid) => return Ok(()),
                Ok(_) => return wait_gone(session, id, &kind, Some(&looked.uid), deadline, self.progress).await,
                Err(error) if error.is_not_found() => return Ok(()),
                // Somebody wrote it since, or another one has its name.
                Err(error) if error.is_failed_precondition() && Instant::now() < deadline => changes = true,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The object, if it was seen with our mark when this run was planned. Whether there are pods has to be looked at.
    fn known(&self) -> Option<Looked> {
        if self.propagation == Propagation::AfterPods {
            return None;
        }
        let uid = self.expected?.to_owned();
        let version = self.session.seen_marked(&uid)?;
        Some(Looked {
            uid,
            version,
            without_pods: false,
        })
    }

    /// Looks at the object; none where it is gone.
    async fn look(&self, id: &ObjectId, kind: &ApiKind) -> Result<Option<Looked>, ProviderError> {
        let counts_pods = self.propagation == Propagation::AfterPods;
        let call = match counts_pods {
            true => Call::get(kind.path(id)),
            false => Call::get_metadata(kind.path(id)),
        };
        let Some(object) = self.session.get(call).await? else {
            return Ok(None);
        };
        let version = object.pointer("/metadata/resourceVersion").and_then(Json::as_str);
        let (Some(uid), Some(version)) = (uid(&object), version) else {
            let message = format!("the server's answer about {id} has no UID or version");
            return Err(ProviderError::new(ErrorKind::Internal, message));
        };
        if self.expected.is_some_and(|expected| expected != uid) {
            return Ok(None);
        }
        self.session.mark_of(&object).allow(&id.to_string(), self.claim)?;
        Ok(Some(Looked {
            without_pods: counts_pods && pods::are_none(self.session, &object).await?,
            uid,
            version: version.to_owned(),
        }))
    }
}

/// True if the answer to a deletion says that the object is gone. One that a finalizer, a grace period or its dependents
/// still hold is returned itself, with its deletion timestamp.
fn is_gone(answer: &Json, expected: &str) -> bool {
    let gone = answer.pointer("/details/uid").and_then(Json::as_str);
    answer["kind"] == "Status" && answer["status"] == "Success" && gone == Some(expected)
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
        // The cause that holds it is to be told soon.
        let heard = if began.elapsed() < EAGER { pause } else { AWAKE };
        ear.wait(pause.min(left), heard.min(left)).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Returns the causes that keep a deleted object from going, a line each.
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
