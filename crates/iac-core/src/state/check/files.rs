//! The files of a stack, each by itself and beside its neighbours.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Finding;
use crate::state::keyring::KeyFile;
use crate::state::lines::{self, Chain, Fault, LineReader};
use crate::state::log::{BatchHeader, batch_sealing};
use crate::state::marker::{Marker, Status};
use crate::state::paths::Paths;
use crate::state::{StateError, Store, Vault, entry::Entry, history, lease, snapshot};

/// Every file of a stack as it was read.
pub(super) struct Files {
    pub(super) stack: String,
    pub(super) paths: Paths,
    pub(super) content: BTreeMap<String, Vec<u8>>,
    vault: Option<Arc<Vault>>,
}

/// A batch, looked at by itself.
pub(super) struct Batch {
    /// What it says that it follows upon; none if not even that can be read.
    pub(super) prev: Option<Chain>,
    /// The sum after its last whole line.
    pub(super) end: Option<Chain>,
    pub(super) term: u64,
    pub(super) fault: Option<Fault>,
}

impl Files {
    pub(super) async fn read(store: &Store) -> Result<Self, StateError> {
        let paths = Paths::new(store.stack())?;
        let mut content = BTreeMap::new();
        for key in store.backend().list(&paths.all()).await.map_err(StateError::Read)? {
            // What a run has removed since it was listed is no loss.
            if let Some(object) = store.backend().read(&key).await.map_err(StateError::Read)? {
                content.insert(key, object.bytes);
            }
        }
        let mut files = Self {
            stack: store.stack().to_owned(),
            paths,
            content,
            vault: None,
        };
        if files.content.values().any(|bytes| lines::is_sealed(bytes)) {
            files.vault = Some(store.existing_vault().await?);
        }
        Ok(files)
    }

    pub(super) fn count(&self) -> usize {
        self.content.len()
    }

    /// The files below a prefix that have a number, by it.
    fn numbered(&self, prefix: &str) -> BTreeMap<u64, (&String, &Vec<u8>)> {
        let below = self.content.iter().filter(|(key, _)| key.starts_with(prefix));
        below
            .filter_map(|(key, bytes)| Some((Paths::number(key)?, (key, bytes))))
            .collect()
    }

    pub(super) fn snapshots(&self) -> BTreeMap<u64, (&String, &Vec<u8>)> {
        self.numbered(&self.paths.snapshots())
    }

    pub(super) fn batches(&self) -> BTreeMap<u64, (&String, &Vec<u8>)> {
        self.numbered(&self.paths.journal())
    }

    /// The entries of the history, by version and term.
    pub(super) fn versions(&self) -> BTreeMap<(u64, u64), (&String, &Vec<u8>)> {
        let prefix = self.paths.history();
        let below = self.content.iter().filter(|(key, _)| key.starts_with(&prefix));
        below
            .filter_map(|(key, bytes)| Some((Paths::version_and_term(key)?, (key, bytes))))
            .collect()
    }

    /// The first file that a newer release wrote, or that belongs to another stack.
    pub(super) fn foreign(&self) -> Result<(), StateError> {
        for (key, bytes) in &self.content {
            if key.ends_with(".json") {
                // What is no JSON at all is damage, not a newer format.
                if let Ok(json) = serde_json::from_slice(bytes) {
                    lines::check_json_format(key, &json)?;
                }
            } else if !key.starts_with(&self.paths.damaged()) {
                lines::check_header(&self.stack, key, bytes, self.vault())?;
            }
        }
        Ok(())
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.small_files();
        findings.extend(self.snapshot_findings());
        findings.extend(self.journal_findings());
        findings.extend(self.history_findings());
        let damaged = self.paths.damaged();
        for key in self.content.keys().filter(|key| key.starts_with(&damaged)) {
            let follows = "nothing reads it any more; remove it when you do not need it";
            findings.push(Finding::note(
                Some(key),
                "an earlier repair put this file aside",
                follows,
            ));
        }
        findings
    }

    fn small_files(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let marker = self.paths.marker();
        match self
            .content
            .get(&marker)
            .map(|bytes| lines::read_json::<Marker>(&marker, bytes))
        {
            None if self.content.is_empty() => {}
            None => findings.push(Finding::damage(
                Some(&marker),
                None,
                "is missing",
                "`stack ls` does not show the stack; `state repair` or the next `up` writes it anew",
            )),
            Some(Err(error)) => findings.push(Finding::of(&error, "`state repair` writes it anew")),
            Some(Ok(marker_file)) => {
                if let Err(error) = marker_file.check() {
                    let follows = match marker_file.status {
                        Some(Status::Moved { .. }) => "what lies here is a copy of what was moved",
                        _ => "the stack cannot be used until that is finished",
                    };
                    findings.push(Finding::note(Some(&marker), error.to_string(), follows));
                }
            }
        }
        let lease = self.paths.lease();
        if let Some(Err(error)) = self.content.get(&lease).map(|bytes| lease::check_form(&lease, bytes)) {
            let follows = "no run can begin; `state repair` puts it aside, and the next run makes a new one";
            findings.push(Finding::of(&error, follows));
        }
        let keys = self.paths.keys();
        if let Some(Err(error)) = self
            .content
            .get(&keys)
            .map(|bytes| lines::read_json::<KeyFile>(&keys, bytes))
        {
            let follows = "no secret of the stack opens; restore the file from a copy or from a `state export`";
            findings.push(Finding::of(&error, follows));
        }
        findings
    }

    fn snapshot_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (number, (key, bytes)) in self.snapshots() {
            if let Err(error) = lines::check_header(&self.stack, key, bytes, self.vault()) {
                findings.push(Finding::of(&error, "the state cannot be read"));
            } else if let Err(fault) = snapshot::decode(&self.stack, number, bytes, self.vault()) {
                let follows =
                    "it is passed over where the journal reaches back far enough; `state repair` writes a new one";
                findings.push(Finding::of(&fault.in_file(key), follows));
            }
        }
        findings
    }

    /// The newest batch that a whole snapshot makes unnecessary.
    fn covered(&self) -> u64 {
        let whole = |(number, (_, bytes)): (&u64, &(&String, &Vec<u8>))| {
            snapshot::decode(&self.stack, *number, bytes, self.vault())
                .is_ok()
                .then_some(*number)
        };
        self.snapshots().iter().rev().find_map(whole).unwrap_or(0)
    }

    fn journal_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let covered = self.covered();
        let batches = self.batches();
        let mut last: Option<(u64, Batch)> = None;
        for (number, (key, bytes)) in &batches {
            if let Err(error) = lines::check_header(&self.stack, key, bytes, self.vault()) {
                findings.push(Finding::of(&error, "the state cannot be read"));
                continue;
            }
            let batch = self.alone(*number, bytes);
            let expected = last.as_ref().map_or(covered + 1, |(last, _)| last + 1);
            if *number > covered && *number != expected.max(covered + 1) {
                let missing = self.paths.batch(expected.max(covered + 1));
                let follows = "what was recorded in it is lost; `state repair` shows what can be saved";
                findings.push(Finding::damage(Some(&missing), None, "is missing", follows));
            }
            let follows_last = match &last {
                Some((before, last)) if before + 1 == *number && last.fault.as_ref().is_none_or(|fault| fault.torn) => {
                    last.end == batch.prev
                }
                _ => true,
            };
            if !follows_last && batch.prev.is_some() {
                let what = "it does not follow upon the batch before it";
                findings.push(if *number <= covered {
                    Finding::note(Some(key), what, "a newer snapshot holds what they recorded")
                } else {
                    Finding::damage(Some(key), Some(1), what, "one of the two is of another time")
                });
            }
            if let Some(fault) = &batch.fault {
                findings.push(self.batch_finding(*number, key, &batch, fault, covered));
            }
            last = Some((*number, batch));
        }
        findings
    }

    fn batch_finding(&self, number: u64, key: &str, batch: &Batch, fault: &Fault, covered: u64) -> Finding {
        let file = Some(key);
        let what = || format!("line {}: {}", fault.line, fault.what);
        if self.is_cut_off(number, batch) {
            let what = format!("{}: its writing was cut off", what());
            return Finding::note(file, what, "nobody was told that it is durable; it is left out");
        }
        if number <= covered {
            let follows = "a newer snapshot holds what it recorded; `state repair` puts it aside";
            return Finding::note(file, what(), follows);
        }
        let follows = "the state cannot be read; `state repair` shows what can be saved";
        Finding::damage(file, Some(fault.line), fault.what.as_str(), follows)
    }

    /// True if a batch is torn and that was nobody's loss: nothing follows, or what follows was written by somebody who
    /// saw it.
    pub(super) fn is_cut_off(&self, number: u64, batch: &Batch) -> bool {
        if !batch.fault.as_ref().is_some_and(|fault| fault.torn) {
            return false;
        }
        let mut later = self.batches();
        match later.split_off(&(number + 1)).first_key_value() {
            None => true,
            Some((next, (_, bytes))) => {
                let next_prev = self.alone(*next, bytes).prev;
                *next == number + 1 && next_prev.is_some() && next_prev == batch.end
            }
        }
    }

    /// What opens the lines of sealed files, if there are any.
    pub(super) fn vault(&self) -> Option<&Vault> {
        self.vault.as_deref()
    }

    /// Reads a batch without those before it: its header says what it follows upon.
    pub(super) fn alone(&self, number: u64, bytes: &[u8]) -> Batch {
        let mut batch = Batch {
            prev: header(bytes).and_then(|header| Chain::parse(&header.prev)),
            end: None,
            term: header(bytes).map_or(0, |header| header.term),
            fault: None,
        };
        let start = batch.prev.unwrap_or_else(|| Chain::start(""));
        let mut reader = LineReader::new(bytes, start).opened_by(batch_sealing(self.vault(), number));
        batch.fault = read_alone(&mut reader, number).err();
        batch.end = batch.prev.map(|_| reader.chain());
        batch
    }

    fn history_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let follows = "this version cannot be shown, nor those before it; `state repair` puts it aside";
        for (key, bytes) in self.versions().into_values() {
            if let Err(error) = lines::check_header(&self.stack, key, bytes, self.vault()) {
                findings.push(Finding::of(&error, follows));
            } else if let Err(fault) = history::decode(&self.stack, bytes, self.vault()) {
                findings.push(Finding::of(&fault.in_file(key), follows));
            }
        }
        findings
    }
}

fn read_alone(reader: &mut LineReader<'_>, number: u64) -> Result<(), Fault> {
    let header: BatchHeader = reader.expect()?;
    if header.batch != number {
        return Err(Fault {
            line: 1,
            what: format!("this is batch {}", header.batch),
            torn: false,
        });
    }
    for _ in 0..header.entries {
        reader.expect::<Entry>()?;
    }
    reader.end()
}

/// A batch's header, as far as it can be read; nothing is checked.
pub(super) fn header(bytes: &[u8]) -> Option<BatchHeader> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let (_, body) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    serde_json::from_str(body).ok()
}
