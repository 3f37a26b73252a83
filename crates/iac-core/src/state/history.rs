//! Completed runs: who, when, what came of it, and what leads back to the version before.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::lines::{self, Access, Chain, Fault, Guard, LineReader, LineWriter};
use super::log::Undo;
use super::paths::Paths;
use super::stamp::Stamp;
use super::{Backend, Binding, Record, RunInfo, StateError, Summary, Times, Version};
use crate::urn::Key;

/// The first line of a version's entry.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(flatten)]
    stamp: Stamp,
    stack: String,
    version: u64,
    term: u64,
    /// The run and its result; in a sealed entry in a line of its own.
    #[serde(flatten)]
    about: Option<About>,
    /// The number of lines that follow.
    entries: usize,
    /// True if they are sealed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sealed: bool,
    /// The key whose seal it bears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<u32>,
}

/// A run and its result.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    run: RunInfo,
    started: Timestamp,
    finished: Timestamp,
    summary: Summary,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    took: BTreeMap<Key, Times>,
}

/// A line that leads back to the version before.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Before {
    /// The record of a resource; none if there was none.
    Record {
        key: Key,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<Box<Record>>,
    },
    /// The exports.
    Exports { exports: BTreeMap<String, Json> },
    /// The program and project that the stack belonged to; none before it was bound.
    Binding {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        binding: Option<Box<Binding>>,
    },
    /// The run, where the header does not say.
    About(Box<About>),
}

pub(super) fn start(stack: &str) -> Chain {
    Chain::start(&format!("iac version {stack}"))
}

pub(super) fn place((version, term): (u64, u64)) -> String {
    format!("version {version}-{term}")
}

/// A version's entry.
pub(super) fn encode(
    stack: &str,
    term: u64,
    version: &Version,
    undo: &Undo,
    guard: Guard<'_>,
) -> Result<Vec<u8>, StateError> {
    let mut writer = LineWriter::new(start(stack), place((version.version, term)), guard);
    let about = About {
        run: version.run.clone(),
        started: version.started,
        finished: version.finished,
        summary: version.summary,
        took: version.took.clone(),
    };
    let sealed = guard.whole;
    let lines = undo.records.len() + usize::from(undo.exports.is_some()) + usize::from(undo.binding.is_some());
    writer.push(&Header {
        stamp: Stamp::new(),
        stack: stack.to_owned(),
        version: version.version,
        term,
        about: (!sealed).then(|| about.clone()),
        entries: lines + usize::from(sealed),
        sealed,
        key: guard.key(),
    })?;
    if sealed {
        writer.push(&Before::About(Box::new(about)))?;
    }
    for (key, record) in &undo.records {
        writer.push(&Before::Record {
            key: key.clone(),
            record: record.clone().map(Box::new),
        })?;
    }
    if let Some(exports) = &undo.exports {
        writer.push(&Before::Exports {
            exports: exports.clone(),
        })?;
    }
    if let Some(binding) = &undo.binding {
        writer.push(&Before::Binding {
            binding: binding.clone().map(Box::new),
        })?;
    }
    Ok(writer.finish().0)
}

/// A version of this number and term, and what leads back to the one before it.
pub(super) fn decode(
    stack: &str,
    (number, term): (u64, u64),
    bytes: &[u8],
    access: Access<'_>,
) -> Result<(Version, Undo), Fault> {
    let mut reader = LineReader::new(bytes, start(stack), place((number, term)), access);
    let header: Header = reader.expect()?;
    if (header.version, header.term) != (number, term) {
        return Err(Fault {
            line: 1,
            what: format!("this is version {} of term {}", header.version, header.term),
            torn: false,
        });
    }
    let mut about = header.about;
    let mut undo = Undo::default();
    for _ in 0..header.entries {
        match reader.expect()? {
            Before::Record { key, record } => {
                undo.records.insert(key, record.map(|record| *record));
            }
            Before::Exports { exports } => undo.exports = Some(exports),
            Before::Binding { binding } => undo.binding = Some(binding.map(|binding| *binding)),
            Before::About(line) => about = Some(*line),
        }
    }
    reader.end()?;
    let about = about.ok_or_else(|| Fault {
        line: 1,
        what: "it does not say who ran it".to_owned(),
        torn: false,
    })?;
    let version = Version {
        version: header.version,
        run: about.run,
        started: about.started,
        finished: about.finished,
        summary: about.summary,
        changed: undo.records.keys().cloned().collect(),
        took: about.took,
    };
    Ok((version, undo))
}

/// The entries of these versions, by number. Where a killed run left an entry, that of the next run, which has the higher
/// term, counts.
async fn entries(
    backend: &dyn Backend,
    paths: &Paths,
    which: &RangeInclusive<u64>,
) -> Result<BTreeMap<u64, (u64, String)>, StateError> {
    let keys = backend.list(&paths.history()).await.map_err(StateError::Read)?;
    let mut entries: BTreeMap<u64, (u64, String)> = BTreeMap::new();
    for key in keys {
        let Some((version, term)) = Paths::version_and_term(&key) else {
            continue;
        };
        if which.contains(&version) && entries.get(&version).is_none_or(|(other, _)| *other < term) {
            entries.insert(version, (term, key));
        }
    }
    Ok(entries)
}

/// A version that is kept.
pub(super) struct Kept {
    pub(super) version: Version,
    /// The changes that lead back to the version before.
    pub(super) undo: Undo,
    /// True if it bears the seal of one of the stack's keys.
    pub(super) keyed: bool,
}

/// Those of these versions that are kept, oldest first.
pub(super) async fn read(
    backend: &dyn Backend,
    paths: &Paths,
    stack: &str,
    which: &RangeInclusive<u64>,
    access: Access<'_>,
) -> Result<Vec<Kept>, StateError> {
    let mut versions = Vec::new();
    for (number, (term, file)) in entries(backend, paths, which).await? {
        // One that was pruned since it was listed is no longer kept.
        if let Some(object) = backend.read(&file).await.map_err(StateError::Read)? {
            lines::check_header(stack, &file, &object.bytes, access)?;
            let decoded = decode(stack, (number, term), &object.bytes, access);
            let (version, undo) = decoded.map_err(|fault| fault.in_file(&file))?;
            let keyed = lines::key_of(&object.bytes).is_some();
            versions.push(Kept { version, undo, keyed });
        }
    }
    Ok(versions)
}

/// Removes entries beyond the last `keep`.
pub(super) async fn prune(backend: &dyn Backend, paths: &Paths, last: u64, keep: u64) -> Result<(), StateError> {
    let keys = backend.list(&paths.history()).await.map_err(StateError::Write)?;
    for key in keys {
        if Paths::version_and_term(&key).is_some_and(|(version, _)| version.saturating_add(keep) <= last) {
            backend.delete(&key).await.map_err(StateError::Write)?;
        }
    }
    Ok(())
}
