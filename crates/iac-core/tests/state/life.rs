//! A record that was written is there again.

use std::collections::BTreeMap;

use iac_core::Value;
use iac_core::provider::Target;
use iac_core::state::{OpKind, StateError, Store, Summary};
use serde_json::json;

use super::support::{Memory, begin, content, key, operation, record, run, store, summary};

#[tokio::test]
async fn a_stack_that_was_never_written_is_empty() {
    let backend = Memory::new();
    let state = store(&backend).load().await.unwrap();
    assert_eq!((state.generation, state.version, state.records.len()), (0, 0, 0));
    assert_eq!(backend.dump().len(), 0, "reading writes nothing");
}

#[tokio::test]
async fn every_outcome_is_there_again() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    for name in ["made", "gone", "half", "none", "kept"] {
        let op = writer.begin_op(operation(OpKind::Create, name)).await.unwrap();
        match name {
            "half" => writer.failed(op, "no room", Some(record(name, json!({"n": 0})))).await,
            "none" => writer.failed(op, "refused", None).await,
            _ => writer.applied(op, record(name, json!({"n": 1}))).await,
        }
        .unwrap();
    }
    let op = writer.begin_op(operation(OpKind::Delete, "gone")).await.unwrap();
    writer.deleted(op).await.unwrap();
    writer
        .ready(&key("made"), Some(json!({"ip": "::1"}).into()), None)
        .await
        .unwrap();
    writer.forget(&key("kept")).await.unwrap();
    writer.put(record("imported", json!({}))).await.unwrap();
    let target = Target {
        description: "a test".into(),
        id: "1".into(),
        evidence: Vec::new(),
    };
    writer
        .targets(BTreeMap::from([("test".into(), target.clone())]))
        .await
        .unwrap();
    writer
        .exports(BTreeMap::from([("url".into(), Value::from("http://x"))]))
        .await
        .unwrap();
    assert_eq!(writer.finish(summary()).await.unwrap(), 1);

    let state = store.load().await.unwrap();
    let names: Vec<&str> = state.records.keys().map(|key| key.name()).collect();
    assert_eq!(names, ["half", "imported", "made"]);
    let made = &state.records[&key("made")];
    assert_eq!((made.ready, &made.outputs), (true, &json!({"ip": "::1"}).into()));
    assert_eq!(made.private, json!({"seen": "made"}).into());
    assert_eq!(state.exports["url"], "http://x");
    assert_eq!(state.targets["test"], target);
    assert_eq!((state.pending.len(), state.version), (0, 1));
}

#[tokio::test]
async fn an_intent_without_outcome_is_pending_until_it_is_resolved() {
    let store = store(&Memory::new());
    let writer = begin(&store).await;
    let op = writer.begin_op(operation(OpKind::Create, "a")).await.unwrap();
    drop(writer);
    let writer = store.begin(run(), std::time::Duration::from_secs(5)).await.unwrap();
    let pending = writer.state().pending.clone();
    assert_eq!(pending.len(), 1);
    assert_eq!(
        (pending[0].op, pending[0].kind, &pending[0].key),
        (op, OpKind::Create, &key("a"))
    );
    assert_eq!(pending[0].identity, "Thing a");
    let next = writer.begin_op(operation(OpKind::Create, "b")).await.unwrap();
    assert_ne!(next, op, "operations of different runs have different names");
    writer.resolve(op).await.unwrap();
    assert!(matches!(writer.resolve(op).await, Err(StateError::UnknownOp(_))));
    writer.abandon().await;
    let pending = store.load().await.unwrap().pending;
    assert_eq!(pending.iter().map(|pending| pending.op).collect::<Vec<_>>(), [next]);
}

#[tokio::test]
async fn a_mistaken_call_is_refused_and_harms_nobody() {
    let store = store(&Memory::new());
    let writer = begin(&store).await;
    let op = writer.begin_op(operation(OpKind::Create, "a")).await.unwrap();
    let other = writer.applied(op, record("b", json!({}))).await;
    assert!(matches!(other, Err(StateError::Form { .. })), "{other:?}");
    assert!(matches!(writer.forget(&key("x")).await, Err(StateError::UnknownKey(_))));
    assert!(matches!(
        writer.ready(&key("x"), None, None).await,
        Err(StateError::UnknownKey(_))
    ));
    writer.applied(op, record("a", json!({}))).await.unwrap();
    assert!(matches!(writer.deleted(op).await, Err(StateError::UnknownOp(_))));
    let clone = writer.clone();
    writer.finish(summary()).await.unwrap();
    assert!(matches!(
        clone.put(record("c", json!({}))).await,
        Err(StateError::Closed)
    ));
    assert_eq!(store.load().await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn the_object_that_replaced_another_outlives_its_deletion() {
    let store = store(&Memory::new());
    let writer = begin(&store).await;
    writer.put(record("a", json!({"n": 1}))).await.unwrap();
    let create = writer.begin_op(operation(OpKind::Create, "a")).await.unwrap();
    let mut new = record("a", json!({"n": 2}));
    new.recorded.uid = Some("another".into());
    writer.applied(create, new).await.unwrap();
    let mut old = operation(OpKind::Delete, "a");
    old.uid = Some("uid of a".into());
    let delete = writer.begin_op(old).await.unwrap();
    writer.deleted(delete).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(
        store.load().await.unwrap().records[&key("a")].inputs,
        json!({"n": 2}).into()
    );
}

#[tokio::test]
async fn a_run_that_changes_nothing_writes_no_journal() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    writer.put(record("a", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    let (before, creates) = (store.load().await.unwrap(), backend.counts().creates);
    begin(&store).await.abandon().await;
    assert_eq!(backend.counts().creates, creates);
    assert_eq!(store.load().await.unwrap(), before);
}

#[tokio::test]
async fn versions_are_numbered_and_the_oldest_go() {
    let backend = Memory::new();
    let store = store(&backend).keep_versions(3);
    for number in 1..=5_u64 {
        let writer = begin(&store).await;
        writer.put(record(&format!("r{number}"), json!({}))).await.unwrap();
        let summary = Summary {
            created: number,
            ..summary()
        };
        assert_eq!(writer.finish(summary).await.unwrap(), number);
    }
    let history = store.history().await.unwrap();
    let numbers: Vec<u64> = history.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(history[2].summary.created, 5);
    assert_eq!(history[2].changed, [key("r5")]);
    assert_eq!(
        (history[2].run.command.as_str(), history[2].run.build.as_str()),
        ("up", "build-1")
    );
    assert!(history[2].finished >= history[2].started);
}

#[tokio::test]
async fn compaction_changes_nothing_and_keeps_one_generation() {
    let backend = Memory::new();
    let store = store(&backend);
    let mut expected = None;
    for round in 0..6 {
        let writer = begin(&store).await;
        for number in 0..20 {
            let text = format!("{round}-{number} ").repeat(400);
            writer
                .put(record(&format!("r{number}"), json!({ "text": text })))
                .await
                .unwrap();
        }
        let op = writer
            .begin_op(operation(OpKind::Update, &format!("r{round}")))
            .await
            .unwrap();
        assert!(op.to_string().contains('-'));
        let batches = backend.keys("/journal/").len();
        writer.finish(summary()).await.unwrap();
        let state = store.load().await.unwrap();
        assert_eq!(state.pending.len(), round + 1, "what is pending survives compaction");
        assert!(backend.keys("/journal/").len() <= batches + 1);
        expected = Some(state);
    }
    assert_eq!(backend.keys("/snapshot/").len(), 2);
    assert!(backend.keys("/journal/").len() < 60, "old batches are removed");
    let writer = begin(&store).await;
    assert_eq!(content(writer.state()), content(&expected.unwrap()));
    writer.abandon().await;
}

#[tokio::test]
async fn stacks_are_listed_and_do_not_mix() {
    let backend = Memory::new();
    for name in ["b", "a.2"] {
        let store = Store::new(backend.clone(), name, super::support::no_keys());
        let writer = begin(&store).await;
        writer.put(record(name, json!({}))).await.unwrap();
        writer.finish(summary()).await.unwrap();
        assert_eq!(store.load().await.unwrap().records.len(), 1);
    }
    assert_eq!(Store::stacks(&*backend).await.unwrap(), ["a.2", "b"]);
    let bad = Store::new(backend, "../b", super::support::no_keys());
    assert!(matches!(bad.load().await, Err(StateError::Name(_))));
}
