//! A whole state as one file: a header, and the journal entries that lead to it from nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::lines::{Access, Chain, Fault, Guard, LineReader, LineWriter};
use super::log::{JournalSize, Log, SnapshotInfo, Undo};
use super::stamp::Stamp;
use super::{State, StateError, Summary, sealed};

/// The first line of a snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(flatten)]
    stamp: Stamp,
    stack: String,
    /// The last batch that is part of it.
    batch: u64,
    /// The journal's sum after that batch.
    chain: String,
    /// The highest term that had written.
    term: u64,
    version: u64,
    /// The number of lines that follow.
    entries: usize,
    /// True if they are sealed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sealed: bool,
    /// The key whose seal it bears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<u32>,
    /// The lowest generation of the key file that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<u64>,
    at: Timestamp,
}

/// The sum before a snapshot's first line.
pub(super) fn start(stack: &str) -> Chain {
    Chain::start(&format!("iac snapshot {stack}"))
}

pub(super) fn place(batch: u64) -> String {
    format!("snapshot {batch}")
}

/// The snapshot of a log, read back before it is given: what does not lead to the same state is not written.
pub(super) fn encode(stack: &str, log: &Log, guard: Guard<'_>) -> Result<(Vec<u8>, Chain), StateError> {
    for (key, record) in &log.state.records {
        sealed::check_record(key, record)?;
    }
    let mut writer = LineWriter::new(start(stack), place(log.state.generation), guard);
    writer.push(&Header {
        stamp: Stamp::of(&log.state),
        stack: stack.to_owned(),
        batch: log.state.generation,
        chain: log.chain.to_string(),
        term: log.term,
        version: log.state.version,
        entries: entries(&log.state).count(),
        sealed: guard.whole,
        key: guard.key(),
        keys: guard.vault.map(|_| log.keys),
        at: Timestamp::now(),
    })?;
    for entry in entries(&log.state) {
        writer.push(&entry)?;
    }
    let (bytes, sum) = writer.finish();
    match decode(stack, log.state.generation, &bytes, Access::with(guard.vault)) {
        Ok(back) if back.state == log.state && back.chain == log.chain => Ok((bytes, sum)),
        Ok(_) => Err(not_whole("it reads back as another state")),
        Err(fault) => Err(not_whole(&fault.what)),
    }
}

fn not_whole(what: &str) -> StateError {
    StateError::Form {
        key: "the snapshot was not written".into(),
        message: what.to_owned(),
    }
}

/// Returns the entries that lead to a state from nothing; one at a time, since a state may be large.
fn entries(state: &State) -> impl Iterator<Item = Entry> {
    let records = state.records.iter().map(|(key, record)| Entry::Put {
        key: key.clone(),
        record: Box::new(record.clone()),
    });
    let pending = state.pending.iter().cloned().map(Entry::Begin);
    let exports = (!state.exports.is_empty()).then(|| Entry::Exports {
        exports: state.exports.clone(),
    });
    let targets = (!state.targets.is_empty()).then(|| Entry::Targets {
        targets: state.targets.clone(),
    });
    let binding = state.binding.clone().map(Box::new);
    let binding = binding.map(|binding| Entry::Binding { binding });
    let id = state.id.clone().map(|id| Entry::Id { id });
    let is_close = !state.times.is_empty() || state.commit.is_some();
    let close = is_close.then(|| Entry::Close {
        version: state.version,
        at: Timestamp::UNIX_EPOCH,
        summary: Summary::default(),
        took: state.times.clone(),
        commit: state.commit.clone(),
    });
    records
        .chain(pending)
        .chain(exports)
        .chain(targets)
        .chain(binding)
        .chain(id)
        .chain(close)
}

/// Reads a snapshot.
pub(super) fn decode(stack: &str, batch: u64, bytes: &[u8], access: Access<'_>) -> Result<Log, Fault> {
    let mut reader = LineReader::new(bytes, start(stack), place(batch), access);
    let header: Header = reader.expect()?;
    let fault = |line, what: String| Fault {
        line,
        what,
        torn: false,
    };
    if header.batch != batch {
        return Err(fault(1, format!("this is the snapshot of batch {}", header.batch)));
    }
    let chain = Chain::parse(&header.chain).ok_or_else(|| fault(1, "the journal's sum is not of its form".into()))?;
    let mut log = Log {
        chain,
        term: header.term,
        keyed: header.key,
        keys: header.keys.unwrap_or_default(),
        format: header.stamp.format,
        journal: JournalSize::default(),
        ..Log::empty(stack)
    };
    for line in 2..header.entries.saturating_add(2) {
        let entry: Entry = reader.expect()?;
        log.state.apply(entry).map_err(|error| fault(line, error.to_string()))?;
    }
    reader.end()?;
    log.snapshot = Some(SnapshotInfo {
        batch,
        bytes: bytes.len(),
        sum: reader.chain(),
        keyed: header.key.is_some(),
    });
    log.state.generation = batch;
    log.state.version = header.version;
    log.undo = Undo::default();
    Ok(log)
}
