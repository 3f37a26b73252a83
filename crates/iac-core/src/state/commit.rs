//! The task that writes the journal: one batch at a time, and all that has come together meanwhile in the next.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::entry::Entry;
use super::keyring::Keeping;
use super::lease::{Heartbeat, LeasePlace};
use super::lines::Guard;
use super::log::{Log, Undo};
use super::paths::Paths;
use super::{BackendErrorKind, Created, RunInfo, StateError, Store, Summary, Times, Version, compact, history, lines};
use crate::urn::Key;

/// Most entries in one batch: bounds what one write holds up.
const MOST_ENTRIES: usize = 1000;

/// Most bytes in one batch, but for the one entry that exceeds it alone; storage services have limits.
const MOST_BYTES: usize = 512 * 1024;

/// The number of times that other tasks may run before a batch is closed, so that those which are ready get into it.
const GATHERING_YIELDS: usize = 2;

/// The number of retries of a failed write; [`FIRST_PAUSE`] comes before the first, and each further pause is twice as long.
const RETRIES: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A request of the writer.
#[derive(Debug)]
pub(super) enum Command {
    /// Record this.
    Record(Waiting),
    /// Write a snapshot now.
    Compact(oneshot::Sender<Result<(), StateError>>),
    /// Complete the run.
    Finish(Summary, BTreeMap<Key, Times>, oneshot::Sender<Result<u64, StateError>>),
    /// Let go of the lease.
    Abandon(oneshot::Sender<()>),
}

/// An entry, and who waits for it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entry: Entry,
    /// The entry as a line; made by the task that records it, which has time for that.
    pub(super) text: String,
    pub(super) reply: oneshot::Sender<Result<(), StateError>>,
}

/// Everything that writing takes.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) store: Store,
    pub(super) paths: Paths,
    pub(super) place: LeasePlace,
    pub(super) heartbeat: Heartbeat,
    pub(super) log: Log,
    pub(super) term: u64,
    pub(super) run: RunInfo,
    pub(super) started: Timestamp,
    /// True if this term's first batch is written.
    pub(super) opened: bool,
    /// The stack's keys, as soon as it has some: all that is written bears their seal.
    pub(super) keeping: Option<Keeping>,
    /// Why nothing more is written.
    pub(super) failed: Option<StateError>,
}

impl Committer {
    /// Serves until the run is over, or nobody can ask any more.
    pub(super) async fn serve(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut next = commands.recv().await;
        while let Some(command) = next.take() {
            match command {
                Command::Record(first) => {
                    let (group, rest) = gather(first, &mut commands).await;
                    self.record(group).await;
                    next = rest;
                }
                Command::Compact(reply) => {
                    let _ = reply.send(self.compact().await);
                }
                Command::Finish(summary, times, reply) => {
                    let result = self.finish(summary, times).await;
                    self.release().await;
                    let _ = reply.send(result);
                    return;
                }
                Command::Abandon(reply) => {
                    self.release().await;
                    let _ = reply.send(());
                    return;
                }
            }
            if next.is_none() {
                next = commands.recv().await;
            }
        }
        self.release().await;
    }

    /// Writes the first batch of the term: from here on nobody of an earlier term can write.
    pub(super) async fn open(&mut self) -> Result<(), StateError> {
        self.write(Vec::new()).await
    }

    async fn record(&mut self, group: Vec<Waiting>) {
        let mut texts = Vec::new();
        let mut waiting = Vec::new();
        for Waiting { entry, text, reply } in group {
            match self.prepare(entry) {
                Ok(()) => {
                    texts.push(text);
                    waiting.push(reply);
                }
                Err(error) => {
                    let _ = reply.send(Err(error));
                }
            }
        }
        if waiting.is_empty() {
            return;
        }
        let result = self.write(texts).await;
        for reply in waiting {
            let _ = reply.send(result.clone());
        }
    }

    /// Checks an entry against the state, and applies it there. If it then cannot be written, nothing ever is again.
    fn prepare(&mut self, entry: Entry) -> Result<(), StateError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => self.log.apply(entry),
        }
    }

    async fn write(&mut self, mut texts: Vec<String>) -> Result<(), StateError> {
        if !self.opened {
            let run = Entry::Run {
                run: self.run.clone(),
                at: self.started,
            };
            texts.insert(0, lines::to_text(&run)?);
        }
        let result = self.write_batch(&texts).await;
        match &result {
            Ok(()) => self.opened = true,
            Err(error) => self.failed = Some(error.clone()),
        }
        result
    }

    async fn write_batch(&mut self, texts: &[String]) -> Result<(), StateError> {
        if *self.heartbeat.watch().borrow() {
            self.place.check(self.term).await?;
            return Err(self.place.lost(None));
        }
        if self.keeping.is_none() {
            // A key that was made since is in use from here on.
            self.keeping = self.store.keeping().await?;
        }
        self.log.keys = self.keeping.as_ref().map_or(0, |keeping| keeping.generation);
        let (bytes, chain) = self
            .log
            .encode_batch(self.store.stack(), self.term, texts, self.guard())?;
        let number = self.log.state.generation + 1;
        self.create(&self.paths.batch(number), &bytes).await?;
        // A run that stood still for long may write a number that others have written, compacted and removed
        // meanwhile. If the lease is still ours after the write, nobody had come that far before it.
        self.place.check(self.term).await?;
        self.log.state.generation = number;
        self.log.chain = chain;
        self.log.term = self.term;
        self.log.format = lines::FORMAT;
        self.log.journal.batches += 1;
        self.log.journal.bytes += bytes.len();
        self.log.keyed = self.guard().key();
        self.use_keys().await;
        Ok(())
    }

    /// Says in the key file that the stack's files bear its seal from now on.
    async fn use_keys(&mut self) {
        let Some(keeping) = self.keeping.as_mut().filter(|keeping| keeping.unused) else {
            return;
        };
        // Nothing is lost by it: the next run says so.
        match self.store.use_keys(self.log.state.version).await {
            Ok(generation) => (keeping.unused, keeping.generation) = (false, generation),
            Err(error) => self
                .store
                .notice(format!("the key file was not brought up to date: {error}")),
        }
    }

    fn guard(&self) -> Guard<'_> {
        self.keeping.as_ref().map(Keeping::guard).unwrap_or_default()
    }

    /// Creates an object that nobody but this run can create, trying again where that may help.
    async fn create(&self, key: &str, bytes: &[u8]) -> Result<(), StateError> {
        let mut pause = FIRST_PAUSE;
        let mut retries = RETRIES;
        loop {
            match self.store.backend().create(key, bytes.to_vec()).await {
                Ok(Created::Created(_)) => return Ok(()),
                Ok(Created::Exists) => {
                    let there = self.store.backend().read(key).await.map_err(StateError::Write)?;
                    // Ours, from an attempt whose answer was lost; or somebody else was here.
                    return match there {
                        Some(object) if object.bytes == bytes => Ok(()),
                        _ => Err(self.fenced().await),
                    };
                }
                Err(error) if error.kind == BackendErrorKind::Transient && retries > 0 => {
                    tokio::time::sleep(pause).await;
                    (pause, retries) = (pause * 2, retries - 1);
                }
                Err(error) => return Err(StateError::Write(error)),
            }
        }
    }

    /// Returns the error that says who has taken our place.
    async fn fenced(&self) -> StateError {
        match self.place.check(self.term).await {
            Err(error) => error,
            Ok(()) => self.place.lost(None),
        }
    }

    async fn finish(&mut self, summary: Summary, mut took: BTreeMap<Key, Times>) -> Result<u64, StateError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        // A clock that was set back meanwhile does not make a run that ended before it began.
        let at = Timestamp::now().max(self.started);
        let number = self.log.state.version + 1;
        took.values_mut().for_each(|times| times.version = number);
        let version = Version {
            version: number,
            run: self.run.clone(),
            started: self.started,
            finished: at,
            summary,
            changed: self.log.undo.records.keys().cloned().collect(),
            took: took.clone(),
        };
        let bytes = history::encode(self.store.stack(), self.term, &version, &self.log.undo, self.guard())?;
        self.create(&self.paths.version(number, self.term), &bytes).await?;
        let close = Entry::Close {
            version: number,
            at,
            summary,
            took,
            commit: self.deployed(summary),
        };
        let text = lines::to_text(&close)?;
        self.prepare(close)?;
        // From here on the version counts; its entry without this line does not.
        self.write(vec![text]).await?;
        if let Err(error) = self.tidy().await {
            // Nothing is lost by it: what was not done is done by a later run.
            self.store.notice(format!("the state was not tidied up: {error}"));
        }
        Ok(number)
    }

    /// The commit that is deployed from this run on, if it is a successful `up`; empty where that is not known.
    fn deployed(&self, summary: Summary) -> Option<String> {
        let commit = self.run.commit.clone();
        let is_news = commit.is_some() || self.log.state.commit.is_some();
        (self.run.command == "up" && summary.ok && is_news).then(|| commit.unwrap_or_default())
    }

    /// Writes a snapshot. It does not know what changed since the last version, so nothing may have.
    async fn compact(&mut self) -> Result<(), StateError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.log.undo != Undo::default() {
            return Err(StateError::Unfinished(self.store.stack().to_owned()));
        }
        self.write_snapshot().await
    }

    async fn write_snapshot(&mut self) -> Result<(), StateError> {
        let guard = self.keeping.as_ref().map(Keeping::guard).unwrap_or_default();
        let (backend, stack) = (self.store.backend(), self.store.stack());
        compact::compact(backend, &self.paths, stack, &mut self.log, guard).await
    }

    async fn tidy(&mut self) -> Result<(), StateError> {
        if compact::is_due(&self.log) {
            self.write_snapshot().await?;
        }
        history::prune(
            self.store.backend(),
            &self.paths,
            self.log.state.version,
            self.store.kept_versions(),
        )
        .await
    }

    async fn release(self) {
        if let (Some(keeping), None) = (&self.keeping, &self.failed) {
            self.store.learn(keeping.generation, &keeping.vault, &self.log).await;
        }
        self.heartbeat.stop().await;
        if let Err(error) = self.place.release(self.term).await {
            self.store
                .notice(format!("the lease was not given back, and runs out by itself: {error}"));
        }
    }
}

/// Takes in what else is to be recorded by now; also gives the command, if there is one, that ends the group.
async fn gather(first: Waiting, commands: &mut mpsc::UnboundedReceiver<Command>) -> (Vec<Waiting>, Option<Command>) {
    for _ in 0..GATHERING_YIELDS {
        tokio::task::yield_now().await;
    }
    let mut bytes = first.text.len();
    let mut group = vec![first];
    while group.len() < MOST_ENTRIES && bytes < MOST_BYTES {
        match commands.try_recv() {
            Ok(Command::Record(next)) => {
                bytes += next.text.len();
                group.push(next);
            }
            Ok(other) => return (group, Some(other)),
            Err(_) => break,
        }
    }
    (group, None)
}
