//! Changes by hand: renaming, dropping and protecting records, and the end of a stack. Killed at any storage operation,
//! all of a change is there or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iac_core::Value;
use iac_core::provider::Phase;
use iac_core::state::{BackendErrorKind, KeySource, State, StateError, Store};
use iac_core::value::Map;
use serde_json::json;

use super::support::{Memory, Verdict, begin, content, key, record, run, summary};

/// A stack in which `b` depends on `a`, and `c` on nothing; `a` holds a secret.
async fn stack(backend: &Arc<Memory>, keys: &KeySource) -> Store {
    let store = Store::new(Arc::clone(backend) as _, "prod", keys.clone());
    let writer = begin(&store).await;
    let secret = Map::from([("password".to_owned(), Value::Secret("hunter2".into()))]);
    writer.put(record("a", Value::from(secret))).await.unwrap();
    let mut b = record("b", json!({"v": 1}));
    b.recorded.dependencies = vec![(key("a"), Phase::Exists)];
    writer.put(b).await.unwrap();
    writer.put(record("c", json!({"v": 2}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    store
}

fn keys() -> (tempfile::TempDir, KeySource) {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeySource::key_file(folder.path().join("key.txt"));
    (folder, keys)
}

fn one(name: &str) -> BTreeSet<iac_core::Key> {
    BTreeSet::from([key(name)])
}

#[tokio::test]
async fn a_renamed_resource_keeps_its_secrets_and_its_dependents() {
    let (_folder, keys) = keys();
    let backend = Memory::new();
    let store = stack(&backend, &keys).await;
    let writer = begin(&store).await;
    writer.rename(&key("a"), &key("z"), None).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let state = store.load().await.unwrap();
    assert!(!state.records.contains_key(&key("a")));
    assert_eq!(state.records[&key("z")].identity, "Thing a", "the object is the same");
    assert_eq!(state.records[&key("b")].dependencies, [(key("z"), Phase::Exists)]);
    let opened = state.open(&store.vault().await.unwrap()).unwrap();
    let password = opened[&key("z")].recorded.inputs.get("password").cloned();
    assert_eq!(
        password,
        Some(Value::Secret("hunter2".into())),
        "sealed for its new place"
    );
    let (version, before, after) = store.version(2).await.unwrap();
    assert_eq!(version.changed, [key("a"), key("b"), key("z")]);
    assert!(before.records.contains_key(&key("a")) && !before.records.contains_key(&key("z")));
    assert_eq!(after.records, state.records);
}

#[tokio::test]
async fn what_can_not_be_done_is_refused_and_changes_nothing() {
    let (_folder, keys) = keys();
    let backend = Memory::new();
    let store = stack(&backend, &keys).await;
    let before = store.load().await.unwrap();
    let writer = begin(&store).await;
    let other_kind = iac_core::Key::new("", "test:core/Other", "z").unwrap();
    let taken = writer.rename(&key("a"), &key("b"), None).await;
    assert!(matches!(taken, Err(StateError::Refused { .. })), "{taken:?}");
    let retyped = writer.rename(&key("a"), &other_kind, None).await;
    assert!(matches!(retyped, Err(StateError::Refused { .. })), "{retyped:?}");
    let unknown = writer.rename(&key("x"), &key("y"), None).await;
    assert!(matches!(unknown, Err(StateError::UnknownKey(_))), "{unknown:?}");
    let needed = writer.forget_all(&one("a"), false).await.unwrap_err();
    assert!(needed.to_string().contains("Thing::b depends on it"), "{needed}");
    assert_eq!(
        writer.protect(&one("c"), false).await.unwrap(),
        [],
        "it is not protected"
    );
    writer.abandon().await;
    assert_eq!(content(&store.load().await.unwrap()), content(&before));
}

#[tokio::test]
async fn forced_removal_takes_the_dependency_along() {
    let (_folder, keys) = keys();
    let backend = Memory::new();
    let store = stack(&backend, &keys).await;
    let writer = begin(&store).await;
    writer.forget_all(&one("a"), true).await.unwrap();
    assert_eq!(writer.protect(&one("c"), true).await.unwrap(), [key("c")]);
    writer.finish(summary()).await.unwrap();
    let state = store.load().await.unwrap();
    assert_eq!(state.records[&key("b")].dependencies, []);
    assert!(state.records[&key("c")].options.protect);
}

/// Lets everything fail from the storage operation of this number on, as a kill would; says whether it came that far.
fn stop_at(backend: &Memory, number: usize) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    backend.rule(move |_, _| {
        if counted.fetch_add(1, Ordering::Relaxed) < number {
            Verdict::Pass
        } else {
            Verdict::Fail(BackendErrorKind::Other)
        }
    });
    count
}

#[tokio::test]
async fn killed_anywhere_all_of_a_change_is_there_or_nothing() {
    let (_folder, keys) = keys();
    let origin = Memory::new();
    let before = content(&stack(&origin, &keys).await.load().await.unwrap());
    let mut ends = BTreeSet::new();
    for number in 0.. {
        let backend = origin.fork();
        let killed = backend.view();
        let count = stop_at(&killed, number);
        let store = Store::new(killed as _, "prod", keys.clone());
        let done = async {
            let writer = store.begin(run(), Duration::ZERO).await?;
            writer.rename(&key("a"), &key("z"), None).await?;
            writer.finish(summary()).await
        };
        let done = done.await;
        let after = content(
            &Store::new(Arc::clone(&backend) as _, "prod", keys.clone())
                .load()
                .await
                .unwrap(),
        );
        let moved = after.records.contains_key(&key("z"));
        let whole = if moved {
            !after.records.contains_key(&key("a")) && after.records[&key("b")].dependencies[0].0 == key("z")
        } else {
            State {
                version: before.version,
                ..after.clone()
            } == before
        };
        assert!(whole, "stopped at operation {number}: {after:?}");
        ends.insert(moved);
        if done.is_ok() && count.load(Ordering::Relaxed) <= number {
            break;
        }
    }
    assert_eq!(ends.len(), 2, "some were stopped before, some after");
}

#[tokio::test]
async fn a_stack_is_removed_as_a_whole() {
    let (_folder, keys) = keys();
    let origin = Memory::new();
    let store_of = |backend: &Arc<Memory>| Store::new(Arc::clone(backend) as _, "prod", keys.clone());
    stack(&origin, &keys).await;
    begin(&Store::new(Arc::clone(&origin) as _, "prod2", keys.clone()))
        .await
        .abandon()
        .await;
    let refused = store_of(&origin).remove(run(), Duration::ZERO, false).await;
    assert!(
        matches!(refused, Err(StateError::NotEmpty { records: 3, .. })),
        "{refused:?}"
    );
    assert_eq!(store_of(&origin).load().await.unwrap().records.len(), 3);
    for number in 0.. {
        let backend = origin.fork();
        let killed = backend.view();
        let count = stop_at(&killed, number);
        let done = Store::new(killed as _, "prod", keys.clone())
            .remove(run(), Duration::ZERO, true)
            .await;
        // Either all of it is there, or nothing can be mistaken for a stack with less in it.
        match store_of(&backend).load().await {
            Ok(state) => assert!(matches!(state.records.len(), 0 | 3), "stopped at operation {number}"),
            Err(error) => assert!(matches!(error, StateError::Removing(_)), "stopped at {number}: {error}"),
        }
        // This process is alive, so a lease that it could not give back is still its own: it is given up by hand.
        store_of(&backend).unlock().await.unwrap();
        store_of(&backend).remove(run(), Duration::ZERO, true).await.unwrap();
        assert_eq!(
            backend.keys("prod/"),
            Vec::<String>::new(),
            "stopped at operation {number}"
        );
        assert!(!backend.keys("prod2/").is_empty(), "the other stack stays");
        if done.is_ok() && count.load(Ordering::Relaxed) <= number {
            break;
        }
    }
    assert!(
        !store_of(&Memory::new())
            .remove(run(), Duration::ZERO, false)
            .await
            .unwrap()
    );
}
