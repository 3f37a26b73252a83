//! The commit that is deployed: that of the last successful `up`.

use std::time::Duration;

use iac_core::state::{RunInfo, Store, Summary};
use serde_json::json;

use super::support::{Memory, record, store};

/// A run that records a resource of so many bytes.
async fn run(store: &Store, command: &str, commit: Option<&str>, ok: bool, bytes: usize) {
    let run = RunInfo::current(command, "test").at_commit(commit.map(str::to_owned));
    let writer = store.begin(run, Duration::ZERO).await.unwrap();
    let text = format!("{}{}", writer.state().version, "x".repeat(bytes));
    writer.put(record("web", json!({ "text": text }))).await.unwrap();
    let summary = Summary {
        ok,
        ..Summary::default()
    };
    writer.finish(summary).await.unwrap();
}

#[tokio::test]
async fn the_commit_of_the_last_successful_up_is_known() {
    let backend = Memory::new();
    let store = store(&backend);
    let table = [
        ("up", None, true, 1, None),
        ("up", Some("one"), true, 1, Some("one")),
        ("up", Some("two"), false, 1, Some("one")),
        ("destroy", Some("two"), true, 1, Some("one")),
        ("up", Some("two-dirty"), true, 1, Some("two-dirty")),
        // It outlives a snapshot.
        ("refresh --accept", None, true, 70_000, Some("two-dirty")),
        ("refresh --accept", None, true, 70_000, Some("two-dirty")),
        // A deployment from somewhere else is not the old commit any more.
        ("up", None, true, 1, None),
        ("refresh --accept", None, true, 70_000, None),
    ];
    for (command, commit, ok, bytes, expected) in table {
        run(&store, command, commit, ok, bytes).await;
        let known = store.load().await.unwrap().commit;
        assert_eq!(known.as_deref(), expected, "{command} {commit:?}");
    }
    assert!(!backend.keys("/snapshot/").is_empty());
    let history = store.history().await.unwrap();
    assert_eq!(history[1].run.commit.as_deref(), Some("one"));
}
