//! The stack's id: drawn once, kept whatever is done to the state, and not passed over by an older version.

use std::sync::Arc;
use std::time::Duration;

use iac_core::state::{Backend, ImportOptions, KeySource, RekeyOptions, StackId, Store};
use serde_json::{Value as Json, json};

use super::support::{Memory, begin, key, record, run, store, summary};

fn id() -> StackId {
    "0123456789abcdef0123456789abcdef".parse().unwrap()
}

/// A stack with an id and a version.
async fn stack() -> Arc<Memory> {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    writer.identify(id()).await.unwrap();
    writer.put(record("a", json!({"n": 1}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    backend
}

/// The readers that the files below this prefix need.
fn needs(backend: &Memory, below: &str) -> Vec<u64> {
    let header = |bytes: &Vec<u8>| -> Json {
        let text = std::str::from_utf8(bytes).unwrap();
        let line = text.lines().next().unwrap();
        serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap()
    };
    let dump = backend.dump();
    let files = backend.keys(below).into_iter();
    files
        .map(|file| header(&dump[&file])["needs"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn files_that_hold_an_id_need_a_reader_that_knows_ids() {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    writer.put(record("a", json!({"n": 1}))).await.unwrap();
    assert_eq!(needs(&backend, "/journal/"), [2], "without one, any reader does");
    assert_eq!(store(&backend).load().await.unwrap().id, None);
    writer.identify(id()).await.unwrap();
    // Makes the journal long enough for a snapshot.
    writer
        .put(record("a", json!({"text": "x".repeat(70_000)})))
        .await
        .unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(needs(&backend, "/snapshot/"), [3]);
    let journal = needs(&backend, "/journal/");
    assert!(
        journal[0] == 2 && journal[1..].iter().all(|needs| *needs == 3),
        "{journal:?}"
    );
    assert_eq!(store(&backend).load().await.unwrap().id, Some(id()));
    let exported: Json = serde_json::from_str(&store(&backend).export().await.unwrap()).unwrap();
    assert_eq!(
        (&exported["needs"], &exported["id"]),
        (&json!(3), &json!(id().as_str()))
    );
}

#[tokio::test]
async fn the_id_goes_along_with_the_same_stack_and_not_to_another_one() {
    let backend = stack().await;
    let document = store(&backend).export().await.unwrap();
    for (name, expected) in [("prod", Some(id())), ("other", None)] {
        let target = Memory::new();
        let target = Store::new(
            Arc::clone(&target) as Arc<dyn Backend>,
            name,
            KeySource::identity_file("none"),
        );
        let options = ImportOptions {
            other_stack: true,
            replace: false,
        };
        target
            .import(document.as_bytes(), run(), Duration::ZERO, options)
            .await
            .unwrap();
        assert_eq!(target.load().await.unwrap().id, expected, "{name}");
    }
    let target = Memory::new();
    let elsewhere = Arc::clone(&target) as Arc<dyn Backend>;
    store(&backend)
        .migrate(&elsewhere, "elsewhere", run(), Duration::ZERO, false)
        .await
        .unwrap();
    assert_eq!(store(&target).load().await.unwrap().id, Some(id()));
}

#[tokio::test]
async fn an_import_over_a_stack_leaves_its_objects_its_own() {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    writer.put(record("a", json!({"n": 1}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    // Of a version that drew no ids.
    let document = store(&backend).export().await.unwrap();
    let backend = stack().await;
    let options = ImportOptions {
        other_stack: false,
        replace: true,
    };
    store(&backend)
        .import(document.as_bytes(), run(), Duration::ZERO, options)
        .await
        .unwrap();
    assert_eq!(store(&backend).load().await.unwrap().id, Some(id()));
}

#[tokio::test]
async fn a_repair_and_new_keys_leave_the_id() {
    let backend = stack().await;
    let writer = begin(&store(&backend)).await;
    writer.put(record("b", json!({"n": 1}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let last = backend.keys("/journal/").pop().unwrap();
    backend.edit(&last, |bytes| bytes.truncate(bytes.len() / 2));
    backend.edit(&last, |bytes| bytes[70] ^= 1);
    store(&backend).repair(run(), Duration::ZERO).await.unwrap();
    let state = store(&backend).load().await.unwrap();
    assert_eq!((state.id, state.records.contains_key(&key("a"))), (Some(id()), true));

    let folder = tempfile::tempdir().unwrap();
    let keyed = |name: &str| {
        let keys = KeySource::key_file(folder.path().join(name));
        Store::new(Arc::clone(&backend) as Arc<dyn Backend>, "prod", keys)
    };
    let writer = begin(&keyed("old")).await;
    let secret = std::collections::BTreeMap::from([("p".to_owned(), iac_core::Value::Secret("s3cret".into()))]);
    writer.put(record("c", iac_core::Value::from(secret))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let options = RekeyOptions {
        whole: Some(true),
        ..RekeyOptions::default()
    };
    keyed("old").rekey(run(), Duration::ZERO, options).await.unwrap();
    assert_eq!(keyed("old").load().await.unwrap().id, Some(id()));
    for (file, bytes) in backend.dump() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains(id().as_str()) || file.contains("/damaged/"),
            "{file} shows it"
        );
    }
}
