//! The limits of a run: cancellation, timeouts, and operations at the same time.

use std::time::Duration;

/// The number of operations at the same time unless asked otherwise; waits for readiness do not count.
pub const DEFAULT_PARALLEL: usize = 10;

/// The degree to which a run is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cancel {
    /// It goes on.
    No,
    /// Nothing new is started.
    Gently,
    /// Running operations are given up.
    AtOnce,
}

/// The timeouts where the program does not set any.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// One operation.
    pub operation: Duration,
    /// The wait for one resource's readiness.
    pub ready: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            operation: Duration::from_mins(5),
            ready: Duration::from_mins(10),
        }
    }
}
