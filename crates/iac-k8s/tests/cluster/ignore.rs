//! Fields that are left to others: by `ignore_changes`, and certificates that controllers write.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::plan::Action;
use iac_core::provider::{ApplyRequest, Claim, Context, DeleteData, Intent, Provider as _};
use iac_k8s::{Declared as _, Kubernetes};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value as Json, json};

use crate::rename::Runs;
use crate::world::{Declared, World, kubeconfig_json, paths, workload};

const REPLICAS: &str = "spec.replicas";

/// A Deployment whose replicas are ignored.
fn scaled(world: &World, replicas: i64, pulls: &str) -> Declared {
    world.declare(|k| {
        let object = workload("Deployment", replicas, json!({ "imagePullPolicy": pulls }));
        k.add_json("web", object).skip_wait().ignore_changes(REPLICAS);
    })
}

#[tokio::test]
async fn replicas_that_somebody_scales_stay() {
    let world = World::new().await;
    let runs = Runs::new();
    runs.up(&scaled(&world, 0, "IfNotPresent")).await;
    let api = world.api("apps", "v1", "Deployment");
    world
        .meddle(&api, "web", json!({"spec": {"replicas": 2, "paused": true}}))
        .await;
    // It is paused so that what follows rolls nothing out.
    let plan = runs.plan(&scaled(&world, 0, "IfNotPresent")).await.plan;
    assert!(plan.is_empty(), "{:?}", plan.steps);
    let plan = runs.up(&scaled(&world, 1, "Never")).await;
    let step = plan.changes().next().unwrap();
    let changed = paths(&step.changes);
    assert!(
        step.action == Action::Update && changed.len() == 1 && !changed[0].contains("replicas"),
        "{changed:?}"
    );
    let live = world.read(&api, "web").await;
    assert_eq!(live["spec"]["replicas"], 2);
    assert_eq!(
        live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"],
        "Never"
    );
    let plan = runs.plan(&scaled(&world, 1, "Never")).await.plan;
    assert!(plan.is_empty(), "{:?}", plan.steps);
    runs.up(&world.declare(|_| {})).await;
}

#[tokio::test]
async fn an_annotation_in_a_manifest_leaves_keys_to_others() {
    let world = World::new().await;
    let runs = Runs::new();
    let program = |data: Json| {
        world.declare(|k| {
            k.add_json(
                "settings",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
                    "metadata": {"annotations": {"iac.dev/ignore-changes": "data.level, metadata.annotations[\"example.com/by\"]", "example.com/by": "us"}}}),
            );
        })
    };
    runs.up(&program(json!({"level": "info", "mode": "a"}))).await;
    let api = world.api("", "v1", "ConfigMap");
    let theirs = json!({"data": {"level": "debug"}, "metadata": {"annotations": {"example.com/by": "them"}}});
    world.meddle(&api, "settings", theirs).await;
    assert!(
        runs.plan(&program(json!({"level": "warn", "mode": "a"})))
            .await
            .plan
            .is_empty()
    );
    runs.up(&program(json!({"level": "warn", "mode": "b"}))).await;
    let live = world.read(&api, "settings").await;
    assert_eq!(live["data"], json!({"level": "debug", "mode": "b"}));
    assert_eq!(live["metadata"]["annotations"]["example.com/by"], "them");
    // What somebody took away is not put back.
    world.meddle(&api, "settings", json!({"data": {"level": null}})).await;
    runs.up(&program(json!({"level": "warn", "mode": "c"}))).await;
    assert_eq!(world.read(&api, "settings").await["data"], json!({"mode": "c"}));
    runs.up(&world.declare(|_| {})).await;
}

#[tokio::test]
async fn a_write_between_look_and_apply_is_not_taken_back() {
    let world = World::new().await;
    let object = |level: &str, mode: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"level": level, "mode": mode}});
    let recorded = world.up(&world.one("settings", object("info", "a"))).await;
    let api = world.api("", "v1", "ConfigMap");
    world
        .meddle(&api, "settings", json!({"data": {"level": "debug", "mode": "theirs"}}))
        .await;
    let changed = world.one("settings", object("info", "b"));
    let request = ApplyRequest {
        key: changed.key.clone(),
        identity: changed.identity.clone(),
        intent: Intent::Update,
        inputs: changed.inputs.clone(),
        recorded: Some(recorded),
        adopt: false,
        ignored: vec!["data.level".parse().unwrap()],
        claim: Claim::Sealed,
        uid: None,
        delete_data: DeleteData::None,
        timeout: Duration::from_secs(60),
    };
    world.provider.apply(&request, &Context::silent()).await.unwrap();
    assert_eq!(
        world.read(&api, "settings").await["data"],
        json!({"level": "debug", "mode": "b"})
    );
}

#[tokio::test]
async fn adopting_keeps_the_live_value_of_an_ignored_field() {
    let world = World::new().await;
    let runs = Runs::new();
    let api = world.api("", "v1", "Secret");
    let data = json!({"pin": "dGhlaXJz", "other": "dGhlaXJz"});
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pin"}, "data": data});
    world.make(&api, theirs).await;
    let program = |other: &str| {
        world.declare(|k| {
            let texts = json!({"pin": "canary-ours", "other": other});
            let object = json!({"apiVersion": "v1", "kind": "Secret", "stringData": texts});
            k.add_json("pin", object).adopt().ignore_changes("stringData.pin");
        })
    };
    let plan = runs.up(&program("1")).await;
    assert_eq!(plan.changes().next().unwrap().action, Action::Adopt);
    assert_eq!(
        world.read(&api, "pin").await["data"],
        json!({"pin": "dGhlaXJz", "other": "MQ=="})
    );
    // Somebody changes it again: it stays, no plan shows it, and what is declared under texts is found under bytes.
    world
        .meddle(&api, "pin", json!({"data": {"pin": "Y2FuYXJ5LW1pbmU="}}))
        .await;
    let plan = runs.plan(&program("1")).await.plan;
    assert!(plan.is_empty(), "{:?}", plan.steps);
    let plan = runs.up(&program("2")).await;
    let shown = format!("{plan:?}");
    assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
    assert_eq!(
        world.read(&api, "pin").await["data"],
        json!({"pin": "Y2FuYXJ5LW1pbmU=", "other": "Mg=="})
    );
    runs.up(&world.declare(|_| {})).await;
}

#[tokio::test]
async fn certificates_that_a_controller_writes_are_not_fought_over() {
    let world = World::new().await;
    let runs = Runs::new();
    let kubeconfig = kubeconfig_json();
    let authority = kubeconfig["clusters"][0]["cluster"]["certificate-authority"]
        .as_str()
        .unwrap();
    let certificate = STANDARD.encode(std::fs::read(authority).unwrap());
    let name = world.namespace.clone();
    let client = json!({"caBundle": "Cg==", "service": {"namespace": name, "name": "hook", "path": "/x"}});
    let program = |label: &str| {
        world.declare_all(|stack| {
            let k = Kubernetes::new(stack);
            k.add_json(
                "hooks",
                json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                    "metadata": {"name": name, "labels": {"a": label}},
                    "webhooks": [{"name": "x.example.com", "clientConfig": client, "failurePolicy": "Ignore", "sideEffects": "None",
                        "admissionReviewVersions": ["v1"],
                        "rules": [{"apiGroups": [format!("{name}.example.com")], "apiVersions": ["*"], "resources": ["*"], "operations": ["CREATE"]}]}]}),
            )
            .skip_wait();
            k.add_json(
                "things",
                json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                    "metadata": {"name": format!("things.{name}.example.com"), "labels": {"a": label},
                        "annotations": {"cert-manager.io/inject-ca-from": format!("{name}/cert")}},
                    "spec": {"group": format!("{name}.example.com"), "scope": "Cluster",
                        "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
                        "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]}},
                        "versions": [{"name": "v1", "served": true, "storage": true,
                            "schema": {"openAPIV3Schema": {"type": "object"}}}]}}),
            )
            .skip_wait();
        })
    };
    let plan = runs.up(&program("1")).await;
    let notes: Vec<&String> = plan.steps.iter().flat_map(|step| &step.notes).collect();
    assert_eq!(
        notes.iter().filter(|note| note.contains("caBundle")).count(),
        2,
        "{notes:?}"
    );
    let api = |group: &str, kind: &str| -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        Api::all_with(world.client.clone(), &resource)
    };
    let hooks = api("admissionregistration.k8s.io", "ValidatingWebhookConfiguration");
    let things = api("apiextensions.k8s.io", "CustomResourceDefinition");
    let thing = format!("things.{name}.example.com");
    let mut injected = world.read(&hooks, &name).await["webhooks"].clone();
    injected[0]["clientConfig"]["caBundle"] = certificate.as_str().into();
    world.meddle(&hooks, &name, json!({ "webhooks": injected })).await;
    let of_thing = json!({"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": certificate}}}}});
    world.meddle(&things, &thing, of_thing).await;
    let plan = runs.plan(&program("1")).await.plan;
    assert!(plan.is_empty(), "{:?}", plan.steps);
    runs.up(&program("2")).await;
    let (hook, definition) = (world.read(&hooks, &name).await, world.read(&things, &thing).await);
    assert_eq!(hook["webhooks"][0]["clientConfig"]["caBundle"], certificate);
    let client = &definition["spec"]["conversion"]["webhook"]["clientConfig"];
    assert_eq!(client["caBundle"], certificate);
    assert_eq!(
        (&hook["metadata"]["labels"]["a"], &definition["metadata"]["labels"]["a"]),
        (&"2".into(), &"2".into())
    );
    runs.up(&world.declare(|_| {})).await;
}
