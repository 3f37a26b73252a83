//! The times of steps: the state has the newest times of each resource, the history those of each run, and neither is
//! needed for reading the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use iac_core::Key;
use iac_core::state::{KeySource, StepKind, Store, Times, Took};
use serde_json::json;

use super::support::{Memory, begin, key, record, store, summary};

fn took(there: u64, ready: Option<u64>) -> Took {
    Took {
        there,
        ready,
        gone: None,
    }
}

fn times(name: &str, kind: StepKind, took: Took) -> BTreeMap<Key, Times> {
    [(key(name), Times::of(kind, took))].into()
}

/// A version with these times, which records a resource of so many bytes.
async fn version(store: &Store, name: &str, bytes: usize, times: BTreeMap<Key, Times>) -> u64 {
    let writer = begin(store).await;
    let text = format!("{}{}", writer.state().version, "x".repeat(bytes));
    writer.put(record(name, json!({ "text": text }))).await.unwrap();
    writer.finish_timed(summary(), times).await.unwrap()
}

#[tokio::test]
async fn the_newest_time_of_each_sort_of_step_is_known() {
    let store = store(&Memory::new());
    version(&store, "web", 1, times("web", StepKind::Create, took(5, Some(7)))).await;
    version(&store, "web", 1, times("web", StepKind::Update, took(3, Some(1)))).await;
    version(&store, "web", 1, times("web", StepKind::Update, took(4, None))).await;
    let known = store.load().await.unwrap().times[&key("web")];
    assert_eq!(known.get(StepKind::Create), Some(took(5, Some(7))));
    assert_eq!(known.get(StepKind::Update), Some(took(4, None)));
    assert_eq!(known.get(StepKind::Delete), None);
    assert_eq!(known.version, 3);
    let history = store.history().await.unwrap();
    let updates = history
        .iter()
        .map(|version| version.took[&key("web")].get(StepKind::Update));
    assert_eq!(
        updates.collect::<Vec<_>>(),
        [None, Some(took(3, Some(1))), Some(took(4, None))]
    );
}

#[tokio::test]
async fn times_outlive_a_snapshot_and_a_deletion() {
    for whole in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let backend = Memory::new();
        let keys = KeySource::key_file(folder.path().join("key.txt"));
        let store = Store::new(Arc::clone(&backend) as _, "prod", keys).encrypt_new(whole);
        version(
            &store,
            "web",
            70_000,
            times("web", StepKind::Create, took(5_123_456_789, Some(7))),
        )
        .await;
        assert_eq!(backend.keys("/snapshot/").len(), 1);
        let writer = begin(&store).await;
        writer.forget(&key("web")).await.unwrap();
        let gone = times("web", StepKind::Delete, took(9, None));
        writer.finish_timed(summary(), gone).await.unwrap();
        version(&store, "other", 70_000, BTreeMap::new()).await;
        version(&store, "other", 70_000, BTreeMap::new()).await;
        assert!(backend.keys("/snapshot/").len() > 1);
        let known = store.load().await.unwrap().times[&key("web")];
        assert_eq!(known.get(StepKind::Delete), Some(took(9, None)));
        assert_eq!(known.get(StepKind::Create), Some(took(5_123_456_789, Some(7))));
        let shown = backend
            .dump()
            .values()
            .any(|bytes| String::from_utf8_lossy(bytes).contains("5123456789"));
        assert_eq!(shown, !whole, "names and times are sealed as well");
    }
}

#[tokio::test]
async fn what_was_deleted_long_ago_is_forgotten() {
    let store = store(&Memory::new()).keep_versions(1);
    version(&store, "web", 70_000, times("web", StepKind::Create, took(5, None))).await;
    version(&store, "web", 1, times("gone", StepKind::Delete, took(5, None))).await;
    for _ in 0..100 {
        version(&store, "web", 1, BTreeMap::new()).await;
    }
    assert!(store.load().await.unwrap().times.contains_key(&key("gone")));
    version(&store, "web", 70_000, BTreeMap::new()).await;
    let known = store.load().await.unwrap().times;
    assert_eq!(known.keys().collect::<Vec<_>>(), [&key("web")]);
}

#[test]
fn sorts_of_steps_that_a_newer_program_times_are_passed_over() {
    let newer = json!({
        "version": 3, "migrate": {"there": 1, "era": 2}, "update": {"there": 4, "calls": 7},
    });
    let read: Times = serde_json::from_value(newer).unwrap();
    assert_eq!(read.get(StepKind::Update), Some(took(4, None)));
}
