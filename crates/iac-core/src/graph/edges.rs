//! Which edges there are, from what the program says and from what its providers find in the inputs.

use std::collections::HashMap;

use super::{Edge, EdgeKind, GraphError};
use crate::declare::Declaration;
use crate::provider::{Phase, Reference, Referent};
use crate::urn::Key;
use crate::value::Source;

/// Where each resource stands in the declaration.
pub(super) struct Places<'a>(HashMap<&'a Key, usize>);

impl<'a> Places<'a> {
    pub(super) fn of(declaration: &'a Declaration) -> Self {
        let keys = declaration.resources.iter().map(|resource| &resource.key);
        Self(keys.enumerate().map(|(place, key)| (key, place)).collect())
    }

    pub(super) fn of_key(&self, key: &Key) -> Option<usize> {
        self.0.get(key).copied()
    }

    fn has(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }
}

/// The edges that come from outputs and from `after`.
pub(super) fn firm(declaration: &Declaration, places: &Places<'_>) -> Result<Vec<Edge>, GraphError> {
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
            if !places.has(&on) {
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
pub(super) fn ordered(places: &Places<'_>, references: &[Reference]) -> Vec<Edge> {
    let edge = |reference: &Reference| match &reference.to {
        Referent::Ordered(on, phase) if places.has(on) => Some(Edge {
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
pub(super) fn inferred(places: &Places<'_>, references: &[Reference]) -> (Vec<Edge>, Vec<Edge>) {
    let edge = |reference: &Reference| {
        let (on, phase, kind) = match &reference.to {
            Referent::Declared(on, phase) => (on, phase, EdgeKind::Reference(reference.path.clone())),
            Referent::First(on, phase) => (on, phase, EdgeKind::Order),
            Referent::Ordered(..) | Referent::External(_) => return None,
        };
        (places.has(on) && *on != reference.from).then(|| Edge {
            from: (reference.from.clone(), reference.phase),
            to: (on.clone(), *phase),
            kind,
        })
    };
    let edges = references.iter().filter_map(edge);
    edges.partition(|edge| edge.kind != EdgeKind::Order)
}
