//! What people and programs see of a plan: pure functions from data to text.
//!
//! - [`plan_text`]: a plan for a terminal.
//! - [`plan_markdown`]: a plan for a comment in a pull request.
//! - [`plan_json`]: the same as canonical JSON, and [`SavedPlan`], which reads it back and compares it with a fresh one.
//! - [`Diagnostic`]: an error with its causes, places and hints.
//! - [`Styles`]: colours, or none; all text can be read without them.

mod change;
mod compare;
mod diagnostic;
mod graph;
mod json;
mod markdown;
mod sanitize;
mod saved;
mod steps;
mod style;
mod text;

pub use crate::review::value::value_text;
pub use crate::review::words::{short_name, summary};
pub use compare::{Comparison, Moved, compare};
pub use diagnostic::{Diagnostic, Level};
pub use graph::{graph_dot, graph_mermaid, graph_svg};
pub use json::{FORMAT, plan_json, seal_plan};
pub use markdown::{COMMENT, plan_markdown};
pub use sanitize::sanitize;
pub use saved::{SavedChange, SavedPlan, SavedPlanError, SavedStep};
pub use style::Styles;
pub use text::{TextOptions, plan_text};

#[cfg(test)]
mod samples;
#[cfg(test)]
mod samples_lists;
#[cfg(test)]
mod tests;
