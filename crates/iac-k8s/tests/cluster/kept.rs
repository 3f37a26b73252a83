//! Fields that are no longer declared and that the server keeps.

use iac_core::provider::Intent;
use serde_json::{Value as Json, json};

use crate::world::{Resolved, World};

fn service(world: &World, port: Json, more: Json) -> Resolved {
    let mut object = json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "NodePort", "ports": [port]}});
    for (key, value) in more.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    world.one("web", object)
}

#[tokio::test]
async fn what_the_server_keeps_is_told_whenever_the_object_changes_and_only_then() {
    let world = World::new().await;
    let port = || json!({"name": "http", "port": 80, "protocol": "TCP"});
    let plain = service(&world, port(), json!({}));
    let recorded = world.up(&plain).await;
    let live = world.read(&world.api("", "v1", "Service"), "web").await;
    let number = live["spec"]["ports"][0]["nodePort"].as_i64().unwrap();
    let kept = format!("the server keeps spec.ports[name=http].nodePort ({number})");
    let mut fixed = port();
    fixed["nodePort"] = number.into();
    let fixed = service(&world, fixed, json!({"sessionAffinity": "None"}));
    let recorded = world.apply(&fixed, Intent::Update, Some(&recorded)).await.unwrap();
    // The port is dropped with a field that has its default anyway, of which nothing is said.
    let told = world.predict(&plain, Intent::Update, Some(&recorded)).await;
    assert_eq!(told.changes, []);
    assert!(
        told.notes.len() == 1 && told.notes[0].starts_with(&kept),
        "{:?}",
        told.notes
    );
    let recorded = world.apply(&plain, Intent::Update, Some(&recorded)).await.unwrap();
    let recorded = world.wait(&recorded, crate::world::PATIENCE).await.unwrap();
    // Nothing is to do, so nothing is predicted and told.
    assert_eq!(world.live(&plain, Some(&recorded)).await.drift, []);
    // Another change of the object tells it again, as often as there is one.
    let mut recorded = recorded;
    for seconds in [600, 700] {
        let affinity =
            json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}});
        let changed = service(&world, port(), affinity);
        let told = world.predict(&changed, Intent::Update, Some(&recorded)).await;
        assert!(
            told.notes.iter().any(|note| note.starts_with(&kept)),
            "{:?}",
            told.notes
        );
        recorded = world.apply(&changed, Intent::Update, Some(&recorded)).await.unwrap();
    }
    // Declared again, or gone with the type that has it: no longer kept.
    let told = world.predict(&fixed, Intent::Update, Some(&recorded)).await;
    assert!(
        !told.notes.iter().any(|note| note.contains("keeps")),
        "{:?}",
        told.notes
    );
    let internal = service(&world, port(), json!({"type": "ClusterIP"}));
    let told = world.predict(&internal, Intent::Update, Some(&recorded)).await;
    assert!(
        !told.notes.iter().any(|note| note.contains("keeps")),
        "{:?}",
        told.notes
    );
    let recorded = world.apply(&internal, Intent::Update, Some(&recorded)).await.unwrap();
    let told = world.predict(&plain, Intent::Update, Some(&recorded)).await;
    assert!(
        !told.notes.iter().any(|note| note.contains("keeps")),
        "{:?}",
        told.notes
    );
}

#[tokio::test]
async fn a_port_that_the_server_draws_is_not_told_before() {
    let world = World::new().await;
    let of = |kind: &str| service(&world, json!({"port": 80}), json!({"type": kind}));
    let recorded = world.up(&of("ClusterIP")).await;
    let told = world.predict(&of("NodePort"), Intent::Update, Some(&recorded)).await;
    let paths = crate::world::paths(&told.changes);
    assert!(
        paths.contains(&"spec.type".to_owned()) && !paths.iter().any(|path| path.contains("nodePort")),
        "{paths:?}"
    );
}
