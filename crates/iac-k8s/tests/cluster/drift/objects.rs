//! Objects with every kind of list and map that a schema can have.

use serde_json::{Value as Json, json};

/// The group of the custom resource; the namespace in it makes it this test's own.
pub(super) fn group(namespace: &str) -> String {
    format!("{namespace}.iac.example")
}

/// A definition with every kind of list and map.
pub(super) fn definition(namespace: &str) -> Json {
    let group = group(namespace);
    let text = json!({"type": "string"});
    let port = json!({
        "type": "object", "required": ["port"],
        "properties": {
            "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "name": text,
        },
    });
    let ports = json!({
        "type": "array", "items": port,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
    });
    let named = json!({
        "type": "object", "required": ["name"],
        "properties": {"name": text, "value": text, "ports": ports, "flags": {"type": "array", "items": text}},
    });
    let pair = json!({"type": "object", "properties": {"a": text, "b": {"type": "array", "items": text}}});
    let mut whole_pair = pair.clone();
    whole_pair["x-kubernetes-map-type"] = "atomic".into();
    let spec = json!({
        "type": "object",
        "properties": {
            "title": text,
            "count": {"type": "integer", "default": 3, "nullable": true},
            "wholeList": {"type": "array", "items": text, "x-kubernetes-list-type": "atomic"},
            "plainList": {"type": "array", "items": pair},
            "setList": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
            "named": {"type": "array", "items": named, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            "ports": ports,
            "nested": {"type": "array", "items": {"type": "array", "items": text}},
            "wholeMap": {"type": "object", "additionalProperties": text, "x-kubernetes-map-type": "atomic"},
            "map": {"type": "object", "additionalProperties": text},
            "mapOfLists": {"type": "object", "additionalProperties": {"type": "array", "items": text}},
            "pair": pair,
            "wholePair": whole_pair,
            "either": {"x-kubernetes-int-or-string": true},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gizmos.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": "Gizmo", "plural": "gizmos", "singular": "gizmo", "listKind": "GizmoList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}},
            }],
        },
    })
}

/// A custom resource that uses all of it.
pub(super) fn gizmo(namespace: &str, name: &str) -> Json {
    json!({
        "apiVersion": format!("{}/v1", group(namespace)), "kind": "Gizmo",
        "metadata": {"name": name, "namespace": namespace, "labels": {"a": "1"}},
        "spec": {
            "title": "one", "wholeList": ["a", "b"], "plainList": [{"a": "1", "b": ["x"]}, {"a": "2"}], "setList": ["a", "b"],
            "named": [
                {"name": "x", "value": "1", "ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}]},
                {"name": "y", "value": "2", "flags": ["f"]},
            ],
            "ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}, {"port": 80, "name": "http"}],
            "nested": [["a"], ["b", "c"]], "wholeMap": {"a": "1"}, "map": {"a": "1", "b": "2"},
            "mapOfLists": {"a": ["1"]}, "pair": {"a": "1", "b": ["x", "y"]}, "wholePair": {"a": "1", "b": []}, "either": "50%",
            "free": {"list": [1, 2], "map": {"x": {"y": 1}}},
            "embedded": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inner"}, "data": {"a": "1"}},
        },
    })
}

/// The objects of Kubernetes' own kinds.
pub(super) fn own(namespace: &str) -> Vec<Json> {
    [
        rights(namespace),
        network(namespace),
        workloads(namespace),
        plain(namespace),
    ]
    .concat()
}

fn meta(namespace: &str, name: &str) -> Json {
    json!({"name": name, "namespace": namespace, "labels": {"part": name}})
}

fn rights(namespace: &str) -> Vec<Json> {
    let role = format!("{namespace}-reader");
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    ]);
    let subjects = json!([
        {"kind": "ServiceAccount", "name": "a", "namespace": namespace},
        {"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"},
    ]);
    let role_ref =
        |kind: &str, name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
    let api = "rbac.authorization.k8s.io/v1";
    vec![
        json!({"apiVersion": api, "kind": "Role", "metadata": meta(namespace, "reader"), "rules": rules}),
        json!({"apiVersion": api, "kind": "Role", "metadata": meta(namespace, "nothing"), "rules": []}),
        json!({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules}),
        json!({
            "apiVersion": api, "kind": "RoleBinding", "metadata": meta(namespace, "reader"),
            "roleRef": role_ref("Role", "reader"), "subjects": subjects,
        }),
        json!({
            "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": {"name": role},
            "roleRef": role_ref("ClusterRole", &role), "subjects": subjects,
        }),
    ]
}

fn network(namespace: &str) -> Vec<Json> {
    let policy = |name: &str, spec: Json| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta(namespace, name), "spec": spec});
    vec![
        policy(
            "some",
            json!({
                "podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "b"}}}], "ports": [{"port": 80, "protocol": "TCP"}]}],
                "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}],
            }),
        ),
        policy(
            "none",
            json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}),
        ),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": meta(namespace, "dns"),
            "spec": {"selector": {"app": "a"}, "ports": [
                {"name": "dns-tcp", "port": 53}, {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "web", "port": 80, "targetPort": "http"},
            ]},
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(namespace, "web"),
            "spec": {"ingressClassName": "nobody", "rules": [{"host": "a.example", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "dns", "port": {"number": 80}}}},
            ]}}], "tls": [{"hosts": ["a.example"], "secretName": "tls"}]},
        }),
    ]
}

fn workloads(namespace: &str) -> Vec<Json> {
    let pod = json!({
        "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "a", "operator": "Exists"}], "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "main", "image": "localhost/iac-test/busybox:1", "command": ["sleep"], "args": ["3600", "x"],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}],
                "resources": {"limits": {"cpu": "1000m"}, "requests": {"memory": "8Mi"}},
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "tmp", "mountPath": "/var/tmp"}],
                "securityContext": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}},
            },
            {"name": "side", "image": "localhost/iac-test/busybox:1"},
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}],
    });
    vec![
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(namespace, "web"),
            "spec": {
                "replicas": 0, "selector": {"matchLabels": {"app": "a"}},
                "template": {"metadata": {"labels": {"app": "a"}, "annotations": {"x": "1"}}, "spec": pod},
            },
        }),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta(namespace, "web"),
            "spec": {"maxUnavailable": "50%", "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}},
        }),
    ]
}

fn plain(namespace: &str) -> Vec<Json> {
    vec![
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(namespace, "app"), "data": {"a": "1", "b": "2"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(namespace, "empty"), "data": {}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta(namespace, "db"), "data": {"a": "MQ==", "b": "Mg=="}}),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(namespace, "a"),
            "imagePullSecrets": [{"name": "x"}, {"name": "y"}],
        }),
        json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": meta(namespace, "limits"),
            "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "1"}}]},
        }),
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta(namespace, "quota"),
            "spec": {"hard": {"pods": "50", "configmaps": "100"}},
        }),
    ]
}
