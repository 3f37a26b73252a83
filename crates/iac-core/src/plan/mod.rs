//! The plan: what a run would do and why, as data that a colleague can review.
//!
//! The [`Planner`] is pure and synchronous. It is given what is declared, recorded and observed ([`World`]), asks for the
//! predictions that it needs, and ends with a [`Plan`]. A provider's prediction can turn an update into a replacement, which
//! changes the inputs of others, so it may ask several times.

mod commits;
mod decide;
pub(crate) mod deletion;
mod estimate;
mod facts;
mod ignored;
mod keep;
mod left_out;
mod leftover;
mod model;
pub(crate) mod names;
pub(crate) mod objects;
mod planner;
mod reasons;
mod refresh;
mod replace;
pub mod resolve;
pub(crate) mod selection;
mod steps;
mod world;

pub use crate::provider::DeleteData;
pub use commits::{Commit, Commits};
pub use estimate::Estimate;
pub use model::{
    Action, Fate, KeptData, Leftover, Mode, Order, Plan, PlanNote, PlanProblem, Precondition, Reason, Stage, Step,
};
pub(crate) use planner::present_outputs;
pub use planner::{Planner, Predictions};
pub use selection::{Selected, Selection, SelectionError};
pub use world::{Interrupted, Moved, ObjectName, Predicted, World, WorldEntry};
