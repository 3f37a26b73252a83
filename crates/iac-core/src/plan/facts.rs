//! The facts of each resource, brought together once. An ordered map of a hundred thousand names is a long way through
//! memory for every look; the walk looks several times at each resource, and has one table for it.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, HashMap};

use super::planner::Walk;
use super::resolve::Outputs;
use super::world::{ObjectName, World, WorldEntry};
use crate::declare::ResourceDecl;
use crate::graph::Edge;
use crate::provider::{Observed, Recorded};
use crate::urn::Key;

/// The facts of one resource.
struct Facts<'a> {
    key: &'a Key,
    declared: Option<&'a ResourceDecl>,
    /// The edges to the resources that it needs.
    edges: Vec<&'a Edge>,
    recorded: Option<&'a WorldEntry>,
    observed: Option<&'a Observed>,
    identity: Option<&'a String>,
    /// The outputs that others may use; found out during the walk.
    outputs: Option<Outputs>,
}

/// The facts, in the order of declaration, and their places by the resources' names.
pub(super) struct Table<'a> {
    facts: Vec<Facts<'a>>,
    places: HashMap<&'a Key, usize>,
    /// The place that was asked for last: mostly it is asked for again.
    last: Cell<usize>,
}

impl<'a> Table<'a> {
    /// Brings together what a world says of each resource.
    pub(super) fn of(world: &World<'a>) -> Self {
        let declared = &world.declaration.resources;
        let count = declared.len().max(world.recorded.len());
        let mut table = Self {
            facts: Vec::with_capacity(count),
            places: HashMap::with_capacity(count),
            last: Cell::new(0),
        };
        for resource in declared {
            table.entry(&resource.key).declared = Some(resource);
        }
        for edge in &world.graph.edges {
            table.entry(&edge.from.0).edges.push(edge);
        }
        for (key, entry) in world.recorded {
            table.entry(key).recorded = Some(entry);
        }
        for (key, observed) in world.observed {
            table.entry(key).observed = Some(observed);
        }
        for (key, identity) in world.identities {
            table.entry(key).identity = Some(identity);
        }
        table
    }

    fn entry(&mut self, key: &'a Key) -> &mut Facts<'a> {
        let place = self.place(key).unwrap_or_else(|| {
            self.places.insert(key, self.facts.len());
            self.facts.push(Facts {
                key,
                declared: None,
                edges: Vec::new(),
                recorded: None,
                observed: None,
                identity: None,
                outputs: None,
            });
            self.facts.len() - 1
        });
        &mut self.facts[place]
    }

    fn place(&self, key: &Key) -> Option<usize> {
        let last = self.last.get();
        if self.facts.get(last).is_some_and(|facts| facts.key.is_same(key)) {
            return Some(last);
        }
        let place = self.places.get(key).copied()?;
        self.last.set(place);
        Some(place)
    }

    fn get(&self, key: &Key) -> Option<&Facts<'a>> {
        self.facts.get(self.place(key)?)
    }
}

impl<'a> Walk<'a> {
    /// The declaration of a resource.
    pub(super) fn declared(&self, key: &Key) -> Option<&'a ResourceDecl> {
        self.facts.get(key)?.declared
    }

    /// Returns the edges to the resources that a resource needs.
    pub(super) fn edges(&self, key: &Key) -> impl Iterator<Item = &'a Edge> {
        let edges = self.facts.get(key).map(|facts| facts.edges.iter().copied());
        edges.into_iter().flatten()
    }

    /// Returns the record of a resource, under whatever name.
    pub(super) fn recorded(&self, key: &Key) -> Option<&'a WorldEntry> {
        self.facts.get(key)?.recorded
    }

    /// Returns the object under a resource's name.
    pub(super) fn observed(&self, key: &Key) -> Option<&'a Observed> {
        self.facts.get(key)?.observed
    }

    /// Returns the name of a resource in the outside world.
    pub(super) fn identity(&self, key: &Key) -> &'a str {
        let identity = self.facts.get(key).and_then(|facts| facts.identity);
        identity.map_or("", String::as_str)
    }

    /// Returns the outputs of a resource that others may use; none before the walk came by.
    pub(super) fn outputs(&self, key: &Key) -> Option<&Outputs> {
        self.facts.get(key)?.outputs.as_ref()
    }

    pub(super) fn set_outputs(&mut self, key: &Key, outputs: Outputs) {
        if let Some(place) = self.facts.place(key) {
            self.facts.facts[place].outputs = Some(outputs);
        }
    }
}

/// Which declared resource each object belongs to; put together when somebody asks first, since most plans let go of
/// nothing.
pub(super) struct Wanted<'a> {
    identities: &'a BTreeMap<Key, String>,
    objects: OnceCell<HashMap<ObjectName, &'a Key>>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(world: &World<'a>) -> Self {
        Self {
            identities: world.identities,
            objects: OnceCell::new(),
        }
    }

    /// The resource that an object belongs to.
    pub(super) fn get(&self, name: &ObjectName) -> Option<&'a Key> {
        let wanted = |(key, identity): (&'a Key, &String)| (ObjectName::new(key, identity), key);
        let objects = self
            .objects
            .get_or_init(|| self.identities.iter().map(wanted).collect());
        objects.get(name).copied()
    }
}

/// All objects that are recorded, by what they are called.
pub(super) fn recorded_objects<'a>(world: &World<'a>) -> HashMap<ObjectName, Vec<&'a Recorded>> {
    let mut objects: HashMap<ObjectName, Vec<&Recorded>> = HashMap::new();
    for (key, entry) in world.recorded {
        for object in entry.objects() {
            let name = ObjectName::new(key, &object.identity);
            objects.entry(name).or_default().push(object);
        }
    }
    objects
}
