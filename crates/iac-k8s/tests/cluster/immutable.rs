//! Fields that only a new object can have otherwise, in the server's own words; and those that it keeps.

use std::time::Duration;

use iac_core::provider::{Intent, Recorded};
use iac_k8s::Kubernetes;
use serde_json::{Value as Json, json};

use crate::world::{Resolved, World, paths, workload};

fn declare(world: &World, mut object: Json) -> Resolved {
    let name = world.namespace.clone();
    object["metadata"]["name"] = name.as_str().into();
    let declared = world.declare_all(|stack| match object["kind"].as_str().unwrap() {
        "RoleBinding" | "Secret" | "ConfigMap" | "Service" | "Job" | "Deployment" => {
            Kubernetes::new(stack)
                .in_namespace(&world.namespace)
                .add_json(&name, object.clone());
        }
        _ => {
            Kubernetes::new(stack).add_json(&name, object.clone());
        }
    });
    declared.all().remove(0)
}

/// Returns the cases: an object, a pointer into it, another value, and the field that needs a new object.
fn cases() -> Vec<(Json, &'static str, Json, &'static str)> {
    let storage = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "example.com/none", "parameters": {"a": "1"},
        "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
    });
    let role_ref = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
    let binding = |kind: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "roleRef": role_ref("view"), "subjects": []});
    let mut job = workload("Job", 0, json!({}));
    job["apiVersion"] = "batch/v1".into();
    job["spec"] = json!({"suspend": true, "template": job["spec"]["template"]});
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    let service = |spec: Json| json!({"apiVersion": "v1", "kind": "Service", "spec": spec});
    let ports = json!([{"port": 80}]);
    let priority = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 100});
    let csi = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "spec": {"attachRequired": false, "fsGroupPolicy": "None"}});
    vec![
        (priority.clone(), "/value", json!(200), "value"),
        (priority, "/preemptionPolicy", json!("Never"), "preemptionPolicy"),
        (storage.clone(), "/parameters", json!({"a": "2"}), "parameters"),
        (
            storage.clone(),
            "/provisioner",
            json!("example.com/other"),
            "provisioner",
        ),
        (storage.clone(), "/reclaimPolicy", json!("Retain"), "reclaimPolicy"),
        (
            storage,
            "/volumeBindingMode",
            json!("WaitForFirstConsumer"),
            "volumeBindingMode",
        ),
        (binding("RoleBinding"), "/roleRef", role_ref("edit"), "roleRef"),
        (binding("ClusterRoleBinding"), "/roleRef", role_ref("edit"), "roleRef"),
        (
            json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "a"}),
            "/handler",
            json!("b"),
            "handler",
        ),
        (
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "spec": {"controller": "example.com/a"}}),
            "/spec/controller",
            json!("example.com/b"),
            "spec.controller",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Secret", "type": "a.io/a", "data": {}}),
            "/type",
            json!("a.io/b"),
            "type",
        ),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "data": {"a": "1"}}),
            "/data/a",
            json!("2"),
            "data",
        ),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "data": {"a": "1"}}),
            "/immutable",
            json!(false),
            "immutable",
        ),
        (
            job,
            "/spec/template/spec/priorityClassName",
            json!("system-node-critical"),
            "spec.template",
        ),
        (csi, "/spec/attachRequired", json!(true), "spec.attachRequired"),
        (
            service(json!({"ports": ports, "clusterIP": "None"})),
            "/spec/clusterIP",
            Json::Null,
            "spec.clusterIP",
        ),
        (
            service(json!({"ports": ports})),
            "/spec/clusterIP",
            json!("None"),
            "spec.clusterIP",
        ),
        (
            service(json!({"ports": ports, "type": "LoadBalancer", "loadBalancerClass": "a.io/a"})),
            "/spec/loadBalancerClass",
            json!("a.io/b"),
            "spec.loadBalancerClass",
        ),
    ]
}

#[tokio::test]
async fn what_only_a_new_object_can_have_is_replaced_not_refused() {
    let world = World::new().await;
    for (object, pointer, value, expected) in cases() {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let recorded = world
            .apply(&declare(&world, object.clone()), Intent::Create, None)
            .await
            .unwrap();
        let mut changed = object.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Json::Null => parent.remove(field),
            value => parent.insert(field.to_owned(), value),
        };
        let declared = declare(&world, changed);
        let prediction = world.predict(&declared, Intent::Update, Some(&recorded)).await;
        assert_eq!(prediction.problems, [], "{kind} {pointer}");
        let replaced: Vec<String> = prediction
            .replace
            .iter()
            .map(|replace| replace.path.to_string())
            .collect();
        assert!(
            !replaced.is_empty() && replaced.iter().all(|path| path.starts_with(expected)),
            "{kind} {pointer}: {replaced:?}"
        );
        world.delete(&recorded, false).await.unwrap();
    }
}

#[tokio::test]
async fn what_controllers_write_is_not_fought_over() {
    let world = World::new().await;
    let mut deployment = workload("Deployment", 0, json!({}));
    deployment["metadata"] = json!({"annotations": {"deployment.kubernetes.io/revision": "7", "own": "1"}});
    let declared = declare(&world, deployment);
    let prediction = world.predict(&declared, Intent::Create, None).await;
    assert!(
        prediction.notes.concat().contains("deployment.kubernetes.io/revision"),
        "{prediction:?}"
    );
    let recorded = world.up(&declared).await;
    // Without pods it is ready before its controller has looked at it.
    let written = json!({"deployment.kubernetes.io/revision": "1", "own": "1"});
    let api = world.api("apps", "v1", "Deployment");
    let read = async || {
        let mut annotations = world.read(&api, &world.namespace).await["metadata"]["annotations"].clone();
        annotations.as_object_mut().unwrap().remove("iac.dev/stack-id");
        annotations
    };
    for _ in 0..100 {
        if read().await == written {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(read().await, written);
    assert_eq!(
        paths(&world.live(&declared, Some(&recorded)).await.drift),
        Vec::<String>::new()
    );

    let role = |label: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"labels": {"a": label}}, "rules": [],
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}]},
        })
    };
    let declared = declare(&world, role("1"));
    let recorded = world.apply(&declared, Intent::Create, None).await.unwrap();
    let recorded = Recorded {
        ready: true,
        ..recorded
    };
    let resource = kube::core::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
    ));
    let api = kube::api::Api::all_with(world.client.clone(), &resource);
    while world.read(&api, &world.namespace).await["rules"]
        .as_array()
        .is_none_or(Vec::is_empty)
    {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        paths(&world.live(&declared, Some(&recorded)).await.drift),
        Vec::<String>::new()
    );
    let prediction = world
        .predict(&declare(&world, role("2")), Intent::Update, Some(&recorded))
        .await;
    assert_eq!(paths(&prediction.changes), ["metadata.labels.a"]);
    world.delete(&recorded, false).await.unwrap();
}

#[tokio::test]
async fn a_service_account_that_is_no_longer_declared_goes() {
    let world = World::new().await;
    let mut with = workload("Deployment", 0, json!({}));
    let without = declare(&world, with.clone());
    with["spec"]["template"]["spec"]["serviceAccountName"] = "power".into();
    let recorded = world.up(&declare(&world, with)).await;
    world.apply(&without, Intent::Update, Some(&recorded)).await.unwrap();
    let live = world
        .read(&world.api("apps", "v1", "Deployment"), &world.namespace)
        .await;
    let pod = &live["spec"]["template"]["spec"];
    assert!(
        pod.get("serviceAccountName").is_none() && pod.get("serviceAccount").is_none(),
        "{pod:#}"
    );
}
