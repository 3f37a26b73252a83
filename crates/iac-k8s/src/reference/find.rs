//! Reads names off objects, as the rows of the table say.

use iac_core::provider::{Need, Phase};
use iac_core::value::{FieldPath, Segment, Value};

use super::table::{Of, ROWS, Row, Target};
use crate::kinds;
use crate::object::{ObjectId, split_api_version, type_name};

/// A name found in the inputs of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The field that holds it.
    pub(crate) path: FieldPath,
    /// The object that it names.
    pub(crate) target: ObjectId,
    /// When that has to be there.
    pub(crate) need: Need,
    /// The phase that the target has to have reached.
    pub(crate) reached: Phase,
}

/// Every name in the inputs of an object.
pub(crate) fn names(id: &ObjectId, inputs: &Value) -> Vec<Named> {
    let kind = id.type_name();
    let pods = kinds::pod_template(&kind);
    let mut found: Vec<Named> = Vec::new();
    for row in ROWS {
        let Some((start, path)) = start(row.of, id, &kind, pods, inputs) else {
            continue;
        };
        let mut leaves = Vec::new();
        walk(start, &path, row.field, start, &mut leaves);
        for leaf in leaves {
            let named = leaf.named(row, id.namespace.as_deref());
            found.extend(named.filter(|named| {
                !found
                    .iter()
                    .any(|other| other.target == named.target && other.path == named.path)
            }));
        }
    }
    found.extend(implied_account(id, pods, inputs));
    found
}

/// Where the fields of a row begin in an object; none if it has no such fields.
fn start<'a>(
    of: Of,
    id: &ObjectId,
    kind: &str,
    pods: Option<&str>,
    inputs: &'a Value,
) -> Option<(&'a Value, FieldPath)> {
    let applies = match of {
        Of::Namespaced => id.namespace.is_some(),
        Of::Pod => kind == "core/Pod",
        Of::Template => pods.is_some() && kind != "core/Pod",
        Of::Pods => pods.is_some(),
        Of::Kinds(kinds) => kinds.contains(&kind),
        Of::TokenSecret => kind == "core/Secret" && inputs.get("type").and_then(Value::as_str) == Some(TOKEN),
    };
    if !applies {
        return None;
    }
    match of {
        Of::Pod | Of::Template | Of::Pods => pod_spec(pods?, inputs),
        Of::Namespaced | Of::Kinds(_) | Of::TokenSecret => Some((inputs, FieldPath::root())),
    }
}

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// The specification of pods, whose template is at `pointer`.
pub(crate) fn pod_spec<'a>(pointer: &str, inputs: &'a Value) -> Option<(&'a Value, FieldPath)> {
    let spec = inputs.pointer(pointer)?.get("spec")?;
    let path = FieldPath::fields(pointer.split('/').filter(|key| !key.is_empty())).field("spec");
    Some((spec, path))
}

/// Pods that name no account use the one called `default`, which a stack may declare.
fn implied_account(id: &ObjectId, pods: Option<&str>, inputs: &Value) -> Option<Named> {
    let (spec, path) = pod_spec(pods?, inputs)?;
    let names_one = |key| {
        spec.get(key)
            .and_then(Value::as_str)
            .is_some_and(|name| !name.is_empty())
    };
    if names_one("serviceAccountName") || names_one("serviceAccount") {
        return None;
    }
    let full_name = format!("{}/default", id.namespace.as_deref()?);
    Some(Named {
        path: path.field("serviceAccountName"),
        target: ObjectId::from_type("core/ServiceAccount", &full_name)?,
        need: Need::Optional,
        reached: Phase::Exists,
    })
}

/// A text at the end of a row's way, and the object that holds it.
struct Leaf<'a> {
    path: FieldPath,
    text: &'a str,
    holder: &'a Value,
}

fn walk<'a>(node: &'a Value, path: &FieldPath, field: &[&str], holder: &'a Value, found: &mut Vec<Leaf<'a>>) {
    let Some((&step, rest)) = field.split_first() else {
        let text = node.as_str().filter(|text| !text.is_empty());
        found.extend(text.map(|text| Leaf {
            path: path.clone(),
            text,
            holder,
        }));
        return;
    };
    match step.strip_suffix("[]") {
        Some("containers") => {
            for list in CONTAINERS {
                for (path, item) in items(node, path, list) {
                    walk(item, &path, rest, item, found);
                }
            }
        }
        Some(list) => {
            for (path, item) in items(node, path, list) {
                walk(item, &path, rest, item, found);
            }
        }
        None => {
            if let Some(child) = node.get(step) {
                walk(child, &path.field(step), rest, node, found);
            }
        }
    }
}

/// The lists of a pod's containers.
pub(crate) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The elements of the list below `node` at `key`, with their paths.
pub(crate) fn items<'a>(node: &'a Value, path: &FieldPath, key: &str) -> Vec<(FieldPath, &'a Value)> {
    let list = node.get(key).and_then(Value::as_array).unwrap_or_default();
    let path = path.field(key);
    let named = list.iter().enumerate().map(|(index, item)| {
        let segment = match item.get("name").and_then(Value::as_str) {
            Some(name) => Segment::Element {
                field: "name".to_owned(),
                value: name.to_owned(),
            },
            None => Segment::Index(index),
        };
        (path.join(segment), item)
    });
    named.collect()
}

impl Leaf<'_> {
    fn named(&self, row: &Row, own: Option<&str>) -> Option<Named> {
        let beside = |key: &str| {
            self.holder
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let (kind, namespace) = match row.target {
            Target::Near(kind) => (kind.to_owned(), own),
            Target::Beside(kind) => (kind.to_owned(), beside("namespace").or(own)),
            Target::Cluster(kind) => (kind.to_owned(), None),
            Target::Role => {
                let kind = beside("kind")?;
                let of_namespace = own.filter(|_| kind == "Role");
                (type_name("rbac.authorization.k8s.io", kind), of_namespace)
            }
            Target::Scalable => {
                let (group, _) = split_api_version(beside("apiVersion")?);
                (type_name(group, beside("kind")?), own)
            }
            Target::Subject => {
                let namespace = beside("namespace").or(own);
                (
                    "core/ServiceAccount".to_owned(),
                    namespace.filter(|_| beside("kind") == Some("ServiceAccount")),
                )
            }
        };
        if matches!(row.target, Target::Subject) && namespace.is_none() {
            return None;
        }
        let full_name = namespace.map_or_else(
            || self.text.to_owned(),
            |namespace| format!("{namespace}/{}", self.text),
        );
        let optional = self.holder.get("optional").and_then(Value::as_bool).unwrap_or(false);
        Some(Named {
            path: self.path.clone(),
            target: ObjectId::from_type(&kind, &full_name)?,
            need: if optional { Need::Optional } else { row.need },
            reached: row.reached,
        })
    }
}
