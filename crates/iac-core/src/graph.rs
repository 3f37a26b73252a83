//! What has to come before what: edges between the phases of resources.
//!
//! An edge leads from a phase of one resource to the phase of another that it needs. Edges come from three sources:
//! outputs that inputs use, names that the provider knows to be references, and the program's own word: `after`, or inputs
//! that ask for an order (`depends_on`). Every resource's *ready* phase needs its own *exists* phase. A cycle among what the
//! program said is an error; an edge that was only inferred from a name and would close a cycle is dropped and reported.

mod waits;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use crate::declare::{Declaration, SourceLine};
use crate::provider::{Phase, Reference, Referent};
use crate::urn::Key;
use crate::value::{FieldPath, Source};

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
    /// What needs.
    pub from: Node,
    /// What is needed.
    pub to: Node,
    /// Why.
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
        /// What depends.
        from: Key,
        /// On what.
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
        let firm = firm_edges(declaration)?;
        let mut builder = Builder::new(declaration);
        let ordered = ordered_edges(declaration, references);
        firm.into_iter().chain(ordered).for_each(|edge| builder.add(edge));
        if let Some(cycle) = builder.cycle() {
            return Err(GraphError::Cycle(cycle));
        }
        let (named, first) = inferred_edges(declaration, references);
        let dropped = builder.add_inferred(named);
        // Where these give way, nobody has to be told: no field says what they do.
        builder.add_inferred(first);
        waits::check(declaration, &builder.edges)?;
        let order = builder.order();
        Ok(Self {
            order,
            edges: builder.edges,
            dropped,
        })
    }
}

/// The edges that come from outputs and from `after`.
fn firm_edges(declaration: &Declaration) -> Result<Vec<Edge>, GraphError> {
    let known: BTreeSet<&Key> = declaration.resources.iter().map(|resource| &resource.key).collect();
    let mut edges = Vec::new();
    for resource in &declaration.resources {
        let from = (resource.key.clone(), Phase::Exists);
        let tokens = resource
            .inputs
            .outputs()
            .into_iter()
            .filter_map(|(path, output)| match output.source {
                Source::Resource(on) => Some((on, output.phase, EdgeKind::Token(path))),
                Source::Config(_) | Source::Local(_) => None,
            });
        let declared = resource
            .after
            .iter()
            .map(|after| (after.on.clone(), after.phase, EdgeKind::Declared));
        for (on, phase, kind) in tokens.chain(declared) {
            if !known.contains(&on) {
                return Err(GraphError::Undeclared {
                    from: resource.key.clone(),
                    on,
                    at: resource.source.clone(),
                });
            }
            edges.push(Edge {
                from: from.clone(),
                to: (on, phase),
                kind,
            });
        }
    }
    Ok(edges)
}

/// The edges that come from fields which ask for an order themselves.
fn ordered_edges(declaration: &Declaration, references: &[Reference]) -> Vec<Edge> {
    let known: BTreeSet<&Key> = declaration.resources.iter().map(|resource| &resource.key).collect();
    let edge = |reference: &Reference| match &reference.to {
        Referent::Ordered(on, phase) if known.contains(on) => Some(Edge {
            from: (reference.from.clone(), reference.phase),
            to: (on.clone(), *phase),
            kind: EdgeKind::Ordered(reference.path.clone()),
        }),
        _ => None,
    };
    references.iter().filter_map(edge).collect()
}

/// The edges that come from names, and those that are only a matter of order, which give way to the former. A name that
/// leads nowhere in this stack makes none.
fn inferred_edges(declaration: &Declaration, references: &[Reference]) -> (Vec<Edge>, Vec<Edge>) {
    let known: BTreeSet<&Key> = declaration.resources.iter().map(|resource| &resource.key).collect();
    let edge = |reference: &Reference| {
        let (on, phase, kind) = match &reference.to {
            Referent::Declared(on, phase) => (on, phase, EdgeKind::Reference(reference.path.clone())),
            Referent::First(on, phase) => (on, phase, EdgeKind::Order),
            Referent::Ordered(..) | Referent::External(_) => return None,
        };
        (known.contains(on) && *on != reference.from).then(|| Edge {
            from: (reference.from.clone(), reference.phase),
            to: (on.clone(), *phase),
            kind,
        })
    };
    let edges = references.iter().filter_map(edge);
    edges.partition(|edge| edge.kind != EdgeKind::Order)
}

struct Builder<'a> {
    declaration: &'a Declaration,
    graph: DiGraph<Node, Option<usize>>,
    index: BTreeMap<Node, NodeIndex>,
    edges: Vec<Edge>,
}

impl<'a> Builder<'a> {
    fn new(declaration: &'a Declaration) -> Self {
        let mut builder = Self {
            declaration,
            graph: DiGraph::new(),
            index: BTreeMap::new(),
            edges: Vec::new(),
        };
        for resource in &declaration.resources {
            let [exists, ready] = [Phase::Exists, Phase::Ready].map(|phase| {
                let node = (resource.key.clone(), phase);
                let index = builder.graph.add_node(node.clone());
                builder.index.insert(node, index);
                index
            });
            builder.graph.add_edge(ready, exists, None);
        }
        builder
    }

    fn add(&mut self, edge: Edge) {
        let ends = (self.index.get(&edge.from), self.index.get(&edge.to));
        if let (Some(&from), Some(&to)) = ends {
            self.graph.add_edge(from, to, Some(self.edges.len()));
            self.edges.push(edge);
        }
    }

    /// Adds the inferred edges that close no cycle; returns the others.
    fn add_inferred(&mut self, inferred: Vec<Edge>) -> Vec<Edge> {
        let before = self.edges.len();
        inferred.iter().for_each(|edge| self.add(edge.clone()));
        if self.cycle().is_none() {
            return Vec::new();
        }
        let component = self.components();
        self.edges.truncate(before);
        self.graph
            .retain_edges(|graph, edge| graph[edge].is_none_or(|position| position < before));
        let mut dropped = Vec::new();
        for edge in inferred {
            let ends = (self.index.get(&edge.from), self.index.get(&edge.to));
            // An edge between components is on no cycle. Looking for a way is slow, and rare: in the order of declaration.
            let closes = matches!(ends, (Some(&from), Some(&to))
                if component[from.index()] == component[to.index()]
                    && petgraph::algo::has_path_connecting(&self.graph, to, from, None));
            if closes { dropped.push(edge) } else { self.add(edge) }
        }
        dropped
    }

    /// Of each node, which strongly connected component it is in: there is a way from each to each within one.
    fn components(&self) -> Vec<usize> {
        let mut component = vec![0; self.graph.node_count()];
        for (number, nodes) in tarjan_scc(&self.graph).into_iter().enumerate() {
            nodes.into_iter().for_each(|node| component[node.index()] = number);
        }
        component
    }

    /// Some cycle, as the shortest way around within its component.
    fn cycle(&self) -> Option<Vec<CycleStep>> {
        let component = tarjan_scc(&self.graph).into_iter().find(|component| {
            component.len() > 1 || component.iter().any(|&node| self.graph.contains_edge(node, node))
        })?;
        let members: BTreeSet<NodeIndex> = component.iter().copied().collect();
        let start = *members.iter().next()?;
        let mut came_by: BTreeMap<NodeIndex, (NodeIndex, Option<usize>)> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for edge in self.graph.edges(node).filter(|edge| members.contains(&edge.target())) {
                if edge.target() == start {
                    came_by.insert(start, (node, *edge.weight()));
                    return Some(self.walk_back(start, &came_by));
                }
                if let Entry::Vacant(unseen) = came_by.entry(edge.target()) {
                    unseen.insert((node, *edge.weight()));
                    queue.push_back(edge.target());
                }
            }
        }
        None
    }

    fn walk_back(&self, start: NodeIndex, came_by: &BTreeMap<NodeIndex, (NodeIndex, Option<usize>)>) -> Vec<CycleStep> {
        let mut steps = Vec::new();
        let mut node = start;
        while let Some(&(previous, edge)) = came_by.get(&node) {
            if let Some(edge) = edge.and_then(|position| self.edges.get(position)) {
                let at = self
                    .declaration
                    .get(&edge.from.0)
                    .map(|resource| resource.source.clone());
                steps.extend(at.map(|at| CycleStep { edge: edge.clone(), at }));
            }
            node = previous;
            if node == start {
                break;
            }
        }
        steps.reverse();
        steps
    }

    /// The resources by their edges and, where those leave a choice, as declared.
    fn order(&self) -> Vec<Key> {
        let mut waiting: Vec<usize> = self
            .graph
            .node_indices()
            .map(|node| self.graph.edges(node).count())
            .collect();
        // Node indices grow with the order of declaration; the heap gives the largest first.
        let free = self
            .graph
            .node_indices()
            .filter(|node| waiting[node.index()] == 0)
            .map(std::cmp::Reverse);
        let mut free: BinaryHeap<_> = free.collect();
        let mut order = Vec::new();
        while let Some(std::cmp::Reverse(node)) = free.pop() {
            let (key, phase) = &self.graph[node];
            if *phase == Phase::Exists {
                order.push(key.clone());
            }
            for dependent in self.graph.neighbors_directed(node, petgraph::Direction::Incoming) {
                waiting[dependent.index()] -= 1;
                if waiting[dependent.index()] == 0 {
                    free.push(std::cmp::Reverse(dependent));
                }
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::declare::{NewResource, Stack};

    fn declare(build: impl FnOnce(&Stack)) -> Declaration {
        let stack = Stack::new("t", Config::default());
        build(&stack);
        stack.finish().expect("well declared")
    }

    fn add(stack: &Stack, name: &str) -> crate::declare::Handle<()> {
        stack.declare(NewResource::new("test:core/Thing", name, serde_json::json!({})))
    }

    fn names(keys: &[Key]) -> Vec<&str> {
        keys.iter().map(Key::name).collect()
    }

    fn reference(from: &Key, to: &Key) -> Reference {
        let to = Referent::Declared(to.clone(), Phase::Exists);
        Reference {
            from: from.clone(),
            phase: Phase::Exists,
            path: FieldPath::fields(["ref"]),
            to,
        }
    }

    #[test]
    fn order_follows_edges_and_else_the_declaration() {
        let declaration = declare(|stack| {
            let c = add(stack, "c");
            let b = add(stack, "b").after(c.ready());
            let _ = add(stack, "d");
            let a = add(stack, "a");
            let _ = c.after(&a);
            let _ = b;
        });
        let graph = Graph::build(&declaration, &[]).expect("no cycle");
        assert_eq!(names(&graph.order), ["d", "a", "c", "b"]);
    }

    #[test]
    fn a_declared_cycle_is_an_error_with_every_line() {
        let declaration = declare(|stack| {
            let (a, b, c) = (add(stack, "a"), add(stack, "b"), add(stack, "c"));
            let (a2, b2) = (a.clone(), b.clone());
            let a = a.after(c.ready());
            let _ = (a, b.after(&a2), c.after(b2.ready()));
        });
        let error = Graph::build(&declaration, &[]).expect_err("a cycle");
        let GraphError::Cycle(steps) = &error else {
            unreachable!("{error}")
        };
        assert_eq!(steps.len(), 3);
        let text = error.to_string();
        assert!(
            text.contains("graph.rs:") && text.contains("test:core/Thing::a needs test:core/Thing::c ready"),
            "{text}"
        );
    }

    #[test]
    fn an_inferred_edge_that_closes_a_cycle_is_dropped_and_reported() {
        let declaration = declare(|stack| {
            let a = add(stack, "a");
            let _ = add(stack, "b").after(&a);
        });
        let (a, b) = (&declaration.resources[0].key, &declaration.resources[1].key);
        let graph = Graph::build(&declaration, &[reference(a, b), reference(b, a)]).expect("dropped");
        assert_eq!(names(&graph.order), ["a", "b"]);
        assert_eq!(graph.dropped.len(), 1);
        assert_eq!(graph.dropped[0].from.0, *a);
    }

    #[test]
    fn an_order_that_fields_ask_for_is_kept_or_refused() {
        let declaration = declare(|stack| {
            let a = add(stack, "a");
            let _ = (add(stack, "b"), add(stack, "c").after(&a));
        });
        let keys: Vec<&Key> = declaration.resources.iter().map(|resource| &resource.key).collect();
        let ordered = |from: usize, to: usize, phase| Reference {
            to: Referent::Ordered(keys[to].clone(), phase),
            ..reference(keys[from], keys[to])
        };
        // Against a name alone, the order is kept, whichever is said first.
        for names in [
            [reference(keys[0], keys[1]), ordered(1, 0, Phase::Ready)],
            [ordered(1, 0, Phase::Ready), reference(keys[0], keys[1])],
        ] {
            let graph = Graph::build(&declaration, &names).expect("the name gives way");
            assert_eq!(names_of(&graph.dropped), ["a"]);
            assert!(
                graph
                    .edges
                    .iter()
                    .any(|edge| edge.from.0 == *keys[1] && edge.to.1 == Phase::Ready)
            );
        }
        // Against one another, against `after`, and against themselves they are an error that names each link.
        for (cycle, links) in [
            (vec![ordered(0, 1, Phase::Ready), ordered(1, 0, Phase::Exists)], 2),
            (vec![ordered(0, 2, Phase::Ready)], 2),
            (vec![ordered(0, 0, Phase::Ready)], 1),
            (vec![ordered(0, 0, Phase::Exists)], 1),
        ] {
            let error = Graph::build(&declaration, &cycle).expect_err("a cycle").to_string();
            assert_eq!(error.matches("graph.rs:").count(), links, "{error}");
            assert!(error.contains("(ref says so)"), "{error}");
        }
    }

    fn names_of(edges: &[Edge]) -> Vec<&str> {
        edges.iter().map(|edge| edge.from.0.name()).collect()
    }

    #[test]
    fn waiting_for_readiness_deadlocks_only_across_phases() {
        // A claim that binds when its pod is there, and a pod that needs the claim to exist: no cycle.
        let declaration = declare(|stack| {
            let claim = add(stack, "claim");
            let _ = add(stack, "pod").after(&claim);
        });
        let (claim, pod) = (&declaration.resources[0].key, &declaration.resources[1].key);
        let ready_needs_pod = Reference {
            phase: Phase::Ready,
            ..reference(claim, pod)
        };
        let graph = Graph::build(&declaration, &[ready_needs_pod]).expect("no cycle between phases");
        assert!(graph.dropped.is_empty());
    }
}
