//! Whether a stack's state is whole: every file read and compared with every other, and nothing changed.

mod files;
mod repair;
mod salvage;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{State, StateError, Store, sealed};
use files::Files;

pub use repair::Repair;

/// One finding of a check: damage, or something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The file, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The fact itself, in words.
    pub what: String,
    /// The consequence of it.
    pub follows: String,
}

/// The severity of a [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong by it.
    Note,
    /// Something is not as it was written.
    Damage,
}

/// All that a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The findings, in the order of the files.
    pub findings: Vec<Finding>,
    /// The number of files that were read.
    pub files: usize,
    /// The number of recorded resources; none if the state cannot be read.
    pub records: Option<usize>,
}

impl CheckReport {
    /// True if nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Note)
    }
}

impl Finding {
    fn damage(file: Option<&str>, line: Option<usize>, what: impl Into<String>, follows: &str) -> Self {
        Self {
            severity: Severity::Damage,
            file: file.map(str::to_owned),
            line,
            what: what.into(),
            follows: follows.to_owned(),
        }
    }

    fn note(file: Option<&str>, what: impl Into<String>, follows: &str) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::damage(file, None, what, follows)
        }
    }

    /// Returns the finding that an error stands for.
    fn of(error: &StateError, follows: &str) -> Self {
        match error {
            StateError::Damaged { file, line, what } => Self::damage(Some(file), *line, what.as_str(), follows),
            StateError::Newer { file, .. } => {
                Self::damage(Some(file), None, error.to_string(), "nothing may touch this state")
            }
            other => Self::damage(None, None, other.to_string(), follows),
        }
    }
}

impl Store {
    /// Reads all files of the stack and says what is wrong with them. Takes no lock and changes nothing; what a run writes
    /// at the same time may be told as missing.
    ///
    /// # Errors
    /// When the storage cannot be asked. What is wrong with the state is in the report.
    pub async fn check(&self) -> Result<CheckReport, StateError> {
        let files = Files::read(self).await?;
        let mut report = CheckReport {
            findings: files.findings(),
            files: files.count(),
            records: None,
        };
        // Files that nobody can vouch for here can be looked at all the same.
        let store = match &files.unverified {
            None => self.clone(),
            Some(error) => {
                report
                    .findings
                    .push(Finding::note(None, error.to_string(), "the seals were not looked at"));
                self.clone().showing()
            }
        };
        match store.load_log().await {
            Ok(log) => {
                report.records = Some(log.state.records.len());
                report.findings.extend(integrity(&log.state));
                if files.unverified.is_none() {
                    report.findings.extend(self.seals(&log.state).await);
                }
            }
            Err(error) => {
                let finding = Finding::of(
                    &error,
                    "the state cannot be read; `state repair` shows what can be saved",
                );
                let told = |other: &Finding| other.file.is_some() && other.file == finding.file;
                if !report.findings.iter().any(told) {
                    report.findings.push(finding);
                }
            }
        }
        Ok(report)
    }

    /// Whether everything sealed opens, if the key is at hand.
    async fn seals(&self, state: &State) -> Vec<Finding> {
        if !state.has_secrets() {
            return Vec::new();
        }
        let vault = match self.vault().await {
            Ok(vault) => vault,
            Err(error) => return vec![Finding::note(None, error.to_string(), "the secrets were not looked at")],
        };
        let lost = "the secret is lost; `up` cannot compare or apply it";
        let records = state.records.iter().filter_map(|(key, record)| {
            let error = sealed::open_record(&vault, key, record).err()?;
            Some(Finding::of(&error, lost))
        });
        let exports = state.open_exports(&vault).err();
        records.chain(exports.map(|error| Finding::of(&error, lost))).collect()
    }
}

/// Returns the contradictions in a state that reads well.
fn integrity(state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut owners: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (key, record) in &state.records {
        if let Err(error) = sealed::check_record(key, record) {
            findings.push(Finding::of(&error, "the record cannot be used"));
        }
        let own = (!record.gone).then_some(record.identity.as_str());
        for identity in own
            .into_iter()
            .chain(record.formers.iter().map(|former| former.identity.as_str()))
        {
            if let Some(other) = owners.insert((key.provider(), identity), key.as_str())
                && other != key.as_str()
            {
                let what = format!("{key} and {other} are both recorded as {identity}");
                let follows = "one object has two owners; `state rm` drops the one that is wrong";
                findings.push(Finding::damage(None, None, what, follows));
            }
        }
        for needed in record
            .dependency_keys()
            .filter(|needed| !state.records.contains_key(*needed))
        {
            let what = format!("{key} depends on {needed}, which is not recorded");
            findings.push(Finding::note(None, what, "the next change of it puts that right"));
        }
    }
    for pending in &state.pending {
        let what = format!(
            "the {} of {} ({}) has no outcome",
            pending.kind, pending.identity, pending.key
        );
        findings.push(Finding::note(
            None,
            what,
            "the next `up` looks at the object and goes on",
        ));
    }
    findings
}
