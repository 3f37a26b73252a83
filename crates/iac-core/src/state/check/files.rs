//! The files of a stack, each by itself and beside its neighbours.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Finding;
use crate::state::keyring::{ANEW, KeyFile, KeysThere};
use crate::state::lines::{self, Access, Chain, Fault, LineReader};
use crate::state::log::{BatchHeader, UNSEALED, batch_place};
use crate::state::marker::{Marker, Status};
use crate::state::paths::Paths;
use crate::state::stamp::check_reader;
use crate::state::{Etag, StateError, Store, Vault, entry::Entry, history, lease, snapshot};

/// The message about a key file whose keys have sealed nothing of what is there.
pub(super) const OTHER_KEYS: &str =
    "its keys are not those whose seal the stack's files bear: somebody put others there";

/// The consequence of a missing seal.
const FORGED: &str = "the state cannot be read; `state repair` puts it aside";

/// Every file of a stack as it was read.
pub(super) struct Files {
    pub(super) stack: String,
    pub(super) paths: Paths,
    pub(super) content: BTreeMap<String, Vec<u8>>,
    vault: Option<Arc<Vault>>,
    /// Why seals are not looked at, if they are not.
    pub(super) unverified: Option<StateError>,
    /// Why the keys are not believed, if they are not.
    pub(super) untrusted: Option<StateError>,
    /// The lowest number of a batch or snapshot that bears the seal of a key; from there on all have to.
    sealed_from: Option<u64>,
}

/// A batch, looked at by itself.
pub(super) struct Batch {
    /// The sum that it says that it follows upon; none if not even that can be read.
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
            // A file that a run has removed since it was listed is no loss.
            if let Some(object) = store.backend().read(&key).await.map_err(StateError::Read)? {
                content.insert(key, object.bytes);
            }
        }
        let mut files = Self {
            stack: store.stack().to_owned(),
            paths,
            content,
            vault: None,
            unverified: None,
            untrusted: None,
            sealed_from: None,
        };
        files.open(store).await?;
        Ok(files)
    }

    /// Opens the keys, where there is something to read with them.
    async fn open(&mut self, store: &Store) -> Result<(), StateError> {
        let of_lines = self.content.iter().filter(|(key, _)| !key.ends_with(".json"));
        let keyed = of_lines.clone().any(|(_, bytes)| lines::key_of(bytes).is_some());
        let sealed = of_lines.clone().any(|(_, bytes)| lines::is_sealed(bytes));
        if !(keyed || sealed) {
            return Ok(());
        }
        match store.existing_vault().await {
            Ok(vault) => self.vault = Some(vault),
            // Whatever keys these are, the files show whose they bear the seal of.
            Err(error @ StateError::Untrusted { .. }) => {
                self.untrusted = Some(error);
                if let Some(there) = store.read_key_file().await? {
                    self.vault = Some(store.unwrap_there(&there).await?);
                }
            }
            // Files that are not encrypted can be looked at all the same.
            Err(error) if !sealed => self.unverified = Some(error),
            Err(error) => return Err(error),
        }
        let numbers = self.batches().into_iter().chain(self.snapshots());
        let keyed = numbers.filter(|(_, (_, bytes))| lines::key_of(bytes).is_some());
        self.sealed_from = keyed.map(|(number, _)| number).min();
        Ok(())
    }

    /// True if files bear seals, and not one of them is of the keys that are there: those are not the stack's.
    pub(super) fn has_other_keys(&self) -> bool {
        let Some(vault) = self.vault.as_deref() else {
            return false;
        };
        let of_lines = self.content.iter().filter(|(key, _)| !key.ends_with(".json"));
        let mut keyed = of_lines.filter(|(_, bytes)| lines::key_of(bytes).is_some()).peekable();
        keyed.peek().is_some() && !keyed.any(|(key, bytes)| self.is_sealed_by(key, bytes, vault))
    }

    /// True if the first line bears the seal of one of these keys.
    fn is_sealed_by(&self, key: &str, bytes: &[u8], vault: &Vault) -> bool {
        let access = Access::with(Some(vault));
        let (place, start) = if key.starts_with(&self.paths.journal()) {
            let prev = header(bytes).and_then(|header| Chain::parse(&header.prev));
            (Paths::number(key).map(batch_place), prev)
        } else if key.starts_with(&self.paths.snapshots()) {
            (
                Paths::number(key).map(snapshot::place),
                Some(snapshot::start(&self.stack)),
            )
        } else {
            (
                Paths::version_and_term(key).map(history::place),
                Some(history::start(&self.stack)),
            )
        };
        let (Some(place), Some(start)) = (place, start) else {
            return false;
        };
        LineReader::new(bytes, start, place, access).expect::<Json>().is_ok()
    }

    /// True if a batch or snapshot bears no seal where one is due.
    pub(super) fn is_forged(&self, number: u64, bytes: &[u8]) -> bool {
        self.sealed_from.is_some_and(|from| number >= from) && lines::key_of(bytes).is_none()
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
                // A file that is no JSON at all is damage, not a newer format.
                if let Ok(json) = serde_json::from_slice(bytes) {
                    check_reader(key, &json)?;
                }
            } else if !key.starts_with(&self.paths.damaged()) {
                lines::check_header(&self.stack, key, bytes, self.access())?;
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
                if let Err(error) = marker_file.check(None) {
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
        findings.extend(self.key_file());
        findings
    }

    fn key_file(&self) -> Option<Finding> {
        let path = self.paths.keys();
        let bytes = self.content.get(&path)?;
        if let Err(error) = lines::read_json::<KeyFile>(&path, bytes) {
            let follows =
                format!("no secret of the stack opens; bring the file back from a copy of the backend; {ANEW}");
            return Some(Finding::of(&error, &follows));
        }
        let there = KeysThere::read(&path, bytes, Etag(String::new())).ok()?;
        let checked = there.check(self.vault.as_deref()?);
        let error = match checked {
            Ok(()) if self.has_other_keys() => there.forged(OTHER_KEYS),
            checked => checked.err()?,
        };
        let follows = "no run goes on with it";
        Some(Finding::damage(Some(&path), None, error.to_string(), follows))
    }

    fn snapshot_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (number, (key, bytes)) in self.snapshots() {
            if let Err(error) = lines::check_header(&self.stack, key, bytes, self.access()) {
                findings.push(Finding::of(&error, "the state cannot be read"));
            } else if self.is_forged(number, bytes) {
                findings.push(Finding::damage(Some(key), Some(1), UNSEALED, FORGED));
            } else if let Err(fault) = snapshot::decode(&self.stack, number, bytes, self.access()) {
                let follows =
                    "it is passed over where the journal reaches back far enough; `state repair` writes a new one";
                findings.push(Finding::of(&fault.in_file(key), follows));
            }
        }
        findings
    }

    /// The newest batch that a whole snapshot makes unnecessary.
    fn covered(&self) -> u64 {
        let snapshots = self.snapshots();
        let mut whole = snapshots
            .iter()
            .rev()
            .filter(|(number, (_, bytes))| self.is_whole_snapshot(**number, bytes));
        whole.next().map_or(0, |(number, _)| *number)
    }

    pub(super) fn is_whole_snapshot(&self, number: u64, bytes: &[u8]) -> bool {
        !self.is_forged(number, bytes) && snapshot::decode(&self.stack, number, bytes, self.access()).is_ok()
    }

    fn journal_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let covered = self.covered();
        let batches = self.batches();
        let mut last: Option<(u64, Batch)> = None;
        for (number, (key, bytes)) in &batches {
            if let Err(error) = lines::check_header(&self.stack, key, bytes, self.access()) {
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

    /// With what the files are read.
    pub(super) fn access(&self) -> Access<'_> {
        Access {
            vault: self.vault.as_deref(),
            unverified: self.unverified.is_some(),
            watch: None,
        }
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
        let mut reader = LineReader::new(bytes, start, batch_place(number), self.access());
        batch.fault = read_alone(&mut reader, number).err();
        if batch.fault.is_none() && self.is_forged(number, bytes) {
            batch.fault = Some(Fault {
                line: 1,
                what: UNSEALED.to_owned(),
                torn: false,
            });
        }
        batch.end = batch.prev.map(|_| reader.chain());
        batch
    }

    fn history_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let follows = "this version cannot be shown, nor those before it; `state repair` puts it aside";
        for (number, (key, bytes)) in self.versions() {
            if let Err(error) = lines::check_header(&self.stack, key, bytes, self.access()) {
                findings.push(Finding::of(&error, follows));
            } else if let Err(fault) = history::decode(&self.stack, number, bytes, self.access()) {
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
