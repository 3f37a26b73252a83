//! The stack's data keys: where they lie, and who opens them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::lines::{self, FORMAT};
use super::paths::Paths;
use super::{
    BackendError, BackendErrorKind, Created, DataKey, Etag, KeySource, KeySourceError, StateError, Store, Vault,
    WrappedKey,
};

/// The object that holds the stack's data keys, wrapped; sealed values name theirs by its number.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyFile {
    format: u64,
    stack: String,
    pub(super) current: u32,
    pub(super) keys: BTreeMap<u32, WrappedKey>,
    /// True if whole files are encrypted, and not only the secrets in them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) whole: bool,
}

impl KeyFile {
    pub(super) fn new(stack: &str, current: u32, keys: BTreeMap<u32, WrappedKey>, whole: bool) -> Self {
        Self {
            format: FORMAT,
            stack: stack.to_owned(),
            current,
            keys,
            whole,
        }
    }
}

impl Store {
    /// The vault of keys that are there; none are made.
    pub(super) async fn existing_vault(&self) -> Result<Arc<Vault>, StateError> {
        match self.read_key_file().await? {
            Some(_) => self.vault().await,
            None => Err(missing(&Paths::new(&self.stack)?.keys())),
        }
    }

    /// The stack's vault, if the stack has a key; none is made.
    ///
    /// # Errors
    /// When the key cannot be read or unwrapped.
    pub async fn kept_vault(&self) -> Result<Option<Arc<Vault>>, StateError> {
        match self.opened_vault() {
            Some(vault) => Ok(Some(vault)),
            None if self.read_key_file().await?.is_some() => self.vault().await.map(Some),
            None => Ok(None),
        }
    }

    /// What seals whole files, if the stack is one of which everything is encrypted; a new stack becomes one if this
    /// store is to make such.
    pub(super) async fn sealing(&self) -> Result<Option<Arc<Vault>>, StateError> {
        match self.read_key_file().await? {
            Some((file, _)) if file.whole => self.vault().await.map(Some),
            None if self.encrypt_new => self.vault().await.map(Some),
            _ => Ok(None),
        }
    }

    /// The stack's vault: loads its wrapped data key, or makes one on first use. Unwrapped once per store.
    ///
    /// # Errors
    /// When the key cannot be read, made or unwrapped.
    pub async fn vault(&self) -> Result<Arc<Vault>, StateError> {
        self.vault.get_or_try_init(|| self.open_vault()).await.cloned()
    }

    /// The vault, if this store has opened it.
    pub(super) fn opened_vault(&self) -> Option<Arc<Vault>> {
        self.vault.get().cloned()
    }

    async fn open_vault(&self) -> Result<Arc<Vault>, StateError> {
        let path = Paths::new(&self.stack)?.keys();
        if let Some(file) = self.read_json(&path).await? {
            return self.unwrap(path, file, &self.stack).await;
        }
        let keys = self.keys.clone();
        let (key, wrapped) = off_the_runtime(&path, move || keys.create()).await?;
        let file = KeyFile::new(&self.stack, 1, BTreeMap::from([(1, wrapped)]), self.encrypt_new);
        if let Created::Created(_) = self.create_json(&path, &file).await? {
            return Ok(Arc::new(Vault::new(&key, &*self.stack)));
        }
        // Somebody else was quicker; theirs is the one.
        match self.read_json(&path).await? {
            Some(file) => self.unwrap(path, file, &self.stack).await,
            None => Err(missing(&path)),
        }
    }

    /// The key file as it lies there.
    pub(super) async fn key_file(&self) -> Result<Option<Json>, StateError> {
        self.read_json(&Paths::new(&self.stack)?.keys()).await
    }

    /// The key file with its mark.
    pub(super) async fn read_key_file(&self) -> Result<Option<(KeyFile, Etag)>, StateError> {
        let path = Paths::new(&self.stack)?.keys();
        let object = self.backend.read(&path).await.map_err(StateError::Read)?;
        object
            .map(|object| Ok((lines::read_json(&path, &object.bytes)?, object.etag)))
            .transpose()
    }

    /// The vault of a key file, for values of the stack of that name.
    pub(super) async fn unwrap(&self, path: String, file: KeyFile, stack: &str) -> Result<Arc<Vault>, StateError> {
        let keys = self.unwrap_keys(&path, &file).await?;
        let vault = Vault::with_keys(file.current, &keys, stack);
        vault.map(Arc::new).ok_or_else(|| missing(&path))
    }

    pub(super) async fn unwrap_keys(&self, path: &str, file: &KeyFile) -> Result<BTreeMap<u32, DataKey>, StateError> {
        let (source, wrapped) = (self.keys.clone(), file.keys.clone());
        let unwrap_all = move || {
            let keys = wrapped.iter().map(|(number, key)| Ok((*number, source.unwrap(key)?)));
            keys.collect::<Result<BTreeMap<_, _>, KeySourceError>>()
        };
        off_the_runtime(path, unwrap_all).await
    }

    pub(super) fn key_source(&self) -> &KeySource {
        &self.keys
    }

    /// The same store without the keys that it has opened.
    pub(super) fn reopened(&self) -> Self {
        let mut store = self.clone();
        store.vault = Arc::default();
        store
    }

    /// Makes sure, under the lease, that the keys which this store has opened still are those of the stack: what it seals
    /// would never open again otherwise.
    pub(super) async fn check_keys(&self) -> Result<(), StateError> {
        let Some(vault) = self.opened_vault() else {
            return Ok(());
        };
        match self.read_key_file().await? {
            Some((file, _)) if file.current == vault.current() => Ok(()),
            _ => Err(StateError::Rekeyed(self.stack.to_string())),
        }
    }
}

/// Unwrapping takes a second of computing where a passphrase is used: other tasks go on meanwhile.
pub(super) async fn off_the_runtime<T: Send + 'static>(
    path: &str,
    work: impl FnOnce() -> Result<T, KeySourceError> + Send + 'static,
) -> Result<T, StateError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(StateError::Read(BackendError {
            operation: "unwrap",
            place: path.to_owned(),
            message: error.to_string(),
            kind: BackendErrorKind::Other,
        })),
    }
}

fn missing(path: &str) -> StateError {
    StateError::Damaged {
        file: path.to_owned(),
        line: None,
        what: "the current key is missing".to_owned(),
    }
}
