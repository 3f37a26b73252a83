//! An object's name in the cluster, and the form in which its inputs are sent.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::provider::Problem;
use iac_core::value::{Expr, FieldPath, Map, Part, Secret, Transform, Value};

use crate::exported;
use crate::injected;
use crate::kinds::{self, Scope};

/// The namespace of a namespaced object that names none.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// The full name of an object: its type, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectId {
    /// The API group; empty for the core group.
    pub(crate) group: String,
    /// The API version; empty where it is not known.
    pub(crate) version: String,
    /// The kind.
    pub(crate) kind: String,
    /// The namespace; none for an object of the cluster.
    pub(crate) namespace: Option<String>,
    /// The name.
    pub(crate) name: String,
}

impl ObjectId {
    /// The name of the object that `inputs` describe.
    pub(crate) fn of(inputs: &Value) -> Result<Self, Problem> {
        let api_version = known_text(inputs, &["apiVersion"])?;
        let kind = known_text(inputs, &["kind"])?;
        let name = known_text(inputs, &["metadata", "name"])?;
        let namespace = match inputs.pointer("/metadata/namespace") {
            None | Some(Value::Null) => None,
            Some(_) => Some(known_text(inputs, &["metadata", "namespace"])?),
        };
        let (group, version) = split_api_version(&api_version);
        let namespace = match kinds::scope(group, &kind) {
            Some(Scope::Cluster) => None,
            Some(Scope::Namespaced) => Some(namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())),
            None => namespace,
        };
        Ok(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind,
            namespace,
            name,
        })
    }

    /// Reads an identity back; the version is not part of one.
    pub(crate) fn from_identity(identity: &str) -> Option<Self> {
        let (type_name, full_name) = identity.split_once(' ')?;
        Self::from_type(type_name, full_name)
    }

    /// From a type (`apps/Deployment`) and a full name (`codelab/api`).
    pub(crate) fn from_type(type_name: &str, full_name: &str) -> Option<Self> {
        let (group, kind) = type_name.rsplit_once('/')?;
        let (namespace, name) = match full_name.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, full_name),
        };
        Some(Self {
            group: if group == "core" {
                String::new()
            } else {
                group.to_owned()
            },
            version: String::new(),
            kind: kind.to_owned(),
            namespace,
            name: name.to_owned(),
        })
    }

    /// `apps/v1`, or `v1` for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The type without its version: `apps/Deployment`, `core/Secret`.
    pub(crate) fn type_name(&self) -> String {
        type_name(&self.group, &self.kind)
    }

    /// `codelab/api`, or only the name for an object of the cluster.
    pub(crate) fn full_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The identity: `apps/Deployment codelab/api`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.type_name(), self.full_name())
    }
}

/// A type without its version; the core group, which has no name, is written `core`.
pub(crate) fn type_name(group: &str, kind: &str) -> String {
    let group = if group.is_empty() { "core" } else { group };
    format!("{group}/{kind}")
}

/// Splits `apps/v1` into group and version.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.rsplit_once('/').unwrap_or(("", api_version))
}

fn known_text(inputs: &Value, path: &[&str]) -> Result<String, Problem> {
    let field = FieldPath::fields(path.iter().copied());
    let node = path.iter().try_fold(inputs, |node, key| node.get(key));
    match node {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::Expr(expr)) => Err(Problem {
            message: format!("{field} is the output {expr}; what names an object has to be known when planning"),
            hint: Some("give it a fixed text, and put the output into another field".to_owned()),
            path: field,
        }),
        Some(Value::Secret(_)) => Err(Problem::new(field.clone(), format!("{field} cannot be secret"))),
        _ => Err(Problem {
            message: format!("{field} is missing"),
            hint: Some("every Kubernetes object needs apiVersion, kind and metadata.name".to_owned()),
            path: field,
        }),
    }
}

/// The inputs as they are sent: without what only the server and controllers write, with a Secret's `stringData` folded
/// into `data`, and with the namespace written out, and marked if there is nothing else. A null is sent as one: it takes
/// the field for us, and what it means is the server's to say.
///
/// `scaled` leaves out `spec.replicas`, which belongs to a HorizontalPodAutoscaler.
pub(crate) fn desired(inputs: &Value, scaled: bool) -> Value {
    let Value::Object(mut map) = inputs.clone() else {
        return inputs.clone();
    };
    let id = ObjectId::of(inputs).ok();
    let type_name = id.as_ref().map(ObjectId::type_name).unwrap_or_default();
    exported::strip(&mut map, &type_name);
    if is_secret(inputs) {
        fold_string_data(&mut map);
    }
    if let (Some(Value::Object(metadata)), Some(id)) = (map.get_mut("metadata"), id) {
        metadata.retain(|field, value| field != "namespace" || *value != Value::Null);
        if let (false, Some(namespace)) = (metadata.contains_key("namespace"), id.namespace) {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
    }
    if scaled && let Some(Value::Object(spec)) = map.get_mut("spec") {
        spec.remove("replicas");
    }
    name_account_twice(&mut map, &type_name);
    mark_if_bare(&mut map);
    let mut object = Value::Object(map);
    injected::strip(&mut object, &type_name);
    object
}

/// Sends the name of a pod's service account under its old name too. The server copies it there, nobody would own the
/// copy, and a pod whose account is no longer declared would keep it.
fn name_account_twice(map: &mut Map, type_name: &str) {
    let Some(template) = kinds::pod_template(type_name).filter(|template| !template.is_empty()) else {
        return;
    };
    let steps = template.split('/').skip(1).chain(["spec"]);
    let mut node = map;
    for step in steps {
        match node.get_mut(step) {
            Some(Value::Object(below)) => node = below,
            _ => return,
        }
    }
    let (new, old) = ("serviceAccountName", "serviceAccount");
    match (node.get(new).cloned(), node.get(old).cloned()) {
        (Some(name), None) => node.insert(old.to_owned(), name),
        (None, Some(name)) => node.insert(new.to_owned(), name),
        _ => None,
    };
}

/// The annotation of an object of which nothing is declared but its name.
const MARK: &str = "iac.dev/managed-by";

/// Gives an object without any field an annotation. The server keeps no trace of a manager who applied no field, and
/// nobody could tell by whom a namespace was made whose creation was interrupted.
fn mark_if_bare(map: &mut Map) {
    let fields = |map: &Map, known: &[&str]| {
        map.iter()
            .all(|(field, value)| known.contains(&field.as_str()) || is_hollow(value))
    };
    let bare = fields(map, &["apiVersion", "kind", "metadata"]);
    if let (true, Some(Value::Object(metadata))) = (bare, map.get_mut("metadata"))
        && fields(metadata, &["name", "namespace"])
    {
        let annotations = Map::from([(MARK.to_owned(), "iac".into())]);
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
}

/// True if a value holds nothing; a null is something, since the server notes who applied it.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().all(is_hollow),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// True if these inputs describe a Secret.
pub(crate) fn is_secret(inputs: &Value) -> bool {
    let text = |key| inputs.get(key).and_then(Value::as_str);
    text("kind") == Some("Secret") && text("apiVersion") == Some("v1")
}

/// `stringData` wins over `data`, as on the server; it is never sent, since the server would note `f:stringData` as our
/// field, and a key that is dropped from it later would stay in `data`.
fn fold_string_data(map: &mut Map) {
    let Some(Value::Object(texts)) = map.remove("stringData") else {
        return;
    };
    let data = map
        .entry("data".to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(data) = data {
        data.extend(texts.into_iter().map(|(key, text)| (key, base64_of(&text))));
    }
}

/// The base64 of a text, secret: whatever a Secret holds is not to be shown.
fn base64_of(text: &Value) -> Value {
    match text {
        Value::String(text) => Value::Secret(Secret::new(STANDARD.encode(text))),
        Value::Secret(secret) => Value::Secret(Secret::new(STANDARD.encode(secret.expose()))),
        Value::Expr(expr) => base64_of_expr(expr),
        other => other.clone(),
    }
}

/// One output alone can be marked for encoding. Base64 of parts is no concatenation of theirs, so a mixed text keeps its
/// form; it is encoded when its outputs are known, and until then compared as it is.
fn base64_of_expr(expr: &Expr) -> Value {
    let mut parts = expr.parts.clone();
    if let [Part::Output(output)] = &mut parts[..] {
        output.transforms.push(Transform::Base64);
    }
    Value::Expr(Expr { parts })
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;
    use serde_json::json;

    fn inputs(api_version: &str, kind: &str, metadata: serde_json::Value) -> Value {
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata}).into()
    }

    #[test]
    fn identities_read_back() {
        for (inputs, expected) in [
            (
                inputs("apps/v1", "Deployment", json!({"name": "api", "namespace": "codelab"})),
                "apps/Deployment codelab/api",
            ),
            (inputs("v1", "Secret", json!({"name": "db"})), "core/Secret default/db"),
            (
                inputs("v1", "Namespace", json!({"name": "shop", "namespace": "x"})),
                "core/Namespace shop",
            ),
            (inputs("a.io/v1", "Thing", json!({"name": "t"})), "a.io/Thing t"),
        ] {
            let id = ObjectId::of(&inputs).expect("complete");
            assert_eq!(id.to_string(), expected);
            let back = ObjectId::from_identity(expected).expect("well-formed");
            assert_eq!((back.to_string(), back.version), (expected.to_owned(), String::new()));
        }
    }

    #[test]
    fn a_name_that_is_missing_is_a_problem_with_its_path() {
        let problem = ObjectId::of(&inputs("v1", "Secret", json!({}))).expect_err("no name");
        assert_eq!(problem.path, FieldPath::fields(["metadata", "name"]));
    }

    #[test]
    fn what_has_nothing_but_a_name_is_marked() {
        for (object, marked) in [
            (json!({"metadata": {"name": "a"}}), true),
            (
                json!({"metadata": {"name": "a", "namespace": "b", "uid": "1", "labels": {}}, "spec": {}}),
                true,
            ),
            (json!({"metadata": {"name": "a"}, "data": {"a": ""}}), false),
            (
                json!({"metadata": {"name": "a"}, "automountServiceAccountToken": false}),
                false,
            ),
            (json!({"metadata": {"name": "a", "labels": {"a": "b"}}}), false),
        ] {
            let desired = desired(&object.clone().into(), false);
            let mark = desired.pointer("/metadata/annotations/iac.dev~1managed-by");
            assert_eq!(mark.is_some(), marked, "{object}");
        }
    }

    #[test]
    fn string_data_becomes_secret_data() {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "creationTimestamp": null},
            "data": {"a": "b2xk", "kept": "eA=="}, "stringData": {"a": "new", "b": "hunter2"}, "status": {},
        });
        let sent = desired(&secret.into(), false);
        let exposed = sent.expose().expect("all known");
        assert_eq!(
            exposed["data"],
            json!({"a": "bmV3", "b": "aHVudGVyMg==", "kept": "eA=="})
        );
        assert_eq!(exposed["metadata"], json!({"name": "db", "namespace": "default"}));
        assert!(exposed.get("stringData").is_none() && exposed.get("status").is_none());
        assert!(matches!(sent.pointer("/data/b"), Some(Value::Secret(_))));
    }

    #[test]
    fn a_null_is_sent() {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": null, "labels": null}, "data": {"EMPTY": null}});
        let sent = desired(&map.into(), false);
        let expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default", "labels": null}, "data": {"EMPTY": null}});
        assert_eq!(sent, Value::from(expected));
    }

    #[test]
    fn an_account_is_named_twice() {
        let job = |spec| json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a"}, "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}});
        for spec in [json!({"serviceAccountName": "x"}), json!({"serviceAccount": "x"})] {
            let sent = desired(&job(spec).into(), false);
            let expected = json!({"serviceAccount": "x", "serviceAccountName": "x"});
            assert_eq!(
                sent.pointer("/spec/jobTemplate/spec/template/spec"),
                Some(&expected.into())
            );
        }
        let sent = desired(&job(json!({"containers": []})).into(), false);
        assert_eq!(
            sent.pointer("/spec/jobTemplate/spec/template/spec"),
            Some(&json!({"containers": []}).into())
        );
    }

    #[test]
    fn replicas_are_left_to_an_autoscaler() {
        let deployment: Value =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": 2, "paused": false}})
                .into();
        assert!(desired(&deployment, true).pointer("/spec/replicas").is_none());
        assert!(desired(&deployment, false).pointer("/spec/replicas").is_some());
    }
}
