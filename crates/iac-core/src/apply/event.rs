//! The events and the report of a run: the messages while it goes on, and at its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::timeline::Timeline;
use crate::declare::SourceLine;
use crate::plan::Action;
use crate::provider::ProviderError;
use crate::state::Summary;
use crate::urn::Key;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// It cannot go on before others are through.
    Held {
        /// The resource.
        key: Key,
        /// The first few of those that it needs.
        needs: Vec<Key>,
        /// The number of resources it still needs besides these.
        more: usize,
    },
    /// An operation begins.
    Started {
        /// The resource.
        key: Key,
        /// The action that is carried out on it.
        action: Action,
    },
    /// An operation or a wait gives a sign of life.
    Progress {
        /// The resource.
        key: Key,
        /// The progress of the operation or the wait, in words.
        message: String,
    },
    /// Something about a resource that stays worth knowing.
    Noted {
        /// The resource.
        key: Key,
        /// What.
        message: String,
    },
    /// The operation is done and recorded.
    Applied {
        /// The resource.
        key: Key,
        /// The action that was carried out.
        action: Action,
        /// The time it took.
        elapsed: Duration,
    },
    /// An object that a replacement left is being deleted.
    Removing {
        /// The resource that it was.
        key: Key,
        /// The object's name in the outside world.
        identity: String,
    },
    /// It is deleted, and that is recorded.
    Removed {
        /// The resource that it was.
        key: Key,
        /// The object's name in the outside world.
        identity: String,
        /// The time it took.
        elapsed: Duration,
    },
    /// Its readiness is waited for.
    Waiting {
        /// The resource.
        key: Key,
    },
    /// It is ready.
    Ready {
        /// The resource.
        key: Key,
        /// The time it took from the beginning of the wait.
        elapsed: Duration,
    },
    /// The operation or the wait failed.
    Failed {
        /// The resource.
        key: Key,
        /// Where it is declared.
        source: Option<SourceLine>,
        /// Why.
        error: ProviderError,
    },
    /// It is not tried, since something that it needs failed.
    Skipped {
        /// The resource.
        key: Key,
        /// The resource that it needs.
        because: Key,
    },
    /// It is applied, and not waited for or cleaned up after, since something that this needs failed.
    NotWaited {
        /// The resource.
        key: Key,
        /// The resource that it needs.
        because: Key,
    },
    /// An operation that an earlier run left open is settled.
    Recovered {
        /// The resource.
        key: Key,
        /// The operation that was interrupted, the finding, and the action that followed.
        message: String,
    },
}

/// A listener to events.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// The end of a step.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// As planned, and ready.
    Done(Action),
    /// With an error.
    Failed(ProviderError),
    /// Applied, but it did not become ready.
    NotReady(ProviderError),
    /// Not tried, because of that one.
    Skipped(Key),
    /// Applied, and not waited for or cleaned up after, because of that one.
    NotWaited(Key),
    /// Begun, and not seen to its end, because the run was cancelled.
    Interrupted,
    /// Not tried, because the run was cancelled.
    Cancelled,
}

/// The result of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The steps that were to change something.
    pub outcomes: BTreeMap<Key, Outcome>,
    /// The action that was carried out, even if the step failed: an object that does not become ready was created all the same.
    pub done: BTreeMap<Key, Action>,
    /// The times of the steps that were begun, and what they waited for.
    pub timelines: BTreeMap<Key, Timeline>,
    /// The version of the state that the run made; none when it changed nothing.
    pub version: Option<u64>,
}

impl Report {
    /// True if everything was done.
    pub fn is_ok(&self) -> bool {
        self.outcomes
            .values()
            .all(|outcome| matches!(outcome, Outcome::Done(_)))
    }

    /// True if something was left since the run was cancelled.
    pub fn was_cancelled(&self) -> bool {
        self.outcomes
            .values()
            .any(|outcome| matches!(outcome, Outcome::Cancelled | Outcome::Interrupted))
    }

    /// Returns the number of times that an action was done.
    pub fn count(&self, action: Action) -> usize {
        self.done.values().filter(|done| **done == action).count()
    }

    /// The same for the history.
    pub fn summary(&self) -> Summary {
        let sum = |actions: &[Action]| actions.iter().map(|action| self.count(*action) as u64).sum();
        Summary {
            created: sum(&[Action::Create, Action::Adopt]),
            updated: sum(&[Action::Update, Action::Record, Action::Cleanup]),
            replaced: sum(&[Action::Replace]),
            deleted: sum(&[Action::Delete, Action::Forget]),
            failed: self.failed() as u64,
            ok: self.is_ok(),
        }
    }

    /// Returns the number of steps that failed or did not become ready.
    pub fn failed(&self) -> usize {
        let failed = |outcome: &&Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::NotReady(_));
        self.outcomes.values().filter(failed).count()
    }
}
