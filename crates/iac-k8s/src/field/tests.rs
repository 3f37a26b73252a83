//! `k8s!` gives the same objects as the plain structs, kind by kind.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;

use iac_core::config::Config;
use iac_core::{Output, Stack};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
    ResourceMetricSource,
};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, ContainerPort, EnvVar, HTTPGetAction, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PodSpec, PodTemplateSpec, Probe, ResourceRequirements, Secret, Service, ServicePort, ServiceSpec, VolumeMount,
    VolumeResourceRequirements,
};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressTLS, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    ServiceBackendPort,
};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::IntoField;
use crate::k8s;

/// Compares an object with the JSON that a manifest of it would have, kind and version aside.
#[track_caller]
fn is(object: impl Serialize, expected: Json) {
    let mut object = serde_json::to_value(object).unwrap();
    let fields = object.as_object_mut().unwrap();
    fields.retain(|field, value| !matches!(field.as_str(), "apiVersion" | "kind") && *value != json!({}));
    assert_eq!(object, expected);
}

fn output() -> Output {
    Stack::new("test", Config::default()).secret("label", "value")
}

#[test]
fn a_deployment() {
    let (image, port) = ("shop:1".to_owned(), 8000_u16);
    let labels = BTreeMap::from([("app".to_owned(), "api".to_owned())]);
    let password = output();
    let terse = k8s! {
        Deployment {
            spec: DeploymentSpec {
                replicas: 3,
                selector: LabelSelector { match_labels: &labels },
                template: PodTemplateSpec {
                    metadata: ObjectMeta { labels: &labels },
                    spec: PodSpec {
                        containers: [Container {
                            name: "api",
                            image: &image,
                            command: ["serve", &format!("--port={port}")],
                            ports: vec![ContainerPort { name: "http", container_port: port }],
                            env: [
                                EnvVar { name: "HOST", value: "0.0.0.0" },
                                EnvVar { name: "PASSWORD", value: &password },
                                EnvVar { name: "URL", value: format!("pg://a:{password}@db") },
                            ],
                            readiness_probe: Probe {
                                http_get: HTTPGetAction { path: "/health", port: "http" },
                                period_seconds: 5,
                            },
                            liveness_probe: Probe { http_get: HTTPGetAction { path: "/health", port } },
                            resources: ResourceRequirements {
                                requests: [("cpu", "500m"), ("memory", "512Mi")],
                                limits: [("cpu", 2)],
                            },
                        }],
                        termination_grace_period_seconds: 60,
                    },
                },
            },
        }
    };
    let plain =
        Deployment {
            spec: Some(DeploymentSpec {
                replicas: Some(3),
                selector: LabelSelector {
                    match_labels: Some(labels.clone()),
                    ..LabelSelector::default()
                },
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: Some(labels),
                        ..ObjectMeta::default()
                    }),
                    spec: Some(PodSpec {
                        containers: vec![serde_json::from_value(json!({
                        "name": "api", "image": "shop:1", "command": ["serve", "--port=8000"],
                        "ports": [{ "name": "http", "containerPort": 8000 }],
                        "env": [
                            { "name": "HOST", "value": "0.0.0.0" },
                            { "name": "PASSWORD", "value": String::from(&password) },
                            { "name": "URL", "value": format!("pg://a:{password}@db") },
                        ],
                        "readinessProbe": { "httpGet": { "path": "/health", "port": "http" }, "periodSeconds": 5 },
                        "livenessProbe": { "httpGet": { "path": "/health", "port": 8000 } },
                        "resources": { "requests": { "cpu": "500m", "memory": "512Mi" }, "limits": { "cpu": "2" } },
                    }))
                    .unwrap()],
                        termination_grace_period_seconds: Some(60),
                        ..PodSpec::default()
                    }),
                },
                ..DeploymentSpec::default()
            }),
            ..Deployment::default()
        };
    assert_eq!(terse, plain);
}

#[test]
fn a_stateful_set_with_claims() {
    let size = "10Gi".to_owned();
    let object = k8s! {
        StatefulSet {
            spec: StatefulSetSpec {
                service_name: "db",
                replicas: 1,
                template: PodTemplateSpec {
                    spec: PodSpec {
                        containers: [Container {
                            name: "db",
                            volume_mounts: [VolumeMount { name: "data", mount_path: "/data", read_only: true }],
                        }],
                    },
                },
                volume_claim_templates: [PersistentVolumeClaim {
                    metadata: ObjectMeta { name: "data" },
                    spec: PersistentVolumeClaimSpec {
                        access_modes: ["ReadWriteOnce"],
                        resources: VolumeResourceRequirements { requests: [("storage", &size)] },
                    },
                }],
            },
        }
    };
    is(
        object,
        json!({ "spec": {
            "serviceName": "db", "replicas": 1, "selector": {},
            "template": { "spec": { "containers": [
                { "name": "db", "volumeMounts": [{ "name": "data", "mountPath": "/data", "readOnly": true }] },
            ] } },
            "volumeClaimTemplates": [{
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
                "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "10Gi" } } },
            }],
        } }),
    );
}

#[test]
fn a_service() {
    let ports = [("http", 80_u16), ("grpc", 6334)];
    let object = k8s! {
        Service {
            spec: ServiceSpec {
                type_: "ClusterIP",
                selector: [("app", "api")],
                ports: ports.into_iter().map(|(name, port)| ServicePort { name, port, target_port: port }).collect(),
            },
        }
    };
    is(
        object,
        json!({ "spec": { "type": "ClusterIP", "selector": { "app": "api" }, "ports": [
            { "name": "http", "port": 80, "targetPort": 80 }, { "name": "grpc", "port": 6334, "targetPort": 6334 },
        ] } }),
    );
}

#[test]
fn an_ingress() {
    let host = "shop.example.com".to_owned();
    let limit: Option<&str> = None;
    let object = k8s! {
        Ingress {
            metadata: ObjectMeta {
                annotations: if let Some(limit) = limit { [("limit-rpm", limit)] } else { [("limit-rpm", "100"), ("tls", "on")] },
            },
            spec: IngressSpec {
                ingress_class_name: limit.or(Some("nginx")),
                tls: [IngressTLS { hosts: [&host], secret_name: "shop-tls" }],
                rules: [IngressRule {
                    host: &host,
                    http: HTTPIngressRuleValue {
                        paths: [HTTPIngressPath {
                            path: "/",
                            path_type: "Prefix",
                            backend: IngressBackend {
                                service: IngressServiceBackend { name: "web", port: ServiceBackendPort { number: 80 } },
                            },
                        }],
                    },
                }],
            },
        }
    };
    is(
        object,
        json!({
            "metadata": { "annotations": { "limit-rpm": "100", "tls": "on" } },
            "spec": {
                "ingressClassName": "nginx",
                "tls": [{ "hosts": ["shop.example.com"], "secretName": "shop-tls" }],
                "rules": [{ "host": "shop.example.com", "http": { "paths": [{
                    "path": "/", "pathType": "Prefix",
                    "backend": { "service": { "name": "web", "port": { "number": 80 } } },
                }] } }],
            },
        }),
    );
}

#[test]
fn an_autoscaler() {
    let utilization = |name: &str, percent: i32| {
        k8s! {
            MetricSpec {
                type_: "Resource",
                resource: ResourceMetricSource {
                    name,
                    target: MetricTarget { type_: "Utilization", average_utilization: percent },
                },
            }
        }
    };
    let object = k8s! {
        HorizontalPodAutoscaler {
            spec: HorizontalPodAutoscalerSpec {
                scale_target_ref: CrossVersionObjectReference { kind: "Deployment", name: "api", api_version: "apps/v1" },
                min_replicas: 3,
                max_replicas: 10,
                metrics: [utilization("cpu", 70), utilization("memory", 80)],
            },
        }
    };
    is(
        object,
        json!({ "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "api" },
            "minReplicas": 3, "maxReplicas": 10, "metrics": [
                { "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } },
                { "type": "Resource", "resource": { "name": "memory", "target": { "type": "Utilization", "averageUtilization": 80 } } },
            ],
        } }),
    );
}

#[test]
fn a_cron_job() {
    let object = k8s! {
        CronJob {
            spec: CronJobSpec {
                schedule: "0 2 * * *",
                successful_jobs_history_limit: 7,
                job_template: JobTemplateSpec {
                    spec: JobSpec {
                        backoff_limit: 3,
                        template: PodTemplateSpec {
                            spec: PodSpec {
                                restart_policy: "Never",
                                containers: [Container { name: "backup", args: vec!["pg_dump", "-Fc"] }],
                            },
                        },
                    },
                },
            },
        }
    };
    is(
        object,
        json!({ "spec": {
            "schedule": "0 2 * * *", "successfulJobsHistoryLimit": 7,
            "jobTemplate": { "spec": { "backoffLimit": 3, "template": { "spec": {
                "restartPolicy": "Never", "containers": [{ "name": "backup", "args": ["pg_dump", "-Fc"] }],
            } } } },
        } }),
    );
}

#[test]
fn a_network_policy() {
    let object = k8s! {
        NetworkPolicy {
            spec: NetworkPolicySpec {
                pod_selector: LabelSelector { match_labels: [("app", "api")] },
                policy_types: ["Egress"],
                egress: [NetworkPolicyEgressRule {
                    to: [NetworkPolicyPeer { namespace_selector: LabelSelector {} }],
                    ports: [
                        NetworkPolicyPort { protocol: "UDP", port: 53 },
                        NetworkPolicyPort { protocol: "TCP", port: "dns" },
                    ],
                }],
            },
        }
    };
    is(
        object,
        json!({ "spec": {
            "podSelector": { "matchLabels": { "app": "api" } }, "policyTypes": ["Egress"],
            "egress": [{
                "to": [{ "namespaceSelector": {} }],
                "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": "dns" }],
            }],
        } }),
    );
}

#[test]
fn a_role_and_its_binding() {
    is(
        k8s! { Role { rules: [PolicyRule { api_groups: [""], resources: ["pods", "pods/log"], verbs: ["get", "list"] }] } },
        json!({ "rules": [{ "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"] }] }),
    );
    let binding = k8s! {
        RoleBinding {
            role_ref: RoleRef { api_group: "rbac.authorization.k8s.io", kind: "Role", name: "logs" },
            subjects: [Subject { kind: "ServiceAccount", name: "shipper", namespace: "logging" }],
        }
    };
    is(
        binding,
        json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "logs" },
            "subjects": [{ "kind": "ServiceAccount", "name": "shipper", "namespace": "logging" }],
        }),
    );
}

#[test]
fn a_config_map_and_a_secret() {
    let level = "INFO".to_owned();
    is(
        k8s! { ConfigMap { data: [("APP_ENV", "production"), ("LOG_LEVEL", &level)], immutable: true } },
        json!({ "data": { "APP_ENV": "production", "LOG_LEVEL": "INFO" }, "immutable": true }),
    );
    let password = output();
    let url = format!("postgres://app:{}@db", password.clone().url_encode());
    is(
        k8s! { Secret { type_: "Opaque", string_data: [("PASSWORD", &password), ("URL", &url)] } },
        json!({ "type": "Opaque", "stringData": { "PASSWORD": String::from(&password), "URL": url } }),
    );
}

#[test]
fn a_claim() {
    let (class, size): (Option<String>, Option<String>) = (None, Some("5Gi".into()));
    let object = k8s! {
        PersistentVolumeClaim {
            spec: PersistentVolumeClaimSpec {
                access_modes: vec!["ReadWriteOnce"],
                storage_class_name: class,
                resources: VolumeResourceRequirements {
                    requests: [("storage", match size { Some(size) => size, None => return })],
                },
            },
        }
    };
    is(
        object,
        json!({ "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "5Gi" } } } }),
    );
}

#[test]
fn what_compiles_without_the_macro_compiles_with_it() {
    let labels = [("app".to_owned(), "api".to_owned())];
    let base = || Container {
        name: "base".to_owned(),
        ..Container::default()
    };
    let pasted = k8s! {
        PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(labels.into_iter().collect()),
                annotations: None,
                name: Some("x".to_owned()),
                ..Default::default()
            }),
            spec: Some(PodSpec {
                containers: vec![Container { image: Some("shop:1".into()), ..base() }],
                init_containers: Some(vec![]),
                tolerations: Default::default(),
                ..PodSpec::default()
            }),
        }
    };
    is(
        pasted,
        json!({
            "metadata": { "labels": { "app": "api" }, "name": "x" },
            "spec": { "containers": [{ "name": "base", "image": "shop:1" }], "initContainers": [] },
        }),
    );
}

#[test]
fn values_from_elsewhere_become_fields_as_well() {
    let names = vec!["a", "b"];
    let owned: Vec<String> = vec!["c".into()];
    let pairs: Vec<(String, u16)> = vec![("x".into(), 1)];
    assert_eq!(IntoField::<Vec<String>>::into_field(names.clone()), ["a", "b"]);
    assert_eq!(
        IntoField::<Option<Vec<String>>>::into_field(names.as_slice()),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(
        IntoField::<Option<Vec<String>>>::into_field(&owned),
        Some(owned.clone())
    );
    assert_eq!(
        IntoField::<Option<String>>::into_field(owned.first()),
        Some("c".to_owned())
    );
    assert_eq!(
        IntoField::<BTreeMap<String, i32>>::into_field(pairs),
        BTreeMap::from([("x".to_owned(), 1)])
    );
    assert_eq!(IntoField::<Option<i64>>::into_field(Some(7)), Some(7_i64));
    assert_eq!(IntoField::<Option<i64>>::into_field(Some(7_u32)), Some(7_i64));
}
