//! The slots that limit the number of provider calls at the same time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The slots of a run.
#[derive(Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    freed: Arc<Notify>,
    /// One at a time means just that: whoever asks for it wants to follow what happens.
    is_single: bool,
}

/// One slot, held until its operation has the provider's answer, or only waits for it; recording that takes none.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    permit: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
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
            permit: Arc::new(Mutex::new(Some(permit))),
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
    pub(super) fn free(&self) {
        let permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
        if permit.is_some() {
            drop(permit);
            self.freed.notify_one();
        }
    }
}

/// Gives a slot back when its operation ends in any way.
pub(super) struct Holding(pub(super) Slot);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.free();
    }
}
