//! The plan: what a run would do and why, as data that a colleague can review.

mod model;

pub use model::{Action, KeptData, Mode, Plan, PlanNote, Precondition, Reason, Step};
