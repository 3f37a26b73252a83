//! Ways around the model: a program changes the lowered objects themselves.

use std::any::{Any, TypeId};

use iac_compose::model::Service as ComposeService;
use iac_core::declare::SourceLine;
use iac_k8s::k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use iac_k8s::k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use iac_k8s::k8s_openapi::api::batch::v1::{CronJob, Job};
use iac_k8s::k8s_openapi::api::core::v1::Service;
use iac_k8s::k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use serde::Serialize;
use serde_json::Value as Json;

/// A type of object that a part can be lowered to on Kubernetes.
pub trait Lowered: Serialize + 'static {
    /// The name of the type.
    const KIND: &'static str;
}

macro_rules! lowered {
    ($($kind:ident),*) => {$(
        impl Lowered for $kind {
            const KIND: &'static str = stringify!($kind);
        }
    )*};
}

lowered!(
    Deployment,
    StatefulSet,
    Job,
    CronJob,
    Service,
    HorizontalPodAutoscaler,
    Ingress,
    NetworkPolicy
);

/// Changes an object of the type that the edit is of.
type Change = Box<dyn FnOnce(&mut dyn Any)>;

/// A change of one type of object.
pub(crate) struct KubernetesEdit {
    of: TypeId,
    pub(crate) kind: &'static str,
    pub(crate) at: SourceLine,
    change: Change,
}

impl KubernetesEdit {
    pub(crate) fn new<K: Lowered>(at: SourceLine, change: impl FnOnce(&mut K) + 'static) -> Self {
        let change = move |object: &mut dyn Any| {
            if let Some(object) = object.downcast_mut() {
                change(object);
            }
        };
        Self {
            of: TypeId::of::<K>(),
            kind: K::KIND,
            at,
            change: Box::new(change),
        }
    }

    pub(crate) fn is_of<K: 'static>(&self) -> bool {
        self.of == TypeId::of::<K>()
    }

    /// Changes the object, and returns the fields that are other ones now.
    pub(crate) fn apply<K: Lowered>(self, object: &mut K) -> Vec<String> {
        fields_changed(object, |object| (self.change)(object))
    }
}

/// A change of the lowered compose service.
pub(crate) struct DockerEdit {
    pub(crate) at: SourceLine,
    change: Box<dyn FnOnce(&mut ComposeService)>,
}

impl DockerEdit {
    pub(crate) fn new(at: SourceLine, change: impl FnOnce(&mut ComposeService) + 'static) -> Self {
        Self {
            at,
            change: Box::new(change),
        }
    }

    /// As [`KubernetesEdit::apply`].
    pub(crate) fn apply(self, service: &mut ComposeService) -> Vec<String> {
        fields_changed(service, self.change)
    }
}

fn fields_changed<T: Serialize>(object: &mut T, change: impl FnOnce(&mut T)) -> Vec<String> {
    let json = |object: &T| serde_json::to_value(object).unwrap_or_default();
    let before = json(object);
    change(object);
    let mut fields = Vec::new();
    compare("", &before, &json(object), &mut fields);
    fields
}

/// The fields in which two values differ: as deep as maps go, a list as a whole.
fn compare(path: &str, before: &Json, after: &Json, fields: &mut Vec<String>) {
    match (before, after) {
        (Json::Object(before), Json::Object(after)) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let side = |map: &serde_json::Map<String, Json>| map.get(key).cloned().unwrap_or_default();
                compare(&path, &side(before), &side(after), fields);
            }
        }
        _ if before == after => {}
        _ => fields.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_edit_names_the_fields_that_it_changed() {
        let mut object = json!({ "a": { "b": 1, "c": [1] }, "d": 2 });
        let changed = fields_changed(&mut object, |object| {
            object["a"]["c"] = json!([1, 2]);
            object["a"]["e"] = json!({ "f": 1 });
            object["d"] = json!(2);
        });
        assert_eq!(changed, ["a.c", "a.e"]);
    }
}
