//! The plan: what a run would do and why, as data that a colleague can review.
//!
//! [`plan`] is pure and synchronous. It is given what is declared, recorded, observed and predicted ([`World`]), and
//! answers with a [`Plan`], or with the predictions that it still needs ([`Answer::Ask`]): what a provider predicts can
//! turn an update into a replacement, which changes the inputs of others, so it may take several rounds.

mod commits;
mod decide;
pub(crate) mod deletion;
mod estimate;
mod facts;
mod keep;
mod leftover;
mod model;
pub(crate) mod objects;
mod planner;
mod reasons;
mod refresh;
mod replace;
pub mod resolve;
mod steps;
mod world;

pub use crate::provider::DeleteData;
pub use commits::{Commit, Commits};
pub use estimate::Estimate;
pub use model::{
    Action, Fate, KeptData, Leftover, Mode, Order, Plan, PlanNote, PlanProblem, Precondition, Reason, Stage, Step,
};
pub(crate) use planner::present_outputs;
pub use planner::{Answer, plan};
pub use world::{Interrupted, Moved, ObjectName, Predicted, World, WorldEntry};
