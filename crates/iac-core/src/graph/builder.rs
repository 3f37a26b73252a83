//! Puts edges together into an order, and finds those that close a cycle.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use super::edges::Places;
use super::{CycleStep, Edge, Node};
use crate::declare::Declaration;
use crate::provider::Phase;
use crate::urn::Key;

/// The phases of all resources as nodes: two for each resource, in the order of declaration.
pub(super) struct Builder<'a> {
    declaration: &'a Declaration,
    places: &'a Places<'a>,
    /// The edge from a resource's own phase to its other one has no number.
    graph: DiGraph<(), Option<usize>>,
    edges: Vec<Edge>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(declaration: &'a Declaration, places: &'a Places<'a>) -> Self {
        let mut graph = DiGraph::with_capacity(declaration.resources.len() * 2, declaration.resources.len());
        for _ in &declaration.resources {
            let [exists, ready] = [graph.add_node(()), graph.add_node(())];
            graph.add_edge(ready, exists, None);
        }
        Self {
            declaration,
            places,
            graph,
            edges: Vec::new(),
        }
    }

    /// The edges that were added.
    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    pub(super) fn into_edges(self) -> Vec<Edge> {
        self.edges
    }

    fn index(&self, (key, phase): &Node) -> Option<NodeIndex> {
        let place = self.places.of_key(key)?;
        Some(NodeIndex::new(place * 2 + usize::from(*phase == Phase::Ready)))
    }

    fn ends(&self, edge: &Edge) -> Option<(NodeIndex, NodeIndex)> {
        Some((self.index(&edge.from)?, self.index(&edge.to)?))
    }

    pub(super) fn add(&mut self, edge: Edge) {
        if let Some((from, to)) = self.ends(&edge) {
            self.graph.add_edge(from, to, Some(self.edges.len()));
            self.edges.push(edge);
        }
    }

    /// Adds the inferred edges that close no cycle; returns the others.
    pub(super) fn add_inferred(&mut self, inferred: Vec<Edge>) -> Vec<Edge> {
        if inferred.is_empty() {
            return Vec::new();
        }
        let before = self.edges.len();
        inferred.iter().for_each(|edge| self.add(edge.clone()));
        if self.is_acyclic() {
            return Vec::new();
        }
        let component = self.components();
        self.edges.truncate(before);
        self.graph
            .retain_edges(|graph, edge| graph[edge].is_none_or(|position| position < before));
        let mut dropped = Vec::new();
        for edge in inferred {
            // An edge between components is on no cycle. Looking for a way is slow, and rare: in the order of declaration.
            let closes = matches!(self.ends(&edge), Some((from, to))
                if component[from.index()] == component[to.index()]
                    && petgraph::algo::has_path_connecting(&self.graph, to, from, None));
            if closes { dropped.push(edge) } else { self.add(edge) }
        }
        dropped
    }

    /// Of each node, which strongly connected component it is in: there is a way from each to each within one.
    fn components(&self) -> Vec<usize> {
        let mut component = vec![0; self.graph.node_count()];
        for (number, nodes) in kosaraju_scc(&self.graph).into_iter().enumerate() {
            nodes.into_iter().for_each(|node| component[node.index()] = number);
        }
        component
    }

    /// Some cycle, as the shortest way around within its component.
    pub(super) fn cycle(&self) -> Option<Vec<CycleStep>> {
        if self.is_acyclic() {
            return None;
        }
        let component = kosaraju_scc(&self.graph).into_iter().find(|component| {
            component.len() > 1 || component.iter().any(|&node| self.graph.contains_edge(node, node))
        })?;
        let members: BTreeSet<NodeIndex> = component.iter().copied().collect();
        let start = *members.iter().next()?;
        let mut came_by: BTreeMap<NodeIndex, (NodeIndex, Option<usize>)> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
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
                let place = self.places.of_key(&edge.from.0);
                let resource = place.and_then(|place| self.declaration.resources.get(place));
                let at = resource.map(|resource| resource.source.clone());
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

    /// True if no node waits for itself. The usual case, and told without a list of components.
    fn is_acyclic(&self) -> bool {
        let mut reached = 0;
        self.each_in_order(|_| reached += 1);
        reached == self.graph.node_count()
    }

    /// The resources by their edges and, where those leave a choice, as declared.
    pub(super) fn order(&self) -> Vec<Key> {
        let mut order = Vec::with_capacity(self.declaration.resources.len());
        self.each_in_order(|node| {
            let place = node.index() / 2;
            // The first of the two is the one that is there.
            if node.index() % 2 == 0 {
                order.extend(
                    self.declaration
                        .resources
                        .get(place)
                        .map(|resource| resource.key.clone()),
                );
            }
        });
        order
    }

    /// Visits each node after all that it needs, those that are free by their numbers; none that is on a cycle, or needs one
    /// that is.
    fn each_in_order(&self, mut visit: impl FnMut(NodeIndex)) {
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
            .map(Reverse);
        let mut free: BinaryHeap<_> = free.collect();
        while let Some(Reverse(node)) = free.pop() {
            visit(node);
            for dependent in self.graph.neighbors_directed(node, Direction::Incoming) {
                waiting[dependent.index()] -= 1;
                if waiting[dependent.index()] == 0 {
                    free.push(Reverse(dependent));
                }
            }
        }
    }
}
