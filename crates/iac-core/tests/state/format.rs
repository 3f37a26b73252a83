//! Files of every released format stay readable, and those of newer ones are left alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use iac_core::state::{KeySource, LocalBackend, OpKind, RunInfo, StateError, Store};
use iac_core::{Secret, Value};
use serde_json::json;

use super::support::{Memory, begin, key, operation, record, run, store, summary};

fn fixture(format: u64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/state/fixtures/format-{format}"))
}

/// Who is said to have written the fixtures.
fn alice() -> RunInfo {
    RunInfo {
        who: "alice".into(),
        host: "ci-1".into(),
        pid: 4711,
        command: "up".into(),
        build: "3f2a9c1".into(),
    }
}

/// What every fixture holds. For a new format, run it with the first release that writes that format and keep the
/// files; batches that its snapshot covers, and what begins with a dot, are left out.
async fn write_fixture(root: &Path, passphrase: &str) {
    let store = Store::new(
        Arc::new(LocalBackend::new(root)),
        "prod",
        KeySource::passphrase(passphrase),
    );
    let begin = async || store.begin(alice(), Duration::ZERO).await.unwrap();
    let writer = begin().await;
    let op = writer.begin_op(operation(OpKind::Create, "web")).await.unwrap();
    let mut inputs = Value::from(json!({"image": "app:1", "replicas": 2, "cpu": 0.5, "odd": {"$secret": "not one"}}));
    if let Value::Object(map) = &mut inputs {
        map.insert("password".into(), Value::Secret("s3cret".into()));
    }
    writer.applied(op, record("web", inputs)).await.unwrap();
    writer
        .ready(&key("web"), Some(json!({"ip": "10.0.0.1"}).into()), None)
        .await
        .unwrap();
    // Makes the journal long enough for a snapshot, which itself stays small.
    writer
        .put(record("other", json!({"text": "x".repeat(70_000)})))
        .await
        .unwrap();
    writer.put(record("other", json!({"n": 1}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let writer = begin().await;
    writer.put(record("other", json!({"n": 2}))).await.unwrap();
    writer
        .exports([("url".to_owned(), Value::from("http://x"))].into())
        .await
        .unwrap();
    writer.finish(summary()).await.unwrap();
    let writer = begin().await;
    writer.begin_op(operation(OpKind::Delete, "other")).await.unwrap();
    writer.abandon().await;
}

async fn check_fixture(root: &Path, passphrase: &str) {
    let store = Store::new(
        Arc::new(LocalBackend::new(root)),
        "prod",
        KeySource::passphrase(passphrase),
    );
    let state = store.load().await.unwrap();
    assert_eq!((state.version, state.records.len(), state.pending.len()), (2, 2, 1));
    assert_eq!(
        (state.pending[0].kind, &state.pending[0].key),
        (OpKind::Delete, &key("other"))
    );
    assert_eq!(state.exports["url"], "http://x");
    let vault = store.vault().await.unwrap();
    let opened = state.open(&vault).unwrap();
    let web = &opened[&key("web")].recorded;
    assert_eq!(web.inputs.get("password"), Some(&Value::Secret(Secret::from("s3cret"))));
    assert_eq!(web.inputs.get("odd"), Some(&json!({"$secret": "not one"}).into()));
    assert_eq!(web.inputs.get("cpu"), Some(&json!(0.5).into()));
    assert_eq!((web.ready, &web.outputs), (true, &json!({"ip": "10.0.0.1"}).into()));
    assert_eq!(opened[&key("other")].recorded.inputs, json!({"n": 2}).into());
    let history = store.history().await.unwrap();
    assert_eq!(
        history.iter().map(|version| version.version).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(history[1].changed, [key("other")]);
    assert_eq!(history[1].run, alice());
}

#[tokio::test]
async fn files_of_format_1_are_read() {
    // So short a passphrase is taken for no new key.
    check_fixture(&fixture(1), "fixture").await;
}

#[tokio::test]
async fn what_is_written_today_is_what_the_fixture_holds() {
    let folder = tempfile::tempdir().unwrap();
    write_fixture(folder.path(), "fixture passphrase").await;
    check_fixture(folder.path(), "fixture passphrase").await;
}

#[tokio::test]
async fn a_newer_format_is_refused_untouched() {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    writer
        .put(record("a", json!({"text": "x".repeat(70_000)})))
        .await
        .unwrap();
    writer.finish(summary()).await.unwrap();
    let writer = begin(&store(&backend)).await;
    writer.put(record("b", json!({}))).await.unwrap();
    writer.abandon().await;
    for file in backend.dump().into_keys() {
        let backend = backend.fork();
        backend.edit(&file, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replacen("\"format\":2", "\"format\":7", 1).into_bytes();
        });
        let before = backend.dump();
        let store = store(&backend);
        let results = [
            store.load().await.err(),
            store.begin(run(), Duration::ZERO).await.err(),
            store.history().await.err(),
        ];
        let refused = results
            .iter()
            .flatten()
            .any(|error| matches!(error, StateError::Newer { file: named, needs, .. } if *named == file && needs == "format 7"));
        // What lies behind the last snapshot is not read at all.
        let unread = file.contains("/journal/") && results.iter().all(Option::is_none);
        assert!(refused || unread, "{file}: {results:?}");
        for (key, bytes) in before {
            if !unread && !key.ends_with("lease.json") {
                assert_eq!(backend.dump()[&key], bytes, "{key}");
            }
        }
    }
}
