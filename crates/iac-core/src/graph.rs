//! The order of resources: edges between their phases.
//!
//! An edge leads from a phase of one resource to the phase of another that it needs. Edges come from three sources:
//! outputs that inputs use, names that the provider knows to be references, and the program's own word: `after`, or inputs
//! that ask for an order (`depends_on`). Every resource's *ready* phase needs its own *exists* phase. A cycle among what the
//! program said is an error; an edge that was only inferred from a name and would close a cycle is dropped and reported.

mod builder;
mod edges;
#[cfg(test)]
mod tests;
mod waits;

use crate::declare::{Declaration, SourceLine};
use crate::provider::{Phase, Reference};
use crate::urn::Key;
use crate::value::FieldPath;

use builder::Builder;
use edges::Places;
pub use waits::Contradiction;
pub(crate) use waits::settle as settle_waits;

/// A phase of a resource.
pub type Node = (Key, Phase);

/// Why an edge is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EdgeKind {
    /// A field uses an output of the other resource.
    Token(FieldPath),
    /// A field names the other resource.
    Reference(FieldPath),
    /// The other one decides how this one is let in.
    Order,
    /// A field asks for this order.
    Ordered(FieldPath),
    /// The program says so.
    Declared,
}

/// One phase needs another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The phase that needs the other.
    pub from: Node,
    /// The phase that is needed.
    pub to: Node,
    /// The reason.
    pub kind: EdgeKind,
}

/// The resources of a declaration and the edges between their phases.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The resources in an order in which they can be created: by their edges, and else as declared.
    pub order: Vec<Key>,
    /// The edges, in the order of their dependents.
    pub edges: Vec<Edge>,
    /// Edges that follow from names and were dropped, since they would have closed a cycle.
    pub dropped: Vec<Edge>,
}

/// Why there is no order.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GraphError {
    /// Resources wait for one another.
    #[error("{}", cycle_text(.0))]
    Cycle(Vec<CycleStep>),
    /// A resource depends on one that is not declared in this stack.
    #[error("{at}: {from} depends on {on}, which this stack does not declare")]
    Undeclared {
        /// The resource that depends.
        from: Key,
        /// The resource that it depends on.
        on: Key,
        /// Where it is declared.
        at: SourceLine,
    },
    /// Something is needed ready that is not waited for.
    #[error("{}", waits::contradictions_text(.0))]
    Unwaited(Vec<Contradiction>),
}

/// One step of a cycle.
#[derive(Debug, Clone)]
pub struct CycleStep {
    /// The edge.
    pub edge: Edge,
    /// Where the dependent is declared.
    pub at: SourceLine,
}

fn cycle_text(steps: &[CycleStep]) -> String {
    let mut text = String::from("these resources wait for one another:");
    for CycleStep { edge, at } in steps {
        let why = match &edge.kind {
            EdgeKind::Token(path) => format!("{path} uses its output"),
            EdgeKind::Reference(path) => format!("{path} names it"),
            EdgeKind::Ordered(path) => format!("{path} says so"),
            EdgeKind::Declared => "the program says after".to_owned(),
            EdgeKind::Order => "it decides how this one is let in".to_owned(),
        };
        let phase = if edge.to.1 == Phase::Ready { "ready" } else { "there" };
        text.push_str(&format!(
            "\n  {at}: {} needs {} {phase} ({why})",
            edge.from.0, edge.to.0
        ));
    }
    text
}

impl Graph {
    /// Builds the graph of a declaration with the references that its providers found.
    ///
    /// # Errors
    /// When what the program said has a cycle, or needs something that it does not declare.
    pub fn build(declaration: &Declaration, references: &[Reference]) -> Result<Self, GraphError> {
        let places = Places::of(declaration);
        let firm = edges::firm(declaration, &places)?;
        let mut builder = Builder::new(declaration, &places);
        let ordered = edges::ordered(&places, references);
        firm.into_iter().chain(ordered).for_each(|edge| builder.add(edge));
        if let Some(cycle) = builder.cycle() {
            return Err(GraphError::Cycle(cycle));
        }
        let (named, first) = edges::inferred(&places, references);
        let dropped = builder.add_inferred(named);
        // Where these give way, nobody has to be told: no field says what they do.
        builder.add_inferred(first);
        waits::check(declaration, builder.edges())?;
        let order = builder.order();
        Ok(Self {
            order,
            edges: builder.into_edges(),
            dropped,
        })
    }
}
