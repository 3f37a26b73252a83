//! The log of a stack: snapshot and journal, put together. It is read before anything is written.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::entry::{Change, Entry, Keyed};
use super::lines::{self, Access, Chain, Fault, Guard, LineReader, LineWriter};
use super::paths::Paths;
use super::stamp::Stamp;
use super::{Backend, Binding, Record, State, StateError, snapshot};
use crate::urn::Key;

/// The number of batches that are read at the same time.
const PARALLEL_READS: usize = 16;

/// The number of attempts at reading: it begins again when a compaction removes files that were to be read.
const ATTEMPTS: usize = 5;

/// A state with what it takes to go on writing.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) state: State,
    /// The sum after the last entry.
    pub(super) chain: Chain,
    /// The highest term that has written.
    pub(super) term: u64,
    /// The key whose seal the last file bears; from the first that bears one on, all do.
    pub(super) keyed: Option<u32>,
    /// The highest generation of the key file that a file names.
    pub(super) keys: u64,
    /// The format of the last file; it never falls.
    pub(super) format: u64,
    /// The snapshot that this was read from.
    pub(super) snapshot: Option<SnapshotInfo>,
    /// Size of the journal behind that snapshot.
    pub(super) journal: JournalSize,
    /// The state before the last version: records that have changed since, and exports if they have.
    pub(super) undo: Undo,
    /// The sum after the batch that a reader asked for.
    pub(super) watched: Option<Chain>,
    /// Notices for a reader.
    pub(super) notices: Vec<String>,
}

/// Where a snapshot is, and how big.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SnapshotInfo {
    pub(super) batch: u64,
    pub(super) bytes: usize,
    /// The sum at its end.
    pub(super) sum: Chain,
    /// True if it bears the seal of a key.
    pub(super) keyed: bool,
}

/// The length of the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct JournalSize {
    pub(super) batches: usize,
    pub(super) bytes: usize,
}

/// Returns the name of a batch, as its lines have it in their place.
pub(super) fn batch_place(batch: u64) -> String {
    format!("batch {batch}")
}

/// The changes that lead back to the state of the last version.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Undo {
    pub(super) records: BTreeMap<Key, Option<Record>>,
    pub(super) exports: Option<BTreeMap<String, Json>>,
    /// The program and project that the stack belonged to, where that was changed.
    pub(super) binding: Option<Option<Binding>>,
}

/// The first line of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BatchHeader {
    #[serde(flatten)]
    pub(super) stamp: Stamp,
    pub(super) stack: String,
    pub(super) batch: u64,
    pub(super) term: u64,
    /// The sum before this batch; where the batch before has a torn tail, that of its last whole line. By it a file can
    /// be checked by itself.
    pub(super) prev: String,
    /// The number of lines that follow.
    pub(super) entries: usize,
    /// True if they are sealed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) sealed: bool,
    /// The key whose seal it bears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<u32>,
    /// The lowest generation of the key file that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<u64>,
    /// In the first that bears a seal: the sum at the end of the snapshot without one that it goes on from. With `prev`, it
    /// vouches for all that was recorded before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<String>,
    pub(super) at: Timestamp,
}

impl Log {
    /// The log of a stack that was never written.
    pub(super) fn empty(stack: &str) -> Self {
        Self {
            state: State::default(),
            chain: Chain::start(&format!("iac journal {stack}")),
            term: 0,
            keyed: None,
            keys: 0,
            format: 0,
            snapshot: None,
            journal: JournalSize::default(),
            undo: Undo::default(),
            watched: None,
            notices: Vec::new(),
        }
    }

    /// Applies an entry, or says why it does not fit and stays as it is.
    pub(super) fn apply(&mut self, entry: Entry) -> Result<(), StateError> {
        let touched = self.state.touched_by(&entry).into_iter();
        let before: Vec<_> = touched
            .map(|key| (self.state.records.get(&key).cloned(), key))
            .collect();
        let exports = changes_exports(&entry).then(|| self.state.exports.clone());
        let binding = changes_binding(&entry).then(|| self.state.binding.clone());
        let closes = matches!(entry, Entry::Close { .. });
        self.state.apply(entry)?;
        for (record, key) in before {
            self.undo.records.entry(key).or_insert(record);
        }
        if let Some(exports) = exports {
            self.undo.exports.get_or_insert(exports);
        }
        if let Some(binding) = binding {
            self.undo.binding.get_or_insert(binding);
        }
        if closes {
            self.undo = Undo::default();
        }
        Ok(())
    }

    /// The next batch as a file; `entries` are JSON lines. Also gives the sum at its end.
    pub(super) fn encode_batch(
        &self,
        stack: &str,
        term: u64,
        entries: &[String],
        guard: Guard<'_>,
    ) -> Result<(Vec<u8>, Chain), StateError> {
        let mut writer = LineWriter::new(self.chain, batch_place(self.state.generation + 1), guard);
        writer.push(&BatchHeader {
            stamp: Stamp::of(&self.state),
            stack: stack.to_owned(),
            batch: self.state.generation + 1,
            term,
            prev: self.chain.to_string(),
            entries: entries.len(),
            sealed: guard.whole,
            key: guard.key(),
            keys: guard.vault.map(|_| self.keys),
            base: guard.vault.and_then(|_| self.base()),
            at: Timestamp::now(),
        })?;
        for entry in entries {
            writer.push_text(entry)?;
        }
        Ok(writer.finish())
    }

    /// Keeps the sum, if this is the batch of which it is wanted.
    fn watch(&mut self, access: Access<'_>) {
        if access.watch == Some(self.state.generation) {
            self.watched = Some(self.chain);
        }
    }

    /// Returns the sum of the snapshot before the first batch that bears a seal, for that batch to name.
    fn base(&self) -> Option<String> {
        let bare = self.snapshot.filter(|_| self.keyed.is_none());
        bare.map(|snapshot| snapshot.sum.to_string())
    }

    /// Replays a batch that is the next one; a fault tells where it stops being whole, and all before that is applied.
    pub(super) fn replay_batch(&mut self, bytes: &[u8], access: Access<'_>) -> Result<(), Fault> {
        let number = self.state.generation + 1;
        self.journal.batches += 1;
        self.journal.bytes += bytes.len();
        self.state.generation = number;
        let mut reader = LineReader::new(bytes, self.chain, batch_place(number), access);
        let header: BatchHeader = reader.expect()?;
        self.check_batch(number, &header, access).map_err(|what| Fault {
            line: 1,
            what,
            torn: false,
        })?;
        self.chain = reader.chain();
        self.term = self.term.max(header.term);
        self.keyed = header.key;
        self.keys = self.keys.max(header.keys.unwrap_or_default());
        self.format = header.stamp.format;
        for line in 2..header.entries.saturating_add(2) {
            let entry: Entry = reader.expect()?;
            self.apply(entry).map_err(|error| Fault {
                line,
                what: error.to_string(),
                torn: false,
            })?;
            self.chain = reader.chain();
        }
        reader.end()
    }

    /// Whether a batch is the one that comes next.
    fn check_batch(&self, number: u64, header: &BatchHeader, access: Access<'_>) -> Result<(), String> {
        if header.batch != number {
            return Err(format!("this is batch {}", header.batch));
        }
        if header.prev != self.chain.to_string() {
            return Err("it does not follow upon the batch before it".to_owned());
        }
        if header.stamp.format < self.format {
            let (theirs, before) = (header.stamp.format, self.format);
            return Err(format!(
                "it is of format {theirs}, and what lies before it of format {before}: no run wrote that"
            ));
        }
        match (self.keyed, header.key) {
            (Some(_), None) => Err(UNSEALED.to_owned()),
            (Some(before), Some(key)) if key < before => Err(format!(
                "it bears the seal of key {key}, and what lies before it that of key {before}"
            )),
            (None, Some(_)) if header.base != self.base() && !access.unverified => {
                Err("the snapshot before it is not the one that it goes on from".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// The message about a file without a seal where one is due.
pub(super) const UNSEALED: &str =
    "it does not bear the seal of the stack's key, and what was recorded before it does: no run of the stack wrote it";

impl State {
    /// Goes back to where `undo` leads.
    pub(super) fn undo(&mut self, undo: Undo) {
        for (key, record) in undo.records {
            match record {
                Some(record) => self.records.insert(key, record),
                None => self.records.remove(&key),
            };
        }
        if let Some(exports) = undo.exports {
            self.exports = exports;
        }
        if let Some(binding) = undo.binding {
            self.binding = binding;
        }
    }

    /// Which records an entry is about to change.
    fn touched_by(&self, entry: &Entry) -> Vec<Key> {
        let of_op = |op| {
            self.pending
                .iter()
                .find(|pending| pending.op == op)
                .map(|pending| pending.key.clone())
        };
        match entry {
            Entry::Applied { key, .. } | Entry::Ready { key, .. } | Entry::Put { key, .. } | Entry::Forget { key } => {
                vec![key.clone()]
            }
            Entry::Deleted { op } => of_op(*op).into_iter().collect(),
            Entry::Failed {
                partial: Some(Keyed { key, .. }),
                ..
            } => vec![key.clone()],
            Entry::Edit { changes } => changes.iter().filter_map(Change::key).cloned().collect(),
            _ => Vec::new(),
        }
    }
}

/// True if an entry changes the exports.
fn changes_exports(entry: &Entry) -> bool {
    match entry {
        Entry::Exports { .. } => true,
        Entry::Edit { changes } => changes.iter().any(|change| matches!(change, Change::Exports { .. })),
        _ => false,
    }
}

/// True if an entry changes what the stack belongs to.
fn changes_binding(entry: &Entry) -> bool {
    match entry {
        Entry::Binding { .. } => true,
        Entry::Edit { changes } => changes.iter().any(|change| matches!(change, Change::Binding { .. })),
        _ => false,
    }
}

/// Reads a stack's log.
///
/// Where it is sealed and there is no vault, the error is [`StateError::Sealed`].
pub(super) async fn read_log(
    backend: &dyn Backend,
    paths: &Paths,
    stack: &str,
    access: Access<'_>,
) -> Result<Log, StateError> {
    let mut result = Err(StateError::Closed);
    for _ in 0..ATTEMPTS {
        result = match try_read(backend, paths, stack, access).await {
            // A compaction at the same time may have removed it; then a newer snapshot is there by now.
            Err(Missing::Gone(error)) => Err(error),
            Err(Missing::Failed(error)) => return Err(error),
            Ok(log) => return Ok(log),
        };
    }
    result
}

/// Why an attempt at reading failed.
enum Missing {
    /// An object that was listed, or has to be there, is not.
    Gone(StateError),
    /// Anything else.
    Failed(StateError),
}

impl From<StateError> for Missing {
    fn from(error: StateError) -> Self {
        Self::Failed(error)
    }
}

async fn try_read(backend: &dyn Backend, paths: &Paths, stack: &str, access: Access<'_>) -> Result<Log, Missing> {
    let snapshots = numbers(backend, &paths.snapshots()).await?;
    let batches = numbers(backend, &paths.journal()).await?;
    let mut log = newest_snapshot(backend, paths, stack, access, &snapshots, batches.first().copied()).await?;
    log.watch(access);
    let base = log.state.generation;
    let batches: Vec<u64> = batches.into_iter().filter(|number| *number > base).collect();
    for (expected, found) in (base + 1..).zip(&batches) {
        if expected != *found {
            return Err(Missing::Gone(is_missing(&paths.batch(expected))));
        }
    }
    let reads = stream::iter(batches).map(|number| read(backend, paths.batch(number)));
    let mut reads = reads.buffered(PARALLEL_READS);
    // A torn file is forgiven if nothing follows, or what follows was written by somebody who cut it off there.
    let mut fault: Option<StateError> = None;
    while let Some((file, bytes)) = reads.try_next().await? {
        lines::check_header(stack, &file, &bytes, access)?;
        if let Some(fault) = fault.take_if(|_| !follows(&bytes, &log, access)) {
            return Err(fault.into());
        }
        fault = match log.replay_batch(&bytes, access) {
            Ok(()) => None,
            Err(fault) if fault.torn => Some(fault.in_file(&file)),
            Err(fault) => return Err(fault.in_file(&file).into()),
        };
        log.watch(access);
    }
    if let Some(fault) = fault {
        log.notices
            .push(format!("the journal's torn tail is left out: {fault}"));
    }
    log.state.sealed = log.keyed.is_some() && !access.unverified;
    Ok(log)
}

/// True if a batch's first line is whole and follows upon this sum.
fn follows(bytes: &[u8], log: &Log, access: Access<'_>) -> bool {
    let file = batch_place(log.state.generation + 1);
    let mut reader = LineReader::new(bytes, log.chain, file, access);
    reader.expect::<BatchHeader>().is_ok()
}

/// The log as of the newest snapshot that is whole. A damaged one is passed over if the journal reaches back beyond it.
async fn newest_snapshot(
    backend: &dyn Backend,
    paths: &Paths,
    stack: &str,
    access: Access<'_>,
    snapshots: &[u64],
    first_batch: Option<u64>,
) -> Result<Log, Missing> {
    let mut damaged = None;
    let mut notices = Vec::new();
    for number in snapshots.iter().rev() {
        let (file, bytes) = read(backend, paths.snapshot(*number)).await?;
        lines::check_header(stack, &file, &bytes, access)?;
        match snapshot::decode(stack, *number, &bytes, access) {
            Ok(log) => return Ok(Log { notices, ..log }),
            Err(fault) => {
                let fault = fault.in_file(&file);
                notices.push(format!("a damaged snapshot is passed over: {fault}"));
                damaged.get_or_insert(fault);
            }
        }
    }
    match damaged {
        Some(fault) if first_batch != Some(1) => Err(fault.into()),
        _ => Ok(Log {
            notices,
            ..Log::empty(stack)
        }),
    }
}

async fn numbers(backend: &dyn Backend, prefix: &str) -> Result<Vec<u64>, StateError> {
    let keys = backend.list(prefix).await.map_err(StateError::Read)?;
    let mut numbers: Vec<u64> = keys.iter().filter_map(|key| Paths::number(key)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

async fn read(backend: &dyn Backend, key: String) -> Result<(String, Vec<u8>), Missing> {
    match backend.read(&key).await.map_err(StateError::Read)? {
        Some(object) => Ok((key, object.bytes)),
        None => Err(Missing::Gone(is_missing(&key))),
    }
}

fn is_missing(file: &str) -> StateError {
    StateError::Damaged {
        file: file.to_owned(),
        line: None,
        what: "is missing".to_owned(),
    }
}
