//! The end of a stack: all that is remembered of it goes.

use std::time::Duration;

use super::lease::Heartbeat;
use super::marker::{Marker, Status};
use super::paths::Paths;
use super::{RunInfo, StateError, Store};

impl Store {
    /// Removes the stack with its history and its keys; false if there is none. The objects in the world stay.
    ///
    /// The stack is marked first, so that a removal that was interrupted leaves none that looks like an older state of
    /// itself; another call finishes it.
    ///
    /// # Errors
    /// [`StateError::NotEmpty`] when resources are recorded, unless `force` is given; with it, state that cannot be read
    /// is removed as well. [`StateError::Locked`].
    pub async fn remove(&self, run: RunInfo, lock_timeout: Duration, force: bool) -> Result<bool, StateError> {
        let paths = Paths::new(self.stack())?;
        let backend = self.backend();
        let prefix = paths.all();
        if backend.list(&prefix).await.map_err(StateError::Read)?.is_empty() {
            return Ok(false);
        }
        let place = self.lease(&paths);
        let taken = place.take(&run, self.time_to_live(), lock_timeout).await?;
        let term = taken.term;
        let heartbeat = Heartbeat::start(place.clone(), taken);
        let removed = self.remove_all(&paths, force).await;
        heartbeat.stop().await;
        if removed.is_err() {
            // The error of the removal is what counts; a lease that cannot be given back runs out.
            let _ = place.release(term).await;
            return removed;
        }
        for last in [paths.lease(), paths.marker()] {
            backend.delete(&last).await.map_err(StateError::Write)?;
        }
        self.forget_seen().await;
        Ok(true)
    }

    /// Everything but the marker and the lease.
    async fn remove_all(&self, paths: &Paths, force: bool) -> Result<bool, StateError> {
        if !force {
            self.check_empty(paths).await?;
        }
        let backend = self.backend();
        // A state that nobody can read any more can be removed all the same.
        let vault = self.kept_vault().await.ok().flatten();
        Marker::set(backend, paths, self.stack(), Some(Status::Removing), vault.as_deref()).await?;
        for key in backend.list(&paths.all()).await.map_err(StateError::Read)? {
            if key != paths.lease() && key != paths.marker() {
                backend.delete(&key).await.map_err(StateError::Write)?;
            }
        }
        Ok(true)
    }

    async fn check_empty(&self, paths: &Paths) -> Result<(), StateError> {
        let vault = self.kept_vault().await?;
        let is_true = |marker: &Marker| vault.as_deref().is_none_or(|vault| marker.is_vouched(vault));
        match Marker::read(self.backend(), paths).await? {
            // The rest here is a copy of what is elsewhere, or of nothing.
            Some((marker, _))
                if matches!(marker.status, Some(Status::Removing | Status::Moved { .. })) && is_true(&marker) =>
            {
                Ok(())
            }
            _ => {
                let state = self.load().await?;
                if state.records.is_empty() && state.pending.is_empty() {
                    return Ok(());
                }
                Err(StateError::NotEmpty {
                    stack: self.stack().to_owned(),
                    records: state.records.len(),
                    pending: state.pending.len(),
                })
            }
        }
    }
}
