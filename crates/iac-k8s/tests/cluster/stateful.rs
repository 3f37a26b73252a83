//! StatefulSets that are recreated around their pods.

use std::time::Duration;

use iac_core::provider::Intent;
use kube::api::{DeleteParams, ListParams, PropagationPolicy};
use serde_json::{Value as Json, json};

use crate::world::{PATIENCE, World, workload};

/// A set of two whose claims come of this template.
fn set(size: &str, change: Json) -> Json {
    let mut object = workload(
        "StatefulSet",
        2,
        json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}]}),
    );
    object["spec"]["serviceName"] = "a".into();
    object["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    }]);
    for (key, value) in change.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object
}

async fn pods(world: &World) -> Vec<String> {
    let pods = world.api("", "v1", "Pod").list(&ListParams::default()).await.unwrap();
    pods.items.into_iter().filter_map(|pod| pod.metadata.uid).collect()
}

#[tokio::test]
async fn claims_grow_and_pods_go_on_running() {
    let world = World::new().await;
    let policy = json!({"whenDeleted": "Delete", "whenScaled": "Retain"});
    let parallel = json!({"podManagementPolicy": "Parallel", "persistentVolumeClaimRetentionPolicy": policy});
    let declared = world.one("a", set("8Mi", parallel.clone()));
    let recorded = world.up(&declared).await;
    let sets = world.api("apps", "v1", "StatefulSet");
    let restart = json!({"spec": {"template": {"metadata": {"annotations": {"somebody": "else"}}}}});
    world.meddle(&sets, "a", restart).await;
    let recorded = world.wait(&recorded, PATIENCE).await.unwrap();
    let before = pods(&world).await;
    assert_eq!(before.len(), 2);

    let smaller = world
        .predict(
            &world.one("a", set("4Mi", parallel.clone())),
            Intent::Update,
            Some(&recorded),
        )
        .await;
    assert!(smaller.replace.is_empty() && smaller.problems.len() == 1, "{smaller:?}");
    assert!(
        smaller.problems[0].message.contains("a claim cannot shrink"),
        "{smaller:?}"
    );

    // Another policy for the order of its pods as well, which cannot be changed in place either.
    let larger = world.one("a", set("16Mi", json!({})));
    let prediction = world.predict(&larger, Intent::Update, Some(&recorded)).await;
    let notes = prediction.notes.join("\n");
    assert!(
        prediction.replace.is_empty() && prediction.problems.is_empty(),
        "{prediction:?}"
    );
    assert!(prediction.risks.is_empty(), "{prediction:?}");
    for expected in [
        "data-a-0 grows from 8Mi to 16Mi",
        "data-a-1 grows from 8Mi to 16Mi",
        "its pods go on running",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
    let recorded = world.apply(&larger, Intent::Update, Some(&recorded)).await.unwrap();
    let recorded = world.wait(&recorded, PATIENCE).await.unwrap();
    assert_eq!(pods(&world).await, before, "not one was restarted");
    let claims = world
        .api("", "v1", "PersistentVolumeClaim")
        .list(&ListParams::default())
        .await
        .unwrap();
    let sizes = claims
        .items
        .iter()
        .map(|claim| claim.data["spec"]["resources"]["requests"]["storage"].clone());
    assert_eq!(sizes.collect::<Vec<_>>(), ["16Mi", "16Mi"]);
    let live = world.live(&larger, Some(&recorded)).await;
    assert!(live.drift.is_empty(), "{live:?}");
    let there = world.read(&sets, "a").await;
    assert_eq!(there["spec"]["template"]["metadata"]["annotations"]["somebody"], "else");
    // A run that was killed after it had deleted the set: the next one finds none, and makes one.
    let alone = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    sets.delete("a", &alone).await.unwrap();
    while sets.get_opt("a").await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let recorded = world.apply(&larger, Intent::Create, None).await.unwrap();
    let recorded = world.wait(&recorded, PATIENCE).await.unwrap();
    // One that is recreated with more takes the claims of the old one, which grow too.
    let anew = world.one("a", set("24Mi", json!({"replicas": 0, "serviceName": "b"})));
    world.delete(&recorded, false).await.unwrap();
    let prediction = world.predict(&anew, Intent::Replace, Some(&recorded)).await;
    let notes = prediction.notes.join("\n");
    assert!(notes.contains("data-a-1 grows from 16Mi to 24Mi"), "{prediction:?}");
    world.apply(&anew, Intent::Create, None).await.unwrap();
    let claims = world.api("", "v1", "PersistentVolumeClaim");
    let claim = world.read(&claims, "data-a-1").await;
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "24Mi");
}

#[tokio::test]
async fn what_pods_cannot_survive_is_a_replacement() {
    let world = World::new().await;
    let declared = world.one("a", set("8Mi", json!({"replicas": 0})));
    let recorded = world.up(&declared).await;
    let other = world.one("a", set("8Mi", json!({"replicas": 0, "serviceName": "b"})));
    let prediction = world.predict(&other, Intent::Update, Some(&recorded)).await;
    let why: Vec<&str> = prediction
        .replace
        .iter()
        .map(|replacement| replacement.why.as_str())
        .collect();
    assert!(why.len() == 1 && why[0].ends_with("are forbidden"), "{prediction:?}");
    assert!(prediction.unserving, "it has no pods");
}
