//! Objects that are being deleted: with a deletion timestamp of their own, or in a namespace that has one.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use serde_json::Value as Json;

use super::call::{Call, CallError};
use super::delete::holding;
use super::session::{Session, in_parallel};
use crate::object::ObjectId;

/// True if the object is being deleted.
pub(super) fn is_leaving(object: &Json) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// The namespaces that are being deleted, with what holds each.
#[derive(Debug, Default)]
pub(super) struct Leaving(BTreeMap<String, String>);

impl Leaving {
    /// Returns the causes that an object's deletion waits for, if it is being deleted, alone or with its namespace.
    pub(super) fn of(&self, object: &Json) -> Option<String> {
        if is_leaving(object) {
            return Some(what_holds(object));
        }
        let namespace = object.pointer("/metadata/namespace").and_then(Json::as_str)?;
        let why = self.0.get(namespace)?;
        Some(format!("with its namespace {namespace}: {why}"))
    }
}

fn what_holds(object: &Json) -> String {
    match holding(object) {
        lines if lines.is_empty() => "nothing holds it any more".to_owned(),
        lines => format!("held by {}", lines.join("; ")),
    }
}

/// Which of the namespaces of these objects are being deleted. One that we may not read is taken for one that stays.
pub(super) async fn namespaces(session: &Session, ids: impl Iterator<Item = &ObjectId>) -> Result<Leaving, CallError> {
    let names: BTreeSet<&str> = ids.filter_map(|id| id.namespace.as_deref()).collect();
    let looks = names.into_iter().map(|name| look(session, name).boxed());
    Ok(Leaving(in_parallel(looks).await?.into_iter().flatten().collect()))
}

async fn look(session: &Session, name: &str) -> Result<Option<(String, String)>, CallError> {
    match session.get(Call::get(format!("/api/v1/namespaces/{name}"))).await {
        Ok(None) => {
            session.note_absent_namespace(name);
            Ok(None)
        }
        Ok(namespace) => Ok(namespace
            .filter(is_leaving)
            .map(|namespace| (name.to_owned(), what_holds(&namespace)))),
        Err(error) if error.is_global() => Err(error),
        Err(_) => Ok(None),
    }
}
