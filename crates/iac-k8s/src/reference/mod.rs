//! Which names in an object's inputs mean other objects.
//!
//! [`table`] lists the fields, [`find`] reads them. A name that the stack declares becomes an edge; any other is looked up in
//! the cluster, so that a preview can say that it is missing. [`order`] adds what no field names: what decides which
//! objects are let in comes before them.

mod find;
mod order;
mod table;

use std::collections::HashMap;

use iac_core::Key;
use iac_core::declare::ResourceDecl;
use iac_core::provider::{ExternalRef, Phase, Reference, Referent};
use iac_core::value::{FieldPath, Value};

use self::find::Named;
pub(crate) use self::find::{CONTAINERS, items, names, pod_spec};

use crate::declared::defined_kind;
use crate::kinds;
use crate::object::{DEFAULT_NAMESPACE, ObjectId, type_name};

/// All references of all these resources.
pub(crate) fn all(resources: &[&ResourceDecl]) -> Vec<Reference> {
    let index = Index::of(resources);
    let named = resources.iter().flat_map(|resource| index.references(resource));
    named.chain(order::of(resources)).collect()
}

/// The objects that the stack declares, by name.
struct Index<'a> {
    objects: HashMap<String, &'a Key>,
    definitions: HashMap<String, &'a Key>,
    workloads: Vec<Workload<'a>>,
}

/// A declared workload with the labels of its pods.
struct Workload<'a> {
    key: &'a Key,
    namespace: Option<String>,
    labels: &'a Value,
}

impl<'a> Index<'a> {
    fn of(resources: &[&'a ResourceDecl]) -> Self {
        let mut index = Self {
            objects: HashMap::new(),
            definitions: HashMap::new(),
            workloads: Vec::new(),
        };
        for resource in resources {
            let Ok(id) = ObjectId::of(&resource.inputs) else {
                continue;
            };
            if let Some((group, kind)) = defined_kind(&resource.inputs)
                && id.kind == "CustomResourceDefinition"
            {
                index.definitions.insert(type_name(&group, &kind), &resource.key);
            }
            if let Some(labels) = serving_labels(&id, &resource.inputs) {
                let namespace = id.namespace.clone();
                index.workloads.push(Workload {
                    key: &resource.key,
                    namespace,
                    labels,
                });
            }
            index.objects.insert(id.to_string(), &resource.key);
        }
        for resource in resources {
            if let Some(made) = ObjectId::of(&resource.inputs)
                .ok()
                .and_then(|id| made_secret(&id, &resource.inputs))
            {
                index.objects.entry(made).or_insert(&resource.key);
            }
        }
        index
    }

    fn references(&self, resource: &ResourceDecl) -> Vec<Reference> {
        let Ok(id) = ObjectId::of(&resource.inputs) else {
            return Vec::new();
        };
        let mut references: Vec<Reference> = find::names(&id, &resource.inputs)
            .into_iter()
            .filter_map(|named| self.resolve(&resource.key, named))
            .collect();
        references.extend(self.definition(resource, &id));
        references.extend(self.selected(resource, &id));
        references
    }

    fn resolve(&self, from: &Key, named: Named) -> Option<Reference> {
        let to = match self.objects.get(&named.target.to_string()) {
            Some(&key) if key == from => return None,
            Some(&key) => Referent::Declared(key.clone(), named.reached),
            None if is_always_there(&named.target) => return None,
            None => Referent::External(ExternalRef {
                kind: named.target.type_name(),
                name: named.target.full_name(),
                need: named.need,
            }),
        };
        Some(Reference {
            from: from.clone(),
            phase: Phase::Exists,
            path: named.path,
            to,
        })
    }

    /// A custom resource needs its definition to be served.
    fn definition(&self, resource: &ResourceDecl, id: &ObjectId) -> Option<Reference> {
        let &key = self.definitions.get(&id.type_name())?;
        Some(Reference {
            from: resource.key.clone(),
            phase: Phase::Exists,
            path: FieldPath::fields(["kind"]),
            to: Referent::Declared(key.clone(), Phase::Ready),
        })
    }

    /// A Service is ready when the workloads that it selects are.
    fn selected(&self, resource: &ResourceDecl, id: &ObjectId) -> Vec<Reference> {
        let selector = match (id.type_name().as_str(), resource.inputs.pointer("/spec/selector")) {
            ("core/Service", Some(Value::Object(selector))) if !selector.is_empty() => selector,
            _ => return Vec::new(),
        };
        let matches = |workload: &&Workload<'_>| {
            workload.namespace == id.namespace
                && selector
                    .iter()
                    .all(|(label, value)| workload.labels.get(label) == Some(value))
        };
        let selected = self.workloads.iter().filter(matches);
        let reference = |workload: &Workload<'_>| Reference {
            from: resource.key.clone(),
            phase: Phase::Ready,
            path: FieldPath::fields(["spec", "selector"]),
            to: Referent::Declared(workload.key.clone(), Phase::Ready),
        };
        selected.map(reference).collect()
    }
}

/// The Secret that a controller makes of an object: a custom resource that says so.
fn made_secret(id: &ObjectId, inputs: &Value) -> Option<String> {
    let given = match (id.group.as_str(), id.kind.as_str()) {
        ("bitnami.com", "SealedSecret") => inputs.pointer("/spec/template/metadata/name"),
        ("external-secrets.io", "ExternalSecret") => inputs.pointer("/spec/target/name"),
        ("cert-manager.io", "Certificate") => Some(inputs.pointer("/spec/secretName")?),
        _ => return None,
    };
    let name = given.and_then(Value::as_str).unwrap_or(&id.name);
    let namespace = id.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    Some(format!("core/Secret {namespace}/{name}"))
}

/// The labels of the pods of a workload that can serve; jobs do their work and end.
fn serving_labels<'a>(id: &ObjectId, inputs: &'a Value) -> Option<&'a Value> {
    if id.group == "batch" {
        return None;
    }
    let template = kinds::pod_template(&id.type_name())?;
    inputs.pointer(&format!("{template}/metadata/labels"))
}

/// Returns true if every cluster has the object, or creates it by itself.
fn is_always_there(target: &ObjectId) -> bool {
    let name = target.name.as_str();
    match target.type_name().as_str() {
        "core/Namespace" => name == "default" || name.starts_with("kube-"),
        "core/ServiceAccount" => name == "default",
        "core/ConfigMap" => name == "kube-root-ca.crt",
        "scheduling.k8s.io/PriorityClass" => name.starts_with("system-"),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests;
