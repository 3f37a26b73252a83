//! Keys of ConfigMaps and Secrets, and who names them.

use std::collections::BTreeSet;

use iac_core::declare::ResourceDecl;
use iac_core::value::{FieldPath, Value};

use super::{Certainty, Insides, Misfit};
use crate::kinds;
use crate::object::ObjectId;
use crate::reference::{CONTAINERS, items, pod_spec};

/// The keys that a stack gives a ConfigMap or Secret.
#[derive(Debug, Clone)]
pub(super) struct Content {
    keys: BTreeSet<String>,
    /// True if others are known to fill it.
    open: bool,
}

impl Content {
    pub(super) fn of(type_name: &str, resource: &ResourceDecl) -> Option<Self> {
        let keys = keys_of(type_name, &resource.inputs)?;
        let text = |pointer: &str| resource.inputs.pointer(pointer).and_then(Value::as_str);
        // A controller fills such a Secret, and an object that holds nothing waits for somebody.
        let filled = text("/type") == Some("kubernetes.io/service-account-token") || keys.is_empty();
        let open = filled || resource.options.adopt || !resource.options.ignore_changes.is_empty();
        Some(Self { keys, open })
    }
}

fn keys_of(type_name: &str, inputs: &Value) -> Option<BTreeSet<String>> {
    let fields = match type_name {
        "core/ConfigMap" => ["data", "binaryData"],
        "core/Secret" => ["data", "stringData"],
        _ => return None,
    };
    let maps = fields.iter().filter_map(|field| inputs.get(field)?.as_object());
    Some(maps.flat_map(|map| map.keys().cloned()).collect())
}

/// A key that a pod needs.
#[derive(Debug, Clone)]
pub(super) struct KeyName {
    path: FieldPath,
    key: String,
    /// The object that the pod belongs to.
    pub(super) by: String,
}

/// The keys that an object's pods need, with the identity of what should have them.
pub(super) fn named(id: &ObjectId, inputs: &Value) -> Vec<(String, KeyName)> {
    let Some((spec, path)) = kinds::pod_template(&id.type_name()).and_then(|pointer| pod_spec(pointer, inputs)) else {
        return Vec::new();
    };
    let namespace = id.namespace.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    for list in CONTAINERS {
        for (path, container) in items(spec, &path, list) {
            for (path, variable) in items(container, &path, "env") {
                let from = variable.get("valueFrom").unwrap_or(&Value::Null);
                let path = path.field("valueFrom");
                for (field, kind) in [("secretKeyRef", "core/Secret"), ("configMapKeyRef", "core/ConfigMap")] {
                    if let Some(source) = from.get(field) {
                        let name = Source {
                            kind,
                            namespace,
                            holder: source,
                            name: "name",
                        };
                        found.extend(name.key(source, path.field(field).field("key")));
                    }
                }
            }
        }
    }
    for (path, volume) in items(spec, &path, "volumes") {
        volume_items(volume, &path, namespace, "secretName", &mut found);
        let projected = volume.get("projected").unwrap_or(&Value::Null);
        for (path, part) in items(projected, &path.field("projected"), "sources") {
            volume_items(part, &path, namespace, "name", &mut found);
        }
    }
    found
}

fn volume_items(
    volume: &Value,
    path: &FieldPath,
    namespace: &str,
    secret_name: &str,
    found: &mut Vec<(String, KeyName)>,
) {
    for (field, kind, name) in [
        ("secret", "core/Secret", secret_name),
        ("configMap", "core/ConfigMap", "name"),
    ] {
        let Some(source) = volume.get(field) else { continue };
        for (path, item) in items(source, &path.field(field), "items") {
            let name = Source {
                kind,
                namespace,
                holder: source,
                name,
            };
            found.extend(name.key(item, path.field("key")));
        }
    }
}

/// A ConfigMap or Secret that a pod names.
struct Source<'a> {
    kind: &'a str,
    namespace: &'a str,
    holder: &'a Value,
    name: &'a str,
}

impl Source<'_> {
    /// A key of it, unless the pod can do without.
    fn key(&self, node: &Value, path: FieldPath) -> Option<(String, KeyName)> {
        if self.holder.get("optional").and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let name = self.holder.get(self.name).and_then(Value::as_str)?;
        let key = node.get("key").and_then(Value::as_str)?.to_owned();
        let by = String::new();
        Some((
            format!("{} {}/{name}", self.kind, self.namespace),
            KeyName { path, key, by },
        ))
    }
}

const HINT: &str = "correct the key, add it, or set optional: true beside it";

/// Keys that an object's pods need and the stack's ConfigMap or Secret does not have.
pub(super) fn missing(insides: &Insides, id: &ObjectId, inputs: &Value) -> Vec<Misfit> {
    let lacking = named(id, inputs).into_iter().filter_map(|(target, named)| {
        let content = insides.contents.get(&target)?;
        (!content.keys.contains(&named.key)).then(|| Misfit {
            path: named.path,
            message: format!(
                "{} has no key {:?}{}",
                short(&target),
                named.key,
                similar(content, &named.key)
            ),
            hint: HINT,
            certainty: match content.open {
                true => Certainty::Perhaps,
                false => Certainty::UnlessLive(target, named.key),
            },
        })
    });
    lacking.collect()
}

/// Keys that this change takes away and pods of the stack need.
pub(super) fn lost(insides: &Insides, id: &ObjectId, inputs: &Value, before: &Value) -> Vec<Misfit> {
    let type_name = id.type_name();
    let (Some(keys), Some(had)) = (keys_of(&type_name, inputs), keys_of(&type_name, before)) else {
        return Vec::new();
    };
    let needed = insides.named.get(&id.to_string()).into_iter().flatten();
    let lost = needed.filter(|named| had.contains(&named.key) && !keys.contains(&named.key));
    let misfit = |named: &KeyName| Misfit {
        path: FieldPath::fields(["data", &named.key]),
        message: format!("it goes, and {} needs it: {}", named.by, named.path),
        hint: "keep the key, or let the pods name another one",
        certainty: Certainty::Certain,
    };
    lost.map(misfit).collect()
}

/// The key that was probably meant.
fn similar(content: &Content, key: &str) -> String {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    let meant = content.keys.iter().find(|other| plain(other) == plain(key));
    match meant {
        Some(meant) => format!("; it has {meant:?}"),
        None if content.keys.len() <= 8 && !content.keys.is_empty() => {
            let keys: Vec<&str> = content.keys.iter().map(String::as_str).collect();
            format!("; it has {}", keys.join(", "))
        }
        None => String::new(),
    }
}

/// `Secret shop/db` of an identity.
fn short(identity: &str) -> &str {
    identity.split_once('/').map_or(identity, |(_, rest)| rest)
}
