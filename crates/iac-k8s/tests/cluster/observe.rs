//! Live objects, and changes of them.

use iac_core::provider::{Observed, Provider as _, Readiness};
use serde_json::json;

use crate::world::{Resolved, World, paths};

#[tokio::test]
async fn what_nobody_touched_has_no_drift_and_what_somebody_did_names_them() {
    let world = World::new().await;
    let declared = world.declare(|k| {
        for number in 0..20 {
            {
                k.add_json(
                    &format!("map-{number}"),
                    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
                );
            }
        }
    });
    let resources = declared.all();
    let mut records = Vec::new();
    for resource in &resources[..19] {
        records.push(Some(world.up(resource).await));
    }
    records.push(None);
    let api = world.api("", "v1", "ConfigMap");
    world.meddle(&api, "map-3", json!({"data": {"a": "2"}})).await;
    world.meddle(&api, "map-4", json!({"data": {"other": "2"}})).await;
    api.delete("map-5", &kube::api::DeleteParams::default()).await.unwrap();
    let question = |(resource, recorded): (&Resolved, &Option<_>)| resource.question(recorded.as_ref());
    let requests: Vec<_> = resources.iter().zip(&records).map(question).collect();
    let answers = world.provider.observe(&requests).await.unwrap();
    for (number, answer) in answers.iter().enumerate() {
        match (number, answer) {
            (5 | 19, answer) => assert_eq!(*answer, Observed::Absent),
            (3, Observed::Present(live)) => assert_eq!(paths(&live.drift), ["data.a (meddler)"]),
            (_, Observed::Present(live)) => {
                assert!(live.mark.is_ours() && live.drift.is_empty(), "{number}: {live:?}");
                assert_eq!(live.readiness, Readiness::Ready);
            }
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_object_that_is_asked_for_twice_is_there_both_times() {
    let world = World::new().await;
    let declared = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
    );
    let recorded = world.up(&declared).await;
    // Under its new key, and under the one that is recorded.
    let requests = [declared.question(None), declared.question(Some(&recorded))];
    let answers = world.provider.observe(&requests).await.unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Observed::Present(live) if live.mark.is_ours())),
        "{answers:?}"
    );
}

#[tokio::test]
async fn what_the_server_writes_otherwise_is_no_drift() {
    let world = World::new().await;
    let mut deployment = crate::world::workload(
        "Deployment",
        0,
        json!({"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}, "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}),
    );
    deployment["spec"]["template"]["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
    let declared = world.one("a", deployment);
    let recorded = world.up(&declared).await;
    let api = world.api("apps", "v1", "Deployment");
    // Moves the generation, so that the object is read in full.
    world
        .meddle(&api, "a", json!({"spec": {"revisionHistoryLimit": 3}}))
        .await;
    assert_eq!(
        paths(&world.live(&declared, Some(&recorded)).await.drift),
        Vec::<String>::new()
    );
    world
        .meddle(
            &api,
            "a",
            json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}}}),
        )
        .await;
    let drift = world.live(&declared, Some(&recorded)).await.drift;
    assert_eq!(
        paths(&drift),
        ["spec.template.spec.terminationGracePeriodSeconds (meddler)"]
    );
}

#[tokio::test]
async fn a_secret_that_somebody_changed_is_not_shown() {
    let world = World::new().await;
    let declared = world.one(
        "db",
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "hunter2"}}),
    );
    let recorded = world.up(&declared).await;
    world
        .meddle(
            &world.api("", "v1", "Secret"),
            "db",
            json!({"data": {"a": "c3dvcmRmaXNo"}}),
        )
        .await;
    let live = world.live(&declared, Some(&recorded)).await;
    assert_eq!(paths(&live.drift), ["data.a (meddler)"]);
    let text = format!("{live:?}");
    assert!(!text.contains("c3dvcmRmaXNo") && !text.contains("aHVudGVyMg"), "{text}");
}

#[tokio::test]
async fn an_object_of_somebody_else_is_not_ours() {
    let world = World::new().await;
    world
        .make(
            &world.api("", "v1", "ConfigMap"),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}}),
        )
        .await;
    let declared = world.one("app", json!({"apiVersion": "v1", "kind": "ConfigMap"}));
    assert!(!world.live(&declared, None).await.mark.is_ours());
}
