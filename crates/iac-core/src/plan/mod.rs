//! The plan: what a run would do and why, as data that a colleague can review.
//!
//! [`plan`] is pure and synchronous. It is given what is declared, recorded, observed and predicted ([`World`]), and
//! answers with a [`Plan`], or with the predictions that it still needs ([`Answer::Ask`]): what a provider predicts can
//! turn an update into a replacement, which changes the inputs of others, so it may take several rounds.

mod decide;
mod deletion;
mod model;
mod planner;
mod reasons;
pub mod resolve;

pub use model::{Action, DeleteData, KeptData, Mode, Plan, PlanNote, PlanProblem, Precondition, Reason, Step};
pub(crate) use planner::present_outputs;
pub use planner::{Answer, Interrupted, Predicted, World, WorldEntry, plan};
