//! When the stages of a run's steps were reached: for the summary at its end, and for the history.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::event::{Outcome, Report};
use crate::plan::Stage;
use crate::state::{Times, Took};
use crate::urn::Key;

/// The times that the stages of one step took, and what it waited for before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// The time it waited from the beginning of the run until it could begin.
    pub waited: Duration,
    /// The resource that it waited for last; none where it waited for none.
    pub waited_for: Option<Key>,
    /// The time until the object was there as declared, or gone.
    pub there: Option<Duration>,
    /// The time from then on until it was ready.
    pub ready: Option<Duration>,
    /// The time it took to delete the object that it replaced.
    pub gone: Option<Duration>,
}

impl Timeline {
    /// Returns the time it worked, without its waits before.
    pub fn total(&self) -> Duration {
        [self.there, self.ready, self.gone].into_iter().flatten().sum()
    }

    fn took(&self) -> Option<Took> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Some(Took {
            there: milliseconds(self.there?),
            ready: self.ready.map(milliseconds),
            gone: self.gone.map(milliseconds),
        })
    }
}

/// The timelines of a run that goes on.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    steps: BTreeMap<Key, Timeline>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            began: Instant::now(),
            steps: BTreeMap::new(),
        }
    }

    /// A step begins, after it waited for that one.
    pub(super) fn begins(&mut self, key: &Key, waited_for: Option<&Key>) {
        let waited = self.began.elapsed();
        self.steps.entry(key.clone()).or_insert_with(|| Timeline {
            waited,
            waited_for: waited_for.cloned(),
            ..Timeline::default()
        });
    }

    /// A part of a stage took so long.
    pub(super) fn adds(&mut self, key: &Key, stage: Stage, elapsed: Duration) {
        let line = self.steps.entry(key.clone()).or_default();
        let part = match stage {
            Stage::Exists => &mut line.there,
            Stage::Ready => &mut line.ready,
            Stage::Gone => &mut line.gone,
        };
        *part = Some(part.unwrap_or_default() + elapsed);
    }

    pub(super) fn finish(self) -> BTreeMap<Key, Timeline> {
        self.steps
    }
}

impl Report {
    /// Returns the times of the steps that came to their end, for the history.
    pub(crate) fn took(&self) -> BTreeMap<Key, Times> {
        let done = self.outcomes.iter().filter_map(|(key, outcome)| match outcome {
            Outcome::Done(action) => Some((key, action.timed()?)),
            _ => None,
        });
        done.filter_map(|(key, kind)| Some((key.clone(), Times::of(kind, self.timelines.get(key)?.took()?))))
            .collect()
    }
}
