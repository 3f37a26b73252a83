//! The best state that damaged files still give: every line that is whole by its own sum counts.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::files::{Files, header};
use crate::state::entry::Entry;
use crate::state::lines::{Chain, LineReader};
use crate::state::log::{Log, batch_place};
use crate::state::snapshot;

/// The parts of a damaged state that could be saved.
pub(super) struct Salvaged {
    pub(super) log: Log,
    /// The parts that could not be saved, a line each.
    pub(super) lost: Vec<String>,
    /// The highest number that a file of the journal or a snapshot has.
    pub(super) highest: u64,
}

/// Puts together what can be read.
pub(super) fn salvage(files: &Files) -> Salvaged {
    let (mut log, mut lost) = base(files);
    let covered = log.state.generation;
    let batches = files.batches();
    let mut expected = covered + 1;
    for (number, (key, bytes)) in batches.range(covered + 1..) {
        if *number > expected {
            let last = number - 1;
            lost.push(format!(
                "batches {expected} to {last} are missing: what they recorded is unknown"
            ));
        }
        expected = number + 1;
        if files.is_forged(*number, bytes) {
            lost.push(format!(
                "{key}: it does not bear the seal of the stack's key, and nothing of it counts"
            ));
            continue;
        }
        log.term = log.term.max(files.alone(*number, bytes).term);
        // Nobody counted yet on lines that were cut off while they were written.
        let mut unread = Vec::new();
        apply_lines(&mut log, *number, key, bytes, files, &mut unread);
        if !files.is_cut_off(*number, &files.alone(*number, bytes)) {
            lost.append(&mut unread);
        }
    }
    let newest = batches.keys().next_back().copied().unwrap_or(0);
    let newest = newest.max(files.snapshots().keys().next_back().copied().unwrap_or(0));
    let versions = files.versions();
    let last_version = versions.keys().next_back().map_or(0, |(version, _)| *version);
    log.state.version = log.state.version.max(last_version);
    Salvaged {
        log,
        lost,
        highest: newest,
    }
}

/// The newest snapshot that is whole, or nothing.
fn base(files: &Files) -> (Log, Vec<String>) {
    for (number, (_, bytes)) in files.snapshots().iter().rev() {
        if files.is_forged(*number, bytes) {
            continue;
        }
        if let Ok(log) = snapshot::decode(&files.stack, *number, bytes, files.access()) {
            return (log, Vec::new());
        }
    }
    let mut lost = Vec::new();
    let first = files.batches().keys().next().copied();
    if first.is_some_and(|first| first > 1) || (first.is_none() && !files.snapshots().is_empty()) {
        lost.push("no snapshot is whole: what was recorded before the journal that is left is unknown".to_owned());
    }
    // Counted on from the first batch that is there.
    let mut log = Log::empty(&files.stack);
    log.state.generation = first.map_or(0, |first| first.saturating_sub(1));
    (log, lost)
}

/// Applies the lines of a batch that are whole: a line's sum covers the sum that the line before it *states*, so one
/// damaged line takes no other along.
fn apply_lines(log: &mut Log, batch: u64, file: &str, bytes: &[u8], files: &Files, lost: &mut Vec<String>) {
    let mut stated: Option<Chain> = files.alone(batch, bytes).prev;
    let mut lines = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let read = |stated| {
            let reader = LineReader::new(bytes, stated, batch_place(batch), files.access());
            reader.after_line(line, number, stated).expect::<Json>().ok()
        };
        let whole = stated.and_then(read);
        let text = String::from_utf8_lossy(line);
        stated = text.split_once(' ').and_then(|(sum, _)| Chain::parse(sum));
        lines = number;
        let entry = whole.map(serde_json::from_value::<Entry>);
        match entry {
            // The header, which is no entry.
            _ if number == 0 => {}
            Some(Ok(entry)) => apply(log, file, number + 1, entry, lost),
            _ => lost.push(format!("{file}, line {}: cannot be read{}", number + 1, about(&text))),
        }
    }
    match header(bytes) {
        Some(header) if header.entries <= lines => {}
        Some(header) => lost.push(format!(
            "{file}: {} of its {} entries are missing",
            header.entries - lines,
            header.entries
        )),
        None => lost.push(format!("{file}: its first line cannot be read; entries may be missing")),
    }
}

/// Applies an entry also where what it belongs to is lost.
fn apply(log: &mut Log, file: &str, line: usize, entry: Entry, lost: &mut Vec<String>) {
    if log.apply(entry.clone()).is_ok() {
        return;
    }
    let saved = match entry {
        Entry::Applied { key, record, .. } => log.apply(Entry::Put { key, record }).is_ok(),
        // The intent is lost, and with it which resource this was about.
        Entry::Deleted { op } => {
            lost.push(format!(
                "{file}, line {line}: operation {op} deleted an object that is not known; its record may still be there"
            ));
            true
        }
        Entry::Failed { .. } | Entry::Resolved { .. } | Entry::Ready { .. } | Entry::Forget { .. } => true,
        _ => false,
    };
    if !saved {
        lost.push(format!("{file}, line {line}: does not fit what is known"));
    }
}

/// Whom a damaged line may have been about.
fn about(text: &str) -> String {
    let mut about = String::new();
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("\"{name}\":\""))?;
        rest.split('"').next()
    };
    for name in ["key", "identity"] {
        if let Some(value) = field(name) {
            let _ = write!(about, "; it names {value}");
        }
    }
    about
}
