//! Former objects: a record names them until each is deleted, whatever goes first.

use std::sync::Arc;

use iac_core::Value;
use iac_core::declare::Options;
use iac_core::state::{FormerObject, KeySource, NewRecord, OpKind, Operation, State, Store};
use serde_json::json;

use super::support::{Memory, begin, key, operation, record, store, summary};

/// The record of `name`, now an object called `Thing new`, which was the one called `Thing NAME`.
fn replaced(name: &str, inputs: Value) -> NewRecord {
    let before = record(name, inputs.clone());
    let mut after = record(name, inputs);
    after.recorded.identity = "Thing new".into();
    after.recorded.uid = Some("uid of new".into());
    after.formers.push(FormerObject {
        recorded: before.recorded,
        options: Options::default(),
    });
    after
}

/// An operation on the new object.
fn on_new(kind: OpKind, name: &str) -> Operation {
    Operation {
        identity: "Thing new".into(),
        uid: Some("uid of new".into()),
        ..operation(kind, name)
    }
}

fn names(state: &State) -> Vec<(String, bool, Vec<String>)> {
    let formers = |record: &iac_core::state::Record| {
        let names = record.formers.iter().map(|former| former.identity.clone());
        names.collect()
    };
    let records = state.records.values();
    records
        .map(|record| (record.identity.clone(), record.gone, formers(record)))
        .collect()
}

#[tokio::test]
async fn a_former_object_is_recorded_until_it_is_deleted() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    let op = writer.begin_op(operation(OpKind::Create, "a")).await.unwrap();
    writer.applied(op, record("a", json!({"n": 1}))).await.unwrap();
    let op = writer.begin_op(on_new(OpKind::Create, "a")).await.unwrap();
    writer.applied(op, replaced("a", json!({"n": 2}).into())).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let state = store.load().await.unwrap();
    assert_eq!(names(&state), [("Thing new".into(), false, vec!["Thing a".into()])]);

    let writer = begin(&store).await;
    let op = writer.begin_op(operation(OpKind::Delete, "a")).await.unwrap();
    writer.deleted(op).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(
        names(&store.load().await.unwrap()),
        [("Thing new".into(), false, vec![])]
    );
    assert_eq!(store.history().await.unwrap()[1].changed, [key("a")]);
}

#[tokio::test]
async fn a_record_stays_until_the_last_of_its_objects_is_deleted() {
    let store = store(&Memory::new());
    let writer = begin(&store).await;
    writer.put(replaced("a", json!({}).into())).await.unwrap();
    let op = writer.begin_op(on_new(OpKind::Delete, "a")).await.unwrap();
    writer.deleted(op).await.unwrap();
    // Long enough for a snapshot, which has to hold it too.
    writer
        .put(record("other", json!({"text": "x".repeat(70_000)})))
        .await
        .unwrap();
    writer.forget(&key("other")).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let state = store.load().await.unwrap();
    assert_eq!(names(&state), [("Thing new".into(), true, vec!["Thing a".into()])]);

    let writer = begin(&store).await;
    let op = writer.begin_op(operation(OpKind::Delete, "a")).await.unwrap();
    writer.deleted(op).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(names(&store.load().await.unwrap()), []);
}

#[tokio::test]
async fn a_former_objects_secrets_are_sealed_for_its_own_place() {
    let backend = Memory::new();
    let store = Store::new(
        Arc::clone(&backend) as Arc<dyn iac_core::state::Backend>,
        "prod",
        KeySource::passphrase("test passphrase"),
    );
    let writer = begin(&store).await;
    let secret = Value::Object([("p".to_owned(), Value::Secret("canary-1".into()))].into());
    writer.put(replaced("a", secret.clone())).await.unwrap();
    writer.finish(summary()).await.unwrap();
    for bytes in backend.dump().into_values() {
        assert!(!String::from_utf8_lossy(&bytes).contains("canary-1"));
    }
    let mut state = store.load().await.unwrap();
    let vault = store.vault().await.unwrap();
    assert_eq!(
        state.open(&vault).unwrap()[&key("a")].formers[0].recorded.inputs,
        secret
    );
    let record = state.records.get_mut(&key("a")).unwrap();
    std::mem::swap(&mut record.inputs, &mut record.formers[0].inputs);
    assert!(
        state.open(&vault).is_err(),
        "a value of the one object is none of the other"
    );
}
