//! The lease: who may write, until when.
//!
//! One object per stack. Its holder renews it; whoever sees it unchanged for its whole time to live, by their own
//! monotonic clock, may take it over under the next term. Clocks of different machines are never compared.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::lines::{self, FORMAT};
use super::process::{Life, ProcessId};
use super::{Backend, BackendError, BackendErrorKind, Created, Etag, Put, RunInfo, StateError};

/// The time that a lease lasts that is not renewed.
pub(super) const TIME_TO_LIVE: Duration = Duration::from_secs(10);

/// The longest that a lease can last, whatever it says: somebody else may have written it.
pub(super) const LONGEST_TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// The longest wait for a holder of whom nothing is heard, where no time was asked for.
const LONGEST_DOUBT: Duration = Duration::from_secs(30);

/// The longest time between two looks at somebody else's lease.
const LONGEST_LOOK: Duration = Duration::from_millis(250);

/// The number of times that a lease that nobody holds is claimed. Each time somebody else was faster, or the storage says so.
const MOST_CLAIMS: usize = 100;

/// The highest term that is believed; runs add one each. A forged one at the end of the numbers would be everybody's.
const HIGHEST_TERM: u64 = 1 << 53;

/// The holder of a stack's lease.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// The run: its user, machine and command.
    pub run: RunInfo,
    /// Since when, by that machine's clock.
    pub since: Timestamp,
    /// Its process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) process: Option<ProcessId>,
}

impl Holder {
    /// True if its process is known to have ended, so that the next run takes over at once. Of a process on another
    /// machine that is never known.
    pub fn has_ended(&self) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| process.life() == Life::Dead)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunInfo {
            who,
            host,
            pid,
            command,
            ..
        } = &self.run;
        write!(f, "{who} on {host} (`{command}`, process {pid}) since {}", self.since)
    }
}

/// The content of the lease's object.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct LeaseFile {
    format: u64,
    /// Grows with every holder.
    term: u64,
    /// Grows with every renewal.
    beat: u64,
    /// The time that it lasts unless it is renewed, in milliseconds.
    ttl_ms: u64,
    claim: Claim,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Claim {
    /// Somebody writes.
    Held(Holder),
    /// The last holder has stopped writing, and said so.
    Released,
    /// Somebody else ended the last holder's claim; it may not know yet.
    Unlocked,
}

impl LeaseFile {
    fn holder(&self) -> Option<&Holder> {
        match &self.claim {
            Claim::Held(holder) => Some(holder),
            Claim::Released | Claim::Unlocked => None,
        }
    }

    /// True if the last holder may still be running, as far as can be told.
    fn may_run(&self) -> bool {
        match &self.claim {
            Claim::Held(holder) => !holder.has_ended(),
            Claim::Released => false,
            Claim::Unlocked => true,
        }
    }

    fn is_held_in(&self, term: u64) -> bool {
        self.term == term && self.holder().is_some()
    }
}

/// Whether a lease's object is of its form.
pub(super) fn check_form(key: &str, bytes: &[u8]) -> Result<(), StateError> {
    lines::read_json::<LeaseFile>(key, bytes).map(|_| ())
}

/// The observations of somebody else's lease.
#[derive(Debug, Default)]
struct Watch {
    /// The etag that it got when it last changed, and when that was noticed.
    last: Option<(Etag, Instant)>,
    /// True if it has changed since the first look.
    changed: bool,
}

impl Watch {
    /// Looks at the lease as it is now, and says what that tells of its holder.
    fn look(&mut self, holder: &Holder, etag: &Etag, ttl: Duration) -> Life {
        let now = Instant::now();
        let since = match &self.last {
            Some((last, since)) if last == etag => *since,
            other => {
                self.changed |= other.is_some();
                self.last = Some((etag.clone(), now));
                now
            }
        };
        match holder.process.as_ref().map_or(Life::Unknown, ProcessId::life) {
            // One that stands still counts as dead, whether its process is there or not.
            _ if now.duration_since(since) >= ttl => Life::Dead,
            Life::Unknown if self.changed => Life::Alive,
            life => life,
        }
    }
}

/// Where a stack's lease is.
#[derive(Clone, Debug)]
pub(super) struct LeasePlace {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) key: String,
    pub(super) stack: String,
}

/// A lease that was just taken.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) term: u64,
    /// True if the holder before may still believe that it holds it.
    pub(super) unclean: bool,
    /// True if the holder before may still be running, with a call under way.
    pub(super) overtakes: bool,
    file: LeaseFile,
    etag: Etag,
    at: Instant,
}

impl LeasePlace {
    async fn read(&self) -> Result<Option<(LeaseFile, Etag)>, StateError> {
        let Some(object) = self.backend.read(&self.key).await.map_err(StateError::Read)? else {
            return Ok(None);
        };
        let file: LeaseFile = lines::read_json(&self.key, &object.bytes)?;
        if file.term > HIGHEST_TERM {
            return Err(StateError::Damaged {
                file: self.key.clone(),
                line: None,
                what: format!("term {} is more than all runs together can have taken", file.term),
            });
        }
        Ok(Some((file, object.etag)))
    }

    /// The error for a lease that a backend calls changed each time that it is written, though nobody holds it.
    fn contended(&self) -> StateError {
        StateError::Write(BackendError {
            operation: "write",
            place: self.key.clone(),
            message: format!("the lease changed each of {MOST_CLAIMS} times between the look at it and the write"),
            kind: BackendErrorKind::Transient,
        })
    }

    async fn write(&self, file: &LeaseFile, etag: Option<&Etag>) -> Result<Option<Etag>, StateError> {
        let bytes = lines::json_file(file)?;
        match etag {
            None => match self.backend.create(&self.key, bytes).await.map_err(StateError::Write)? {
                Created::Created(etag) => Ok(Some(etag)),
                Created::Exists => Ok(None),
            },
            Some(etag) => match self
                .backend
                .put_if_match(&self.key, bytes, etag)
                .await
                .map_err(StateError::Write)?
            {
                Put::Done(etag) => Ok(Some(etag)),
                Put::Mismatch => Ok(None),
            },
        }
    }

    /// Reads who holds it.
    pub(super) async fn holder(&self) -> Result<Option<Holder>, StateError> {
        Ok(self.read().await?.and_then(|(file, _)| file.holder().cloned()))
    }

    /// Ends whatever claim there is.
    pub(super) async fn unlock(&self) -> Result<Option<Holder>, StateError> {
        for _ in 0..MOST_CLAIMS {
            let Some((mut file, etag)) = self.read().await? else {
                return Ok(None);
            };
            let Claim::Held(holder) = file.claim else {
                return Ok(None);
            };
            file.claim = Claim::Unlocked;
            if self.write(&file, Some(&etag)).await?.is_some() {
                return Ok(Some(holder));
            }
        }
        Err(self.contended())
    }

    /// Takes the lease, waiting for its holder until `timeout` is over; one of whom nothing is heard for its whole time to
    /// live has died. Without a `timeout` a living holder is not waited for, and one of whom nothing is heard for half a
    /// minute at the most.
    pub(super) async fn take(&self, run: &RunInfo, ttl: Duration, timeout: Duration) -> Result<Taken, StateError> {
        let begin = Instant::now();
        let mut watch = Watch::default();
        let mut claims = 0;
        loop {
            let seen = self.read().await?;
            if let Some((file, etag)) = &seen
                && let Some(holder) = file.holder()
            {
                let theirs = Duration::from_millis(file.ttl_ms).min(LONGEST_TIME_TO_LIVE);
                let life = watch.look(holder, etag, theirs);
                let limit = match life {
                    Life::Unknown if timeout.is_zero() => LONGEST_DOUBT,
                    _ => timeout,
                };
                if life != Life::Dead {
                    let left = limit.saturating_sub(begin.elapsed());
                    if left.is_zero() {
                        return Err(StateError::Locked {
                            stack: self.stack.clone(),
                            holder: Box::new(holder.clone()),
                        });
                    }
                    tokio::time::sleep((theirs / 10).min(LONGEST_LOOK).min(left)).await;
                    continue;
                }
            }
            let seen = seen.as_ref().map(|(file, etag)| (file, etag));
            if let Some(taken) = self.claim(run, ttl, seen).await? {
                return Ok(taken);
            }
            claims += 1;
            if claims == MOST_CLAIMS {
                return Err(self.contended());
            }
        }
    }

    /// Claims it under the next term, if it still is as it was seen.
    async fn claim(
        &self,
        run: &RunInfo,
        ttl: Duration,
        seen: Option<(&LeaseFile, &Etag)>,
    ) -> Result<Option<Taken>, StateError> {
        let at = Instant::now();
        let file = LeaseFile {
            format: FORMAT,
            term: seen.map_or(0, |(file, _)| file.term).saturating_add(1),
            beat: 0,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            claim: Claim::Held(Holder {
                run: run.clone(),
                since: Timestamp::now(),
                process: ProcessId::current(),
            }),
        };
        let etag = self.write(&file, seen.map(|(_, etag)| etag)).await?;
        Ok(etag.map(|etag| Taken {
            term: file.term,
            unclean: seen.is_some_and(|(seen, _)| seen.claim != Claim::Released),
            overtakes: seen.is_some_and(|(seen, _)| seen.may_run()),
            file,
            etag,
            at,
        }))
    }

    /// Raises the term above one that the journal has seen: the lease's object was lost, or is older than the journal.
    pub(super) async fn raise(&self, taken: &mut Taken, above: u64) -> Result<(), StateError> {
        if taken.term > above {
            return Ok(());
        }
        // It may have been renewed since.
        let ours = |(file, _): &(LeaseFile, Etag)| file.term == taken.term && file.claim == taken.file.claim;
        let Some((mut file, etag)) = self.read().await?.filter(ours) else {
            return Err(self.lost(None));
        };
        file.term = above.saturating_add(1);
        let at = Instant::now();
        let etag = self.write(&file, Some(&etag)).await?;
        *taken = Taken {
            term: file.term,
            unclean: true,
            overtakes: true,
            file,
            etag: etag.ok_or_else(|| self.lost(None))?,
            at,
        };
        Ok(())
    }

    /// Gives the lease back, if it still is that of `term`.
    pub(super) async fn release(&self, term: u64) -> Result<(), StateError> {
        for _ in 0..MOST_CLAIMS {
            let Some((mut file, etag)) = self.read().await?.filter(|(file, _)| file.is_held_in(term)) else {
                return Ok(());
            };
            file.claim = Claim::Released;
            if self.write(&file, Some(&etag)).await?.is_some() {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    /// Makes sure that the lease is that of `term`.
    pub(super) async fn check(&self, term: u64) -> Result<(), StateError> {
        match self.read().await? {
            Some((file, _)) if file.is_held_in(term) => Ok(()),
            Some((file, _)) => Err(self.lost(file.holder().cloned().map(Box::new))),
            None => Err(self.lost(None)),
        }
    }

    pub(super) fn lost(&self, by: Option<Box<Holder>>) -> StateError {
        StateError::LeaseLost {
            stack: self.stack.clone(),
            by,
        }
    }
}

/// Renews a lease in the background until it is dropped; tells when it is lost.
#[derive(Debug)]
pub(super) struct Heartbeat {
    task: JoinHandle<()>,
    lost: watch::Receiver<bool>,
}

impl Heartbeat {
    pub(super) fn start(place: LeasePlace, taken: Taken) -> Self {
        let (sender, lost) = watch::channel(false);
        let task = tokio::spawn(async move {
            beat(&place, taken).await;
            let _ = sender.send(true);
        });
        Self { task, lost }
    }

    /// Becomes true when the lease is lost.
    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.lost.clone()
    }

    /// Stops renewing and waits until no renewal is under way.
    pub(super) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Renews until the lease is lost: taken by somebody else, or not renewed for its whole time to live.
async fn beat(place: &LeasePlace, mut taken: Taken) {
    let ttl = Duration::from_millis(taken.file.ttl_ms);
    let mut wait = ttl / 3;
    while taken.at.elapsed() + wait < ttl {
        tokio::time::sleep(wait).await;
        let at = Instant::now();
        taken.file.beat += 1;
        match place.write(&taken.file, Some(&taken.etag)).await {
            Ok(Some(etag)) => {
                (taken.etag, taken.at, wait) = (etag, at, ttl / 3);
            }
            // Perhaps our own, which went through though an error came back.
            Ok(None) => match place.read().await {
                Ok(Some((file, etag))) if file.is_held_in(taken.term) => {
                    (taken.file, taken.etag) = (file, etag);
                    wait = ttl / 20;
                }
                Ok(_) => return,
                Err(_) => wait = ttl / 20,
            },
            Err(_) => wait = ttl / 20,
        }
    }
}
