//! The cost of a step does not depend on the size of the stack, nor on the number of steps that are taken at the same time.

use futures::future::join_all;
use iac_core::state::OpKind;
use serde_json::json;

use super::support::{Counts, Memory, begin, operation, record, store, summary};

/// Returns the writes of one creation in a stack of this many resources.
async fn cost_of_a_step(resources: usize) -> Counts {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    let puts =
        (0..resources).map(|number| writer.put(record(&format!("r{number}"), json!({"image": "app:1", "n": 1}))));
    for result in join_all(puts).await {
        result.unwrap();
    }
    writer.finish(summary()).await.unwrap();
    let writer = begin(&store).await;
    assert_eq!(writer.state().records.len(), resources);
    writer.put(record("first", json!({}))).await.unwrap();
    let before = backend.counts();
    let op = writer.begin_op(operation(OpKind::Create, "one")).await.unwrap();
    writer
        .applied(op, record("one", json!({"image": "app:1"})))
        .await
        .unwrap();
    let after = backend.counts();
    writer.abandon().await;
    Counts {
        creates: after.creates - before.creates,
        puts: after.puts - before.puts,
        bytes: after.bytes - before.bytes,
    }
}

#[tokio::test]
async fn a_step_costs_the_same_in_a_large_stack() {
    let (small, large) = (cost_of_a_step(100).await, cost_of_a_step(10_000).await);
    assert_eq!((small.creates, large.creates), (2, 2), "an intent and an outcome");
    // Numbers of batches may have a digit or two more.
    assert!(large.bytes <= small.bytes + 16, "{small:?} {large:?}");
}

#[tokio::test]
async fn steps_at_the_same_time_share_their_writes() {
    let backend = Memory::new();
    let writer = begin(&store(&backend)).await;
    let before = backend.counts().creates;
    let intents = (0..64).map(|number| {
        let writer = writer.clone();
        async move { writer.begin_op(operation(OpKind::Create, &format!("r{number}"))).await }
    });
    let ops = join_all(intents).await;
    assert!(
        backend.counts().creates - before <= 2,
        "64 intents in {} writes",
        backend.counts().creates - before
    );
    for (number, op) in ops.into_iter().enumerate() {
        writer
            .applied(op.unwrap(), record(&format!("r{number}"), json!({})))
            .await
            .unwrap();
    }
    writer.finish(summary()).await.unwrap();
}
