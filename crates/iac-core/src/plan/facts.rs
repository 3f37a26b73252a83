//! What is known of each resource, brought together once. An ordered map of a hundred thousand names is a long way through
//! memory for every look; the walk looks several times at each resource, and has one table for it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use super::planner::Walk;
use super::world::{ObjectName, World, WorldEntry};
use crate::declare::ResourceDecl;
use crate::graph::Edge;
use crate::provider::{Observed, Recorded};
use crate::urn::Key;

/// What is known of one resource.
#[derive(Default)]
pub(super) struct Facts<'a> {
    declared: Option<&'a ResourceDecl>,
    /// What it needs.
    edges: Vec<&'a Edge>,
    recorded: Option<&'a WorldEntry>,
    observed: Option<&'a Observed>,
    identity: Option<&'a String>,
}

/// The facts, by the resources' names.
pub(super) type Table<'a> = HashMap<&'a Key, Facts<'a>>;

/// Brings together what a world says of each resource.
pub(super) fn table<'a>(world: &World<'a>) -> Table<'a> {
    let declared = &world.declaration.resources;
    let mut table = Table::with_capacity(declared.len().max(world.recorded.len()));
    for resource in declared {
        table.entry(&resource.key).or_default().declared = Some(resource);
    }
    for edge in &world.graph.edges {
        table.entry(&edge.from.0).or_default().edges.push(edge);
    }
    for (key, entry) in world.recorded {
        table.entry(key).or_default().recorded = Some(entry);
    }
    for (key, observed) in world.observed {
        table.entry(key).or_default().observed = Some(observed);
    }
    for (key, identity) in world.identities {
        table.entry(key).or_default().identity = Some(identity);
    }
    table
}

impl<'a> Walk<'a> {
    /// The declaration of a resource.
    pub(super) fn declared(&self, key: &Key) -> Option<&'a ResourceDecl> {
        self.facts.get(key)?.declared
    }

    /// What a resource needs.
    pub(super) fn edges(&self, key: &Key) -> impl Iterator<Item = &'a Edge> {
        let edges = self.facts.get(key).map(|facts| facts.edges.iter().copied());
        edges.into_iter().flatten()
    }

    /// What is recorded of a resource, under whatever name.
    pub(super) fn recorded(&self, key: &Key) -> Option<&'a WorldEntry> {
        self.facts.get(key)?.recorded
    }

    /// What is there under a resource's name.
    pub(super) fn observed(&self, key: &Key) -> Option<&'a Observed> {
        self.facts.get(key)?.observed
    }

    /// What a resource is called in the outside world.
    pub(super) fn identity(&self, key: &Key) -> &'a str {
        let identity = self.facts.get(key).and_then(|facts| facts.identity);
        identity.map_or("", String::as_str)
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
