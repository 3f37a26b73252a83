//! Which names are found, and where they lead.

use iac_core::declare::{Options, SourceLine};
use serde_json::json;

use super::*;

fn declare(inputs: serde_json::Value) -> ResourceDecl {
    let inputs: Value = inputs.into();
    let id = ObjectId::of(&inputs).expect("complete");
    ResourceDecl {
        key: Key::new("", &format!("kubernetes:{}", id.type_name()), &id.name).expect("valid"),
        inputs,
        options: Options::default(),
        after: Vec::new(),
        source: SourceLine::caller(),
    }
}

/// `Deployment/api exists: path -> Secret/db exists`, or `-> core/Secret n/db?` for an external one.
fn edges(resources: &[serde_json::Value]) -> Vec<String> {
    let resources: Vec<ResourceDecl> = resources.iter().cloned().map(declare).collect();
    let phase = |phase: Phase| if phase == Phase::Ready { "ready" } else { "exists" };
    let references = all(&resources.iter().collect::<Vec<_>>());
    let text = |reference: Reference| {
        let to = match reference.to {
            Referent::Declared(key, reached) => format!("{} {}", key.short(), phase(reached)),
            Referent::External(external) => {
                format!(
                    "{} {}{}",
                    external.kind,
                    external.name,
                    if external.optional { "?" } else { "" }
                )
            }
        };
        format!(
            "{} {}: {} -> {to}",
            reference.from.short(),
            phase(reference.phase),
            reference.path
        )
    };
    references.into_iter().map(text).collect()
}

fn object(api_version: &str, kind: &str, name: &str, rest: serde_json::Value) -> serde_json::Value {
    let mut object =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

#[test]
fn a_pod_template_names_what_it_needs() {
    let spec = json!({
        "serviceAccountName": "runner", "priorityClassName": "system-node-critical",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [{"name": "api",
            "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}, {"name": "Q", "value": "x"}],
            "envFrom": [{"configMapRef": {"name": "app", "optional": true}}]}],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "tls", "secret": {"secretName": "tls"}},
            {"name": "all", "projected": {"sources": [{"configMap": {"name": "extra"}}]}}],
    });
    let found = edges(&[
        object("v1", "Secret", "db", json!({})),
        object(
            "apps/v1",
            "Deployment",
            "api",
            json!({"spec": {"template": {"spec": spec}}}),
        ),
    ]);
    let template = "Deployment/api exists: spec.template.spec";
    assert_eq!(
        found,
        [
            format!("{template}.containers[name=api].env[name=P].valueFrom.secretKeyRef.name -> Secret/db exists"),
            format!("{template}.containers[name=api].envFrom[0].configMapRef.name -> core/ConfigMap default/app?"),
            format!(
                "{template}.volumes[name=data].persistentVolumeClaim.claimName -> core/PersistentVolumeClaim default/data"
            ),
            format!("{template}.volumes[name=tls].secret.secretName -> core/Secret default/tls"),
            format!("{template}.volumes[name=all].projected.sources[0].configMap.name -> core/ConfigMap default/extra"),
            format!("{template}.imagePullSecrets[name=pull].name -> core/Secret default/pull?"),
            format!("{template}.serviceAccountName -> core/ServiceAccount default/runner"),
        ]
    );
}

#[test]
fn a_service_is_ready_when_what_it_selects_is() {
    let labels = json!({"spec": {"template": {"metadata": {"labels": {"app": "api", "tier": "web"}}}}});
    let found = edges(&[
        object("v1", "Service", "api", json!({"spec": {"selector": {"app": "api"}}})),
        object("apps/v1", "Deployment", "api", labels.clone()),
        object("batch/v1", "Job", "migrate", labels),
        object(
            "apps/v1",
            "Deployment",
            "other",
            json!({"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}}),
        ),
    ]);
    assert_eq!(found, ["Service/api ready: spec.selector -> Deployment/api ready"]);
}

#[test]
fn kinds_name_one_another() {
    let found = edges(&[
        object(
            "apps/v1",
            "StatefulSet",
            "db",
            json!({"spec": {"serviceName": "db", "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"storageClassName": "fast"}}]}}),
        ),
        object("v1", "Service", "db", json!({})),
        object(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "db",
            json!({"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}}}),
        ),
        object(
            "networking.k8s.io/v1",
            "Ingress",
            "web",
            json!({"spec": {"ingressClassName": "nginx",
            "tls": [{"secretName": "tls"}], "rules": [{"host": "a", "http": {"paths": [{"backend": {"service": {"name": "db"}}}]}}]}}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "rb",
            json!({"roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "sa"}]}),
        ),
    ]);
    assert_eq!(
        found,
        [
            "StatefulSet/db exists: spec.serviceName -> Service/db exists",
            "StatefulSet/db exists: spec.volumeClaimTemplates[0].spec.storageClassName -> storage.k8s.io/StorageClass fast",
            "HorizontalPodAutoscaler/db exists: spec.scaleTargetRef.name -> StatefulSet/db exists",
            "Ingress/web exists: spec.rules[0].http.paths[0].backend.service.name -> Service/db exists",
            "Ingress/web exists: spec.tls[0].secretName -> core/Secret default/tls?",
            "Ingress/web exists: spec.ingressClassName -> networking.k8s.io/IngressClass nginx?",
            "RoleBinding/rb exists: roleRef.name -> rbac.authorization.k8s.io/ClusterRole view",
            "RoleBinding/rb exists: subjects[name=sa].name -> core/ServiceAccount default/sa?",
        ]
    );
}

#[test]
fn a_custom_resource_waits_for_its_definition_and_everything_for_its_namespace() {
    let found = edges(&[
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.a.io"}, "spec": {"group": "a.io", "names": {"kind": "Thing"}}}),
        json!({"apiVersion": "a.io/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "shop"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "elsewhere"}}),
    ]);
    assert_eq!(
        found,
        [
            "Thing/t exists: metadata.namespace -> Namespace/shop exists",
            "Thing/t exists: kind -> CustomResourceDefinition/things.a.io ready",
            "ConfigMap/c exists: metadata.namespace -> core/Namespace elsewhere",
        ]
    );
}
