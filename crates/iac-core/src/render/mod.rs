//! Text for people that is not a view of a plan, and what all such text has in common.
//!
//! - [`Diagnostic`]: an error with its causes, places and hints.
//! - [`graph_dot`], [`graph_mermaid`], [`graph_svg`]: the graph of a declaration.
//! - [`sanitize`]: text that others wrote, made safe for a terminal.
//! - [`Styles`]: colours, or none; all text can be read without them.

mod diagnostic;
mod graph;
mod sanitize;
mod style;

pub use diagnostic::{Diagnostic, Level};
pub use graph::{graph_dot, graph_mermaid, graph_svg};
pub use sanitize::sanitize;
pub use style::Styles;
