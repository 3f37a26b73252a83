//! Replicas that belong to an autoscaler.

use iac_core::provider::Intent;
use serde_json::json;

use crate::world::{World, workload};

#[tokio::test]
async fn replicas_are_set_once_and_left_to_the_autoscaler() {
    let world = World::new().await;
    let with = |replicas: i64, value: &str, scaled: bool| {
        let deployment = workload("Deployment", replicas, json!({"env": [{"name": "A", "value": value}]}));
        let autoscaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}, "maxReplicas": 5}});
        let declared = world.declare(|k| {
            {
                k.add_json("a", deployment);
            }
            if scaled {
                {
                    k.add_json("a", autoscaler);
                }
            }
        });
        declared.of("Deployment")
    };
    let api = world.api("apps", "v1", "Deployment");
    let replicas = async || world.read(&api, "a").await["spec"]["replicas"].clone();
    let recorded = world.up(&with(2, "1", true)).await;
    assert_eq!(replicas().await, 2);
    world.meddle(&api, "a", json!({"spec": {"replicas": 0}})).await;
    let declared = with(2, "2", true);
    assert!(world.live(&declared, Some(&recorded)).await.drift.is_empty());
    let recorded = world.apply(&declared, Intent::Update, Some(&recorded)).await.unwrap();
    assert_eq!(replicas().await, 0);
    // Without the autoscaler they are ours again.
    let recorded = world
        .apply(&with(1, "2", false), Intent::Update, Some(&recorded))
        .await
        .unwrap();
    assert_eq!(replicas().await, 1);
    // An autoscaler that comes later takes over what is there.
    world
        .apply(&with(3, "3", true), Intent::Update, Some(&recorded))
        .await
        .unwrap();
    assert_eq!(replicas().await, 1);
}
