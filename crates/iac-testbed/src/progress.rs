//! Progress lines on stderr, each with the seconds since the start.

use std::io::Write as _;
use std::time::Instant;

/// Tells a person what the test bed is doing. Lines go to stderr; stdout is for data.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
}

impl Progress {
    /// Starts the clock.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Prints one line, such as `[  4.2 s] dockerd: starting`.
    pub fn say(&self, line: impl AsRef<str>) {
        let seconds = self.started.elapsed().as_secs_f32();
        // Progress that nobody can read any more is no reason to stop.
        let _ = writeln!(std::io::stderr().lock(), "[{seconds:6.1} s] {}", line.as_ref());
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f32 {
        self.started.elapsed().as_secs_f32()
    }
}
