//! Drawings of graphs: boxes with names, and lines from what is needed to what needs it.

mod layout;
mod svg;

pub(crate) use svg::{Node, svg, svg_file};

/// The number of boxes that a drawing may have: nobody reads one with more, and the work grows with the square of it.
pub(crate) const MOST: usize = 5_000;
