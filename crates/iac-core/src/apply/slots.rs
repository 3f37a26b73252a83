//! How many calls of providers go on at the same time.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The slots of a run.
#[derive(Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    freed: Arc<Notify>,
    /// One at a time means just that: whoever asks for it wants to follow what happens.
    is_single: bool,
}

/// One slot, held until its operation has the provider's answer; recording that takes none.
#[derive(Debug)]
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    freed: Arc<Notify>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))),
            freed: Arc::default(),
            is_single: count <= 1,
        }
    }

    /// True if there is a free one while so many operations are not through.
    pub(super) fn are_free(&self, operations: usize) -> bool {
        self.free.available_permits() > 0 && !(self.is_single && operations > 0)
    }

    /// A free slot.
    pub(super) fn take(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(Slot {
            permit: Some(permit),
            freed: Arc::clone(&self.freed),
        })
    }

    /// Comes back once a slot was given back since the last call.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Slot {
    /// Gives it back.
    pub(super) fn free(&mut self) {
        if self.permit.take().is_some() {
            self.freed.notify_one();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free();
    }
}
