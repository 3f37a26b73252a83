//! The names in each kind's fields.

use iac_core::value::{FieldPath, Value};

use super::{Named, items, pods, text};
use crate::kinds;
use crate::object::{ObjectId, split_api_version, type_name};

/// Every name in the inputs of an object.
pub(super) fn names(id: &ObjectId, inputs: &Value) -> Vec<Named> {
    let namespace = id.namespace.as_deref();
    let kind = id.type_name();
    let mut found = Vec::new();
    if let Some(namespace) = namespace {
        found.extend(Named::new(
            FieldPath::fields(["metadata", "namespace"]),
            "core/Namespace",
            None,
            namespace,
        ));
    }
    if let Some(pointer) = kinds::pod_template(&kind) {
        found.extend(pods::names(inputs, pointer, namespace));
    }
    match kind.as_str() {
        "apps/StatefulSet" => stateful_set(inputs, namespace, &mut found),
        "autoscaling/HorizontalPodAutoscaler" => found.extend(scale_target(inputs, namespace)),
        "networking.k8s.io/Ingress" => ingress(inputs, namespace, &mut found),
        "rbac.authorization.k8s.io/RoleBinding" | "rbac.authorization.k8s.io/ClusterRoleBinding" => {
            binding(inputs, namespace, &mut found);
        }
        "core/PersistentVolumeClaim" => claim(inputs, &mut found),
        "core/ServiceAccount" => service_account(inputs, namespace, &mut found),
        "apiregistration.k8s.io/APIService" => {
            found.extend(service_of(inputs, &FieldPath::root(), &["spec", "service"]));
        }
        "admissionregistration.k8s.io/ValidatingWebhookConfiguration"
        | "admissionregistration.k8s.io/MutatingWebhookConfiguration" => {
            for (path, webhook) in items(inputs, &FieldPath::root(), "webhooks") {
                // A webhook that is registered before it answers stops everybody else.
                found.extend(service_of(webhook, &path, &["clientConfig", "service"]).map(Named::once_ready));
            }
        }
        _ => {}
    }
    found
}

fn stateful_set(inputs: &Value, namespace: Option<&str>, found: &mut Vec<Named>) {
    let root = FieldPath::root();
    let service = text(inputs, &root, &["spec", "serviceName"]);
    found.extend(service.and_then(|(path, name)| Named::new(path, "core/Service", namespace, name)));
    let Some(spec) = inputs.get("spec") else { return };
    for (path, template) in items(spec, &root.field("spec"), "volumeClaimTemplates") {
        let class = text(template, &path, &["spec", "storageClassName"]);
        found.extend(class.and_then(|(path, name)| Named::new(path, "storage.k8s.io/StorageClass", None, name)));
    }
}

fn scale_target(inputs: &Value, namespace: Option<&str>) -> Option<Named> {
    let root = FieldPath::root();
    let (_, api_version) = text(inputs, &root, &["spec", "scaleTargetRef", "apiVersion"])?;
    let (_, kind) = text(inputs, &root, &["spec", "scaleTargetRef", "kind"])?;
    let (path, name) = text(inputs, &root, &["spec", "scaleTargetRef", "name"])?;
    let (group, _) = split_api_version(api_version);
    Named::new(path, &type_name(group, kind), namespace, name)
}

fn ingress(inputs: &Value, namespace: Option<&str>, found: &mut Vec<Named>) {
    let Some(spec) = inputs.get("spec") else { return };
    let path = FieldPath::fields(["spec"]);
    let mut service = |name: Option<(FieldPath, &str)>| {
        found.extend(name.and_then(|(path, name)| Named::new(path, "core/Service", namespace, name)));
    };
    service(text(spec, &path, &["defaultBackend", "service", "name"]));
    for (path, rule) in items(spec, &path, "rules") {
        let Some(http) = rule.get("http") else { continue };
        for (path, route) in items(http, &path.field("http"), "paths") {
            service(text(route, &path, &["backend", "service", "name"]));
        }
    }
    for (path, tls) in items(spec, &path, "tls") {
        // Often made by a certificate controller, after the Ingress.
        let name = text(tls, &path, &["secretName"]);
        let secret = name.and_then(|(path, name)| Named::new(path, "core/Secret", namespace, name));
        found.extend(secret.map(|named| named.optional(true)));
    }
    // A controller may serve a class that no object describes.
    let class = text(spec, &path, &["ingressClassName"]);
    let class = class.and_then(|(path, name)| Named::new(path, "networking.k8s.io/IngressClass", None, name));
    found.extend(class.map(|named| named.optional(true)));
}

fn binding(inputs: &Value, namespace: Option<&str>, found: &mut Vec<Named>) {
    let root = FieldPath::root();
    if let (Some((_, kind)), Some((path, name))) = (
        text(inputs, &root, &["roleRef", "kind"]),
        text(inputs, &root, &["roleRef", "name"]),
    ) {
        let of_namespace = namespace.filter(|_| kind == "Role");
        found.extend(Named::new(
            path,
            &type_name("rbac.authorization.k8s.io", kind),
            of_namespace,
            name,
        ));
    }
    for (path, subject) in items(inputs, &root, "subjects") {
        let is_account = text(subject, &path, &["kind"]).is_some_and(|(_, kind)| kind == "ServiceAccount");
        let of_subject = text(subject, &path, &["namespace"]).map(|(_, namespace)| namespace);
        if let (true, Some((path, name))) = (is_account, text(subject, &path, &["name"])) {
            // Rights may be given before the account is there.
            let account = Named::new(path, "core/ServiceAccount", of_subject.or(namespace), name);
            found.extend(account.map(|named| named.optional(true)));
        }
    }
}

fn claim(inputs: &Value, found: &mut Vec<Named>) {
    let root = FieldPath::root();
    for (field, target) in [
        ("storageClassName", "storage.k8s.io/StorageClass"),
        ("volumeName", "core/PersistentVolume"),
    ] {
        let name = text(inputs, &root, &["spec", field]);
        found.extend(name.and_then(|(path, name)| Named::new(path, target, None, name)));
    }
}

fn service_account(inputs: &Value, namespace: Option<&str>, found: &mut Vec<Named>) {
    for list in ["secrets", "imagePullSecrets"] {
        for (path, secret) in items(inputs, &FieldPath::root(), list) {
            let name = text(secret, &path, &["name"]);
            let secret = name.and_then(|(path, name)| Named::new(path, "core/Secret", namespace, name));
            found.extend(secret.map(|named| named.optional(true)));
        }
    }
}

/// A reference to a Service that names its namespace.
fn service_of(node: &Value, path: &FieldPath, keys: &[&str]) -> Option<Named> {
    let below = |last| keys.iter().copied().chain([last]).collect::<Vec<_>>();
    let (_, namespace) = text(node, path, &below("namespace"))?;
    let (path, name) = text(node, path, &below("name"))?;
    Named::new(path, "core/Service", Some(namespace), name)
}
