//! How far, how long and how many at a time.

use std::time::Duration;

/// How many operations run at the same time unless asked otherwise; waits for readiness do not count.
pub const DEFAULT_PARALLEL: usize = 10;

/// How far a run is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cancel {
    /// It goes on.
    No,
    /// Nothing new is started.
    Gently,
    /// What runs is given up.
    AtOnce,
}

/// How long things may take where the program does not say.
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
