//! The names in a pod's specification.

use iac_core::value::{FieldPath, Value};

use super::{Named, items, text};

/// The names in the pod template at `pointer`, whose objects live in `namespace`.
pub(super) fn names(inputs: &Value, pointer: &str, namespace: Option<&str>) -> Vec<Named> {
    let Some(template) = inputs.pointer(pointer) else {
        return Vec::new();
    };
    let Some(spec) = template.get("spec") else {
        return Vec::new();
    };
    let path = FieldPath::fields(pointer.split('/').filter(|key| !key.is_empty())).field("spec");
    let mut found = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for (path, container) in items(spec, &path, list) {
            environment(container, &path, namespace, &mut found);
        }
    }
    for (path, volume) in items(spec, &path, "volumes") {
        sources(volume, &path, namespace, &mut found);
    }
    for (path, secret) in items(spec, &path, "imagePullSecrets") {
        // A missing one is only a warning of the kubelet's.
        let name = text(secret, &path, &["name"]);
        found.extend(
            name.and_then(|(path, name)| Named::new(path, "core/Secret", namespace, name))
                .map(|named| named.optional(true)),
        );
    }
    for (key, target, namespace) in [
        ("serviceAccountName", "core/ServiceAccount", namespace),
        ("priorityClassName", "scheduling.k8s.io/PriorityClass", None),
        ("runtimeClassName", "node.k8s.io/RuntimeClass", None),
    ] {
        let name = text(spec, &path, &[key]);
        found.extend(name.and_then(|(path, name)| Named::new(path, target, namespace, name)));
    }
    found
}

fn environment(container: &Value, path: &FieldPath, namespace: Option<&str>, found: &mut Vec<Named>) {
    for (path, variable) in items(container, path, "env") {
        let Some(from) = variable.get("valueFrom") else {
            continue;
        };
        let path = path.field("valueFrom");
        found.extend(source(
            from,
            &path,
            "configMapKeyRef",
            "name",
            "core/ConfigMap",
            namespace,
        ));
        found.extend(source(from, &path, "secretKeyRef", "name", "core/Secret", namespace));
    }
    for (path, from) in items(container, path, "envFrom") {
        found.extend(source(from, &path, "configMapRef", "name", "core/ConfigMap", namespace));
        found.extend(source(from, &path, "secretRef", "name", "core/Secret", namespace));
    }
}

fn sources(volume: &Value, path: &FieldPath, namespace: Option<&str>, found: &mut Vec<Named>) {
    found.extend(source(volume, path, "configMap", "name", "core/ConfigMap", namespace));
    found.extend(source(volume, path, "secret", "secretName", "core/Secret", namespace));
    let claim = source(
        volume,
        path,
        "persistentVolumeClaim",
        "claimName",
        "core/PersistentVolumeClaim",
        namespace,
    );
    found.extend(claim);
    if let Some(projected) = volume.get("projected") {
        for (path, part) in items(projected, &path.field("projected"), "sources") {
            found.extend(source(part, &path, "configMap", "name", "core/ConfigMap", namespace));
            found.extend(source(part, &path, "secret", "name", "core/Secret", namespace));
        }
    }
}

/// The name in `node.<field>.<name_field>`; beside it may stand `optional: true`.
fn source(
    node: &Value,
    path: &FieldPath,
    field: &str,
    name_field: &str,
    target: &str,
    namespace: Option<&str>,
) -> Option<Named> {
    let (path, name) = text(node, path, &[field, name_field])?;
    let optional = node
        .get(field)?
        .get("optional")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    Some(Named::new(path, target, namespace, name)?.optional(optional))
}
