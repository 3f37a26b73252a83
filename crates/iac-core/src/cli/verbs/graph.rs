//! `graph`.

use crate::cli::args::{Graph, GraphFormat};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Declare, exit};
use crate::render::{graph_dot, graph_mermaid};

pub(super) fn graph(session: &Session, args: &Graph, declare: Declare<'_>) -> Result<u8, Failure> {
    let declaration = session.declare(declare, &session.config()?)?;
    let graph = session.engine.graph(&declaration);
    let graph = graph.map_err(|error| Failure::engine(&error, &session.stack))?;
    let text = match args.format {
        GraphFormat::Dot => graph_dot(&graph, &session.stack),
        GraphFormat::Mermaid => graph_mermaid(&graph),
    };
    session.ui.data(&text)?;
    Ok(exit::DONE)
}
