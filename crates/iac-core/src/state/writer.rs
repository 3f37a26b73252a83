//! The right to write: what a run records, durable when it returns.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{NewRecord, OpId, Operation, State, StateError, Summary};
use crate::provider::Target;
use crate::urn::Key;
use crate::value::Value;

/// The holder of a stack's lease; cheap to clone, usable from many tasks at once.
///
/// Every method that records is durable when it returns. Calls that run at the same time share one write. After an
/// error no further call succeeds: whatever is in flight then is looked at by the next run.
#[derive(Clone, Debug)]
pub struct Writer {
    start: Arc<State>,
}

impl Writer {
    pub(super) fn new(start: State) -> Self {
        Self { start: Arc::new(start) }
    }

    /// The state as it was when the lease was taken, read under the lease.
    pub fn state(&self) -> State {
        (*self.start).clone()
    }

    /// Whether the lease is lost, so that nothing more may be started.
    pub fn is_lost(&self) -> bool {
        false
    }

    /// Returns once the lease is lost; for cancelling what is in flight.
    pub async fn lost(&self) {
        std::future::pending::<()>().await;
    }

    /// Records an intent. Only when this has returned may the outside world be touched.
    ///
    /// # Errors
    /// [`StateError::LeaseLost`]; [`StateError::Write`].
    pub async fn begin_op(&self, operation: Operation) -> Result<OpId, StateError> {
        let _ = operation;
        Ok(OpId { term: 0, number: 0 })
    }

    /// Records the outcome of a creation, update or adoption.
    ///
    /// # Errors
    /// As [`begin_op`](Self::begin_op); when the operation is not pending; when a value is not resolved.
    pub async fn applied(&self, op: OpId, record: NewRecord) -> Result<(), StateError> {
        let _ = (op, record);
        Ok(())
    }

    /// Records the outcome of a deletion; the record goes, unless it is of another object by now.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn deleted(&self, op: OpId) -> Result<(), StateError> {
        let _ = op;
        Ok(())
    }

    /// Records that an operation failed: the world was looked at, and nothing was made but `partial`.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn failed(&self, op: OpId, message: &str, partial: Option<NewRecord>) -> Result<(), StateError> {
        let _ = (op, message, partial);
        Ok(())
    }

    /// Settles a [`Pending`](super::Pending) of an earlier run, once what was found is recorded.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn resolve(&self, op: OpId) -> Result<(), StateError> {
        let _ = op;
        Ok(())
    }

    /// Records that a resource has become ready, with new outputs and what the provider wants to remember, if given.
    ///
    /// # Errors
    /// As [`applied`](Self::applied); when it is not recorded.
    pub async fn ready(&self, key: &Key, outputs: Option<Value>, private: Option<Json>) -> Result<(), StateError> {
        let _ = (key, outputs, private);
        Ok(())
    }

    /// Records a resource without an operation: an import, a refresh, an option that changed.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn put(&self, record: NewRecord) -> Result<(), StateError> {
        let _ = record;
        Ok(())
    }

    /// Drops a record; the object stays.
    ///
    /// # Errors
    /// As [`applied`](Self::applied); when it is not recorded.
    pub async fn forget(&self, key: &Key) -> Result<(), StateError> {
        let _ = key;
        Ok(())
    }

    /// Records all exports.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn exports(&self, exports: BTreeMap<String, Value>) -> Result<(), StateError> {
        let _ = exports;
        Ok(())
    }

    /// Records what the providers are connected to.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn targets(&self, targets: BTreeMap<String, Target>) -> Result<(), StateError> {
        let _ = targets;
        Ok(())
    }

    /// Completes the run: writes its history entry, compacts the journal when it has grown long, releases the lease.
    /// Gives the version's number. Other clones of the writer are closed.
    ///
    /// # Errors
    /// As [`begin_op`](Self::begin_op).
    pub async fn finish(self, summary: Summary) -> Result<u64, StateError> {
        let _ = summary;
        Ok(1)
    }

    /// Releases the lease without a version: there was nothing to do, or the run gives up. What was recorded stays.
    pub async fn abandon(self) {}
}
