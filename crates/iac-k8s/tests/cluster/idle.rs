//! Objects that are ready although nothing happens, since nothing more is to come.

use futures::future::join_all;
use iac_core::provider::{ErrorKind, Intent, Readiness};
use serde_json::{Value as Json, json};
use std::time::Duration;

use crate::world::{World, workload};

/// The workload `name`, whose pods bear the label `app: NAME`.
fn named(kind: &str, name: &str, spec: Json) -> Json {
    let mut object = workload(kind, 0, json!({}));
    if kind == "DaemonSet" {
        object["spec"].as_object_mut().unwrap().remove("replicas");
    }
    let labels = json!({"app": name});
    object["spec"]["selector"]["matchLabels"] = labels.clone();
    object["spec"]["template"]["metadata"]["labels"] = labels;
    for (key, value) in spec.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object
}

fn service(spec: Json) -> Json {
    let mut object = json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}});
    for (key, value) in spec.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object
}

fn job(spec: Json) -> Json {
    let container = json!({"name": "main", "image": "localhost/iac-test/busybox:1", "command": ["true"]});
    let mut object = json!({"apiVersion": "batch/v1", "kind": "Job",
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}});
    for (key, value) in spec.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object
}

/// At the same time: both give somebody a while to come.
#[tokio::test]
async fn what_is_not_coming_is_waited_for_only_if_it_is_needed() {
    let (idle, needed) = (World::new().await, World::new().await);
    tokio::join!(
        what_nothing_more_comes_of_is_ready_and_stays_so(&idle),
        what_somebody_needs_is_waited_for(&needed)
    );
}

async fn what_nothing_more_comes_of_is_ready_and_stays_so(world: &World) {
    let port = json!({"service": {"name": "idle", "port": {"number": 80}}});
    let cron = json!({"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": job(json!({}))["spec"]}});
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}});
    let objects = [
        ("idle", named("Deployment", "idle", json!({}))),
        (
            "paused",
            named("Deployment", "paused", json!({"paused": true, "replicas": 1})),
        ),
        ("zero", named("StatefulSet", "zero", json!({"serviceName": "idle"}))),
        ("none", named("ReplicaSet", "none", json!({}))),
        (
            "nowhere",
            named("DaemonSet", "nowhere", json!({"updateStrategy": {"type": "OnDelete"}})),
        ),
        ("of-idle", service(json!({"selector": {"app": "idle"}}))),
        ("of-paused", service(json!({"selector": {"app": "paused"}}))),
        (
            "of-zero",
            service(json!({"selector": {"app": "zero"}, "clusterIP": "None"})),
        ),
        ("of-nobody", service(json!({"selector": {"app": "no-such-app"}}))),
        (
            "early",
            service(json!({"selector": {"app": "zero"}, "clusterIP": "None", "publishNotReadyAddresses": true})),
        ),
        (
            "gated",
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"app": "gated"}}, "spec": {
                "schedulingGates": [{"name": "example.com/quota"}], "containers": [{"name": "main", "image": "x"}]}}),
        ),
        ("of-gated", service(json!({"selector": {"app": "gated"}}))),
        ("by-hand", service(json!({}))),
        (
            "outside",
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ExternalName", "externalName": "example.com"}}),
        ),
        (
            "balanced",
            service(json!({"type": "LoadBalancer", "selector": {"app": "idle"}})),
        ),
        (
            "front",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": {"ingressClassName": "nobody", "defaultBackend": port}}),
        ),
        ("later", job(json!({"suspend": true}))),
        (
            "yearly",
            json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": cron}),
        ),
        (
            "first-pod",
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": claim}),
        ),
        (
            "budget",
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "idle"}}}}),
        ),
        (
            "scaler",
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                "spec": {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "idle"}}}),
        ),
    ];
    let declared = world.declare(|k| {
        for (name, mut object) in objects {
            if name == "nowhere" {
                object["spec"]["template"]["spec"]["nodeSelector"] = json!({"no-such": "node"});
            }
            drop(k.add_json(name, object));
        }
    });
    let resources = declared.all();
    // All at the same time, since some are given a while to be taken up.
    let recorded = join_all(resources.iter().map(|resource| world.up(resource))).await;
    for (resource, recorded) in resources.iter().zip(&recorded) {
        let live = world.live(resource, Some(recorded)).await;
        assert_eq!(live.readiness, Readiness::Ready, "{}", resource.key);
    }
}

async fn what_somebody_needs_is_waited_for(world: &World) {
    let declared = world.declare(|k| {
        drop(k.add_json("later", job(json!({"suspend": true}))));
        drop(k.add_json("balanced", service(json!({"type": "LoadBalancer"}))));
    });
    let later = world.apply(&declared.of("Job"), Intent::Create, None).await.unwrap();
    let error = world.wait_needed(&later, Duration::from_secs(20)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.contains("suspended"), "{error}");
    let balanced = world
        .apply(&declared.of("Service"), Intent::Create, None)
        .await
        .unwrap();
    let error = world.wait_needed(&balanced, Duration::from_secs(17)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(
        error.message.contains("no load balancer has given it an address"),
        "{error}"
    );
}
