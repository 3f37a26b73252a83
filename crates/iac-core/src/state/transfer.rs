//! A whole state as one document: for keeping a copy, and for bringing it elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::entry::Change;
use super::keyring::KeyFile;
use super::stamp::{Stamp, check_reader};
use super::{Binding, Pending, Record, RunInfo, StackId, State, StateError, Store, Summary, Vault, Writer, sealed};
use crate::provider::Target;
use crate::urn::Key;
use crate::value::hex;

/// The document. Secrets in it are sealed; the keys that open them go along, wrapped as they are in the stack.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    #[serde(flatten)]
    stamp: Stamp,
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
    id: Option<StackId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Json>,
    /// Of the document with this field empty, in hexadecimal: under the current key of `keys` where there is that, else
    /// the SHA-256.
    sum: String,
}

/// The options of an [`import`](Store::import), for a state that is in its way.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// Take the state of another stack.
    pub other_stack: bool,
    /// Take the place of what is recorded.
    pub replace: bool,
}

/// The result of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The version that it is.
    pub version: u64,
    /// The number of resources that are recorded now.
    pub records: usize,
    /// The number of resources that were recorded before, and are no more.
    pub replaced: usize,
}

/// The text that a document's sum is of.
struct Source {
    text: String,
    /// True if the sum is one under the key in the document.
    seals: bool,
}

/// The purpose of a document's MAC.
const PURPOSE: &str = "export";

const CHANGED: &str = "it was changed or cut: its checksum does not fit it";

/// The document's text with an empty sum: that stands at its end, as it is written.
fn without_sum(bytes: &[u8], sum: &str) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (before, after) = text.rsplit_once(&format!("\"sum\": \"{sum}\""))?;
    Some(format!("{before}\"sum\": \"\"{after}"))
}

fn plain_sum(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

impl Document {
    /// Its text as a file.
    fn text(&self) -> Result<String, StateError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| broken(&error.to_string()))?;
        Ok(text + "\n")
    }

    fn parse(bytes: &[u8]) -> Result<(Self, Source), StateError> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))?;
        check_reader("the exported state", &json)?;
        let document: Self = serde_json::from_value(json).map_err(|error| broken(&error.to_string()))?;
        let text = without_sum(bytes, &document.sum).ok_or_else(|| broken(CHANGED))?;
        let source = Source {
            seals: document.keys.is_some() && document.stamp.format >= 2,
            text,
        };
        if !source.seals && plain_sum(&source.text) != document.sum {
            return Err(broken(CHANGED));
        }
        for (key, record) in &document.records {
            sealed::check_record(key, record)?;
        }
        Ok((document, source))
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
        let keys = self.key_file().await?;
        let mut document = Document {
            stamp: Stamp::of(&state),
            stack: self.stack().to_owned(),
            version: state.version,
            at: Timestamp::now(),
            records: state.records,
            pending: state.pending,
            exports: state.exports,
            targets: state.targets,
            binding: state.binding,
            id: state.id,
            keys,
            sum: String::new(),
        };
        let text = document.text()?;
        document.sum = match &document.keys {
            Some(_) => self.vault().await?.file_mac(PURPOSE, text.as_bytes()),
            None => plain_sum(&text),
        };
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
        let (document, source) = Document::parse(document)?;
        if document.stack != self.stack() && !options.other_stack {
            return Err(StateError::Import(format!(
                "it is the state of stack {:?}, not of {:?}",
                document.stack,
                self.stack()
            )));
        }
        let theirs = self.vault_of(&document, &source).await?;
        let writer = self.begin(run, lock_timeout).await?;
        let imported = self.import_under(&writer, document, theirs.as_deref(), options).await;
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
        theirs: Option<&Vault>,
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
        let (records, exports) = self.sealed_here(&document, theirs).await?;
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
        // The objects of the same stack bear it; another stack is another one, whatever it begins with.
        let id = document.id.filter(|_| document.stack == self.stack());
        changes.extend(id.map(|id| Change::Id { id }));
        writer.change(changes).await?;
        Ok(counts)
    }

    /// The document's values, sealed under this stack's own keys and for its name.
    async fn sealed_here(
        &self,
        document: &Document,
        theirs: Option<&Vault>,
    ) -> Result<(BTreeMap<Key, Record>, BTreeMap<String, Json>), StateError> {
        let state = document.state();
        if !state.has_secrets() {
            return Ok((state.records, state.exports));
        }
        let theirs = theirs.ok_or_else(|| broken("it holds secrets, and no keys"))?;
        let ours = self.vault().await?;
        let opened = state.open(theirs)?;
        let records = opened
            .into_iter()
            .map(|(key, record)| Ok((key, sealed::seal_record(Some(&ours), record)?)));
        let exports = state.open_exports(theirs)?.into_iter().map(|(name, value)| {
            let sealed = sealed::seal_value(Some(&ours), &sealed::export_place(&name), "value", &value)?;
            Ok((name, sealed))
        });
        Ok((
            records.collect::<Result<_, StateError>>()?,
            exports.collect::<Result<_, StateError>>()?,
        ))
    }

    /// The keys in a document, which have to vouch for it.
    async fn vault_of(&self, document: &Document, source: &Source) -> Result<Option<Arc<Vault>>, StateError> {
        let Some(keys) = document.keys.clone() else {
            return Ok(None);
        };
        if !source.seals && !document.state().has_secrets() {
            return Ok(None);
        }
        let keys: KeyFile = serde_json::from_value(keys).map_err(|error| broken(&error.to_string()))?;
        let vault = self.unwrap("the exported state", &keys, &document.stack).await?;
        if source.seals && vault.file_mac(PURPOSE, source.text.as_bytes()) != document.sum {
            return Err(broken(CHANGED));
        }
        Ok(Some(vault))
    }
}

fn broken(what: &str) -> StateError {
    StateError::Import(what.to_owned())
}
