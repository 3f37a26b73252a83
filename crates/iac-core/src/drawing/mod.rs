//! Drawings of graphs: boxes with names, and lines from what is needed to what needs it.

mod layout;
mod svg;

pub(crate) use svg::{Node, svg, svg_file};

/// How many boxes a drawing may have: nobody reads one with more, and what it takes grows with their square.
pub(crate) const MOST: usize = 5_000;
