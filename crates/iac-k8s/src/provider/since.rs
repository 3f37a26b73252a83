//! Objects that came since a deletion was planned: it takes along nothing that the plan did not see.
//!
//! A plan tells the content of a namespace or a definition that it deletes. Minutes may pass before the deletion, and
//! others go on meanwhile. So there is one more look: an object that did not exist then, and is not the stack's, keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use iac_core::provider::{ErrorKind, ProviderError};
use serde_json::Value as Json;

use super::data;
use super::others;
use super::owned;
use super::session::{Session, uid};
use crate::object::ObjectId;

/// The things that were seen when the end of an object was planned, by its identity: the UIDs of the objects that it holds,
/// the names of claims, and the kinds that could not be seen.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeMap<String, BTreeSet<String>>>);

impl Told {
    /// Adds to what was seen.
    pub(crate) fn note(&self, holder: &ObjectId, seen: impl IntoIterator<Item = String>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.entry(holder.to_string()).or_default().extend(seen);
    }

    /// Returns the things that were seen.
    pub(crate) fn of(&self, holder: &ObjectId) -> BTreeSet<String> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(&holder.to_string()).cloned().unwrap_or_default()
    }
}

/// Refuses the deletion of an object, known by its UID, with which something would go that came since it was planned.
pub(crate) async fn refuse_what_came(
    session: &Session,
    id: &ObjectId,
    expected: Option<&str>,
) -> Result<(), ProviderError> {
    let told = session.told.of(id);
    let mut came = match id.type_name().as_str() {
        "core/Namespace" => {
            let mut unseen = Vec::new();
            let inside = others::inside(session, &id.name, &mut unseen).await?;
            let all: BTreeSet<String> = inside.iter().filter_map(|(_, object)| uid(object)).collect();
            let goes_with_its_owner =
                |object: &Json| others::owners(object).any(|owner| all.contains(owner) || told.contains(owner));
            let new = inside.iter().filter(|(kind, object)| {
                is_new(session, object, &told) && !goes_with_its_owner(object) && !others::is_the_clusters(kind, object)
            });
            let mut came: Vec<String> = new.map(|(kind, object)| name_of(&kind.kind, object)).collect();
            let claims = data::claims_in(session, &id.name).await?;
            came.extend(claims.into_iter().map(|claim| claim.told()));
            came.extend(unseen);
            came
        }
        "apiextensions.k8s.io/CustomResourceDefinition" => {
            let Some(definition) = session.read(id).await? else {
                return Ok(());
            };
            let kind = definition
                .pointer("/spec/names/kind")
                .and_then(Json::as_str)
                .unwrap_or_default();
            let mut unseen = Vec::new();
            let objects = others::objects_of(session, &definition, &mut unseen).await?;
            let new = objects.iter().filter(|object| is_new(session, object, &told));
            new.map(|object| name_of(kind, object)).chain(unseen).collect()
        }
        _ => {
            let along = owned::Looks::default().claims_of(session, id, expected).await?;
            let claims = along.claims.iter().map(|claim| claim.told());
            claims.chain(along.unseen).collect()
        }
    };
    came.retain(|name| !told.contains(name));
    came.sort();
    match came.len() {
        0 => Ok(()),
        count => Err(refusal(&id.to_string(), count, &others::list(&came), &id.full_name())),
    }
}

/// The error for a deletion that would take along what came since it was planned.
pub(crate) fn refusal(what: &str, count: usize, list: &str, name: &str) -> ProviderError {
    let objects = if count == 1 { "something" } else { "some things" };
    let message =
        format!("{what} stays: since its end was planned {objects} came that this would delete as well: {list}");
    ProviderError::new(ErrorKind::Precondition, message).with_hint(format!(
        "look what it is, and run again: the plan then names it, and --delete-data {name} lets it go"
    ))
}

/// True if an object was not there when the deletion was planned, and is not the stack's.
fn is_new(session: &Session, object: &Json, told: &BTreeSet<String>) -> bool {
    let is_known = uid(object).is_some_and(|uid| told.contains(&uid));
    let leaves = object.pointer("/metadata/deletionTimestamp").is_some();
    !is_known && !leaves && !session.mark_of(object).is_ours()
}

fn name_of(kind: &str, object: &Json) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
    let name = text("/metadata/name").unwrap_or_default();
    match text("/metadata/namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
