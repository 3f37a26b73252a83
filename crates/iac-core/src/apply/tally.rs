//! The actions that were carried out on each resource: as the journal has them, even if the step failed.
//!
//! A step that is interrupted while it waits, or whose object never becomes ready, has changed the world all the same, and
//! the history says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::plan::Action;
use crate::urn::Key;

/// Something that was done, and that the journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// The object was made, changed or taken over.
    Made,
    /// The recorded object was deleted.
    Deleted,
    /// The record was dropped.
    Forgotten,
    /// An object that the resource was before was deleted.
    Cleaned,
    /// The record was changed.
    Recorded,
    /// It was seen ready.
    Ready,
}

/// All that was done in a run.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<BTreeMap<Key, BTreeSet<Deed>>>);

impl Tally {
    pub(super) fn add(&self, key: &Key, deed: Deed) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.entry(key.clone()).or_default().insert(deed);
    }

    /// Returns the outcome of a step, as the action that would have done just that; none where nothing was done.
    pub(super) fn of(&self, key: &Key, planned: Action) -> Option<Action> {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let deeds = tally.get(key)?;
        // In the order of the sort that they are given in: the first says most.
        deeds.first().map(|deed| match deed {
            Deed::Made => planned,
            Deed::Deleted => Action::Delete,
            Deed::Forgotten => Action::Forget,
            Deed::Cleaned => Action::Cleanup,
            Deed::Recorded => Action::Record,
            Deed::Ready => Action::Wait,
        })
    }
}
