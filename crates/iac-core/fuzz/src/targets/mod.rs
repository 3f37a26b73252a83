//! The files that the engine reads from disk, as functions of bytes.
//!
//! Each takes any bytes, and panics where the engine breaks a promise: that what it cannot read is an error, and that
//! what it has read it can write and read again, the same. A panic of the engine itself is as much a finding.

mod config;
mod folder;
mod plan;
mod sealed;
mod state;
#[path = "../../../tests/support/storage.rs"]
#[allow(dead_code, reason = "written for tests that need more of it")]
mod storage;

pub use config::config;
pub use plan::plan;
pub use sealed::sealed;
pub use state::{check, journal, snapshot};

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets; the inputs that are kept of one lie in `corpus/NAME`.
pub const ALL: [Target; 6] = [
    ("snapshot", snapshot),
    ("journal", journal),
    ("check", check),
    ("sealed", sealed),
    ("config", config),
    ("plan", plan),
];
