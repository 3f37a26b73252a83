//! Fields that can only be changed by recreating the object.
//!
//! Where the server can be asked, its answer decides: the causes of a refusal, field by field, and never just any
//! refusal, since a new value that is merely wrong must not cost the object. Where it cannot be asked, this table does.

use iac_core::Value;
use iac_core::provider::Replacement;
use iac_core::value::diff::{FieldChange, diff};
use iac_core::value::{FieldPath, Segment};

use crate::fields;
use crate::provider::Cause;

mod words;

/// The part of a kind that cannot be changed.
enum Rule {
    /// These fields, and what lies below them.
    Fields(&'static [&'static str]),
    /// Everything below `spec` but these.
    SpecBut(&'static [&'static str]),
}

/// The rules of Kubernetes 1.36, by type.
const TABLE: [(&str, Rule); 19] = [
    ("apps/DaemonSet", Rule::Fields(&["spec.selector"])),
    ("apps/Deployment", Rule::Fields(&["spec.selector"])),
    ("apps/ReplicaSet", Rule::Fields(&["spec.selector"])),
    (
        "apps/StatefulSet",
        Rule::SpecBut(&[
            "minReadySeconds",
            "ordinals",
            "persistentVolumeClaimRetentionPolicy",
            "replicas",
            "revisionHistoryLimit",
            "template",
            "updateStrategy",
        ]),
    ),
    (
        "batch/Job",
        Rule::Fields(&[
            "spec.backoffLimitPerIndex",
            "spec.completionMode",
            "spec.completions",
            "spec.managedBy",
            "spec.podFailurePolicy",
            "spec.podReplacementPolicy",
            "spec.selector",
            "spec.successPolicy",
            "spec.template",
        ]),
    ),
    (
        "core/PersistentVolumeClaim",
        Rule::SpecBut(&["resources", "volumeAttributesClassName"]),
    ),
    (
        "core/PersistentVolume",
        Rule::Fields(&[
            "spec.awsElasticBlockStore",
            "spec.csi",
            "spec.gcePersistentDisk",
            "spec.hostPath",
            "spec.local",
            "spec.nfs",
            "spec.volumeMode",
        ]),
    ),
    (
        "core/Pod",
        Rule::SpecBut(&["activeDeadlineSeconds", "containers", "initContainers", "tolerations"]),
    ),
    ("core/Secret", Rule::Fields(&["type"])),
    ("core/Service", Rule::Fields(&["spec.clusterIP", "spec.clusterIPs"])),
    ("networking.k8s.io/IngressClass", Rule::Fields(&["spec.controller"])),
    ("node.k8s.io/RuntimeClass", Rule::Fields(&["handler"])),
    (
        "rbac.authorization.k8s.io/ClusterRoleBinding",
        Rule::Fields(&["roleRef"]),
    ),
    ("rbac.authorization.k8s.io/RoleBinding", Rule::Fields(&["roleRef"])),
    (
        "scheduling.k8s.io/PriorityClass",
        Rule::Fields(&["value", "preemptionPolicy"]),
    ),
    (
        "storage.k8s.io/StorageClass",
        Rule::Fields(&["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]),
    ),
    (
        "storage.k8s.io/CSIDriver",
        Rule::Fields(&["spec.attachRequired", "spec.fsGroupPolicy"]),
    ),
    (
        "apiextensions.k8s.io/CustomResourceDefinition",
        Rule::Fields(&["spec.group", "spec.names.kind", "spec.names.plural", "spec.scope"]),
    ),
    ("core/ResourceQuota", Rule::Fields(&["spec.scopes"])),
];

/// The fields that differ and cannot be changed in place, by the table.
pub(crate) fn by_table(type_name: &str, before: &Value, after: &Value) -> Vec<Replacement> {
    let changes = diff(before, after);
    let frozen = before.get("immutable").and_then(Value::as_bool) == Some(true);
    changes
        .iter()
        .filter(|change| is_listed(type_name, change) || (frozen && is_content(type_name, change)))
        .map(|change| Replacement {
            path: change.path.clone(),
            why: format!(
                "Kubernetes does not change this field of an existing {}",
                kind_of(type_name)
            ),
        })
        .collect()
}

fn kind_of(type_name: &str) -> &str {
    type_name.rsplit('/').next().unwrap_or(type_name)
}

fn is_listed(type_name: &str, change: &FieldChange) -> bool {
    let Some((_, rule)) = TABLE.iter().find(|(listed, _)| *listed == type_name) else {
        return false;
    };
    let names: Vec<&str> = change.path.segments().iter().map_while(field_name).collect();
    match rule {
        Rule::Fields(fields) => fields.iter().any(|field| {
            let field: Vec<&str> = field.split('.').collect();
            names.starts_with(&field)
        }),
        Rule::SpecBut(free) => match names[..] {
            ["spec", field, ..] => !free.contains(&field),
            _ => false,
        },
    }
}

fn field_name(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Field(name) => Some(name),
        _ => None,
    }
}

/// The content of a ConfigMap or Secret that is marked as immutable.
fn is_content(type_name: &str, change: &FieldChange) -> bool {
    let first = change.path.segments().first().and_then(field_name);
    matches!(type_name, "core/ConfigMap" | "core/Secret") && matches!(first, Some("data" | "binaryData" | "immutable"))
}

/// Whether a cause says that a field cannot be changed, rather than that its value is wrong; then the fields that would
/// need a new object.
pub(crate) fn by_server(cause: &Cause, type_name: &str, before: &Value, after: &Value) -> Option<Vec<Replacement>> {
    let sentence = words::forbidding(&cause.message)?;
    let (path, is_there) = place(after, &cause.field);
    let by_table = self::by_table(type_name, before, after).into_iter();
    let by_table: Vec<FieldPath> = by_table
        .map(|replacement| replacement.path)
        // A name that the object does not have is one of the server's own: it calls a CSIDriver's field attachedRequired.
        .filter(|listed| !is_there || listed.starts_with(&path))
        .collect();
    // The server often names only the parent (`spec`); the table knows which of the changes it means.
    let paths = if by_table.is_empty() { vec![path] } else { by_table };
    let why = format!("the server: {sentence}");
    let replacements = paths.into_iter().map(|path| Replacement { path, why: why.clone() });
    Some(replacements.collect())
}

/// The field that the server calls `name`, and whether it is there; the server writes some in capitals (`Value`).
fn place(after: &Value, name: &str) -> (FieldPath, bool) {
    let found = fields::find(after, name);
    let mut letters = name.chars();
    match letters.next() {
        Some(first) if !found.1 && first.is_uppercase() => {
            let small: String = first.to_lowercase().chain(letters).collect();
            fields::find(after, &small)
        }
        _ => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(replacements: &[Replacement]) -> Vec<String> {
        replacements
            .iter()
            .map(|replacement| replacement.path.to_string())
            .collect()
    }

    #[test]
    fn the_table_knows_what_can_not_change() {
        for (type_name, before, after, expected) in [
            (
                "apps/Deployment",
                json!({"spec": {"selector": {"matchLabels": {"a": "1"}}, "replicas": 1}}),
                json!({"spec": {"selector": {"matchLabels": {"a": "2"}}, "replicas": 2}}),
                vec!["spec.selector.matchLabels.a"],
            ),
            (
                "apps/StatefulSet",
                json!({"spec": {"serviceName": "a", "replicas": 1}}),
                json!({"spec": {"serviceName": "b", "replicas": 2}}),
                vec!["spec.serviceName"],
            ),
            (
                "batch/Job",
                json!({"spec": {"parallelism": 1, "template": {"x": 1}}}),
                json!({"spec": {"parallelism": 2, "template": {"x": 2}}}),
                vec!["spec.template.x"],
            ),
            (
                "core/PersistentVolumeClaim",
                json!({"spec": {"storageClassName": "a", "resources": {"requests": {"storage": "1Gi"}}}}),
                json!({"spec": {"storageClassName": "b", "resources": {"requests": {"storage": "2Gi"}}}}),
                vec!["spec.storageClassName"],
            ),
            (
                "core/ConfigMap",
                json!({"immutable": true, "data": {"a": "1"}}),
                json!({"immutable": true, "data": {"a": "2"}}),
                vec!["data.a"],
            ),
            (
                "core/ConfigMap",
                json!({"data": {"a": "1"}}),
                json!({"data": {"a": "2"}}),
                vec![],
            ),
            (
                "rbac.authorization.k8s.io/RoleBinding",
                json!({"roleRef": {"name": "a"}, "subjects": []}),
                json!({"roleRef": {"name": "b"}, "subjects": [1]}),
                vec!["roleRef.name"],
            ),
            (
                "core/Pod",
                json!({"spec": {"nodeName": "a", "containers": [1]}}),
                json!({"spec": {"nodeName": "b", "containers": [2]}}),
                vec!["spec.nodeName"],
            ),
        ] {
            assert_eq!(
                paths(&by_table(type_name, &before.into(), &after.into())),
                expected,
                "{type_name}"
            );
        }
    }

    #[test]
    fn the_servers_causes_are_read_by_their_words() {
        let before: Value = json!({"spec": {"serviceName": "a"}}).into();
        let after: Value = json!({"spec": {"serviceName": "b"}}).into();
        let cause = |field: &str, message: &str| Cause {
            reason: String::new(),
            message: message.to_owned(),
            field: field.to_owned(),
        };
        let replaced = by_server(
            &cause(
                "spec",
                "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
            ),
            "apps/StatefulSet",
            &before,
            &after,
        );
        let replaced = replaced.expect("immutable");
        assert_eq!(paths(&replaced), ["spec.serviceName"]);
        assert_eq!(
            replaced[0].why,
            "the server: updates to statefulset spec for fields other than 'replicas' are forbidden"
        );
        let replaced = by_server(
            &cause("spec.selector", "Invalid value: x: field is immutable"),
            "apps/Deployment",
            &before,
            &after,
        );
        let replaced = replaced.expect("immutable");
        assert_eq!(paths(&replaced), ["spec.selector"]);
        assert_eq!(replaced[0].why, "the server: field is immutable");
        for (type_name, field, message, path) in [
            (
                "scheduling.k8s.io/PriorityClass",
                "Value",
                "Forbidden: may not be changed in an update.",
                "value",
            ),
            (
                "storage.k8s.io/StorageClass",
                "parameters",
                "Forbidden: updates to parameters are forbidden.",
                "parameters",
            ),
            (
                "a.io/Thing",
                "spec.size",
                "Invalid value: \"object\": failed rule: self == oldSelf",
                "spec.size",
            ),
            (
                "core/Service",
                "spec.loadBalancerClass",
                "Invalid value: \"x\": may not change once set",
                "spec.loadBalancerClass",
            ),
        ] {
            let after: Value =
                json!({"value": 2, "parameters": {"a": "1"}, "spec": {"size": 1, "loadBalancerClass": "x"}}).into();
            let replaced = by_server(&cause(field, message), type_name, &json!({}).into(), &after);
            let replaced = paths(&replaced.expect("immutable"));
            assert!(
                replaced.iter().all(|replaced| replaced.starts_with(path)),
                "{type_name}: {replaced:?}"
            );
        }
        assert!(
            by_server(
                &cause("spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
                "apps/Deployment",
                &before,
                &after
            )
            .is_none()
        );
    }
}
