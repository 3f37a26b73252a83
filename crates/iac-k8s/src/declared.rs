//! Facts about the whole stack that bear on a single object.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::declare::ResourceDecl;
use iac_core::value::Value;

use crate::agree::Insides;
use crate::kinds::Scope;
use crate::object::{DEFAULT_NAMESPACE, ObjectId, split_api_version, type_name};
use crate::schema::Schemas;

/// The declarations of the stack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    scaled: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    kinds: BTreeMap<(String, String), Scope>,
    /// Every object's identity.
    objects: BTreeSet<String>,
    /// Keys, ports and labels.
    insides: Insides,
    /// The schemas of the custom resources that the stack both defines and has.
    schemas: Schemas,
}

impl Declared {
    /// Reads it off all the stack's resources.
    pub(crate) fn of(resources: &[&ResourceDecl]) -> Self {
        let ids = resources
            .iter()
            .filter_map(|resource| ObjectId::of(&resource.inputs).ok());
        let used: BTreeSet<String> = ids.map(|id| id.type_name()).collect();
        let mut declared = Self {
            insides: Insides::of(resources),
            ..Self::default()
        };
        for resource in resources {
            let Ok(id) = ObjectId::of(&resource.inputs) else {
                continue;
            };
            declared.objects.insert(id.to_string());
            match id.type_name().as_str() {
                "core/Namespace" => {
                    declared.namespaces.insert(id.name);
                }
                "autoscaling/HorizontalPodAutoscaler" => declared.scaled.extend(scale_target(&id, &resource.inputs)),
                "apiextensions.k8s.io/CustomResourceDefinition" => {
                    let of_type = defined_kind(&resource.inputs).map(|(group, kind)| type_name(&group, &kind));
                    if of_type.is_some_and(|of_type| used.contains(&of_type)) {
                        declared.schemas.add(resource);
                    }
                    let scope = match resource.inputs.pointer("/spec/scope").and_then(Value::as_str) {
                        Some("Cluster") => Scope::Cluster,
                        _ => Scope::Namespaced,
                    };
                    declared
                        .kinds
                        .extend(defined_kind(&resource.inputs).map(|kind| (kind, scope)));
                }
                _ => {}
            }
        }
        declared
    }

    /// True if a HorizontalPodAutoscaler of the stack sets this object's replicas.
    pub(crate) fn is_scaled(&self, id: &ObjectId) -> bool {
        self.scaled.contains(&id.to_string())
    }

    /// True if the stack makes this namespace.
    pub(crate) fn makes_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// True if the stack declares this object.
    pub(crate) fn declares(&self, id: &ObjectId) -> bool {
        self.objects.contains(&id.to_string())
    }

    /// The namespace in which the stack declares an object of this type and name, where that is another one.
    pub(crate) fn elsewhere(&self, id: &ObjectId) -> Option<&str> {
        id.namespace.as_ref()?;
        let start = format!("{} ", id.type_name());
        let of_type = self.objects.range(start.clone()..);
        let of_type = of_type.map_while(|identity| identity.strip_prefix(&start));
        let mut others = of_type.filter_map(|name| name.split_once('/'));
        let (namespace, _) = others.find(|(_, name)| *name == id.name)?;
        Some(namespace)
    }

    /// The schemas of the kinds that the stack defines.
    pub(crate) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// The keys, ports and labels of the stack's objects.
    pub(crate) fn insides(&self) -> &Insides {
        &self.insides
    }

    /// True if the stack defines this object's kind.
    pub(crate) fn defines(&self, id: &ObjectId) -> bool {
        self.kinds.contains_key(&(id.group.clone(), id.kind.clone()))
    }

    /// The scope of the objects of a kind, where the stack defines the kind.
    pub(crate) fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        self.kinds.get(&(group.to_owned(), kind.to_owned())).copied()
    }
}

/// The identity of what an autoscaler scales.
fn scale_target(autoscaler: &ObjectId, inputs: &Value) -> Option<String> {
    let text = |field: &str| inputs.pointer(&format!("/spec/scaleTargetRef/{field}"))?.as_str();
    let (group, _) = split_api_version(text("apiVersion")?);
    let namespace = autoscaler.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    Some(format!(
        "{} {namespace}/{}",
        type_name(group, text("kind")?),
        text("name")?
    ))
}

/// Group and kind that a definition defines.
pub(crate) fn defined_kind(inputs: &Value) -> Option<(String, String)> {
    let text = |pointer: &str| inputs.pointer(pointer)?.as_str().map(str::to_owned);
    Some((text("/spec/group")?, text("/spec/names/kind")?))
}
