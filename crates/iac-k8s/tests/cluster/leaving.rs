//! Objects that somebody deletes while something holds them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use iac_core::provider::{
    ApplyRequest, Claim, Context, DeleteData, ErrorKind, Intent, Observed, Provider as _, Recorded,
};
use iac_k8s::Kubernetes;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::world::{Resolved, World};

fn config_map(finalizers: &[&str]) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"finalizers": finalizers}, "data": {"a": "1"}})
}

fn creation(declared: &Resolved, recorded: &Recorded, timeout: Duration) -> ApplyRequest {
    ApplyRequest {
        ignored: Vec::new(),
        key: declared.key.clone(),
        identity: declared.identity.clone(),
        intent: Intent::Create,
        inputs: declared.inputs.clone(),
        recorded: Some(recorded.clone()),
        timeout,
        adopt: false,
        claim: Claim::MarkOnly,
        uid: None,
        delete_data: DeleteData::None,
    }
}

#[tokio::test]
async fn an_object_that_a_finalizer_holds_is_waited_for_and_made_again() {
    let world = World::new().await;
    let declared = world.one("app", config_map(&[]));
    let recorded = world.up(&declared).await;
    let api = world.api("", "v1", "ConfigMap");
    let hold = |finalizers: serde_json::Value| json!({"metadata": {"finalizers": finalizers}});
    world.meddle(&api, "app", hold(json!(["example.com/keep"]))).await;
    api.delete("app", &DeleteParams::default()).await.unwrap();
    let live = world.live(&declared, Some(&recorded)).await;
    let why = live.leaving.unwrap();
    assert!(why.contains("metadata.finalizers: example.com/keep"), "{why}");

    let short = creation(&declared, &recorded, Duration::from_secs(1));
    let error = world.provider.apply(&short, &Context::silent()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(
        error.details.concat().contains("example.com/keep"),
        "{:?}",
        error.details
    );

    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&said);
    let cx = Context::new(move |progress| listener.lock().unwrap().push(progress.message));
    let long = creation(&declared, &recorded, Duration::from_secs(60));
    let release = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.meddle(&api, "app", hold(json!(null))).await;
    };
    let (applied, ()) = tokio::join!(world.provider.apply(&long, &cx), release);
    assert_ne!(applied.unwrap().uid, recorded.uid);
    let said = said.lock().unwrap().join("\n");
    assert!(said.contains("example.com/keep"), "{said}");
}

#[tokio::test]
async fn what_is_in_a_namespace_that_is_being_deleted_goes_with_it() {
    let world = World::new().await;
    let inner = format!("{}-x", world.namespace);
    let declared = world.declare_all(|stack| {
        let cluster = Kubernetes::new(stack);
        let namespace = cluster.add(&inner, Namespace::default());
        cluster
            .within(&namespace)
            .add_json("held", config_map(&["example.com/keep"]));
        cluster.within(&namespace).add_json("free", config_map(&[]));
        cluster.within(&namespace).add_json("new", config_map(&[]));
    });
    let all = declared.all();
    let named = |name: &str| all.iter().find(|resource| resource.key.name() == name).unwrap();
    let namespace = world.up(named(&inner)).await;
    let held = world.up(named("held")).await;
    let free = world.up(named("free")).await;
    let spaces: Api<Namespace> = Api::all(world.client.clone());
    spaces.delete(&inner, &DeleteParams::default()).await.unwrap();
    let live = world.live(named(&inner), Some(&namespace)).await;
    assert!(live.leaving.is_some(), "{live:?}");
    assert!(world.live(named("held"), Some(&held)).await.leaving.is_some());
    match world.observe(named("free"), Some(&free)).await {
        Observed::Absent => {}
        Observed::Present(live) => assert!(live.leaving.is_some(), "{live:?}"),
        other => panic!("{other:?}"),
    }
    // Nothing can be made in there, which is no problem: the namespace is made again first.
    let prediction = world.predict(named("new"), Intent::Create, None).await;
    assert_eq!(prediction.problems, []);
    let inner_maps: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(world.client.clone(), &inner);
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let long = creation(named(&inner), &namespace, Duration::from_secs(120));
    let cx = Context::silent();
    let (applied, _) = tokio::join!(world.provider.apply(&long, &cx), async {
        inner_maps
            .patch("held", &PatchParams::default(), &release)
            .await
            .unwrap()
    });
    assert_ne!(applied.unwrap().uid, namespace.uid);
    spaces.delete(&inner, &DeleteParams::default()).await.unwrap();
}
