//! The right to write: what a run records, durable when it returns.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, oneshot, watch};

use super::commit::{Command, Committer, Waiting};
use super::entry::{Change, Entry, Keyed};
use super::{
    Binding, NewRecord, OpId, Operation, Pending, Record, StackId, State, StateError, Store, Summary, Times, Vault,
    lines, sealed,
};
use crate::provider::Target;
use crate::urn::Key;
use crate::value::{Packed, Secret, Value};

/// The holder of a stack's lease; cheap to clone, usable from many tasks at once.
///
/// Every method that records is durable when it returns. Calls that run at the same time share one write. After a
/// [`StateError::Write`] or [`StateError::LeaseLost`] no further call succeeds: whatever is in flight then is looked at
/// by the next run. When the last clone is dropped, the lease is given back as by [`abandon`](Self::abandon).
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    start: State,
    term: u64,
    overtakes: bool,
    last_op: AtomicU64,
    commands: mpsc::UnboundedSender<Command>,
    lost: watch::Receiver<bool>,
}

impl Writer {
    /// Starts the task that writes.
    pub(super) fn start(committer: Committer, overtakes: bool) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        let shared = Shared {
            store: committer.store.clone(),
            start: committer.log.state.clone(),
            term: committer.term,
            overtakes,
            last_op: AtomicU64::new(0),
            lost: committer.heartbeat.watch(),
            commands,
        };
        tokio::spawn(committer.serve(receiver));
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The state as it was when the lease was taken, read under the lease.
    pub fn state(&self) -> &State {
        &self.shared.start
    }

    /// True if the lease is known to be lost, so that nothing more can be started.
    pub fn is_lost(&self) -> bool {
        *self.shared.lost.borrow()
    }

    /// True if this run took the lease from one that may not have ended: whatever operation that left open, its call may
    /// still be under way, and have its effect after everybody has looked.
    pub fn overtakes(&self) -> bool {
        self.shared.overtakes
    }

    /// Returns once the lease is known to be lost; for cancelling what is in flight. Never returns for a run that ends
    /// in order.
    pub async fn lost(&self) {
        let mut lost = self.shared.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Records an intent. Only when this has returned may the outside world be touched.
    ///
    /// # Errors
    /// [`StateError::LeaseLost`]; [`StateError::Write`].
    pub async fn begin_op(&self, operation: Operation) -> Result<OpId, StateError> {
        let op = self.next_op();
        let pending = Pending {
            op,
            kind: operation.kind,
            key: operation.key,
            identity: operation.identity,
            uid: operation.uid,
            inputs_digest: operation.inputs_digest,
            started: Timestamp::now(),
        };
        self.record(Entry::Begin(pending)).await?;
        Ok(op)
    }

    /// Records the outcome of a creation, update or adoption.
    ///
    /// # Errors
    /// As [`begin_op`](Self::begin_op); when the operation is not pending; when a value is not resolved.
    pub async fn applied(&self, op: OpId, record: NewRecord) -> Result<(), StateError> {
        let (key, record) = self.seal(record).await?;
        self.record(Entry::Applied { op, key, record }).await
    }

    /// Records the outcome of a deletion: the object goes from the record, be it the resource's own or a former one. The
    /// record goes with the last of them.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn deleted(&self, op: OpId) -> Result<(), StateError> {
        self.record(Entry::Deleted { op }).await
    }

    /// Records that an operation failed: the world was looked at, and nothing was made but `partial`.
    ///
    /// The message is sealed if the run has opened its [`Vault`]: a server's words may quote what it was sent.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn failed(&self, op: OpId, message: &str, partial: Option<NewRecord>) -> Result<(), StateError> {
        let message = match self.shared.store.opened_vault() {
            Some(vault) => sealed::seal_value(
                Some(&vault),
                &format!("operation {op}"),
                "message",
                &Value::Secret(Secret::from(message)),
            )?,
            None => json!(message),
        };
        let partial = match partial {
            Some(partial) => {
                let (key, record) = self.seal(partial).await?;
                Some(Keyed { key, record })
            }
            None => None,
        };
        self.record(Entry::Failed { op, message, partial }).await
    }

    /// Settles a [`Pending`] of an earlier run, once what was found is recorded.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn resolve(&self, op: OpId) -> Result<(), StateError> {
        self.record(Entry::Resolved { op }).await
    }

    /// Records that a resource has become ready, with new outputs and what the provider wants to remember, if given.
    ///
    /// # Errors
    /// As [`applied`](Self::applied); when it is not recorded.
    pub async fn ready(&self, key: &Key, outputs: Option<Value>, private: Option<Json>) -> Result<(), StateError> {
        let outputs = match outputs {
            Some(outputs) => {
                let vault = self.vault_for([&outputs]).await?;
                let json = sealed::seal_value(vault.as_deref(), key.as_str(), "outputs", &outputs)?;
                Some(Packed::from(json))
            }
            None => None,
        };
        let (key, private) = (key.clone(), private.map(Packed::from));
        self.record(Entry::Ready { key, outputs, private }).await
    }

    /// Records a resource without an operation: an import, a refresh, an option that changed.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn put(&self, record: NewRecord) -> Result<(), StateError> {
        let (key, record) = self.seal(record).await?;
        self.record(Entry::Put { key, record }).await
    }

    /// Drops a record; the object stays.
    ///
    /// # Errors
    /// As [`applied`](Self::applied); when it is not recorded.
    pub async fn forget(&self, key: &Key) -> Result<(), StateError> {
        self.record(Entry::Forget { key: key.clone() }).await
    }

    /// Records all exports.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn exports(&self, exports: BTreeMap<String, Value>) -> Result<(), StateError> {
        let vault = self.vault_for(exports.values()).await?;
        let seal = |(name, value): (String, Value)| {
            let sealed = sealed::seal_value(vault.as_deref(), &sealed::export_place(&name), "value", &value)?;
            Ok::<_, StateError>((name, sealed))
        };
        let exports = exports.into_iter().map(seal).collect::<Result<_, _>>()?;
        self.record(Entry::Exports { exports }).await
    }

    /// Records what the providers are connected to.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn targets(&self, targets: BTreeMap<String, Target>) -> Result<(), StateError> {
        self.record(Entry::Targets { targets }).await
    }

    /// Records what the stack belongs to.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn bind(&self, binding: Binding) -> Result<(), StateError> {
        let binding = Box::new(binding);
        self.record(Entry::Binding { binding }).await
    }

    /// Records the stack's id.
    ///
    /// # Errors
    /// As [`applied`](Self::applied).
    pub async fn identify(&self, id: StackId) -> Result<(), StateError> {
        self.record(Entry::Id { id }).await
    }

    /// A number for an operation, which no other has.
    pub(super) fn next_op(&self) -> OpId {
        OpId {
            term: self.shared.term,
            number: self.shared.last_op.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    /// Records several changes, all of them or none.
    pub(super) async fn change(&self, changes: Vec<Change>) -> Result<(), StateError> {
        self.record(Entry::Edit { changes }).await
    }

    /// Writes a snapshot of what is recorded.
    pub(super) async fn compact(&self) -> Result<(), StateError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Compact(reply))?;
        answer.await.unwrap_or(Err(StateError::Closed))
    }

    /// The stack's vault.
    pub(crate) async fn vault(&self) -> Result<Arc<Vault>, StateError> {
        self.shared.store.vault().await
    }

    /// Completes the run: writes its history entry, compacts the journal when it has grown long, gives the lease back.
    /// Gives the version's number. Other clones of the writer are closed.
    ///
    /// # Errors
    /// As [`begin_op`](Self::begin_op).
    pub async fn finish(self, summary: Summary) -> Result<u64, StateError> {
        self.finish_timed(summary, BTreeMap::new()).await
    }

    /// As [`finish`](Self::finish), with how long the steps took that came to their end.
    ///
    /// # Errors
    /// As [`begin_op`](Self::begin_op).
    pub async fn finish_timed(self, summary: Summary, times: BTreeMap<Key, Times>) -> Result<u64, StateError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Finish(summary, times, reply))?;
        answer.await.unwrap_or(Err(StateError::Closed))
    }

    /// Gives the lease back without a version: there was nothing to do, or the run gives up. What was recorded stays.
    pub async fn abandon(self) {
        let (reply, answer) = oneshot::channel();
        if self.send(Command::Abandon(reply)).is_ok() {
            // No answer means that the task has ended, and the lease with it.
            let _ = answer.await;
        }
    }

    async fn record(&self, entry: Entry) -> Result<(), StateError> {
        let text = lines::to_text(&entry)?;
        let (reply, answer) = oneshot::channel();
        self.send(Command::Record(Waiting { entry, text, reply }))?;
        answer.await.unwrap_or(Err(StateError::Closed))
    }

    fn send(&self, command: Command) -> Result<(), StateError> {
        self.shared.commands.send(command).map_err(|_| StateError::Closed)
    }

    async fn seal(&self, new: NewRecord) -> Result<(Key, Box<Record>), StateError> {
        let own = [&new.recorded.inputs, &new.recorded.outputs];
        let values = own
            .into_iter()
            .chain(new.formers.iter().map(|former| &former.recorded.inputs));
        let vault = self.vault_for(values).await?;
        let key = new.recorded.key.clone();
        Ok((key, Box::new(sealed::seal_record(vault.as_deref(), new)?)))
    }

    /// The vault, if any of the values needs it: a stack without secrets never needs a key.
    async fn vault_for(&self, values: impl IntoIterator<Item = &Value>) -> Result<Option<Arc<Vault>>, StateError> {
        if values.into_iter().any(Value::has_secret) {
            return self.shared.store.vault().await.map(Some);
        }
        Ok(None)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("stack", &self.shared.store.stack())
            .field("term", &self.shared.term)
            .finish_non_exhaustive()
    }
}
