//! Files of every released format stay readable, and those of newer ones are left alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use iac_core::state::{KeySource, LocalBackend, OpKind, RunInfo, StateError, Store};
use iac_core::{Secret, Value};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::support::{Memory, begin, key, operation, record, run, store, summary};

fn fixture(format: u64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/state/fixtures/format-{format}"))
}

/// The passphrase that opens the fixtures' keys.
const PASSPHRASE: &str = "fixture passphrase";

/// The author that the fixtures name.
fn alice() -> RunInfo {
    RunInfo {
        who: "alice".into(),
        host: "ci-1".into(),
        pid: 4711,
        command: "up".into(),
        build: "3f2a9c1".into(),
        commit: None,
    }
}

/// Writes the content that every fixture has.
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

/// Writes the fixture of the format that is written now; the first release that writes a format does it, once:
/// `cargo test --workspace --test state -- --ignored write_the_fixture`.
#[tokio::test]
#[ignore = "writes into the sources"]
async fn write_the_fixture_of_todays_format() {
    let folder = tempfile::tempdir().unwrap();
    write_fixture(folder.path(), PASSPHRASE).await;
    let numbered = |part: &str| {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder.path().join("prod").join(part))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    };
    let covered = numbered("snapshot").pop().unwrap();
    let target = fixture(2);
    for part in ["history", "snapshot", "journal", "."] {
        std::fs::create_dir_all(target.join("prod").join(part)).unwrap();
        for file in numbered(part).into_iter().filter(|file| file.is_file()) {
            let before = part == "journal" && file.file_stem() <= covered.file_stem();
            if !before {
                std::fs::copy(&file, target.join("prod").join(part).join(file.file_name().unwrap())).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn files_of_every_format_are_read() {
    // So short a passphrase is taken for no new key.
    check_fixture(&fixture(1), "fixture").await;
    check_fixture(&fixture(2), PASSPHRASE).await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[tokio::test]
async fn a_state_of_format_1_becomes_one_of_format_2_with_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    copy(&fixture(1), &root);
    let open = || {
        let backend = Arc::new(LocalBackend::new(&root));
        Store::new(backend, "prod", KeySource::passphrase("fixture")).remember_in(folder.path().join("memory"))
    };
    check_fixture(&root, "fixture").await;
    let keys = root.join("prod/key.json");
    let of_format_1 = std::fs::read(&keys).unwrap();
    // A run that ends before it writes leaves a state that everybody reads; one that writes puts its seal on it.
    open().begin(alice(), Duration::ZERO).await.unwrap().abandon().await;
    check_fixture(&root, "fixture").await;
    let writer = open().begin(alice(), Duration::ZERO).await.unwrap();
    writer.put(record("new", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let state = open().load().await.unwrap();
    assert_eq!((state.version, state.records.len(), state.pending.len()), (3, 3, 1));
    for file in ["key.json", "stack.json"] {
        let text = std::fs::read_to_string(root.join("prod").join(file)).unwrap();
        assert!(text.starts_with("{\"format\":2,\"needs\":2,"), "{file}: {text}");
    }
    let store = open();
    assert_eq!(store.history().await.unwrap().len(), 3);
    let notices = store.notices();
    assert!(
        notices.iter().any(|notice| notice.contains("up to version 2")),
        "{notices:?}"
    );
    assert!(store.check().await.unwrap().is_whole());
    // From here on, no file of format 1 is one of the stack's.
    let of_format_2 = std::fs::read(&keys).unwrap();
    std::fs::write(&keys, &of_format_1).unwrap();
    let refused = open().load().await;
    assert!(matches!(refused, Err(StateError::Untrusted { .. })), "{refused:?}");
    std::fs::write(&keys, of_format_2).unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    copy(&fixture(1), &root);
    let refused = open().load().await;
    assert!(
        matches!(refused, Err(StateError::Untrusted { .. })),
        "as it was before: {refused:?}"
    );
}

/// Changes the JSON of one line of a plain file, and puts the sums right.
fn with_line(bytes: &[u8], line: usize, change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut bodies: Vec<String> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect();
    let mut json: serde_json::Value = serde_json::from_str(&bodies[line]).unwrap();
    change(&mut json);
    bodies[line] = json.to_string();
    let header: serde_json::Value = serde_json::from_str(&bodies[0]).unwrap();
    let prev = header["prev"].as_str().unwrap();
    let mut sum: Vec<u8> = (0..32)
        .map(|byte| u8::from_str_radix(&prev[2 * byte..2 * byte + 2], 16).unwrap())
        .collect();
    let mut file = String::new();
    for body in bodies {
        sum = Sha256::new().chain_update(&sum).chain_update(&body).finalize().to_vec();
        let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        file.push_str(&format!("{hex} {body}\n"));
    }
    file.into_bytes()
}

#[tokio::test]
async fn a_field_that_may_be_ignored_is_and_one_that_may_not_is_a_newer_versions() {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    writer.put(record("a", json!({"n": 1}))).await.unwrap();
    writer.abandon().await;
    let whole = store(&backend).load().await.unwrap();
    let last = backend.keys("/journal/").pop().unwrap();
    let line = String::from_utf8(backend.dump()[&last].clone())
        .unwrap()
        .lines()
        .position(|line| line.contains("\"put\""))
        .unwrap();
    backend.edit(&last, |bytes| {
        *bytes = with_line(bytes, line, |entry| {
            entry["put"]["note"] = "for people".into();
            entry["put"]["record"]["colour"] = "green".into();
            entry["put"]["record"]["options"]["shy"] = true.into();
        });
    });
    assert_eq!(store(&backend).load().await.unwrap(), whole);
    backend.edit(&last, |bytes| {
        *bytes = with_line(bytes, 0, |header| {
            (header["needs"], header["by"]) = (4.into(), "0.9.0".into());
        });
    });
    let before = backend.dump();
    for told in [
        store(&backend).load().await.unwrap_err(),
        store(&backend).begin(run(), Duration::ZERO).await.unwrap_err(),
        store(&backend).repair(run(), Duration::ZERO).await.unwrap_err(),
    ] {
        let text = told.to_string();
        assert!(matches!(told, StateError::Newer { .. }), "{text}");
        assert!(
            text.contains("a newer version of iac (0.9.0), which needs at least reader 4") && !text.contains("repair"),
            "{text}"
        );
    }
    for (file, bytes) in before.iter().filter(|(file, _)| !file.ends_with("lease.json")) {
        assert_eq!(&backend.dump()[file], bytes, "{file}");
    }
}

#[tokio::test]
async fn what_is_written_today_is_what_the_fixture_holds() {
    let folder = tempfile::tempdir().unwrap();
    write_fixture(folder.path(), PASSPHRASE).await;
    check_fixture(folder.path(), PASSPHRASE).await;
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
        // A file behind the last snapshot is not read at all.
        let unread = file.contains("/journal/") && results.iter().all(Option::is_none);
        assert!(refused || unread, "{file}: {results:?}");
        for (key, bytes) in before {
            if !unread && !key.ends_with("lease.json") {
                assert_eq!(backend.dump()[&key], bytes, "{key}");
            }
        }
    }
}
