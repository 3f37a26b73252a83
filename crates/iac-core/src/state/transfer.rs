//! A whole state as one document: for keeping a copy, and for bringing it elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::entry::Change;
use super::keyring::KeyFile;
use super::lines::{self, FORMAT};
use super::{Binding, Pending, Record, RunInfo, State, StateError, Store, Summary, Vault, Writer, sealed};
use crate::provider::Target;
use crate::urn::Key;
use crate::value::hex;

/// The document. Secrets in it are sealed; the keys that open them go along, wrapped as they are in the stack.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u64,
    stack: String,
    version: u64,
    at: Timestamp,
    records: BTreeMap<Key, Record>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Pending>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    exports: BTreeMap<String, Json>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    targets: BTreeMap<String, Target>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<Binding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Json>,
    /// SHA-256 of the document with this field empty, in hexadecimal.
    sum: String,
}

/// How an [`import`](Store::import) treats what is in its way.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// Take the state of another stack.
    pub other_stack: bool,
    /// Take the place of what is recorded.
    pub replace: bool,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The version that it is.
    pub version: u64,
    /// How many resources are recorded now.
    pub records: usize,
    /// How many were recorded before, and are no more.
    pub replaced: usize,
}

impl Document {
    /// Its text as a file.
    fn text(&self) -> Result<String, StateError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| broken(&error.to_string()))?;
        Ok(text + "\n")
    }

    fn sum(&mut self) -> Result<String, StateError> {
        let stated = std::mem::take(&mut self.sum);
        let text = self.text();
        self.sum = stated;
        Ok(hex(&Sha256::digest(text?.as_bytes())))
    }

    fn parse(bytes: &[u8]) -> Result<Self, StateError> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))?;
        lines::check_json_format("the exported state", &json)?;
        let mut document: Self = serde_json::from_value(json).map_err(|error| broken(&error.to_string()))?;
        if document.sum()? != document.sum {
            return Err(broken("it was changed or cut: its checksum does not fit it"));
        }
        for (key, record) in &document.records {
            sealed::check_record(key, record)?;
        }
        Ok(document)
    }

    fn state(&self) -> State {
        State {
            records: self.records.clone(),
            exports: self.exports.clone(),
            ..State::default()
        }
    }
}

impl Store {
    /// The state as one document of JSON; secrets stay sealed.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn export(&self) -> Result<String, StateError> {
        let state = self.load().await?;
        let keys = if state.has_secrets() {
            self.key_file().await?
        } else {
            None
        };
        let mut document = Document {
            format: FORMAT,
            stack: self.stack().to_owned(),
            version: state.version,
            at: Timestamp::now(),
            records: state.records,
            pending: state.pending,
            exports: state.exports,
            targets: state.targets,
            binding: state.binding,
            keys,
            sum: String::new(),
        };
        document.sum = document.sum()?;
        document.text()
    }

    /// Records what a document of [`export`](Self::export) says, all of it or nothing, as a version of the history. What
    /// was recorded before can be looked at with [`version`](Self::version). The objects are not touched.
    ///
    /// # Errors
    /// [`StateError::Import`] when the document is not whole, is of another stack, or something is recorded already, and
    /// the options do not allow it; when its secrets do not open; as [`begin`](Self::begin).
    pub async fn import(
        &self,
        document: &[u8],
        run: RunInfo,
        lock_timeout: Duration,
        options: ImportOptions,
    ) -> Result<Imported, StateError> {
        let document = Document::parse(document)?;
        if document.stack != self.stack() && !options.other_stack {
            return Err(StateError::Import(format!(
                "it is the state of stack {:?}, not of {:?}",
                document.stack,
                self.stack()
            )));
        }
        let writer = self.begin(run, lock_timeout).await?;
        let imported = self.import_under(&writer, document, options).await;
        let (records, replaced) = match imported {
            Ok(imported) => imported,
            Err(error) => {
                writer.abandon().await;
                return Err(error);
            }
        };
        let summary = Summary {
            created: records as u64,
            deleted: replaced as u64,
            ok: true,
            ..Summary::default()
        };
        Ok(Imported {
            version: writer.finish(summary).await?,
            records,
            replaced,
        })
    }

    async fn import_under(
        &self,
        writer: &Writer,
        document: Document,
        options: ImportOptions,
    ) -> Result<(usize, usize), StateError> {
        let there = writer.state();
        let is_empty = there.records.is_empty() && there.pending.is_empty();
        if !(is_empty || options.replace) {
            return Err(StateError::Import(format!(
                "stack {:?} has {} recorded resources already",
                self.stack(),
                there.records.len()
            )));
        }
        let (records, exports) = self.sealed_here(&document).await?;
        let gone = there.records.keys().filter(|key| !records.contains_key(*key));
        let mut changes: Vec<Change> = gone.map(|key| Change::Forget { key: key.clone() }).collect();
        let counts = (records.len(), changes.len());
        let settled = there.pending.iter().map(|pending| Change::Resolved { op: pending.op });
        changes.extend(settled);
        changes.extend(records.into_iter().map(|(key, record)| Change::Put {
            key,
            record: Box::new(record),
        }));
        // Operations are numbered by the term that began them; here that is this one.
        changes.extend(document.pending.into_iter().map(|pending| {
            let op = writer.next_op();
            Change::Begin(Pending { op, ..pending })
        }));
        changes.push(Change::Exports { exports });
        changes.push(Change::Targets {
            targets: document.targets,
        });
        let binding = document.binding.map(Box::new);
        changes.extend(binding.map(|binding| Change::Binding { binding }));
        writer.change(changes).await?;
        Ok(counts)
    }

    /// The document's values, sealed under this stack's own keys and for its name.
    async fn sealed_here(
        &self,
        document: &Document,
    ) -> Result<(BTreeMap<Key, Record>, BTreeMap<String, Json>), StateError> {
        let state = document.state();
        if !state.has_secrets() {
            return Ok((state.records, state.exports));
        }
        let theirs = self.vault_of(document).await?;
        let ours = self.vault().await?;
        let opened = state.open(&theirs)?;
        let records = opened
            .into_iter()
            .map(|(key, record)| Ok((key, sealed::seal_record(Some(&ours), record)?)));
        let exports = state.open_exports(&theirs)?.into_iter().map(|(name, value)| {
            let sealed = sealed::seal_value(Some(&ours), &sealed::export_place(&name), "value", &value)?;
            Ok((name, sealed))
        });
        Ok((
            records.collect::<Result<_, StateError>>()?,
            exports.collect::<Result<_, StateError>>()?,
        ))
    }

    async fn vault_of(&self, document: &Document) -> Result<std::sync::Arc<Vault>, StateError> {
        let keys = document
            .keys
            .clone()
            .ok_or_else(|| broken("it holds secrets, and no keys"))?;
        let keys: KeyFile = serde_json::from_value(keys).map_err(|error| broken(&error.to_string()))?;
        self.unwrap("the exported state".to_owned(), keys, &document.stack)
            .await
    }
}

fn broken(what: &str) -> StateError {
    StateError::Import(what.to_owned())
}
