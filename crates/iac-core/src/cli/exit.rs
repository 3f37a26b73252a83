//! Exit codes: part of the contract with scripts, so none of them ever changes its meaning.

/// Done, or there was nothing to do.
pub const DONE: u8 = 0;
/// Something failed; the text on standard error says what.
pub const FAILED: u8 = 1;
/// There are changes (`preview --detailed-exitcode`), or differences (`plan diff --detailed-exitcode`).
pub const CHANGES: u8 = 2;
/// The world is not as recorded (`drift`).
pub const DRIFT: u8 = 3;
/// The saved plan no longer is what would be done (`up --plan`).
pub const STALE: u8 = 4;
/// A policy forbids it; kept free for policies.
pub const POLICY: u8 = 5;
/// Somebody else holds the stack's lease.
pub const LOCKED: u8 = 6;
/// The cluster or engine does not answer.
pub const UNREACHABLE: u8 = 7;
/// The command line cannot be used as it is.
pub const USAGE: u8 = 64;
/// A bug of this program: it panicked.
pub const BUG: u8 = 101;
/// Interrupted by the user.
pub const INTERRUPTED: u8 = 130;
