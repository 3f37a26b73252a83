//! Which kinds the server knows, and under which path.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;
use tokio::sync::Mutex;

use super::call::{Call, CallError};
use super::connect::Connection;
use crate::object::ObjectId;

/// A kind as the server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiKind {
    /// `/apis/apps/v1`.
    base: String,
    /// `deployments`.
    plural: String,
    /// True if its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// `apps/v1`.
    pub(crate) api_version: String,
    /// The namespace of an object that names none.
    default_namespace: String,
}

impl ApiKind {
    /// The path of all objects of the kind in a namespace.
    pub(crate) fn list_path(&self, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) if self.namespaced => format!("{}/namespaces/{namespace}/{}", self.base, self.plural),
            _ => format!("{}/{}", self.base, self.plural),
        }
    }

    /// The namespace of an object; none when the kind has none, whatever its inputs say.
    pub(crate) fn namespace<'a>(&'a self, id: &'a ObjectId) -> Option<&'a str> {
        self.namespaced
            .then(|| id.namespace.as_deref().unwrap_or(&self.default_namespace))
    }

    /// The path of one object.
    pub(crate) fn path(&self, id: &ObjectId) -> String {
        format!("{}/{}", self.list_path(self.namespace(id)), id.name)
    }
}

type Kinds = Arc<HashMap<String, ApiKind>>;

/// The answers of the server so far. A kind that it did not know is asked for again, since a definition may have come
/// meanwhile.
#[derive(Default)]
pub(crate) struct Discovery {
    versions: Mutex<HashMap<String, Kinds>>,
}

impl Discovery {
    /// The kind of an object; none when the server has no such kind. An object whose version is empty gets the version
    /// that the server prefers.
    pub(crate) async fn find(&self, connection: &Connection, id: &ObjectId) -> Result<Option<ApiKind>, CallError> {
        if !id.version.is_empty() {
            return self.in_version(connection, &id.api_version(), &id.kind).await;
        }
        for api_version in versions(connection, &id.group).await? {
            if let Some(kind) = self.in_version(connection, &api_version, &id.kind).await? {
                return Ok(Some(kind));
            }
        }
        Ok(None)
    }

    /// The kind of an object that exists already, under another version if its own is no longer served.
    pub(crate) async fn find_any(&self, connection: &Connection, id: &ObjectId) -> Result<Option<ApiKind>, CallError> {
        if let Some(kind) = self.find(connection, id).await? {
            return Ok(Some(kind));
        }
        let unversioned = ObjectId {
            version: String::new(),
            ..id.clone()
        };
        self.find(connection, &unversioned).await
    }

    async fn in_version(
        &self,
        connection: &Connection,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<ApiKind>, CallError> {
        let mut versions = self.versions.lock().await;
        if let Some(found) = versions.get(api_version).and_then(|kinds| kinds.get(kind)) {
            return Ok(Some(found.clone()));
        }
        let base = match api_version.contains('/') {
            true => format!("/apis/{api_version}"),
            false => format!("/api/{api_version}"),
        };
        let kinds = match connection.call(&Call::get(base.clone())).await {
            Ok(answer) => Arc::new(read(&answer.body, &base, api_version, &connection.chosen.name)),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = kinds.get(kind).cloned();
        versions.insert(api_version.to_owned(), kinds);
        Ok(found)
    }
}

/// The versions of a group, the preferred one first.
async fn versions(connection: &Connection, group: &str) -> Result<Vec<String>, CallError> {
    if group.is_empty() {
        return Ok(vec!["v1".to_owned()]);
    }
    let body = match connection.call(&Call::get(format!("/apis/{group}"))).await {
        Ok(answer) => answer.body,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let text = |node: &Json| node["groupVersion"].as_str().map(str::to_owned);
    let preferred = text(&body["preferredVersion"]);
    let all = body["versions"].as_array().into_iter().flatten().filter_map(text);
    let mut versions: Vec<String> = preferred.into_iter().collect();
    for version in all {
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    Ok(versions)
}

/// Reads an `APIResourceList`; subresources (`deployments/scale`) are no kinds.
fn read(list: &Json, base: &str, api_version: &str, default_namespace: &str) -> HashMap<String, ApiKind> {
    let resources = list["resources"].as_array().into_iter().flatten();
    resources
        .filter_map(|resource| {
            let plural = resource["name"].as_str().filter(|name| !name.contains('/'))?;
            let kind = ApiKind {
                base: base.to_owned(),
                plural: plural.to_owned(),
                namespaced: resource["namespaced"].as_bool().unwrap_or(false),
                api_version: api_version.to_owned(),
                default_namespace: default_namespace.to_owned(),
            };
            Some((resource["kind"].as_str()?.to_owned(), kind))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_follow_the_scope() {
        let list = json!({"resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": true},
            {"name": "deployments/scale", "kind": "Scale", "namespaced": true},
        ]});
        let kinds = read(&list, "/apis/apps/v1", "apps/v1", "default");
        let id = ObjectId::from_identity("apps/Deployment codelab/api").expect("well-formed");
        assert_eq!(
            kinds["Deployment"].path(&id),
            "/apis/apps/v1/namespaces/codelab/deployments/api"
        );
        assert!(!kinds.contains_key("Scale"));
        let cluster = ApiKind {
            namespaced: false,
            ..kinds["Deployment"].clone()
        };
        assert_eq!(cluster.path(&id), "/apis/apps/v1/deployments/api");
    }
}
