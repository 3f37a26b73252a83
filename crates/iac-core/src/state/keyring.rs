//! The stack's data keys: where they lie, who opens them, and whether they are the stack's.
//!
//! Anybody can wrap a key of their own for a public age recipient. So the key file vouches for itself under the current
//! key, each key is confirmed under the one before ([`links`](super::links)), what was recorded bears the seal of the keys,
//! and this machine remembers them ([`seen`](super::seen)).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use super::lines::{self, Access, Guard, Vouched};
use super::links::Links;
use super::log::Log;
use super::paths::Paths;
use super::stamp::Stamp;
use super::store::Showing;
use super::{
    BackendError, BackendErrorKind, Created, DataKey, Etag, KeySource, KeySourceError, Put, StateError, Store, Vault,
    WrappedKey,
};

/// The purpose of the key file's MAC.
const PURPOSE: &str = "keys";

/// The object that holds the stack's data keys, wrapped; sealed values name theirs by its number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyFile {
    #[serde(flatten)]
    pub(super) stamp: Stamp,
    pub(super) stack: String,
    /// Grows with every change of the file.
    #[serde(default)]
    pub(super) generation: u64,
    pub(super) current: u32,
    pub(super) keys: BTreeMap<u32, WrappedKey>,
    /// The links that confirm each key but the first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) links: Links,
    /// True if whole files are encrypted, and not only the secrets in them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) whole: bool,
    /// True as long as nothing that was recorded bears the seal of a key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unused: bool,
    /// The last version of the history from before the stack had a key.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) bare: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The key file as it was read.
#[derive(Debug, Clone)]
pub(super) struct KeysThere {
    pub(super) file: KeyFile,
    pub(super) etag: Etag,
    seal: Option<Vouched>,
}

impl KeyFile {
    pub(super) fn new(stack: &str, current: u32, keys: BTreeMap<u32, WrappedKey>, whole: bool) -> Self {
        Self {
            stamp: Stamp::new(),
            stack: stack.to_owned(),
            generation: 1,
            current,
            keys,
            links: Links::new(),
            whole,
            unused: true,
            bare: 0,
        }
    }

    /// True if it is of the format that vouches for itself.
    pub(super) fn seals(&self) -> bool {
        self.stamp.format >= 2
    }

    /// The file that comes after this one, in today's format.
    pub(super) fn next(&self) -> Self {
        Self {
            stamp: Stamp::new(),
            generation: self.generation.saturating_add(1),
            // Records beside a file of format 1 bear no seal yet.
            unused: self.unused || !self.seals(),
            ..self.clone()
        }
    }

    /// As bytes that the vault vouches for, with the links between the keys that are in it.
    pub(super) fn sealed_by(mut self, vault: &Vault) -> Result<Vec<u8>, StateError> {
        let keys: Vec<_> = vault
            .link_keys()
            .filter(|(number, _)| self.keys.contains_key(number))
            .collect();
        for pair in keys.windows(2) {
            let [(_, before), (number, next)] = pair else { continue };
            let link = before.link(&self.stack, *number, next);
            self.links.insert(*number, link.map_err(KeySourceError::from)?);
        }
        Vouched::file(PURPOSE, &self, Some(vault))
    }
}

impl KeysThere {
    pub(super) fn read(path: &str, bytes: &[u8], etag: Etag) -> Result<Self, StateError> {
        Ok(Self {
            file: lines::read_json(path, bytes)?,
            etag,
            seal: Vouched::read(bytes),
        })
    }

    /// Whether the keys vouch for the file and for one another.
    pub(super) fn check(&self, vault: &Vault) -> Result<(), StateError> {
        if !self.file.seals() {
            return Ok(());
        }
        if !self.seal.as_ref().is_some_and(|seal| seal.is_by(PURPOSE, vault)) {
            return Err(self.forged("it does not bear the seal of the key that it calls the current one: somebody changed it, or put another key there"));
        }
        let keys: Vec<_> = vault.link_keys().collect();
        for pair in keys.windows(2) {
            let [(from, before), (number, next)] = pair else {
                continue;
            };
            if !before.leads_to(&self.file.stack, *from, &self.file.links, *number, next) {
                let what = format!("key {number} is not confirmed by key {from}: no `stack rekey` made it");
                return Err(self.forged(&what));
            }
        }
        Ok(())
    }

    /// Whether what was recorded goes with the file: it bears the seal of its keys, and the file is not older than that.
    fn check_log(&self, log: &Log) -> Result<(), StateError> {
        if !self.file.seals() {
            return match log.keyed {
                None => Ok(()),
                Some(_) => Err(self.forged(
                    "it is of format 1 and vouches for nothing, and what was recorded bears the seal of a key",
                )),
            };
        }
        if log.keys > self.file.generation {
            let (there, due) = (self.file.generation, log.keys);
            return Err(self.untrusted(&format!(
                "it is an old one, put back: its generation is {there}, and what was recorded goes with {due}"
            )));
        }
        if log.keyed.is_none() && !self.file.unused {
            return Err(StateError::Untrusted {
                file: self.file.stack.clone(),
                what:
                    "nothing of what lies there bears the seal of the stack's key, and what its runs have recorded does"
                        .to_owned(),
                remedy: remedy(),
            });
        }
        Ok(())
    }

    /// It is the stack's, and not what is to be expected: a person can decide that it is right.
    pub(super) fn untrusted(&self, what: &str) -> StateError {
        self.refused(what, remedy())
    }

    /// Nobody vouches for it, whatever a person says.
    pub(super) fn forged(&self, what: &str) -> StateError {
        self.refused(what, key_remedy())
    }

    /// It is not the one that the environment asks for.
    pub(super) fn unexpected(&self, what: &str) -> StateError {
        self.refused(what, pin_remedy())
    }

    fn refused(&self, what: &str, remedy: String) -> StateError {
        StateError::Untrusted {
            file: format!("{}/key.json", self.file.stack),
            what: what.to_owned(),
            remedy,
        }
    }
}

/// Returns the remedy where the files that lie there are not believed.
pub(super) fn remedy() -> String {
    "Bring back what the stack's last run left, from a copy of the backend; or, if you know how it came about and want to go on from what lies there, `state trust` takes it as it is".to_owned()
}

/// Returns the remedy where the key file itself is not believed.
pub(super) fn key_remedy() -> String {
    format!(
        "Bring it back from a copy of the backend; {ANEW} (`state trust` does not help here, since nothing vouches for this file)"
    )
}

/// The remedy without a copy of the key file.
pub(super) const ANEW: &str =
    "without one, `state import FILE --stack NEW --other-stack` begins another stack from an earlier `state export`";

/// Returns the remedy where the environment names another key.
pub(super) fn pin_remedy() -> String {
    "Bring back the stack's own state from a copy of the backend; or, if you know that what lies there is right, set IAC_STATE_KEY to its fingerprint (`state trust --json` shows it), or unset it".to_owned()
}

/// The keys that a run writes with.
#[derive(Debug, Clone)]
pub(super) struct Keeping {
    pub(super) vault: Arc<Vault>,
    pub(super) whole: bool,
    pub(super) unused: bool,
    pub(super) generation: u64,
}

impl Keeping {
    fn of(file: &KeyFile, vault: Arc<Vault>) -> Self {
        Self {
            vault,
            whole: file.whole,
            unused: file.unused,
            generation: file.generation,
        }
    }

    pub(super) fn guard(&self) -> Guard<'_> {
        Guard {
            vault: Some(&self.vault),
            whole: self.whole,
        }
    }
}

/// Everything that reading takes: the key file, and the keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Opened {
    pub(super) there: Option<KeysThere>,
    pub(super) vault: Option<Arc<Vault>>,
    /// True if seals are not looked at.
    pub(super) unverified: bool,
    /// Why the keys are not at hand, where what lies there is shown without them.
    pub(super) missing: Option<KeySourceError>,
}

impl Opened {
    pub(super) fn access(&self) -> Access<'_> {
        Access {
            vault: self.vault.as_deref(),
            unverified: self.unverified,
            watch: None,
        }
    }

    pub(super) fn check_log(&self, log: &Log) -> Result<(), StateError> {
        match &self.there {
            Some(there) if !self.unverified => there.check_log(log),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// The key file, and what opens it where that is needed for reading.
    pub(super) async fn opened(&self) -> Result<Opened, StateError> {
        let there = self.read_key_file().await?;
        let opened = self.opened_with(there.clone()).await;
        // Others may have given the stack another key since it was opened here.
        match opened {
            Err(error @ StateError::Untrusted { .. }) => match self.read_key_file().await? {
                Some(now) if there.is_some_and(|there| there.etag != now.etag) => self.opened_with(Some(now)).await,
                _ => Err(error),
            },
            opened => opened,
        }
    }

    async fn opened_with(&self, there: Option<KeysThere>) -> Result<Opened, StateError> {
        let mut opened = Opened {
            vault: self.opened_vault(),
            there,
            ..Opened::default()
        };
        let Some(there) = opened.there.as_ref().filter(|there| there.file.seals()) else {
            return Ok(opened);
        };
        if self.showing == Showing::AsItLies {
            opened.unverified = true;
            return Ok(opened);
        }
        match self.open_keys(there).await {
            Ok(vault) => opened.vault = Some(vault),
            Err(StateError::Key(error)) if self.showing == Showing::WithoutKey => {
                opened.unverified = true;
                opened.missing = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(opened)
    }

    /// The keys of a key file that is there, if it is the stack's own.
    pub(super) async fn open_keys(&self, there: &KeysThere) -> Result<Arc<Vault>, StateError> {
        let vault = match self.opened_vault() {
            Some(vault) => vault,
            None => self.unwrap_there(there).await?,
        };
        if vault.current() != there.file.current {
            return Err(StateError::Rekeyed(self.stack.to_string()));
        }
        there.check(&vault)?;
        self.check_seen(there, &vault).await?;
        // Only what was checked is kept for those who ask for the vault alone.
        Ok(Arc::clone(self.vault.get_or_init(|| async { vault }).await))
    }

    /// The keys of a key file that is there, whoever put them there.
    pub(super) async fn unwrap_there(&self, there: &KeysThere) -> Result<Arc<Vault>, StateError> {
        let path = Paths::new(&self.stack)?.keys();
        self.unwrap(&path, &there.file, &self.stack).await
    }

    /// Returns the keys that a run writes with, if the stack has keys.
    pub(super) async fn keeping(&self) -> Result<Option<Keeping>, StateError> {
        loop {
            let was_opened = self.opened_vault().is_some();
            match self.read_key_file().await? {
                Some(there) => {
                    let vault = self.open_keys(&there).await?;
                    return Ok(Some(Keeping::of(&there.file, vault)));
                }
                None if was_opened => return Err(StateError::Rekeyed(self.stack.to_string())),
                // Another task of this run has created the key since, for a secret of its own.
                None if self.opened_vault().is_some() => {}
                None => return Ok(None),
            }
        }
    }

    /// Returns the keys that a run is to write with, under the lease: brings a key file of format 1 up to date, and creates keys
    /// where all is to be encrypted.
    pub(super) async fn keeping_anew(&self) -> Result<Option<Keeping>, StateError> {
        if self.encrypt_new && self.read_key_file().await?.is_none() {
            self.vault().await?;
        }
        let Some(keeping) = self.keeping().await? else {
            return Ok(None);
        };
        if self.encrypt_new && !keeping.whole {
            return Err(StateError::NotWhole(self.stack.to_string()));
        }
        match self.read_key_file().await? {
            Some(there) if !there.file.seals() => {
                let file = there.file.next();
                let keeping = Keeping::of(&file, keeping.vault);
                self.replace_key_file(file, &there.etag, &keeping.vault).await?;
                Ok(Some(keeping))
            }
            _ => Ok(Some(keeping)),
        }
    }

    /// Writes down that what is recorded bears the seal of the keys from now on; `version` is the last one of which that is
    /// not certain. Gives the file's generation.
    pub(super) async fn use_keys(&self, version: u64) -> Result<u64, StateError> {
        let Some(there) = self.read_key_file().await? else {
            return Err(missing(&Paths::new(&self.stack)?.keys()));
        };
        let vault = self.open_keys(&there).await?;
        if !there.file.unused {
            return Ok(there.file.generation);
        }
        let file = KeyFile {
            unused: false,
            bare: version,
            ..there.file.next()
        };
        let generation = file.generation;
        self.replace_key_file(file, &there.etag, &vault).await?;
        Ok(generation)
    }

    pub(super) async fn replace_key_file(&self, file: KeyFile, etag: &Etag, vault: &Vault) -> Result<(), StateError> {
        let path = Paths::new(&self.stack)?.keys();
        let put = self.backend.put_if_match(&path, file.sealed_by(vault)?, etag).await;
        match put.map_err(StateError::Write)? {
            Put::Done(_) => Ok(()),
            Put::Mismatch => Err(lines::changed(&path)),
        }
    }

    /// The vault of keys that are there; none are made.
    pub(super) async fn existing_vault(&self) -> Result<Arc<Vault>, StateError> {
        let kept = self.kept_vault().await?;
        kept.ok_or_else(|| StateError::Sealed(self.stack.to_string()))
    }

    /// The stack's vault, if the stack has a key; none is made.
    ///
    /// # Errors
    /// When the key cannot be read or unwrapped.
    pub async fn kept_vault(&self) -> Result<Option<Arc<Vault>>, StateError> {
        match self.opened_vault() {
            Some(vault) => Ok(Some(vault)),
            None => match self.read_key_file().await? {
                Some(there) => self.open_keys(&there).await.map(Some),
                None => Ok(None),
            },
        }
    }

    /// The stack's vault: loads its wrapped data key, or makes one on first use. Unwrapped once per store.
    ///
    /// # Errors
    /// When the key cannot be read, made or unwrapped, or is not the stack's.
    pub async fn vault(&self) -> Result<Arc<Vault>, StateError> {
        if let Some(vault) = self.kept_vault().await? {
            return Ok(vault);
        }
        if let Some(vault) = self.make_keys().await? {
            return Ok(vault);
        }
        // Somebody else was quicker; theirs is the one.
        let kept = self.kept_vault().await?;
        kept.ok_or_else(|| missing(&format!("{}/key.json", self.stack)))
    }

    /// The vault, if this store has opened it.
    pub(super) fn opened_vault(&self) -> Option<Arc<Vault>> {
        self.vault.get().cloned()
    }

    /// Makes the stack's first key; none where there is one by now.
    async fn make_keys(&self) -> Result<Option<Arc<Vault>>, StateError> {
        let path = Paths::new(&self.stack)?.keys();
        if let Some(pin) = &self.pin {
            return Err(StateError::Untrusted {
                file: path,
                what: format!("IAC_STATE_KEY says that the stack's key is {pin}, and there is none"),
                remedy: pin_remedy(),
            });
        }
        let keys = self.keys.clone();
        let (key, wrapped) = off_the_runtime(&path, move || keys.create()).await?;
        let file = KeyFile::new(&self.stack, 1, BTreeMap::from([(1, wrapped)]), self.encrypt_new);
        let vault = Arc::new(Vault::new(&key, &*self.stack));
        let created = self.backend.create(&path, file.sealed_by(&vault)?).await;
        match created.map_err(StateError::Write)? {
            Created::Created(_) => {
                // Another task of this run may have opened it first.
                let vault = self.vault.get_or_init(|| async { vault }).await;
                Ok(Some(Arc::clone(vault)))
            }
            Created::Exists => Ok(None),
        }
    }

    /// The key file as it lies there.
    pub(super) async fn key_file(&self) -> Result<Option<Json>, StateError> {
        self.read_json(&Paths::new(&self.stack)?.keys()).await
    }

    /// The key file with its mark.
    pub(super) async fn read_key_file(&self) -> Result<Option<KeysThere>, StateError> {
        let path = Paths::new(&self.stack)?.keys();
        let object = self.backend.read(&path).await.map_err(StateError::Read)?;
        object
            .map(|object| KeysThere::read(&path, &object.bytes, object.etag))
            .transpose()
    }

    /// The vault of a key file, for values of the stack of that name.
    pub(super) async fn unwrap(&self, path: &str, file: &KeyFile, stack: &str) -> Result<Arc<Vault>, StateError> {
        let keys = self.unwrap_keys(path, file).await?;
        let vault = Vault::with_keys(file.current, &keys, stack);
        vault.map(Arc::new).ok_or_else(|| missing(path))
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

    /// The same store with keys that it could perhaps not open itself: they may be wrapped for others by now.
    pub(super) fn reopened_with(&self, vault: Arc<Vault>) -> Self {
        let mut store = self.clone();
        store.vault = Arc::new(OnceCell::new_with(Some(vault)));
        store
    }

    /// Makes sure, under the lease, that the keys which this store has opened still are those of the stack: what it seals
    /// would never open again otherwise.
    pub(super) async fn check_keys(&self) -> Result<(), StateError> {
        let Some(vault) = self.opened_vault() else {
            return Ok(());
        };
        match self.read_key_file().await? {
            Some(there) if there.file.current == vault.current() => Ok(()),
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
