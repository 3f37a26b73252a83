//! This machine's memory of a stack on a backend: by what its keys are recognised, and how far it had come.
//!
//! One small file for each stack on each backend, below the user's own state directory. With it, keys that are not the
//! stack's, a state from before, and a clear state in the place of a sealed one are told from what the stack's last run
//! left. Nothing of it is needed: a machine that remembers nothing believes whatever bears the seal of a key that it can
//! open. Stacks without a key are not remembered, since anybody could write what they hold.

use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::keyring::{KeysThere, Opened, pin_remedy, remedy};
use super::links::LinkKey;
use super::log::Log;
use super::{Backend, StateError, Store, Vault};
use crate::files;
use crate::value::hex;

/// The most that such a file may have.
const MOST_BYTES: u64 = 16 * 1024;

/// The memory of one stack on one backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    format: u64,
    /// The backend and the stack, for people who look.
    place: String,
    stack: String,
    /// The number of the current data key, and by what it is known again.
    key: u32,
    link: String,
    /// The generation of the key file.
    keys: u64,
    /// The last batch of the journal, the sum at its end, and the last version.
    batch: u64,
    sum: String,
    version: u64,
}

impl Seen {
    /// The later of two: of the keys and of the journal.
    fn merged(&self, other: &Self) -> Self {
        let (keys, older) = if self.keys >= other.keys {
            (self, other)
        } else {
            (other, self)
        };
        let journal = if self.batch >= other.batch { self } else { other };
        Self {
            batch: journal.batch,
            sum: journal.sum.clone(),
            version: keys.version.max(older.version),
            ..keys.clone()
        }
    }
}

/// Where it is kept.
#[derive(Debug, Clone)]
pub(super) struct SeenFolder(pub(super) PathBuf);

impl SeenFolder {
    fn file(&self, place: &str, stack: &str) -> PathBuf {
        let name = hex(&Sha256::digest(format!("{place}\n{stack}"))[..16]);
        self.0.join(format!("{name}.json"))
    }

    fn read(&self, place: &str, stack: &str) -> io::Result<Option<Seen>> {
        let path = self.file(place, stack);
        let bytes = match files::read_private(&path, MOST_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let seen: Seen = serde_json::from_slice(&bytes)?;
        Ok((seen.place == place && seen.stack == stack).then_some(seen))
    }

    /// Replaces the file in one step: who reads at the same time sees the old one or the new one.
    fn write(&self, seen: &Seen) -> io::Result<()> {
        files::make_folder(&self.0)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
        serde_json::to_writer(&mut file, seen)?;
        file.write_all(b"\n")?;
        file.persist(self.file(&seen.place, &seen.stack))?;
        Ok(())
    }
}

impl Store {
    /// Remembers in this folder, on this machine, by what the stack's keys are known again and how far it had come; what
    /// does not fit that is refused from then on ([`StateError::Untrusted`]).
    #[must_use]
    pub fn remember_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.seen = Some(SeenFolder(folder.into()));
        self
    }

    /// Believes no state but one under the data key of this fingerprint ([`trust`](Self::trust) gives it): for machines
    /// that remember nothing.
    #[must_use]
    pub fn expect_key(mut self, fingerprint: Option<String>) -> Self {
        self.pin = fingerprint;
        self
    }

    /// Reads the memory of the stack; returns it with its folder and the backend's place.
    async fn remembered(&self) -> Option<(SeenFolder, String, Option<Seen>)> {
        let folder = self.seen.clone()?;
        let place = self.backend.place().await?;
        let seen = folder.read(&place, &self.stack).unwrap_or_else(|error| {
            let file = folder.file(&place, &self.stack);
            self.notice(format!(
                "what this machine remembers of stack {} cannot be read, and is passed over: {}: {error}",
                self.stack,
                file.display()
            ));
            None
        });
        Some((folder, place, seen))
    }

    /// Whether keys are those that are remembered, or follow upon them.
    pub(super) async fn check_seen(&self, there: &KeysThere, vault: &Vault) -> Result<(), StateError> {
        let Some(link) = vault.link_key().filter(|_| there.file.seals()) else {
            return Ok(());
        };
        let fingerprint = link.fingerprint();
        if let Some(pin) = self.pin.as_ref().filter(|pin| **pin != fingerprint) {
            return Err(there.unexpected(&format!(
                "the key in it is {fingerprint}, and IAC_STATE_KEY says that it has to be {pin}"
            )));
        }
        let Some((.., Some(seen))) = self.remembered().await else {
            return Ok(());
        };
        let known = LinkKey::parse(&seen.link);
        let follows = known
            .as_ref()
            .is_some_and(|known| known.leads_to(&self.stack, seen.key, &there.file.links, vault.current(), link));
        if !follows {
            let known = known.map(|known| known.fingerprint()).unwrap_or_default();
            return Err(there.untrusted(&format!(
                "the key in it is {fingerprint}, this machine knows the stack by {known}, and no `stack rekey` leads from that one to the other: the stack was made anew elsewhere, or somebody put another key there"
            )));
        }
        if there.file.generation < seen.keys {
            return Err(there.untrusted(&format!(
                "it is an old one, put back: its generation is {}, and this machine has seen {}",
                there.file.generation, seen.keys
            )));
        }
        Ok(())
    }

    /// The batch whose sum is compared with what is remembered.
    pub(super) async fn watched(&self) -> Option<u64> {
        let (.., seen) = self.remembered().await?;
        seen.map(|seen| seen.batch)
    }

    /// Whether a state is one that can follow upon what is remembered.
    pub(super) async fn check_seen_log(&self, opened: &Opened, log: &Log) -> Result<(), StateError> {
        let nothing = opened.there.is_none() && log.state.generation == 0;
        let seals = opened.there.as_ref().is_some_and(|there| there.file.seals());
        let untrusted = |what: String| {
            Err(StateError::Untrusted {
                file: self.stack.to_string(),
                what,
                remedy: remedy(),
            })
        };
        if self.pin.is_some() && !seals {
            return Err(StateError::Untrusted {
                file: self.stack.to_string(),
                what: "IAC_STATE_KEY names its key, and what lies there has none".to_owned(),
                remedy: pin_remedy(),
            });
        }
        let Some((.., Some(seen))) = self.remembered().await else {
            return Ok(());
        };
        if nothing {
            self.notice(format!(
                "nothing is left of stack {} at {}, of which this machine knows version {}: it begins anew",
                self.stack, seen.place, seen.version
            ));
            return Ok(());
        }
        if !seals {
            return untrusted(
                "this machine knows the stack by its key, and what lies there bears the seal of none".to_owned(),
            );
        }
        let (batch, version) = (log.state.generation, log.state.version);
        if batch < seen.batch {
            return untrusted(format!(
                "what lies there ends with batch {batch} (version {version}), and this machine has seen batch {} (version {}): it is an older state, put back",
                seen.batch, seen.version
            ));
        }
        match log.watched {
            Some(sum) if sum.to_string() != seen.sum => untrusted(format!(
                "batch {} is not the one that this machine has seen: an older state was put back, and others went on from that",
                seen.batch
            )),
            _ => Ok(()),
        }
    }

    /// Remembers what was read or written, under keys that were checked; `keys` is the generation of their file.
    pub(super) async fn learn(&self, keys: u64, vault: &Vault, log: &Log) {
        if let (true, Some(link)) = (log.keyed.is_some(), vault.link_key()) {
            let Some((folder, place, before)) = self.remembered().await else {
                return;
            };
            let now = Seen {
                format: 1,
                place,
                stack: self.stack.to_string(),
                key: vault.current(),
                link: link.text(),
                keys,
                batch: log.state.generation,
                sum: log.chain.to_string(),
                version: log.state.version,
            };
            let merged = match &before {
                Some(before) => now.merged(before),
                None => now,
            };
            if before.as_ref() != Some(&merged) {
                self.remember(&folder, &merged);
            }
        }
    }

    fn remember(&self, folder: &SeenFolder, seen: &Seen) {
        if let Err(error) = folder.write(seen) {
            self.notice(format!(
                "this machine cannot remember how far stack {} has come, so that an older state would not be noticed: {}: {error}",
                self.stack,
                folder.0.display()
            ));
        }
    }

    /// Remembers this in the place of whatever was remembered.
    pub(super) async fn learn_anew(&self, keys: u64, vault: &Vault, log: &Log) {
        self.forget_seen().await;
        self.learn(keys, vault, log).await;
    }

    /// Forgets the stack: it was removed, or begins again.
    pub(super) async fn forget_seen(&self) {
        if let Some((folder, place, Some(_))) = self.remembered().await {
            // A file that cannot be removed is told when it is in the way.
            let _ = std::fs::remove_file(folder.file(&place, &self.stack));
        }
    }

    /// Remembers of the stack at another backend what is remembered of it here: it was brought there.
    pub(super) async fn remember_at(&self, target: &dyn Backend) {
        if let (Some((folder, _, Some(seen))), Some(place)) = (self.remembered().await, target.place().await) {
            self.remember(&folder, &Seen { place, ..seen });
        }
    }
}
