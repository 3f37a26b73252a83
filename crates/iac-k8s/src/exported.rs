//! Fields in manifests exported from a cluster that are not theirs to set: the server or a controller writes them, whatever
//! anyone applies.

use iac_core::value::{FieldPath, Map, Value};
use serde_json::Value as Json;

use crate::managed::STACK_ID;
use crate::object::ObjectId;
use crate::{fields, injected, outputs};

/// Metadata that the server alone writes.
const SERVER_METADATA: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Annotations in which tools keep a copy of the whole object, what a Secret holds with it.
const COPIES: [&str; 4] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kapp.k14s.io/original",
    "objectset.rio.cattle.io/applied",
    "banzaicloud.com/last-applied",
];

/// Annotations that a controller writes, with the type of the object (any, if it is empty) and who does.
const ANNOTATIONS: [(&str, &str, &str); 15] = [
    ("", STACK_ID, "iac"),
    ("", COPIES[0], "kubectl apply"),
    ("", COPIES[1], "kapp"),
    ("", COPIES[2], "Rancher"),
    ("", COPIES[3], "an operator"),
    ("", "control-plane.alpha.kubernetes.io/leader", "the leader"),
    (
        "apps/DaemonSet",
        "deprecated.daemonset.template.generation",
        "the server",
    ),
    (
        "apps/Deployment",
        "deployment.kubernetes.io/revision",
        "the Deployment controller",
    ),
    (
        "apps/ReplicaSet",
        "deployment.kubernetes.io/desired-replicas",
        "the Deployment controller",
    ),
    (
        "apps/ReplicaSet",
        "deployment.kubernetes.io/max-replicas",
        "the Deployment controller",
    ),
    (
        "apps/ReplicaSet",
        "deployment.kubernetes.io/revision",
        "the Deployment controller",
    ),
    (
        "autoscaling/HorizontalPodAutoscaler",
        "autoscaling.alpha.kubernetes.io/conditions",
        "the autoscaler",
    ),
    (
        "autoscaling/HorizontalPodAutoscaler",
        "autoscaling.alpha.kubernetes.io/current-metrics",
        "the autoscaler",
    ),
    (
        "core/Endpoints",
        "endpoints.kubernetes.io/last-change-trigger-time",
        "the Endpoints controller",
    ),
    (
        "core/PersistentVolumeClaim",
        "volume.kubernetes.io/selected-node",
        "the scheduler",
    ),
];

/// Takes all of it out of an object's inputs.
pub(crate) fn strip(map: &mut Map, type_name: &str) {
    map.remove("status");
    if is_aggregated(map, type_name) {
        map.remove("rules");
    }
    let Some(Value::Object(metadata)) = map.get_mut("metadata") else {
        return;
    };
    for field in SERVER_METADATA {
        metadata.remove(field);
    }
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        let before = annotations.len();
        annotations.retain(|name, _| owner(type_name, name).is_none());
        if annotations.is_empty() && before > 0 {
            metadata.remove("annotations");
        }
    }
}

/// Takes the copies of the object out of declared annotations. That they are there is kept, for the plan to say.
pub(crate) fn forget_copies(object: &mut Json) {
    let annotations = object
        .pointer_mut("/metadata/annotations")
        .and_then(Json::as_object_mut);
    for (name, text) in annotations.into_iter().flatten() {
        if COPIES.contains(&name.as_str()) {
            *text = Json::from("");
        }
    }
}

/// Marks copies of the object as secret in its annotations.
pub(crate) fn conceal_copies(annotations: &mut Map) {
    for (name, text) in annotations.iter_mut() {
        if COPIES.contains(&name.as_str()) {
            *text = outputs::conceal(std::mem::take(text));
        }
    }
}

/// The same in a value that stands at this path in an object.
pub(crate) fn conceal_copies_at(path: &FieldPath, value: Value) -> Value {
    let names = fields::names(path);
    match (names.as_slice(), value) {
        (["metadata", "annotations", name, ..], value) if COPIES.contains(name) => outputs::conceal(value),
        (["metadata", "annotations"], Value::Object(mut annotations)) => {
            conceal_copies(&mut annotations);
            Value::Object(annotations)
        }
        (["metadata"] | [], Value::Object(mut map)) => {
            let within = if names.is_empty() { "metadata" } else { "annotations" };
            if let Some(child) = map.get_mut(within) {
                let path = FieldPath::fields(names.iter().copied().chain([within]));
                *child = conceal_copies_at(&path, std::mem::take(child));
            }
            Value::Object(map)
        }
        (_, value) => value,
    }
}

/// Returns the fields that are left out although somebody may have meant them, a line each.
pub(crate) fn left_out(inputs: &Value) -> Vec<String> {
    let (Ok(id), Value::Object(map)) = (ObjectId::of(inputs), inputs) else {
        return Vec::new();
    };
    let type_name = id.type_name();
    let annotations = inputs.pointer("/metadata/annotations").and_then(Value::as_object);
    let mut lines: Vec<String> = annotations
        .into_iter()
        .flat_map(|map| map.keys())
        .filter_map(|name| Some((name, owner(&type_name, name)?)))
        .map(|(name, owner)| format!("leaves out the annotation {name}, which {owner} writes"))
        .collect();
    let has_rules = map
        .get("rules")
        .and_then(Value::as_array)
        .is_some_and(|rules| !rules.is_empty());
    if has_rules && is_aggregated(map, &type_name) {
        lines.push("leaves out rules, which the controller fills by the aggregationRule".to_owned());
    }
    lines.extend(injected::left_out(inputs, &type_name));
    lines
}

/// Returns the writer of an annotation that is not written by whoever applies the object.
fn owner(type_name: &str, annotation: &str) -> Option<&'static str> {
    let found = ANNOTATIONS
        .iter()
        .find(|(of, name, _)| (of.is_empty() || *of == type_name) && *name == annotation);
    found.map(|(_, _, owner)| *owner)
}

/// True if a controller fills the rules of a ClusterRole from others.
fn is_aggregated(map: &Map, type_name: &str) -> bool {
    let rule = map.get("aggregationRule").filter(|rule| **rule != Value::Null);
    type_name == "rbac.authorization.k8s.io/ClusterRole" && rule.is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stripped(object: &Value, type_name: &str) -> Value {
        let mut map = match object {
            Value::Object(map) => map.clone(),
            _ => Map::new(),
        };
        strip(&mut map, type_name);
        Value::Object(map)
    }

    #[test]
    fn what_controllers_write_is_left_out_and_said() {
        let deployment: Value = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "status": {"replicas": 1},
            "metadata": {"name": "a", "uid": "1", "annotations": {"deployment.kubernetes.io/revision": "3"}},
        })
        .into();
        let lines = left_out(&deployment);
        assert_eq!(
            lines,
            ["leaves out the annotation deployment.kubernetes.io/revision, which the Deployment controller writes"]
        );
        let expected = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}});
        assert_eq!(stripped(&deployment, "apps/Deployment"), Value::from(expected));
    }

    #[test]
    fn copies_of_objects_are_secret_wherever_they_stand() {
        for name in COPIES {
            let annotations = json!({name: "{\"data\":{\"pin\":\"NDcxMQ==\"}}", "other": "x"});
            let mut declared = json!({"metadata": {"annotations": annotations}});
            let path = |text: &[&str]| FieldPath::fields(text.iter().copied());
            for (at, value) in [
                (path(&[]), declared.clone()),
                (path(&["metadata"]), declared["metadata"].clone()),
                (path(&["metadata", "annotations"]), annotations.clone()),
                (path(&["metadata", "annotations", name]), annotations[name].clone()),
            ] {
                let text = format!("{:?}", conceal_copies_at(&at, value.into()));
                assert!(!text.contains("NDcxMQ") && text.contains("(secret)"), "{at}: {text}");
            }
            forget_copies(&mut declared);
            assert_eq!(declared, json!({"metadata": {"annotations": {name: "", "other": "x"}}}));
        }
    }

    #[test]
    fn the_rules_of_an_aggregated_role_are_its_controllers() {
        for (rules, said) in [(json!([]), 0), (json!([{"verbs": ["get"]}]), 1)] {
            let role: Value = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "a"},
                "aggregationRule": {"clusterRoleSelectors": []}, "rules": rules,
            })
            .into();
            assert_eq!(left_out(&role).len(), said);
            let stripped = stripped(&role, "rbac.authorization.k8s.io/ClusterRole");
            assert!(stripped.get("rules").is_none());
        }
    }
}
