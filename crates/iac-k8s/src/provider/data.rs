//! The data that would go with an object, or stay without it.

use iac_core::Value;
use iac_core::provider::{DataItem, ProviderError, Recorded};
use serde_json::Value as Json;

use super::call::{Call, CallError};
use super::delete::recorded_id;
use super::others::{self, Whose};
use super::owned::Looks;
use super::session::Session;
use crate::object::ObjectId;

/// The data that would go if this were deleted: a claim's or a volume's own, all claims of a namespace and whatever else
/// others have in it, every object of a definition that is not the stack's, the claims that belong to it. By default the
/// claims of a StatefulSet outlive it.
pub(crate) async fn data(
    session: &Session,
    whose: &Whose<'_>,
    looks: &Looks,
    recorded: &Recorded,
) -> Result<Vec<DataItem>, ProviderError> {
    let id = recorded_id(recorded)?;
    let mut items = own(session, whose, recorded, &id).await?;
    let along = looks.claims_of(session, &id, recorded.uid.as_deref()).await?;
    session
        .told
        .note(&id, along.claims.iter().map(Claim::told).chain(along.unseen.clone()));
    let along_items: Vec<DataItem> = along.claims.iter().map(Claim::item).collect();
    // What belongs to it does not outlive it.
    items.retain(|item| !along_items.iter().any(|other| other.name == item.name));
    items.extend(along_items);
    let unseen =
        |reason| DataItem::new(id.kind.clone(), id.full_name()).amount(format!("could not be listed: {reason}"));
    items.extend(along.unseen.map(unseen));
    Ok(items)
}

/// The data that would go for the kind of the object.
async fn own(
    session: &Session,
    whose: &Whose<'_>,
    recorded: &Recorded,
    id: &ObjectId,
) -> Result<Vec<DataItem>, ProviderError> {
    Ok(match id.type_name().as_str() {
        "core/PersistentVolumeClaim" | "core/PersistentVolume" => {
            let live = session.read(id).await?;
            live.iter().map(|live| Claim::new(id.clone(), live).item()).collect()
        }
        "core/Namespace" => {
            if session.read(id).await?.is_none() {
                return Ok(Vec::new());
            }
            let claims = claims_in(session, &id.name).await?;
            let mut items: Vec<DataItem> = claims.iter().map(Claim::item).collect();
            session.told.note(id, claims.iter().map(Claim::told));
            items.extend(others::in_namespace(session, whose, id).await?);
            items
        }
        "apiextensions.k8s.io/CustomResourceDefinition" => match session.read(id).await? {
            Some(live) => others::of_definition(session, whose, id, &live)
                .await?
                .into_iter()
                .collect(),
            None => Vec::new(),
        },
        "apps/StatefulSet" => {
            let policy = recorded
                .inputs
                .pointer("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted");
            let outlives = policy.and_then(Value::as_str) != Some("Delete");
            let claims = claims_of(session, id, &recorded.inputs).await?;
            session.told.note(id, claims.iter().map(Claim::told));
            let item = |claim: &Claim| DataItem {
                outlives,
                ..claim.item()
            };
            claims.iter().map(item).collect()
        }
        _ => Vec::new(),
    })
}

/// A claim, or a volume, with its size.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) id: ObjectId,
    size: String,
}

impl Claim {
    fn new(id: ObjectId, live: &Json) -> Self {
        let sizes = [
            "/status/capacity/storage",
            "/spec/capacity/storage",
            "/spec/resources/requests/storage",
        ];
        let size = sizes.iter().find_map(|pointer| live.pointer(pointer)?.as_str());
        Self {
            id,
            size: size.unwrap_or_default().to_owned(),
        }
    }

    /// A claim, as it was listed.
    pub(crate) fn of(live: &Json) -> Option<Self> {
        let text = |pointer: &str| Some(live.pointer(pointer)?.as_str()?.to_owned());
        let id = ObjectId {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "PersistentVolumeClaim".to_owned(),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name")?,
        };
        Some(Self::new(id, live))
    }

    /// Returns the name under which it is noted that somebody was told of it.
    pub(crate) fn told(&self) -> String {
        format!("{} {}", self.id.kind, self.id.full_name())
    }

    /// The data in it.
    pub(crate) fn item(&self) -> DataItem {
        DataItem::new(self.id.kind.clone(), self.id.full_name()).amount(&self.size)
    }
}

/// The claims that a StatefulSet made from its templates, as it has them itself, or as recorded where it is gone.
pub(crate) async fn claims_of(session: &Session, id: &ObjectId, inputs: &Value) -> Result<Vec<Claim>, ProviderError> {
    let live = session.read(id).await?;
    let live = live.unwrap_or_else(|| inputs.expose().unwrap_or_default());
    let templates = live.pointer("/spec/volumeClaimTemplates").and_then(Json::as_array);
    let names: Vec<&str> = templates
        .into_iter()
        .flatten()
        .filter_map(|template| template.pointer("/metadata/name")?.as_str())
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let claims = claims_in(session, id.namespace.as_deref().unwrap_or_default()).await?;
    let is_ours = |claim: &Claim| {
        names
            .iter()
            .any(|template| is_claim_of(&claim.id.name, template, &id.name))
    };
    Ok(claims.into_iter().filter(is_ours).collect())
}

/// True if a claim has the name that a StatefulSet gives to those of a template.
pub(crate) fn is_claim_of(claim: &str, template: &str, set: &str) -> bool {
    let ordinal = claim.strip_prefix(&format!("{template}-{set}-"));
    ordinal.is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(crate) async fn claims_in(session: &Session, namespace: &str) -> Result<Vec<Claim>, CallError> {
    let claims = session.list(Call::get(claims_path(namespace))).await?;
    Ok(claims.iter().filter_map(Claim::of).collect())
}

/// The path of the claims of a namespace; where that is empty, of all.
pub(crate) fn claims_path(namespace: &str) -> String {
    match namespace {
        "" => "/api/v1/persistentvolumeclaims".to_owned(),
        namespace => format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims"),
    }
}
