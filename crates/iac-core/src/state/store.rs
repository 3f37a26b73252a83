//! One stack's state on a backend.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::commit::Committer;
use super::history::Kept;
use super::keyring::Opened;
use super::lease::{Heartbeat, LONGEST_TIME_TO_LIVE, LeasePlace, TIME_TO_LIVE, Taken};
use super::lines;
use super::log::{Log, UNSEALED, read_log};
use super::marker::Marker;
use super::paths::Paths;
use super::seen::SeenFolder;
use super::{Backend, Created, Holder, KeySource, RunInfo, State, StateError, Vault, Version, Writer, history};

/// The number of versions that are kept unless told otherwise.
const KEPT_VERSIONS: u64 = 100;

/// The number of times that a new holder gives way to batches that the old one writes at the same moment; the old one can write
/// few, since it finds out with each that the lease is no longer its own.
const FENCING_ATTEMPTS: usize = 16;

/// The cases in which a state is read that nobody vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Showing {
    Never,
    /// Where the key is not available.
    WithoutKey,
    /// Always: seals are not looked at.
    AsItLies,
}

/// One stack's state on a backend; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) stack: Arc<str>,
    pub(super) keys: KeySource,
    pub(super) vault: Arc<OnceCell<Arc<Vault>>>,
    notices: Arc<Mutex<Vec<String>>>,
    lease_ttl: Duration,
    kept_versions: u64,
    pub(super) encrypt_new: bool,
    pub(super) showing: Showing,
    pub(super) seen: Option<SeenFolder>,
    /// The fingerprint that the key has to have.
    pub(super) pin: Option<String>,
}

impl Store {
    /// The state of `stack` on a backend; nothing is read or written yet.
    pub fn new(backend: Arc<dyn Backend>, stack: &str, keys: KeySource) -> Self {
        Self {
            backend,
            stack: stack.into(),
            keys,
            vault: Arc::default(),
            notices: Arc::default(),
            lease_ttl: TIME_TO_LIVE,
            kept_versions: KEPT_VERSIONS,
            encrypt_new: false,
            showing: Showing::Never,
            seen: None,
            pin: None,
        }
    }

    /// The same store for verbs that only show: where the stack's key cannot be had, it gives what lies there all the same,
    /// and a notice that nothing vouches for it. It is not for runs that act.
    #[must_use]
    pub fn showing(mut self) -> Self {
        self.showing = Showing::WithoutKey;
        self
    }

    /// The same store for lists of many stacks: no key is opened, unless all is encrypted, and no seal looked at.
    #[must_use]
    pub fn as_it_lies(mut self) -> Self {
        self.showing = Showing::AsItLies;
        self
    }

    /// Sets how long a lease of this store lasts when it is not renewed; 10 seconds unless set, and an hour at the most. Every holder's own
    /// setting is written into its lease, so runs with different ones get on.
    #[must_use]
    pub fn lease_ttl(mut self, ttl: Duration) -> Self {
        self.lease_ttl = ttl.min(LONGEST_TIME_TO_LIVE);
        self
    }

    /// Sets how many versions are kept in the history; 100 unless set.
    #[must_use]
    pub fn keep_versions(mut self, versions: u64) -> Self {
        self.kept_versions = versions;
        self
    }

    /// Encrypts everything that is recorded of a stack that has no keys yet, and not only its secrets. Nothing is written
    /// to one that has keys and is not encrypted as a whole; [`rekey`](Self::rekey) changes it over.
    #[must_use]
    pub fn encrypt_new(mut self, encrypt: bool) -> Self {
        self.encrypt_new = encrypt;
        self
    }

    /// The stack's name.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(super) fn time_to_live(&self) -> Duration {
        self.lease_ttl
    }

    pub(super) fn kept_versions(&self) -> u64 {
        self.kept_versions
    }

    pub(super) fn notice(&self, notice: String) {
        if let Ok(mut notices) = self.notices.lock()
            && !notices.contains(&notice)
        {
            notices.push(notice);
        }
    }

    /// Returns notices for the user: that a key file was created, that a torn tail or a damaged snapshot was passed over. Each
    /// notice is given once.
    pub fn notices(&self) -> Vec<String> {
        let own = self.notices.lock().map(|mut notices| std::mem::take(&mut *notices));
        let mut all = self.keys.notices();
        all.extend(own.unwrap_or_default());
        all
    }

    /// Reads the state; takes no lock, and is not disturbed by a run that writes at the same time.
    ///
    /// # Errors
    /// When the storage cannot be asked, or what it holds is damaged or newer than this program.
    pub async fn load(&self) -> Result<State, StateError> {
        Ok(self.load_log().await?.state)
    }

    /// Makes sure that the stack is there, for what would make no sense otherwise.
    ///
    /// # Errors
    /// [`StateError::NoStack`]; when the storage cannot be asked.
    pub async fn must_exist(&self) -> Result<(), StateError> {
        match Marker::read(self.backend(), &Paths::new(&self.stack)?).await? {
            Some(_) => Ok(()),
            None => Err(StateError::NoStack(self.stack.to_string())),
        }
    }

    pub(super) async fn load_log(&self) -> Result<Log, StateError> {
        Ok(self.load_with_keys().await?.0)
    }

    async fn load_with_keys(&self) -> Result<(Log, Opened), StateError> {
        let paths = Paths::new(&self.stack)?;
        let marker = Marker::read(self.backend(), &paths).await?;
        let mut opened = self.opened().await?;
        marker.map_or(Ok(()), |(marker, _)| marker.check(opened.vault.as_deref()))?;
        let mut read = self.read_with(&paths, &opened).await;
        // Only now is the key needed: for lines that are encrypted, or since it was made at this moment.
        if matches!(read, Err(StateError::Sealed(_)))
            && let Some(there) = self.read_key_file().await?
        {
            opened.vault = Some(self.open_keys(&there).await?);
            opened.there = Some(there);
            read = self.read_with(&paths, &opened).await;
        }
        if read.is_err() {
            // Other keys explain what does not fit these.
            self.check_keys().await?;
        }
        let mut log = read?;
        if opened.check_log(&log).is_err() {
            // The key file may have been replaced since.
            opened = self.opened().await?;
        }
        opened.check_log(&log)?;
        if !opened.unverified {
            self.check_seen_log(&opened, &log).await?;
            if let (Some(there), Some(vault)) = (&opened.there, &opened.vault)
                && there.file.seals()
            {
                self.learn(there.file.generation, vault, &log).await;
            }
        }
        for notice in log.notices.drain(..) {
            self.notice(notice);
        }
        if let Some(error) = &opened.missing {
            self.notice(format!(
                "stack {} is shown as it lies there, and nothing vouches for it: {error}",
                self.stack
            ));
        }
        Ok((log, opened))
    }

    async fn read_with(&self, paths: &Paths, opened: &Opened) -> Result<Log, StateError> {
        let access = lines::Access {
            watch: self.watched().await,
            ..opened.access()
        };
        read_log(self.backend(), paths, &self.stack, access).await
    }

    pub(super) async fn read_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StateError> {
        let object = self.backend.read(key).await.map_err(StateError::Read)?;
        object.map(|object| lines::read_json(key, &object.bytes)).transpose()
    }

    pub(super) async fn create_json(&self, key: &str, value: &impl Serialize) -> Result<Created, StateError> {
        let bytes = lines::json_file(value)?;
        self.backend.create(key, bytes).await.map_err(StateError::Write)
    }

    /// Takes the lease, waiting for another holder for `lock_timeout` at the most, and reads the state under it.
    ///
    /// A holder that has died is no obstacle: on this machine it is taken over at once, elsewhere as soon as its lease
    /// has not been renewed for its whole time to live. Where no `lock_timeout` is given (zero) that is waited for as well,
    /// for half a minute at the most; a living holder is not.
    ///
    /// # Errors
    /// [`StateError::Locked`], or as [`load`](Self::load).
    pub async fn begin(&self, run: RunInfo, lock_timeout: Duration) -> Result<Writer, StateError> {
        let paths = Paths::new(&self.stack)?;
        match Marker::read(self.backend(), &paths).await? {
            // Looked at once more under the lease, with the keys at hand.
            Some((marker, _)) => marker.check(None)?,
            None => {
                let marker = Marker::new(&self.stack, None);
                self.create_json(&paths.marker(), &marker).await?;
            }
        }
        let place = self.lease(&paths);
        let mut taken = place.take(&run, self.lease_ttl, lock_timeout).await?;
        match self.begin_under(paths, place.clone(), &mut taken, run).await {
            Ok(writer) => Ok(writer),
            Err(error) => {
                // The error of the begin is what counts; a lease that cannot be given back runs out.
                let _ = place.release(taken.term).await;
                Err(error)
            }
        }
    }

    async fn begin_under(
        &self,
        paths: Paths,
        place: LeasePlace,
        taken: &mut Taken,
        run: RunInfo,
    ) -> Result<Writer, StateError> {
        // Reading may take longer than a lease lasts.
        let mut heartbeat = Heartbeat::start(place.clone(), taken.clone());
        self.check_keys().await?;
        let (log, opened) = self.load_with_keys().await?;
        if opened.there.is_none() && log.state.generation == 0 {
            self.forget_seen().await;
        }
        let keeping = self.keeping_anew().await?;
        Marker::raise(self.backend(), &paths).await?;
        if taken.term <= log.term {
            heartbeat.stop().await;
            place.raise(taken, log.term).await?;
            heartbeat = Heartbeat::start(place.clone(), taken.clone());
        }
        let (term, unclean, overtakes) = (taken.term, taken.unclean, taken.overtakes);
        let mut committer = Committer {
            heartbeat,
            store: self.clone(),
            paths,
            place,
            log,
            term,
            run,
            started: Timestamp::now(),
            opened: false,
            keeping,
            failed: None,
        };
        if unclean {
            self.fence(&mut committer).await?;
        }
        Ok(Writer::start(committer, overtakes))
    }

    /// Writes the first batch of a term whose predecessor may still be writing: from then on it cannot. Until then,
    /// what it wrote is read again.
    async fn fence(&self, committer: &mut Committer) -> Result<(), StateError> {
        let mut result = committer.open().await;
        for _ in 0..FENCING_ATTEMPTS {
            if !matches!(result, Err(StateError::LeaseLost { by: None, .. })) {
                break;
            }
            // If the lease is ours, only the number was taken.
            committer.place.check(committer.term).await?;
            committer.log = self.load_log().await?;
            committer.failed = None;
            result = committer.open().await;
        }
        result
    }

    pub(super) fn lease(&self, paths: &Paths) -> LeasePlace {
        LeasePlace {
            backend: Arc::clone(&self.backend),
            key: paths.lease(),
            stack: self.stack.to_string(),
        }
    }

    /// Ends whatever lease there is and says whose it was. The old holder notices at its next intent at the latest.
    ///
    /// # Errors
    /// When the storage cannot be asked.
    pub async fn unlock(&self) -> Result<Option<Holder>, StateError> {
        self.lease(&Paths::new(&self.stack)?).unlock().await
    }

    /// Returns the holder of the lease, if there is one; the holder may have died.
    ///
    /// # Errors
    /// When the storage cannot be asked.
    pub async fn holder(&self) -> Result<Option<Holder>, StateError> {
        self.lease(&Paths::new(&self.stack)?).holder().await
    }

    /// The completed runs that are kept, oldest first.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn history(&self) -> Result<Vec<Version>, StateError> {
        let (log, opened) = self.load_with_keys().await?;
        let versions = self.read_history(&opened, 1..=log.state.version).await?;
        Ok(versions.into_iter().map(|kept| kept.version).collect())
    }

    /// The run that this state was left by; none before the first completed one, and where it is not kept.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn last_version(&self, state: &State) -> Result<Option<Version>, StateError> {
        if state.version == 0 {
            return Ok(None);
        }
        let opened = self.opened().await?;
        let versions = self.read_history(&opened, state.version..=state.version).await?;
        Ok(versions.into_iter().next().map(|kept| kept.version))
    }

    /// A completed run, with the state as it was before it and as it left it. Only records, exports and the binding of
    /// the two are filled in; secrets are sealed.
    ///
    /// # Errors
    /// [`StateError::UnknownVersion`]; as [`load`](Self::load).
    pub async fn version(&self, number: u64) -> Result<(Version, State, State), StateError> {
        let (log, opened) = self.load_with_keys().await?;
        let mut versions = self.read_history(&opened, 1..=log.state.version).await?;
        let first = versions.first().map(|kept| kept.version.version);
        let mut after = State {
            records: log.state.records,
            exports: log.state.exports,
            binding: log.state.binding,
            ..State::default()
        };
        after.undo(log.undo);
        while let Some(Kept { version, undo, .. }) = versions.pop() {
            let mut before = after.clone();
            before.undo(undo);
            if version.version == number {
                return Ok((version, before, after));
            }
            after = before;
        }
        Err(StateError::UnknownVersion { version: number, first })
    }

    async fn read_history(&self, opened: &Opened, which: RangeInclusive<u64>) -> Result<Vec<Kept>, StateError> {
        let paths = Paths::new(&self.stack)?;
        let mut read = history::read(self.backend(), &paths, &self.stack, &which, opened.access()).await;
        if matches!(read, Err(StateError::Sealed(_))) {
            let vault = self.existing_vault().await?;
            let access = lines::Access::with(Some(&vault));
            read = history::read(self.backend(), &paths, &self.stack, &which, access).await;
        }
        let versions = read?;
        let Some(there) = opened.there.as_ref().filter(|there| there.file.seals()) else {
            return Ok(versions);
        };
        let bare = versions
            .iter()
            .filter(|kept| !kept.keyed)
            .map(|kept| kept.version.version);
        if let Some(last) = bare.max() {
            if last > there.file.bare && !there.file.unused && !opened.unverified {
                return Err(StateError::Damaged {
                    file: format!("{}{last:012}", paths.history()),
                    line: Some(1),
                    what: UNSEALED.to_owned(),
                });
            }
            self.notice(format!(
                "the history up to version {last} is from before the stack had a key that seals it: nothing vouches for it"
            ));
        }
        Ok(versions)
    }

    /// The names of the stacks on a backend, in order.
    ///
    /// # Errors
    /// When the storage cannot be asked.
    pub async fn stacks(backend: &dyn Backend) -> Result<Vec<String>, StateError> {
        let keys = backend.list("").await.map_err(StateError::Read)?;
        let stacks = keys.iter().filter_map(|key| Paths::stack_of_marker(key));
        Ok(stacks.map(str::to_owned).collect())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}
