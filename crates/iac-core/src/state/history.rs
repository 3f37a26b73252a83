//! Completed runs: who, when, what came of it, and what leads back to the version before.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::lines::{self, Chain, FORMAT, Fault, LineReader, LineWriter, Sealing};
use super::log::Undo;
use super::paths::Paths;
use super::{Backend, Binding, Record, RunInfo, StateError, Summary, Vault, Version};
use crate::urn::Key;

/// The first line of a version's entry.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u64,
    stack: String,
    version: u64,
    term: u64,
    /// Who and what; in a sealed entry in a line of its own.
    #[serde(flatten)]
    about: Option<About>,
    /// How many lines follow.
    entries: usize,
    /// True if they are sealed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sealed: bool,
}

/// Who ran what, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    run: RunInfo,
    started: Timestamp,
    finished: Timestamp,
    summary: Summary,
}

/// A line that leads back to the version before.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Before {
    /// What was recorded of a resource; nothing if it was not.
    Record {
        key: Key,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<Box<Record>>,
    },
    /// What was exported.
    Exports { exports: BTreeMap<String, Json> },
    /// What the stack belonged to; nothing before it was bound.
    Binding {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        binding: Option<Box<Binding>>,
    },
    /// The run, where the header does not say.
    About(About),
}

fn start(stack: &str) -> Chain {
    Chain::start(&format!("iac version {stack}"))
}

fn sealing(vault: Option<&Vault>, version: u64, term: u64) -> Option<Sealing<'_>> {
    vault.map(|vault| Sealing::new(vault, format!("version {version}-{term}")))
}

/// A version's entry.
pub(super) fn encode(
    stack: &str,
    term: u64,
    version: &Version,
    undo: &Undo,
    vault: Option<&Vault>,
) -> Result<Vec<u8>, StateError> {
    let mut writer = LineWriter::new(start(stack), sealing(vault, version.version, term));
    let about = About {
        run: version.run.clone(),
        started: version.started,
        finished: version.finished,
        summary: version.summary,
    };
    let sealed = vault.is_some();
    let lines = undo.records.len() + usize::from(undo.exports.is_some()) + usize::from(undo.binding.is_some());
    writer.push(&Header {
        format: FORMAT,
        stack: stack.to_owned(),
        version: version.version,
        term,
        about: (!sealed).then(|| about.clone()),
        entries: lines + usize::from(sealed),
        sealed,
    })?;
    if sealed {
        writer.push(&Before::About(about))?;
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

/// A version, and what leads back to the one before it.
pub(super) fn decode(stack: &str, bytes: &[u8], vault: Option<&Vault>) -> Result<(Version, Undo), Fault> {
    let mut reader = LineReader::new(bytes, start(stack));
    let header: Header = reader.expect()?;
    let mut reader = reader.opened_by(sealing(vault, header.version, header.term));
    let mut about = header.about;
    let mut undo = Undo::default();
    for _ in 0..header.entries {
        match reader.expect()? {
            Before::Record { key, record } => {
                undo.records.insert(key, record.map(|record| *record));
            }
            Before::Exports { exports } => undo.exports = Some(exports),
            Before::Binding { binding } => undo.binding = Some(binding.map(|binding| *binding)),
            Before::About(line) => about = Some(line),
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
    };
    Ok((version, undo))
}

/// True if an entry's lines are sealed as they should be: under the current key, or not at all.
pub(super) fn is_sealed_by(vault: &Vault, whole: bool, bytes: &[u8]) -> bool {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .skip(1)
        .filter(|line| !line.is_empty());
    lines.all(|line| lines::is_sealed_by(vault, line) == Some(whole))
}

/// The entries of these versions, by number. Where a killed run left an entry, that of the next run, which has the higher
/// term, counts.
async fn entries(
    backend: &dyn Backend,
    paths: &Paths,
    which: &RangeInclusive<u64>,
) -> Result<BTreeMap<u64, String>, StateError> {
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
    Ok(entries.into_iter().map(|(version, (_, key))| (version, key)).collect())
}

/// Those of these versions that are kept, oldest first, each with what leads back to the one before it.
pub(super) async fn read(
    backend: &dyn Backend,
    paths: &Paths,
    stack: &str,
    which: &RangeInclusive<u64>,
    vault: Option<&Vault>,
) -> Result<Vec<(Version, Undo)>, StateError> {
    let mut versions = Vec::new();
    for file in entries(backend, paths, which).await?.into_values() {
        // One that was pruned since it was listed is no longer kept.
        if let Some(object) = backend.read(&file).await.map_err(StateError::Read)? {
            lines::check_header(stack, &file, &object.bytes, vault)?;
            versions.push(decode(stack, &object.bytes, vault).map_err(|fault| fault.in_file(&file))?);
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
