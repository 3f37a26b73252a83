//! `graph`.

use crate::cli::args::{Graph, GraphFormat};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Declare, exit};
use crate::render::{graph_dot, graph_mermaid, graph_svg};

pub(super) fn graph(session: &Session, args: &Graph, declare: Declare<'_>) -> Result<u8, Failure> {
    let declaration = session.declare(declare, &session.config()?)?;
    let graph = session.engine.graph(&declaration);
    let graph = graph.map_err(|error| Failure::engine(&error, &session.stack))?;
    let text = match args.format {
        GraphFormat::Dot => graph_dot(&graph, &session.stack),
        GraphFormat::Mermaid => graph_mermaid(&graph),
        GraphFormat::Svg => graph_svg(&graph, &session.stack).ok_or_else(|| {
            let message = format!(
                "a drawing of {} resources and as many components helps nobody",
                graph.order.len()
            );
            Failure::failed(message).hint("--format dot writes the graph for other programs")
        })?,
    };
    session.ui.data(&text)?;
    Ok(exit::DONE)
}
