//! Other keys for a stack: a new data key and everything sealed again, or the same one wrapped for other people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::entry::Change;
use super::keyring::{KeyFile, KeysThere, off_the_runtime};
use super::lines::{Access, Guard};
use super::log::Undo;
use super::paths::Paths;
use super::{
    DataKey, KeySourceError, Put, Recipients, Record, RunInfo, StateError, Store, Summary, Vault, WrappedKey, Writer,
    history, lines, sealed,
};
use crate::urn::Key;

/// The options of [`Store::rekey`].
#[derive(Debug, Clone, Default)]
pub struct RekeyOptions {
    /// The recipients of the keys from now on; without it those that this run's own means stand for.
    pub recipients: Option<Recipients>,
    /// Keep the data key, and only wrap it again.
    pub only_wrap: bool,
    /// Whether everything that is recorded is encrypted from now on, or only the secrets; without it that stays.
    pub whole: Option<bool>,
}

/// The result of a rekey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rekeyed {
    /// The number of the data key from now on.
    pub key: u32,
    /// The number of records and exports that were sealed again.
    pub sealed: usize,
    /// The number of versions of the history that were sealed again.
    pub versions: usize,
    /// True if this finished what an interrupted run had begun.
    pub resumed: bool,
}

impl Store {
    /// Gives the stack a new data key, wrapped for the given recipients, and seals every secret of records, exports and
    /// history under it; then the old key goes, and with it the journal and snapshots that it sealed.
    ///
    /// The keys change hands in one step, before anything is sealed again: from then on only the new means open them. A run
    /// that is interrupted after that leaves both data keys in place, so everything still opens; another call finishes.
    ///
    /// Stores that have opened the old keys go on with those: what they would write is refused. Open new ones.
    ///
    /// # Errors
    /// [`StateError::NoStack`]; when the keys do not open; as [`begin`](Self::begin).
    pub async fn rekey(
        &self,
        run: RunInfo,
        lock_timeout: Duration,
        options: RekeyOptions,
    ) -> Result<Rekeyed, StateError> {
        self.must_exist().await?;
        if self.encrypt_new && options.whole == Some(false) {
            return Err(StateError::NotWhole(self.stack().to_owned()));
        }
        // It may change over to what is asked for here.
        let store = self
            .clone()
            .encrypt_new(self.encrypt_new && options.whole != Some(true));
        store.rekey_as_asked(run, lock_timeout, options).await
    }

    async fn rekey_as_asked(
        &self,
        run: RunInfo,
        lock_timeout: Duration,
        options: RekeyOptions,
    ) -> Result<Rekeyed, StateError> {
        let writer = self.begin(run.clone(), lock_timeout).await?;
        let (mut rekeyed, vault) = match self.rekey_under(&writer, options).await {
            Ok(done) => done,
            Err(error) => {
                writer.abandon().await;
                return Err(error);
            }
        };
        let summary = Summary {
            updated: rekeyed.sealed as u64,
            ok: true,
            ..Summary::default()
        };
        writer.finish(summary).await?;
        // Next come the files that are never written again: the history, this run's own version with it, and the journal.
        let vault = Arc::new(vault);
        let fresh = self.reopened_with(Arc::clone(&vault));
        let writer = fresh.begin(run, lock_timeout).await?;
        let tidied = fresh.tidy_up(&writer, &vault).await;
        writer.abandon().await;
        rekeyed.versions = tidied?;
        Ok(rekeyed)
    }

    /// Leaves nothing that the old key sealed, and then removes that key. Returns the number of versions that were sealed again.
    async fn tidy_up(&self, writer: &Writer, vault: &Vault) -> Result<usize, StateError> {
        let versions = self.seal_history(vault).await?;
        writer.compact().await?;
        self.purge().await?;
        self.drop_old_keys().await?;
        Ok(versions)
    }

    async fn rekey_under(&self, writer: &Writer, options: RekeyOptions) -> Result<(Rekeyed, Vault), StateError> {
        let there = self.key_file_or_new().await?;
        let file = &there.file;
        let whole = options.whole.unwrap_or(file.whole);
        let mut keys = self.unwrap_keys(&Paths::new(self.stack())?.keys(), file).await?;
        let resumed = keys.len() > 1;
        let current = if options.only_wrap || resumed {
            file.current
        } else {
            let next = file.current.saturating_add(1);
            keys.insert(next, DataKey::generate().map_err(KeySourceError::from)?);
            next
        };
        let vault = Vault::with_keys(current, &keys, self.stack()).ok_or_else(|| self.no_key())?;
        // Keys that an interrupted run has wrapped already are wrapped again only if that is asked for.
        if !resumed || options.recipients.is_some() || whole != file.whole {
            let file = KeyFile {
                current,
                keys: self.wrap(&keys, options.recipients).await?,
                whole,
                ..file.next()
            };
            self.replace_key_file(file, &there.etag, &vault).await?;
        }
        let rekeyed = Rekeyed {
            key: current,
            sealed: self.seal_records(writer, &vault).await?,
            versions: 0,
            resumed,
        };
        Ok((rekeyed, vault))
    }

    async fn seal_records(&self, writer: &Writer, vault: &Vault) -> Result<usize, StateError> {
        let state = writer.state();
        let mut changes = Vec::new();
        for (key, record) in &state.records {
            if let Some(record) = sealed_anew(vault, key, record)? {
                changes.push(Change::Put {
                    key: key.clone(),
                    record: Box::new(record),
                });
            }
        }
        if state
            .exports
            .values()
            .any(|export| sealed::is_json_stale(vault, export))
        {
            let opened = state.open_exports(vault)?.into_iter();
            let exports = opened.map(|(name, value)| {
                let sealed = sealed::seal_value(Some(vault), &sealed::export_place(&name), "value", &value)?;
                Ok((name, sealed))
            });
            let exports = exports.collect::<Result<_, StateError>>()?;
            changes.push(Change::Exports { exports });
        }
        let sealed = changes.len();
        if sealed > 0 {
            writer.change(changes).await?;
        }
        Ok(sealed)
    }

    /// Seals the content of the versions again, each in one step.
    async fn seal_history(&self, vault: &Vault) -> Result<usize, StateError> {
        let whole = self.read_key_file().await?.is_some_and(|there| there.file.whole);
        let guard = Guard {
            vault: Some(vault),
            whole,
        };
        let paths = Paths::new(self.stack())?;
        let backend = self.backend();
        let mut count = 0;
        for key in backend.list(&paths.history()).await.map_err(StateError::Read)? {
            let (Some(number), Some(object)) = (
                Paths::version_and_term(&key),
                backend.read(&key).await.map_err(StateError::Read)?,
            ) else {
                continue;
            };
            let decoded = history::decode(self.stack(), number, &object.bytes, Access::with(Some(vault)));
            let (version, mut undo) = decoded.map_err(|fault| fault.in_file(&key))?;
            if !undo_anew(vault, &mut undo)? && lines::is_kept_by(&object.bytes, guard) {
                continue;
            }
            let bytes = history::encode(self.stack(), number.1, &version, &undo, guard)?;
            let put = backend.put_if_match(&key, bytes, &object.etag).await;
            if put.map_err(StateError::Write)? == Put::Mismatch {
                return Err(lines::changed(&key));
            }
            count += 1;
        }
        Ok(count)
    }

    /// Removes all of the journal and the snapshots but the newest snapshot.
    async fn purge(&self) -> Result<(), StateError> {
        let paths = Paths::new(self.stack())?;
        let backend = self.backend();
        let snapshots = backend.list(&paths.snapshots()).await.map_err(StateError::Read)?;
        let Some(newest) = snapshots.iter().filter_map(|key| Paths::number(key)).max() else {
            return Ok(());
        };
        let batches = backend.list(&paths.journal()).await.map_err(StateError::Read)?;
        let old = |key: &&String| Paths::number(key).is_some_and(|number| number < newest);
        let covered = |key: &&String| Paths::number(key).is_some_and(|number| number <= newest);
        for key in snapshots.iter().filter(old).chain(batches.iter().filter(covered)) {
            backend.delete(key).await.map_err(StateError::Write)?;
        }
        Ok(())
    }

    /// Keeps the current key alone.
    async fn drop_old_keys(&self) -> Result<(), StateError> {
        let Some(there) = self.read_key_file().await? else {
            return Ok(());
        };
        let vault = self.open_keys(&there).await?;
        let current = there.file.current;
        if there.file.keys.len() > 1 || there.file.bare > 0 {
            let mut file = there.file.next();
            file.keys.retain(|number, _| *number == current);
            // All of the history was written again.
            file.bare = 0;
            self.replace_key_file(file, &there.etag, &vault).await?;
        }
        Ok(())
    }

    async fn wrap(
        &self,
        keys: &BTreeMap<u32, DataKey>,
        recipients: Option<Recipients>,
    ) -> Result<BTreeMap<u32, WrappedKey>, StateError> {
        let (source, keys) = (self.key_source().clone(), keys.clone());
        let path = Paths::new(self.stack())?.keys();
        let wrapped = off_the_runtime(&path, move || {
            let recipients = recipients.map_or_else(|| source.recipients(), Ok)?;
            let wrap = |(number, key)| Ok((number, WrappedKey::wrap(key, &recipients)?));
            keys.iter().map(|(number, key)| wrap((*number, key))).collect()
        });
        wrapped.await
    }

    async fn key_file_or_new(&self) -> Result<KeysThere, StateError> {
        // Makes one where there is none yet.
        self.vault().await?;
        self.read_key_file().await?.ok_or_else(|| self.no_key())
    }

    fn no_key(&self) -> StateError {
        StateError::Damaged {
            file: format!("{}/key.json", self.stack()),
            line: None,
            what: "the current key is missing".to_owned(),
        }
    }
}

/// A record sealed under the current key; none if it holds nothing that is sealed under another one.
fn sealed_anew(vault: &Vault, key: &Key, record: &Record) -> Result<Option<Record>, StateError> {
    if !record.values().any(|value| sealed::is_stale(vault, value)) {
        return Ok(None);
    }
    let opened = sealed::open_record(vault, key, record)?;
    sealed::seal_record(Some(vault), opened).map(Some)
}

/// Seals again what leads back to a version; says whether anything had to be.
fn undo_anew(vault: &Vault, undo: &mut Undo) -> Result<bool, StateError> {
    let mut stale = false;
    for (key, record) in &mut undo.records {
        if let Some(there) = record
            && let Some(anew) = sealed_anew(vault, key, there)?
        {
            *there = anew;
            stale = true;
        }
    }
    for (name, export) in undo.exports.iter_mut().flatten() {
        if sealed::is_json_stale(vault, export) {
            let place = sealed::export_place(name);
            let value = sealed::open_value(vault, &place, "value", export)?;
            *export = sealed::seal_value(Some(vault), &place, "value", &value)?;
            stale = true;
        }
    }
    Ok(stale)
}
