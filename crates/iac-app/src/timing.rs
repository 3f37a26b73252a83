//! When a probe asks, as a field of a program's settings.

use serde::{Deserialize, Serialize};

/// When a probe asks, for [`Probe::timed`](crate::Probe::timed): a field of a program's settings. Times are in whole seconds.
///
/// ```
/// use iac_app::{Container, Probe, Timing};
///
/// // In the settings: `ready: Timing = Timing::every(5).delay(10)`, so `ready.every=2` is a configuration of it.
/// let ready = Timing::every(5).delay(10);
/// let web = Container::image("shop:1").port("http", 8000).ready(Probe::http("/health").timed(ready));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// The time after the start in which failures do not count.
    pub delay: u64,
    /// The time between two questions.
    pub every: u64,
    /// The time that an answer may take.
    pub timeout: u64,
    /// The number of failures in a row after which the container counts as failed.
    pub failures: u32,
}

impl Default for Timing {
    /// As a [`Probe`](crate::Probe) asks unless something else is said.
    fn default() -> Self {
        Self::every(10)
    }
}

impl Timing {
    /// So many seconds between two questions; failures count at once, an answer may take 5 seconds, and 3 failures in a row
    /// are too many.
    pub const fn every(seconds: u64) -> Self {
        Self {
            delay: 0,
            every: seconds,
            timeout: 5,
            failures: 3,
        }
    }

    /// Sets how long failures do not count after the start.
    #[must_use]
    pub const fn delay(mut self, seconds: u64) -> Self {
        self.delay = seconds;
        self
    }

    /// Sets how long an answer may take.
    #[must_use]
    pub const fn timeout(mut self, seconds: u64) -> Self {
        self.timeout = seconds;
        self
    }

    /// Sets after how many failures in a row the container counts as failed.
    #[must_use]
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }
}
