//! Compaction: a new snapshot when the journal has grown long, and removal of what nobody needs any more.

use super::lines::Guard;
use super::log::{Log, SnapshotInfo};
use super::paths::Paths;
use super::{Backend, Created, StateError, snapshot};

/// A journal shorter than this is left alone.
const LEAST_BYTES: usize = 64 * 1024;

/// The journal may grow to the snapshot's size divided by this. A snapshot's bytes are so paid for by as many bytes of
/// journal, times this: what a step costs does not depend on how large the stack is.
const FRACTION: usize = 2;

/// A journal of more batches than this takes long to read, however small they are.
const MOST_BATCHES: usize = 1024;

/// True if a new snapshot is worth writing.
pub(super) fn is_due(log: &Log) -> bool {
    let snapshot = log.snapshot.map_or(0, |snapshot| snapshot.bytes);
    // One from before the stack had a key is vouched for by a batch alone: the next one vouches for itself.
    let bare = log.keyed.is_some() && log.snapshot.is_some_and(|snapshot| !snapshot.keyed);
    bare || log.journal.bytes >= LEAST_BYTES.max(snapshot / FRACTION) || log.journal.batches >= MOST_BATCHES
}

/// Writes a snapshot, and then removes what lies before the *last* one: whoever reads that one at this moment is not
/// disturbed, and if the new one is ever damaged, the last one and the journal behind it lead to the same state.
pub(super) async fn compact(
    backend: &dyn Backend,
    paths: &Paths,
    stack: &str,
    log: &mut Log,
    guard: Guard<'_>,
) -> Result<(), StateError> {
    log.state.forget_old_times();
    let (bytes, sum) = snapshot::encode(stack, log, guard)?;
    let new = SnapshotInfo {
        batch: log.state.generation,
        bytes: bytes.len(),
        sum,
        keyed: guard.vault.is_some(),
    };
    let created = backend.create(&paths.snapshot(new.batch), bytes).await;
    // Two snapshots of one batch hold the same state.
    let (Created::Created(_) | Created::Exists) = created.map_err(StateError::Write)?;
    let last = log.snapshot.replace(new);
    log.journal = super::log::JournalSize::default();
    match last {
        Some(last) => remove_before(backend, paths, last.batch).await,
        None => Ok(()),
    }
}

/// Removes the snapshots before this batch, and the batches up to it, oldest first.
async fn remove_before(backend: &dyn Backend, paths: &Paths, batch: u64) -> Result<(), StateError> {
    for (prefix, end) in [(paths.snapshots(), batch), (paths.journal(), batch + 1)] {
        for key in backend.list(&prefix).await.map_err(StateError::Write)? {
            if Paths::number(&key).is_some_and(|number| number < end) {
                backend.delete(&key).await.map_err(StateError::Write)?;
            }
        }
    }
    Ok(())
}
