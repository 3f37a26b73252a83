//! Creating, changing, adopting; and not taking what belongs to others.

use iac_core::provider::{ErrorKind, Intent};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_object_is_made_changed_and_remembered() {
    let world = World::new().await;
    let with = |value: &str| {
        world.one(
            "app",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": value, "b": "x"}}),
        )
    };
    let recorded = world.up(&with("1")).await;
    let changed = world.apply(&with("2"), Intent::Update, Some(&recorded)).await.unwrap();
    assert_eq!(changed.uid, recorded.uid);
    assert_ne!(
        changed.outputs.pointer("/iac/contentHash"),
        recorded.outputs.pointer("/iac/contentHash")
    );
    let object = world.read(&world.api("", "v1", "ConfigMap"), "app").await;
    assert_eq!(object["data"], json!({"a": "2", "b": "x"}));
    let managers: Vec<_> = object["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["manager"])
        .collect();
    assert_eq!(managers, ["iac-tests"]);
}

#[tokio::test]
async fn what_somebody_else_made_is_not_taken_over_unless_asked() {
    let world = World::new().await;
    let api = world.api("", "v1", "ConfigMap");
    world
        .make(
            &api,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"a": "theirs"}}),
        )
        .await;
    let before = world.read(&api, "app").await;
    // Also where nothing of it is in the way.
    let beside = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "ours"}}),
    );
    let error = world.apply(&beside, Intent::Create, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    assert_eq!(world.read(&api, "app").await, before, "not even for a moment");
    let ours = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "ours"}}),
    );
    let error = world.apply(&ours, Intent::Create, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    assert!(error.hint.unwrap().contains(".adopt()"));
    let object = world.read(&api, "app").await;
    assert_eq!(object["data"]["a"], "theirs");
    assert!(!object.to_string().contains("iac-tests"), "{object}");
    world.apply(&ours, Intent::Adopt, None).await.unwrap();
    assert_eq!(world.read(&api, "app").await["data"]["a"], "ours");
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_finished_by_the_next() {
    let world = World::new().await;
    let declared = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
    );
    let first = world.apply(&declared, Intent::Create, None).await.unwrap();
    let second = world.apply(&declared, Intent::Create, None).await.unwrap();
    assert_eq!(first.uid, second.uid);
}

#[tokio::test]
async fn a_creation_of_nothing_but_a_name_that_was_interrupted_is_ours() {
    let world = World::new().await;
    let declared = world.one("runner", json!({"apiVersion": "v1", "kind": "ServiceAccount"}));
    let first = world.apply(&declared, Intent::Create, None).await.unwrap();
    assert!(world.live(&declared, None).await.mark.is_ours());
    let second = world.apply(&declared, Intent::Create, None).await.unwrap();
    assert_eq!(first.uid, second.uid);
    let prediction = world.predict(&declared, Intent::Adopt, None).await;
    assert_eq!(prediction.changes, []);
}

#[tokio::test]
async fn a_change_is_meant_for_one_object_only() {
    let world = World::new().await;
    let with = |value: &str| {
        world.one(
            "app",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": value}}),
        )
    };
    let recorded = world.up(&with("1")).await;
    let api = world.api("", "v1", "ConfigMap");
    api.delete("app", &kube::api::DeleteParams::default()).await.unwrap();
    let error = world
        .apply(&with("2"), Intent::Update, Some(&recorded))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Precondition, "{error}");
    world
        .make(
            &api,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}}),
        )
        .await;
    let error = world
        .apply(&with("2"), Intent::Update, Some(&recorded))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Precondition, "{error}");
}

#[tokio::test]
async fn a_key_that_leaves_string_data_leaves_the_secret() {
    let world = World::new().await;
    let with =
        |data: serde_json::Value| world.one("db", json!({"apiVersion": "v1", "kind": "Secret", "stringData": data}));
    let recorded = world.up(&with(json!({"a": "hunter2", "b": "swordfish"}))).await;
    assert!(!format!("{:?}{:?}", recorded.outputs, recorded.private).contains("aHVudGVyMg=="));
    world
        .apply(&with(json!({"a": "hunter2"})), Intent::Update, Some(&recorded))
        .await
        .unwrap();
    let object = world.read(&world.api("", "v1", "Secret"), "db").await;
    assert_eq!(object["data"], json!({"a": "aHVudGVyMg=="}));
}

#[tokio::test]
async fn drift_is_taken_back_but_foreign_fields_are_not() {
    let world = World::new().await;
    let with =
        |data: serde_json::Value| world.one("app", json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data}));
    let recorded = world.up(&with(json!({"a": "1"}))).await;
    let api = world.api("", "v1", "ConfigMap");
    world
        .meddle(&api, "app", json!({"data": {"a": "changed", "theirs": "x"}}))
        .await;
    let recorded = world
        .apply(&with(json!({"a": "1"})), Intent::Update, Some(&recorded))
        .await
        .unwrap();
    assert_eq!(world.read(&api, "app").await["data"], json!({"a": "1", "theirs": "x"}));
    let error = world
        .apply(
            &with(json!({"a": "1", "theirs": "ours"})),
            Intent::Update,
            Some(&recorded),
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.details.concat().contains("meddler"), "{:?}", error.details);
}

#[tokio::test]
async fn what_the_server_refuses_comes_in_its_own_words() {
    let world = World::new().await;
    let bad = world.one(
        "a",
        json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 0}]}}),
    );
    let error = world.apply(&bad, Intent::Create, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    assert!(
        error.details.concat().contains("spec.ports[0].port"),
        "{:?}",
        error.details
    );
    let unknown = world.one(
        "a",
        json!({"apiVersion": "v1", "kind": "Service", "spec": {"prots": []}}),
    );
    let error = world.apply(&unknown, Intent::Create, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    assert!(error.message.contains("prots"), "{error}");
}
