//! State in Secrets: the contract, large values, writers that are killed, and what is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use iac_core::state::conformance::{Failed, Suite};
use iac_core::state::{Backend, BackendError, BackendErrorKind, Created, Put};
use iac_k8s::KubernetesState;
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::json;

use crate::world::{Kubeconfig, World, kubeconfig, kubeconfig_json};

const MIB: usize = 1024 * 1024;

fn open(namespace: &str) -> KubernetesState {
    KubernetesState::open(&format!("kubernetes://{namespace}?kubeconfig={}", kubeconfig())).unwrap()
}

/// Bytes that are nowhere the same.
fn bytes(length: usize, salt: u32) -> Vec<u8> {
    let word = |n: u32| n.wrapping_mul(2_654_435_761).wrapping_add(salt).to_le_bytes();
    (0..).flat_map(word).take(length).collect()
}

/// The names of the Secrets in a namespace that are of a role.
async fn secrets(world: &World, role: &str) -> Vec<String> {
    let params = ListParams::default().labels(&format!("iac.dev/state={role}"));
    let list = secrets_api(world).list(&params).await.unwrap();
    list.items
        .into_iter()
        .filter_map(|secret| secret.metadata.name)
        .collect()
}

fn secrets_api(world: &World) -> Api<DynamicObject> {
    world.api("", "v1", "Secret")
}

fn text_of(result: Result<impl std::fmt::Debug, BackendError>, kind: BackendErrorKind) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_conform() -> Result<(), Failed> {
    let world = World::new().await;
    let namespace = world.namespace.clone();
    let suite = Suite::new(move || {
        let client: Arc<dyn Backend> = Arc::new(open(&namespace));
        async { Ok(client) }
    });
    // More than a page, which is 500.
    suite.listed_keys(520).run().await.into_result()?;
    assert_eq!(secrets(&world, "head").await, Vec::<String>::new());
    assert_eq!(secrets(&world, "chunk").await, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_value_of_3_mib_is_kept_in_chunks_that_go_with_it() {
    let world = World::new().await;
    let (one, two) = (open(&world.namespace), open(&world.namespace));
    let (first, second) = (bytes(3 * MIB + 17, 1), bytes(2 * MIB, 2));
    let Created::Created(etag) = one.create("s/large", first.clone()).await.unwrap() else {
        panic!("the key was free")
    };
    assert_eq!(secrets(&world, "chunk").await.len(), 7);
    let object = two.read("s/large").await.unwrap().unwrap();
    assert!(object.bytes == first && object.etag == etag);
    assert_eq!(two.list("s/").await.unwrap(), ["s/large"]);

    let Put::Done(etag) = two.put_if_match("s/large", second.clone(), &etag).await.unwrap() else {
        panic!("it was as expected")
    };
    assert_eq!(secrets(&world, "chunk").await.len(), 4);
    assert!(one.read("s/large").await.unwrap().unwrap().bytes == second);

    let Put::Done(etag) = one.put_if_match("s/large", b"small".to_vec(), &etag).await.unwrap() else {
        panic!("it was as expected")
    };
    assert_eq!(secrets(&world, "chunk").await.len(), 0);
    one.put_if_match("s/large", first, &etag).await.unwrap();
    two.delete("s/large").await.unwrap();
    assert_eq!(secrets(&world, "chunk").await.len(), 0);
    assert_eq!(one.read("s/large").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_killed_between_chunks_and_head_leaves_nothing_to_read_and_is_swept_up_after() {
    let world = World::new().await;
    let state = open(&world.namespace);
    state.create("s/small", b"stays".to_vec()).await.unwrap();
    // Stopped like a process that is killed, as soon as the first of its chunks is there.
    let mut left = Vec::new();
    for number in 0..50 {
        let (writer, key) = (open(&world.namespace), format!("s/large-{number}"));
        let write = tokio::spawn(async move { writer.create(&key, bytes(6 * MIB, 0)).await });
        while secrets(&world, "chunk").await.is_empty() && !write.is_finished() {}
        write.abort();
        let _ = write.await;
        left = secrets(&world, "chunk").await;
        if left.len() < 12 {
            break;
        }
        // It was quicker than this test.
        state.delete(&format!("s/large-{number}")).await.unwrap();
        left.clear();
    }
    assert!(!left.is_empty(), "no write could be caught half-way");
    assert_eq!(state.list("s/").await.unwrap(), ["s/small"]);

    // Others' writes leave young chunks alone, since their writer may still be at work.
    let young = open(&world.namespace);
    young.create("s/a", bytes(MIB, 3)).await.unwrap();
    let chunks = secrets(&world, "chunk").await;
    assert!(left.iter().all(|name| chunks.contains(name)), "{chunks:?}");

    let old = open(&world.namespace).left_behind_after(Duration::ZERO);
    old.create("s/b", bytes(MIB, 4)).await.unwrap();
    let chunks = secrets(&world, "chunk").await;
    assert!(left.iter().all(|name| !chunks.contains(name)), "{chunks:?}");
    for (key, salt) in [("s/a", 3), ("s/b", 4)] {
        assert!(
            state.read(key).await.unwrap().unwrap().bytes == bytes(MIB, salt),
            "{key}"
        );
    }
}

#[tokio::test]
async fn a_chunk_that_somebody_removed_is_damage_and_not_a_shorter_value() {
    let world = World::new().await;
    let state = open(&world.namespace);
    state.create("s/large", bytes(2 * MIB, 5)).await.unwrap();
    let name = secrets(&world, "chunk").await.remove(1);
    secrets_api(&world).delete(&name, &Default::default()).await.unwrap();
    let text = text_of(state.read("s/large").await, BackendErrorKind::Other);
    assert!(
        text.contains("a chunk of it is missing") && text.contains("s/large"),
        "{text}"
    );
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_no_room_and_leaves_what_was_there() {
    let world = World::new().await;
    let state = open(&world.namespace);
    state.create("s/a", b"first".to_vec()).await.unwrap();
    world
        .make(
            &world.api("", "v1", "ResourceQuota"),
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"},
                   "spec": {"hard": {"count/secrets": "4"}}}),
        )
        .await;
    // The quota holds once a controller has counted what is there.
    loop {
        let quota = world.read(&world.api("", "v1", "ResourceQuota"), "few").await;
        if quota["status"]["used"]["count/secrets"] == "1" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // And each part of the API server takes it in a moment later.
    let refused = loop {
        match state.create("s/large", bytes(3 * MIB, 6)).await {
            Ok(_) => state.delete("s/large").await.unwrap(),
            refused => break refused,
        }
    };
    let text = text_of(refused, BackendErrorKind::Full);
    assert!(text.contains("exceeded quota: few"), "{text}");
    assert_eq!(state.read("s/large").await.unwrap(), None);
    assert_eq!(
        secrets(&world, "chunk").await.len(),
        0,
        "what was written is taken back"
    );
    let object = state.read("s/a").await.unwrap().unwrap();
    // A replacement makes no more Secrets than there are.
    let put = state
        .put_if_match("s/a", b"second".to_vec(), &object.etag)
        .await
        .unwrap();
    assert!(matches!(put, Put::Done(_)));
}

/// A kubeconfig as the test bed's, but for somebody else.
fn impersonating(user: &str, name: &str) -> Kubeconfig {
    let mut config = kubeconfig_json();
    config["users"][0]["user"]["as"] = json!(user);
    Kubeconfig::write(&config, name)
}

#[tokio::test]
async fn an_account_without_rights_is_told_which_it_needs() {
    let world = World::new().await;
    let account = format!("system:serviceaccount:{}:default", world.namespace);
    let file = impersonating(&account, "without-rights");
    let url = format!("kubernetes://{}?kubeconfig={}", world.namespace, file.path());
    let state = KubernetesState::open(&url).unwrap();
    let denied = BackendErrorKind::Denied;
    for text in [
        text_of(state.read("s/a").await, denied),
        text_of(state.create("s/a", Vec::new()).await, denied),
        text_of(state.list("s/").await, denied),
        text_of(state.delete("s/a").await, denied),
    ] {
        for part in [
            &account,
            "get, list, create, update and delete on secrets",
            &world.namespace,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}

#[tokio::test]
async fn the_rights_that_are_named_are_enough() {
    let world = World::new().await;
    let rbac = |kind: &str| world.api("rbac.authorization.k8s.io", "v1", kind);
    let verbs = ["get", "list", "create", "update", "delete"];
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "state"},
                      "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": verbs}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "state"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "state"},
        "subjects": [{"kind": "ServiceAccount", "name": "state", "namespace": world.namespace}]});
    world.make(&rbac("Role"), role).await;
    world.make(&rbac("RoleBinding"), binding).await;
    let account = format!("system:serviceaccount:{}:state", world.namespace);
    let file = impersonating(&account, "with-rights");
    let url = format!("k8s://{}?kubeconfig={}", world.namespace, file.path());
    let state = KubernetesState::open(&url).unwrap();
    // Roles are taken in by the API server a moment after they are made.
    while let Err(error) = state.list("").await {
        assert_eq!(error.kind, BackendErrorKind::Denied, "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let Created::Created(etag) = state.create("s/a", bytes(MIB, 7)).await.unwrap() else {
        panic!("the key was free")
    };
    let Put::Done(_) = state.put_if_match("s/a", bytes(MIB, 8), &etag).await.unwrap() else {
        panic!("it was as expected")
    };
    assert!(state.read("s/a").await.unwrap().unwrap().bytes == bytes(MIB, 8));
    state.delete("s/a").await.unwrap();
    assert_eq!(secrets(&world, "chunk").await.len(), 0);
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_named_with_what_to_do() {
    let state = open("iac-k8s-not-there");
    assert_eq!(state.list("s/").await.unwrap(), Vec::<String>::new());
    let text = text_of(state.create("s/a", Vec::new()).await, BackendErrorKind::Other);
    assert!(text.contains("kubectl create namespace iac-k8s-not-there"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_that_compete_with_large_values_one_wins_and_no_chunk_is_left() {
    let world = World::new().await;
    let writers = [1, 2, 3].map(|salt| (salt, open(&world.namespace)));
    let creates = writers.clone().map(|(salt, writer)| {
        tokio::spawn(async move { (salt, writer.create("s/a", bytes(MIB, salt)).await.unwrap()) })
    });
    let mut won = BTreeMap::new();
    for create in creates {
        if let (salt, Created::Created(etag)) = create.await.unwrap() {
            won.insert(salt, etag);
        }
    }
    assert_eq!(won.len(), 1);
    let (salt, etag) = won.pop_first().unwrap();
    assert!(writers[0].1.read("s/a").await.unwrap().unwrap().bytes == bytes(MIB, salt));
    assert_eq!(secrets(&world, "chunk").await.len(), 2);

    let puts = writers.clone().map(|(salt, writer)| {
        let etag = etag.clone();
        tokio::spawn(async move {
            let put = writer.put_if_match("s/a", bytes(MIB + 1, salt), &etag).await;
            (salt, put.unwrap())
        })
    });
    let mut won = Vec::new();
    for put in puts {
        if let (salt, Put::Done(_)) = put.await.unwrap() {
            won.push(salt);
        }
    }
    assert_eq!(won.len(), 1);
    assert!(writers[0].1.read("s/a").await.unwrap().unwrap().bytes == bytes(MIB + 1, won[0]));
    assert_eq!(secrets(&world, "chunk").await.len(), 3);
}
