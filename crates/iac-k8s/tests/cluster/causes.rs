//! Why an object does not get ready, as the cluster itself makes it happen: each cause is told in words that help.

use std::time::Duration;

use iac_core::provider::{ErrorKind, Intent};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value as Json, json};

use crate::wait::told;
use crate::world::{PATIENCE, World, workload};

/// At the same time: each waits for the cluster most of the time.
#[tokio::test]
async fn causes_are_told_as_the_cluster_makes_them() {
    // One after the other: to connect blocks.
    let mut worlds = Vec::new();
    for _ in 0..5 {
        worlds.push(World::new().await);
    }
    tokio::join!(
        a_container_without_memory_is_final(&worlds[0]),
        what_cannot_be_mounted_is_named(&worlds[1]),
        the_pod_security_level_is_final(&worlds[2]),
        an_admission_policy_is_final(&worlds[3]),
        a_webhook_that_does_not_answer_is_named(&worlds[4]),
    );
}

/// The workload `name`, whose pods have labels of their own.
fn named(name: &str, container: Json, volume: Option<Json>) -> Json {
    let mut object = workload("Deployment", 1, container);
    let labels = json!({"app": name});
    object["spec"]["selector"]["matchLabels"] = labels.clone();
    object["spec"]["template"]["metadata"]["labels"] = labels;
    if let Some(volume) = volume {
        object["spec"]["template"]["spec"]["volumes"] = json!([volume]);
        object["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "v", "mountPath": "/v"}]);
    }
    object
}

/// The wait ends before its time, with all of these words.
async fn fails(world: &World, object: Json, words: &[&str]) {
    let recorded = world
        .apply(&world.one("a", object), Intent::Create, None)
        .await
        .unwrap();
    let (waited, said) = world.wait_telling(&recorded, PATIENCE).await;
    let error = waited.unwrap_err();
    let text = told(&error);
    assert_eq!(error.kind, ErrorKind::Failed, "{text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(said.iter().any(|line| line.contains(words[0])), "{said:?}");
}

/// The cause is told while there is still hope, and stands in the error when time is up.
async fn is_told(world: &World, name: &str, object: Json, words: &[&str]) {
    let recorded = world
        .apply(&world.one(name, object), Intent::Create, None)
        .await
        .unwrap();
    let (waited, said) = world.wait_telling(&recorded, Duration::from_secs(25)).await;
    let text = told(&waited.unwrap_err());
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(said.iter().any(|line| line.contains(words[0])), "{said:?}");
}

async fn a_container_without_memory_is_final(world: &World) {
    let greedy = json!({
        "command": ["tail", "/dev/zero"],
        "resources": {"limits": {"memory": "16Mi"}, "requests": {"memory": "8Mi", "cpu": "5m"}},
    });
    // "OOMKilled" where the runtime heard of the kernel's kill in time, else "Error".
    let words = ["exit code 137", "raise resources.limits.memory"];
    fails(world, named("a", greedy, None), &words).await;
}

async fn what_cannot_be_mounted_is_named(world: &World) {
    let present = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"there": "1"}});
    world.up(&world.one("present", present)).await;
    let missing = "that is mounted, or a key in one, is missing";
    let volumes = [
        (
            "no-map",
            json!({"configMap": {"name": "absent-map"}}),
            vec!["\"absent-map\" not found", "FailedMount", missing],
        ),
        (
            "no-secret",
            json!({"secret": {"secretName": "absent-secret"}}),
            vec!["\"absent-secret\" not found", "FailedMount", missing],
        ),
        (
            "no-key",
            json!({"configMap": {"name": "present", "items": [{"key": "absent-key", "path": "x"}]}}),
            vec!["absent-key", "FailedMount", missing],
        ),
        (
            "no-claim",
            json!({"persistentVolumeClaim": {"claimName": "absent-claim"}}),
            vec![
                "persistentvolumeclaim \"absent-claim\" not found",
                "check the claim that the pod names",
            ],
        ),
    ];
    let tell = volumes.into_iter().map(|(name, mut volume, words)| async move {
        volume["name"] = "v".into();
        is_told(world, name, named(name, json!({}), Some(volume)), &words).await;
    });
    let of_key = async {
        let from = json!({"configMapKeyRef": {"name": "present", "key": "absent-key"}});
        let container = json!({"env": [{"name": "X", "valueFrom": from}]});
        let words = [
            "couldn't find key absent-key",
            "CreateContainerConfigError",
            "or a key in one",
        ];
        is_told(world, "no-env", named("no-env", container, None), &words).await;
    };
    tokio::join!(futures::future::join_all(tell), of_key);
}

async fn the_pod_security_level_is_final(world: &World) {
    let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces: Api<DynamicObject> = all(world, "", "Namespace");
    let params = PatchParams::default();
    namespaces
        .patch(&world.namespace, &params, &Patch::Merge(label))
        .await
        .unwrap();
    let words = [
        "violates PodSecurity \"restricted",
        "allowPrivilegeEscalation",
        "Pod Security level forbids",
    ];
    fails(world, named("a", json!({}), None), &words).await;
}

/// Makes something of the whole cluster that concerns this namespace only.
async fn in_force(world: &World, kind: &str, name: &str, mut object: Json) {
    object["apiVersion"] = "admissionregistration.k8s.io/v1".into();
    object["kind"] = kind.into();
    object["metadata"] = json!({"name": name});
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let api = all(world, "admissionregistration.k8s.io", kind);
    api.create(&PostParams::default(), &object).await.unwrap();
}

async fn no_longer(world: &World, kinds: &[&str], name: &str) {
    for kind in kinds {
        let api = all(world, "admissionregistration.k8s.io", kind);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }
}

fn all(world: &World, group: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    Api::all_with(world.client.clone(), &resource)
}

/// Waits until no pod of this namespace is let in.
async fn pods_are_refused(world: &World) {
    let pods = world.api("", "v1", "Pod");
    let template = workload("Deployment", 1, json!({}))["spec"]["template"].clone();
    let pod: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": template["spec"],
    }))
    .unwrap();
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    while pods.create(&params, &pod).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn an_admission_policy_is_final(world: &World) {
    let name = format!("policy-{}", world.namespace);
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods", "configmaps"]});
    let policy = json!({"spec": {
        "failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.metadata.name.startsWith('good-')", "message": "its name is not good"}],
    }});
    let of_here = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}}});
    let binding = json!({"spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": of_here}});
    in_force(world, "ValidatingAdmissionPolicy", &name, policy).await;
    in_force(world, "ValidatingAdmissionPolicyBinding", &name, binding).await;
    pods_are_refused(world).await;
    let words = [
        "its name is not good",
        "ValidatingAdmissionPolicy",
        "an admission policy of the cluster refuses",
    ];
    fails(world, named("a", json!({}), None), &words).await;
    // The refusal of an object itself is known before anything is changed.
    let map = world.one("bad", json!({"apiVersion": "v1", "kind": "ConfigMap"}));
    let prediction = world.predict(&map, Intent::Create, None).await;
    assert!(
        prediction.problems[0].message.contains("its name is not good"),
        "{:?}",
        prediction.problems
    );
    let error = world.apply(&map, Intent::Create, None).await.unwrap_err();
    assert!(error.message.contains("its name is not good"), "{error}");
    no_longer(
        world,
        &["ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"],
        &name,
    )
    .await;
}

async fn a_webhook_that_does_not_answer_is_named(world: &World) {
    let name = format!("webhook-{}", world.namespace);
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]});
    let webhook = json!({"webhooks": [{
        "name": "silent.example.com", "clientConfig": {"url": "https://127.0.0.1:9/"}, "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
        "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 2,
    }]});
    in_force(world, "ValidatingWebhookConfiguration", &name, webhook).await;
    pods_are_refused(world).await;
    let words = [
        "failed calling webhook \"silent.example.com\"",
        "connection refused",
        "does not answer",
    ];
    is_told(world, "a", named("a", json!({}), None), &words).await;
    no_longer(world, &["ValidatingWebhookConfiguration"], &name).await;
}
