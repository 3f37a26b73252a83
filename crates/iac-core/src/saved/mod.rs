//! Saved plans: a plan as JSON for programs and reviewers, read back, and compared with what would be done now.
//!
//! - [`plan_json`]: a plan as canonical JSON; [`seal_plan`] puts the seal of the stack's key on it.
//! - [`SavedPlan`]: the same, read back.
//! - [`compare`]: whether a saved plan still is what would be done.

mod compare;
mod read;
mod reason;
mod rebuild;
mod secret;
mod write;

pub use compare::{Comparison, Moved, compare};
pub use read::{SavedChange, SavedPlan, SavedPlanError, SavedStep};
pub use write::{FORMAT, plan_json, seal_plan};

#[cfg(test)]
mod tests;
