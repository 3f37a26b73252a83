//! A stack's way from one backend to another, with its history and its keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::lines::Access;
use super::log::read_log;
use super::marker::{Marker, Status};
use super::paths::Paths;
use super::{Backend, Created, RunInfo, StateError, Store, Vault};
use crate::redact;

/// The result of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The number of files that were copied; those that an interrupted migration had copied before are not counted.
    pub copied: usize,
    /// The number of files of the stack.
    pub files: usize,
    /// The number of recorded resources.
    pub records: usize,
}

/// A stack's files but for its marker and its lease.
type Files = BTreeMap<String, Vec<u8>>;

impl Store {
    /// Brings the stack to another backend: copies every file, reads all of it back and compares, and then marks the
    /// stack as moved here, so that nobody goes on with the old one. With `copy`, both can be used from then on, and know
    /// nothing of one another.
    ///
    /// The source's lease is held meanwhile. Nothing can be begun at the target before it is whole; a migration that was
    /// interrupted is finished by another one. `to` is what people are told of the target.
    ///
    /// # Errors
    /// [`StateError::Occupied`] when the target has a stack of that name that is not a copy of this one; as
    /// [`begin`](Self::begin).
    pub async fn migrate(
        &self,
        target: &Arc<dyn Backend>,
        to: &str,
        run: RunInfo,
        lock_timeout: Duration,
        copy: bool,
    ) -> Result<Migrated, StateError> {
        self.must_exist().await?;
        let writer = self.begin(run, lock_timeout).await?;
        let migrated = self.migrate_under(&**target, to, copy).await;
        writer.abandon().await;
        migrated
    }

    async fn migrate_under(&self, target: &dyn Backend, to: &str, copy: bool) -> Result<Migrated, StateError> {
        let paths = Paths::new(self.stack())?;
        if self.is_same_place(target, &paths).await? {
            return Err(self.occupied(to, "it is there already"));
        }
        let files = read_files(self.backend(), &paths).await?;
        let there = read_files(target, &paths).await?;
        let vault = self.kept_vault().await?;
        self.prepare(target, &paths, &files, &there, to, vault.as_deref())
            .await?;
        for key in there.keys().filter(|key| !files.contains_key(*key)) {
            target.delete(key).await.map_err(StateError::Write)?;
        }
        let mut copied = 0;
        for (key, bytes) in files.iter().filter(|(key, bytes)| there.get(*key) != Some(bytes)) {
            if there.contains_key(key) {
                target.delete(key).await.map_err(StateError::Write)?;
            }
            let Created::Created(_) = target.create(key, bytes.clone()).await.map_err(StateError::Write)? else {
                return Err(self.occupied(to, "somebody else writes there at this moment"));
            };
            copied += 1;
        }
        let records = self.verify(target, &paths, &files, to).await?;
        Marker::set(target, &paths, self.stack(), None, vault.as_deref()).await?;
        self.remember_at(target).await;
        if !copy {
            let moved = Status::Moved { to: redact::url(to) };
            Marker::set(self.backend(), &paths, self.stack(), Some(moved), vault.as_deref()).await?;
        }
        Ok(Migrated {
            copied,
            files: files.len(),
            records,
        })
    }

    /// Whether the target is the source under another name: then our own lease is there.
    async fn is_same_place(&self, target: &dyn Backend, paths: &Paths) -> Result<bool, StateError> {
        let read = async |backend: &dyn Backend| backend.read(&paths.lease()).await.map_err(StateError::Read);
        // It is renewed meanwhile, perhaps between two looks.
        let (before, there) = (read(self.backend()).await?, read(target).await?);
        let after = read(self.backend()).await?;
        let bytes = there.map(|there| there.bytes);
        Ok(bytes.is_some() && (bytes == before.map(|own| own.bytes) || bytes == after.map(|own| own.bytes)))
    }

    /// Marks the target as not yet usable, if nothing of its own is there.
    async fn prepare(
        &self,
        target: &dyn Backend,
        paths: &Paths,
        files: &Files,
        there: &Files,
        to: &str,
        vault: Option<&Vault>,
    ) -> Result<(), StateError> {
        let marker = Marker::read(target, paths).await?;
        let status = marker.as_ref().map(|(marker, _)| marker.status.clone());
        let mine = match status {
            // An earlier migration was interrupted here, or a stack has left.
            Some(Some(Status::Arriving | Status::Moved { .. })) => true,
            Some(Some(Status::Removing)) => false,
            // The last one was interrupted when all was done but for the mark at the source; or this is an older copy.
            _ => there.iter().all(|(key, bytes)| files.get(key) == Some(bytes)),
        };
        if !mine {
            return Err(self.occupied(to, "it has a stack of this name, which is not a copy of this one"));
        }
        match marker {
            Some(_) => Marker::set(target, paths, self.stack(), Some(Status::Arriving), vault).await,
            None => {
                let marker = Marker::new(self.stack(), Some(Status::Arriving));
                if marker.write(target, paths, None, vault).await? {
                    return Ok(());
                }
                Err(self.occupied(to, "somebody else began a stack of this name at this moment"))
            }
        }
    }

    /// Reads everything back.
    async fn verify(&self, target: &dyn Backend, paths: &Paths, files: &Files, to: &str) -> Result<usize, StateError> {
        let back = read_files(target, paths).await?;
        let ours = self.load_log().await?;
        let vault = self.opened_vault();
        let theirs = read_log(target, paths, self.stack(), Access::with(vault.as_deref())).await?;
        if back != *files || ours.state != theirs.state {
            return Err(self.occupied(to, "what was written does not read back as it was"));
        }
        Ok(ours.state.records.len())
    }

    fn occupied(&self, to: &str, why: &str) -> StateError {
        StateError::Occupied {
            stack: self.stack().to_owned(),
            to: to.to_owned(),
            why: why.to_owned(),
        }
    }
}

async fn read_files(backend: &dyn Backend, paths: &Paths) -> Result<Files, StateError> {
    let mut files = Files::new();
    for key in backend.list(&paths.all()).await.map_err(StateError::Read)? {
        if key == paths.marker() || key == paths.lease() {
            continue;
        }
        if let Some(object) = backend.read(&key).await.map_err(StateError::Read)? {
            files.insert(key, object.bytes);
        }
    }
    Ok(files)
}
