//! Deleting, and what stays.

use std::time::Duration;

use iac_core::provider::{Claim, Context, DeleteData, DeleteRequest, ErrorKind, Observed, Provider as _};
use serde_json::json;

use crate::world::{World, workload};

#[tokio::test]
async fn an_object_is_gone_afterwards_and_a_second_time_is_no_error() {
    let world = World::new().await;
    let declared = world.one("a", workload("Deployment", 1, json!({})));
    let recorded = world.up(&declared).await;
    world.delete(&recorded, false).await.unwrap();
    assert_eq!(world.observe(&declared, Some(&recorded)).await, Observed::Absent);
    assert!(
        world
            .api("", "v1", "Pod")
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    world.delete(&recorded, false).await.unwrap();
}

/// Makes something that a workload owns, and that stays until somebody lets it go.
async fn make_held(world: &World, workload: &serde_json::Value) {
    let owner = json!({
        "apiVersion": workload["apiVersion"], "kind": workload["kind"], "name": workload["metadata"]["name"],
        "uid": workload["metadata"]["uid"], "controller": false, "blockOwnerDeletion": true,
    });
    let held = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": "held", "finalizers": ["example.com/hold"], "ownerReferences": [owner],
    }});
    world.make(&world.api("", "v1", "ConfigMap"), held).await;
}

/// Waits until the controllers have seen the workloads of a kind, and the sets that they made.
async fn all_are_observed(world: &World, kind: &str) {
    for kind in [kind, "ReplicaSet"] {
        let api = world.api("apps", "v1", kind);
        loop {
            let list = api.list(&kube::api::ListParams::default()).await.unwrap();
            let unseen = |object: &kube::api::DynamicObject| object.data["status"]["observedGeneration"].is_null();
            if !list.items.iter().any(unseen) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn a_workload_waits_for_what_it_owns_only_if_it_has_pods() {
    for (kind, replicas, selects_a_pod, waits) in [
        ("Deployment", 0, false, false),
        ("StatefulSet", 0, false, false),
        ("ReplicaSet", 0, false, false),
        ("Deployment", 1, false, true),
        ("Deployment", 0, true, true),
    ] {
        let context = format!("{kind} with {replicas} replicas, selects a pod: {selects_a_pod}");
        let world = World::new().await;
        let recorded = world.up(&world.one("a", workload(kind, replicas, json!({})))).await;
        let live = world.read(&world.api("apps", "v1", kind), "a").await;
        all_are_observed(&world, kind).await;
        if selects_a_pod {
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "other", "labels": {"app": "a"}}, "spec": {
                "schedulingGates": [{"name": "example.com/never"}], "containers": [{"name": "main", "image": "x"}],
            }});
            world.make(&world.api("", "v1", "Pod"), pod).await;
        }
        make_held(&world, &live).await;
        let request = DeleteRequest {
            recorded,
            delete_data: DeleteData::None,
            claim: Claim::MarkOnly,
            timeout: Duration::from_secs(8),
        };
        let deleted = world.provider.delete(&request, &Context::silent()).await;
        let said = deleted.map_err(|error| (error.kind, error.details.concat()));
        match waits {
            false => assert_eq!(said, Ok(()), "{context}"),
            true => assert!(
                said.as_ref()
                    .is_err_and(|(kind, held)| *kind == ErrorKind::Timeout && held.contains("foregroundDeletion")),
                "{context}: {said:?}"
            ),
        }
        let let_go = json!({"metadata": {"finalizers": null}});
        world.meddle(&world.api("", "v1", "ConfigMap"), "held", let_go).await;
    }
}

#[tokio::test]
async fn another_object_of_the_name_is_left_alone() {
    let world = World::new().await;
    let declared = world.one("app", json!({"apiVersion": "v1", "kind": "ConfigMap"}));
    let recorded = world.up(&declared).await;
    let api = world.api("", "v1", "ConfigMap");
    api.delete("app", &kube::api::DeleteParams::default()).await.unwrap();
    world
        .make(
            &api,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}}),
        )
        .await;
    world.delete(&recorded, false).await.unwrap();
    assert!(api.get_opt("app").await.unwrap().is_some());
}

#[tokio::test]
async fn finalizers_are_named_when_they_hold_an_object() {
    let world = World::new().await;
    let declared = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"finalizers": ["example.com/keep"]}}),
    );
    let recorded = world.up(&declared).await;
    let request = DeleteRequest {
        recorded,
        delete_data: DeleteData::None,
        claim: Claim::MarkOnly,
        timeout: Duration::from_secs(2),
    };
    let error = world.provider.delete(&request, &Context::silent()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(
        error.details.concat().contains("example.com/keep"),
        "{:?}",
        error.details
    );
    world
        .meddle(
            &world.api("", "v1", "ConfigMap"),
            "app",
            json!({"metadata": {"finalizers": null}}),
        )
        .await;
}

#[tokio::test]
async fn claims_outlive_their_set_unless_asked() {
    let world = World::new().await;
    let mut set = workload(
        "StatefulSet",
        2,
        json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}]}),
    );
    set["spec"]["serviceName"] = "db".into();
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}]);
    let declared = world.one("db", set);
    let namespace = world
        .declare_all(|stack| {
            iac_k8s::Kubernetes::new(stack)
                .add_json(&world.namespace, json!({"apiVersion": "v1", "kind": "Namespace"}));
        })
        .of("Namespace");
    let recorded = world.up(&declared).await;
    let namespace = namespace.record(iac_core::provider::Applied::default());
    let data = world.provider.data(&[recorded.clone(), namespace]).await.unwrap();
    for (items, outlive) in [(&data[0], true), (&data[1], false)] {
        let items: Vec<_> = items
            .iter()
            .map(|item| (item.name.clone(), &*item.amount, item.outlives))
            .collect();
        let claim = |number| (format!("{}/data-db-{number}", world.namespace), "1Mi", outlive);
        assert_eq!(items, [claim(0), claim(1)]);
    }
    let claims = world.api("", "v1", "PersistentVolumeClaim");
    world.delete(&recorded, false).await.unwrap();
    assert_eq!(
        claims
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    world.delete(&recorded, true).await.unwrap();
    assert!(
        claims
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn what_comes_into_a_namespace_after_the_plan_keeps_it() {
    let world = World::new().await;
    let name = format!("{}-inner", world.namespace);
    let namespace = world
        .declare_all(|stack| {
            iac_k8s::Kubernetes::new(stack).add_json(&name, json!({"apiVersion": "v1", "kind": "Namespace"}));
        })
        .of("Namespace");
    let recorded = world.up(&namespace).await;
    let told = |data: Vec<Vec<iac_core::provider::DataItem>>| {
        data.concat().iter().map(|item| item.amount.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        told(world.provider.data(std::slice::from_ref(&recorded)).await.unwrap()),
        [""; 0]
    );
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> = kube::Api::namespaced(world.client.clone(), &name);
    let theirs = serde_json::from_value(json!({"metadata": {"name": "theirs"}, "data": {"a": "1"}})).unwrap();
    maps.create(&kube::api::PostParams::default(), &theirs).await.unwrap();
    let error = world.delete(&recorded, true).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Precondition, "{error}");
    assert!(error.message.contains(&format!("ConfigMap {name}/theirs")), "{error}");
    assert!(maps.get_opt("theirs").await.unwrap().is_some());
    // Once it was told, it goes along.
    let data = world.provider.data(std::slice::from_ref(&recorded)).await.unwrap();
    assert_eq!(told(data), [format!("1 object of others: ConfigMap {name}/theirs")]);
    world.delete(&recorded, true).await.unwrap();
}

#[tokio::test]
async fn a_claim_that_came_to_belong_to_an_object_after_the_plan_keeps_it() {
    let world = World::new().await;
    let declared = world.one("app", json!({"apiVersion": "v1", "kind": "ConfigMap"}));
    let recorded = world.up(&declared).await;
    assert_eq!(
        world.provider.data(std::slice::from_ref(&recorded)).await.unwrap(),
        [vec![]]
    );
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "app", "uid": recorded.uid});
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "late", "ownerReferences": [owner]},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "8Mi"}}}});
    world.make(&world.api("", "v1", "PersistentVolumeClaim"), claim).await;
    let error = world.delete(&recorded, true).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Precondition, "{error}");
    let late = format!("PersistentVolumeClaim {}/late", world.namespace);
    assert!(error.message.contains(&late), "{error}");
    let data = world.provider.data(std::slice::from_ref(&recorded)).await.unwrap();
    assert_eq!(data.concat().len(), 1);
    world.delete(&recorded, true).await.unwrap();
}
