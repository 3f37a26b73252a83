//! Taking what lies there as it is, where it is not believed: a person's decision.

use std::time::Duration;

use serde::Serialize;

use super::keyring::{KeyFile, Opened};
use super::lease::Heartbeat;
use super::log::read_log;
use super::marker::Marker;
use super::paths::Paths;
use super::store::Showing;
use super::{RunInfo, StateError, Store};

/// The state that is believed from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Trusted {
    /// The fingerprint of the stack's key; none if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The last version.
    pub version: u64,
    /// The last batch of the journal.
    pub batch: u64,
    /// The number of recorded resources.
    pub records: usize,
    /// The parts that bore no seal and are believed from now on, or were put right.
    pub changes: Vec<String>,
}

/// Everything that has to be written to believe a state.
struct Looked {
    trusted: Trusted,
    opened: Opened,
    log: super::log::Log,
    file: Option<KeyFile>,
    marker: bool,
}

impl Store {
    /// Returns the state that [`trust`](Self::trust) would believe; changes nothing.
    ///
    /// # Errors
    /// When it cannot be read, damaged files and key files that nobody vouches for included.
    pub async fn look_at_trust(&self) -> Result<Trusted, StateError> {
        Ok(self.credulous().look().await?.trusted)
    }

    /// Believes the state that lies there, whatever this machine remembers: an older state that was put back, a stack that was
    /// recreated elsewhere, a state that bears no seal. A state that does not bear the seal of its own keys is none, and is
    /// refused.
    ///
    /// # Errors
    /// As [`look_at_trust`](Self::look_at_trust); [`StateError::Locked`].
    pub async fn trust(&self, run: RunInfo, lock_timeout: Duration) -> Result<Trusted, StateError> {
        let paths = Paths::new(self.stack())?;
        self.must_exist().await?;
        let place = self.lease(&paths);
        let taken = place.take(&run, self.time_to_live(), lock_timeout).await?;
        let term = taken.term;
        let heartbeat = Heartbeat::start(place.clone(), taken);
        let trusted = self.trust_under(&paths).await;
        heartbeat.stop().await;
        let released = place.release(term).await;
        let trusted = trusted?;
        released?;
        Ok(trusted)
    }

    async fn trust_under(&self, paths: &Paths) -> Result<Trusted, StateError> {
        let store = self.credulous();
        let looked = store.look().await?;
        let (there, vault) = (&looked.opened.there, &looked.opened.vault);
        if let (Some(there), Some(vault), Some(file)) = (there, vault, looked.file) {
            store.replace_key_file(file, &there.etag, vault).await?;
        }
        if looked.marker {
            Marker::set(store.backend(), paths, store.stack(), None, vault.as_deref()).await?;
        }
        match (store.read_key_file().await?, vault) {
            (Some(there), Some(vault)) if there.file.seals() => {
                self.learn_anew(there.file.generation, vault, &looked.log).await;
            }
            _ => self.forget_seen().await,
        }
        Ok(looked.trusted)
    }

    /// The same store, which remembers nothing.
    fn credulous(&self) -> Self {
        let mut store = self.clone();
        (store.seen, store.pin, store.showing) = (None, None, Showing::Never);
        store
    }

    async fn look(&self) -> Result<Looked, StateError> {
        let paths = Paths::new(self.stack())?;
        let mut opened = self.opened().await?;
        if let (Some(there), None) = (&opened.there, &opened.vault) {
            opened.vault = Some(self.open_keys(there).await?);
        }
        let log = read_log(self.backend(), &paths, self.stack(), opened.access()).await?;
        let mut changes = Vec::new();
        let mut file = None;
        if let Some(there) = opened.there.as_ref().filter(|there| there.file.seals()) {
            let bare = log.keyed.is_none() && !there.file.unused;
            if bare {
                changes.push("what is recorded bears no seal; the next run puts the stack's on it".to_owned());
            }
            let old = log.keys > there.file.generation;
            if old {
                changes.push("key.json is older than what is recorded, and is brought up to date".to_owned());
            }
            file = (bare || old).then(|| KeyFile {
                generation: there.file.generation.max(log.keys).saturating_add(1),
                unused: there.file.unused || bare,
                ..there.file.next()
            });
        } else if log.state.generation > 0 {
            changes.push(
                "the stack has no key, or none that seals: anybody who can write there can write what it holds"
                    .to_owned(),
            );
        }
        let read = Marker::read(self.backend(), &paths).await?;
        let checked = read.map_or(Ok(()), |(marker, _)| marker.check(opened.vault.as_deref()));
        let marker = match checked {
            Err(StateError::Untrusted { .. }) => true,
            checked => checked.map(|()| false)?,
        };
        if marker {
            changes.push("stack.json bears no seal, and says again that the stack is in use".to_owned());
        }
        let link = opened.vault.as_ref().and_then(|vault| vault.link_key().cloned());
        let trusted = Trusted {
            key: link.map(|link| link.fingerprint()),
            version: log.state.version,
            batch: log.state.generation,
            records: log.state.records.len(),
            changes,
        };
        Ok(Looked {
            trusted,
            opened,
            log,
            file,
            marker,
        })
    }
}
