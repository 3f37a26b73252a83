//! The times that the steps of runs took: the history has those of each run, the state the newest of each resource.
//!
//! A run hands them over with its end, so that they cost no write of their own, and a state is read with them however long
//! its history is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use crate::urn::Key;

/// The number of runs that a resource which is no longer recorded is remembered for: its deletion may be wanted again.
const REMEMBERED: u64 = 100;

/// The sorts of steps that are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// A creation.
    Create,
    /// A change in place.
    Update,
    /// A replacement.
    Replace,
    /// Taking over what is there.
    Adopt,
    /// A deletion.
    Delete,
}

impl StepKind {
    const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Replace, Self::Adopt, Self::Delete];
}

/// The time that one step took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Took {
    /// Until the object was there as declared, or gone.
    pub there: u64,
    /// From then on until it was ready; none where nobody waited for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<u64>,
    /// From then on until the object that it replaced was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<u64>,
}

impl Took {
    /// All of it.
    pub fn total(&self) -> u64 {
        let later = self.ready.unwrap_or(0).saturating_add(self.gone.unwrap_or(0));
        self.there.saturating_add(later)
    }
}

/// The newest time of each sort of step with one resource. Sorts that a newer program adds are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Times {
    /// The last run that it is about.
    #[serde(default)]
    pub version: u64,
    /// Its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Took>,
    /// A change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Took>,
    /// A replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<Took>,
    /// Taking it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Took>,
    /// Its deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<Took>,
}

impl Times {
    /// Those of one step alone.
    pub fn of(kind: StepKind, took: Took) -> Self {
        let mut times = Self::default();
        *times.slot(kind) = Some(took);
        times
    }

    /// Returns the time that a step of this sort took.
    pub fn get(&self, kind: StepKind) -> Option<Took> {
        match kind {
            StepKind::Create => self.create,
            StepKind::Update => self.update,
            StepKind::Replace => self.replace,
            StepKind::Adopt => self.adopt,
            StepKind::Delete => self.delete,
        }
    }

    /// All of them.
    pub fn steps(&self) -> impl Iterator<Item = (StepKind, Took)> {
        StepKind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, self.get(kind)?)))
    }

    fn slot(&mut self, kind: StepKind) -> &mut Option<Took> {
        match kind {
            StepKind::Create => &mut self.create,
            StepKind::Update => &mut self.update,
            StepKind::Replace => &mut self.replace,
            StepKind::Adopt => &mut self.adopt,
            StepKind::Delete => &mut self.delete,
        }
    }

    /// Takes in what a later run took.
    fn take_in(&mut self, later: &Self) {
        self.version = later.version;
        for (kind, took) in later.steps() {
            *self.slot(kind) = Some(took);
        }
    }
}

impl State {
    /// Takes in what a run took.
    pub(super) fn remember(&mut self, times: BTreeMap<Key, Times>) {
        for (key, later) in times {
            // One text in memory for both.
            let key = self.records.get_key_value(&key).map_or(key, |(same, _)| same.clone());
            self.times.entry(key).or_default().take_in(&later);
        }
    }

    /// Drops what is remembered of resources that were deleted long ago.
    pub(super) fn forget_old_times(&mut self) {
        let (records, version) = (&self.records, self.version);
        self.times
            .retain(|key, times| times.version.saturating_add(REMEMBERED) > version || records.contains_key(key));
    }
}
