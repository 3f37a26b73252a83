//! Which kinds live in namespaces: part of what an object is called, so it is never guessed where the server can tell.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;

use super::call::CallError;
use super::session::{Session, in_parallel};
use crate::declared::Declared;
use crate::kinds::{self, Scope};
use crate::object::{DEFAULT_NAMESPACE, ObjectId};

/// The scopes of the custom resources that a stack is about, as the server has them.
#[derive(Debug, Default)]
pub(super) struct Names {
    scopes: BTreeMap<(String, String), Scope>,
    /// The namespace of what names none; empty as long as nobody asked.
    namespace: String,
}

impl Names {
    /// Asks the server about the kinds of these objects. One that it does not have, or that we may not ask for, stays
    /// unknown.
    pub(super) async fn learn(session: &Session, ids: impl Iterator<Item = ObjectId>) -> Result<Self, CallError> {
        let mut asked = BTreeSet::new();
        let unknown = ids
            .filter(|id| kinds::scope(&id.group, &id.kind).is_none())
            .filter(|id| asked.insert((id.group.clone(), id.kind.clone())));
        let looks = unknown.map(|id| look(session, id).boxed());
        let looks: Vec<_> = looks.collect();
        Ok(Self {
            scopes: in_parallel(looks.into_iter()).await?.into_iter().flatten().collect(),
            namespace: session.connection.chosen.name.clone(),
        })
    }

    /// The object with its namespace written out if it lives in one, and without one if it does not, whatever its inputs
    /// say: one object has one name.
    pub(super) fn placed(&self, id: ObjectId, declared: &Declared) -> ObjectId {
        let own = kinds::scope(&id.group, &id.kind);
        let served = self.scopes.get(&(id.group.clone(), id.kind.clone())).copied();
        let namespace = match own.or(served).or_else(|| declared.scope(&id.group, &id.kind)) {
            Some(Scope::Cluster) => None,
            Some(Scope::Namespaced) => Some(id.namespace.unwrap_or_else(|| self.default_namespace().to_owned())),
            None => id.namespace,
        };
        ObjectId { namespace, ..id }
    }

    fn default_namespace(&self) -> &str {
        match self.namespace.as_str() {
            "" => DEFAULT_NAMESPACE,
            chosen => chosen,
        }
    }
}

async fn look(session: &Session, id: ObjectId) -> Result<Option<((String, String), Scope)>, CallError> {
    let kind = match session.discovery.find_any(&session.connection, &id).await {
        Ok(kind) => kind,
        Err(error) if error.is_global() => return Err(error),
        Err(_) => None,
    };
    Ok(kind.map(|kind| {
        let scope = if kind.namespaced {
            Scope::Namespaced
        } else {
            Scope::Cluster
        };
        ((id.group, id.kind), scope)
    }))
}
