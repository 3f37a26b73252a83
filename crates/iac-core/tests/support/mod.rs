//! The common parts of the engine's tests.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it, and a test may stop at once"
)]

pub(crate) mod canary;
pub(crate) mod gate;
pub(crate) mod harness;
pub(crate) mod memory;
pub(crate) mod programs;
pub(crate) mod reached;
pub(crate) mod storage;
