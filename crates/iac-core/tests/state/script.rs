//! A run that does a bit of everything, twice, with a compaction in between: for tests that break it anywhere.

use std::time::Duration;

use iac_core::state::{OpId, OpKind, State, StateError, Store, Writer};
use serde_json::json;

use super::support::{content, operation, record, run, summary};

/// The number of steps.
pub(crate) const STEPS: usize = 12;

/// Does one step; `writer` and `op` are what the steps before have left.
pub(crate) async fn step(
    number: usize,
    store: &Store,
    writer: &mut Option<Writer>,
    op: &mut Option<OpId>,
) -> Result<(), StateError> {
    let Some(held) = writer else {
        *writer = Some(store.begin(run(), Duration::ZERO).await?);
        return Ok(());
    };
    match number {
        1 | 7 => *op = Some(held.begin_op(operation(OpKind::Create, "a")).await?),
        2 | 8 => {
            let text = "x".repeat(70_000);
            held.applied(op.unwrap(), record("a", json!({"text": text, "at": number})))
                .await?;
        }
        3 | 9 => *op = Some(held.begin_op(operation(OpKind::Delete, "b")).await?),
        4 | 10 => held.deleted(op.unwrap()).await?,
        _ => {
            if let Some(writer) = writer.take() {
                writer.finish(summary()).await?;
            }
        }
    }
    Ok(())
}

/// Without what depends on clocks.
pub(crate) fn timeless(state: &State) -> State {
    let mut state = content(state);
    for pending in &mut state.pending {
        pending.started = jiff::Timestamp::UNIX_EPOCH;
    }
    state
}
