//! The leftovers of a step: the former objects of a resource, and the fate of each.

use std::collections::BTreeSet;

use super::facts::Wanted;
use super::objects::is_another;
use super::world::{ObjectName, World, WorldEntry};
use super::{Fate, Leftover};
use crate::declare::Options;
use crate::provider::{Observed, Recorded};
use crate::urn::Key;
use crate::value::Value;

/// Why an object is left where the program says so.
pub(super) const RETAINED: &str = "retain_on_delete";

/// The former objects of a resource, in the order of its record. `declared` are the options that the program gives it
/// now, if it declares it; `kept` are the objects that stay for the data that they hold.
pub(super) fn of(
    world: &World<'_>,
    wanted: &Wanted<'_>,
    key: &Key,
    entry: &WorldEntry,
    declared: Option<&Options>,
    kept: &BTreeSet<ObjectName>,
) -> Vec<Leftover> {
    // Leftovers of an earlier replacement were meant to be deleted; only one that is left now can be retained.
    let left_now = entry.left_now();
    let retains = |options: &Options| options.retain_on_delete || declared.is_some_and(|now| now.retain_on_delete);
    let leftovers = entry.formers.iter().enumerate().map(|(place, former)| {
        let retained = Some(place) == left_now && retains(&former.options);
        let name = ObjectName::new(key, &former.recorded.identity);
        let fate = match fate(world, wanted, key, entry, &former.recorded, retained) {
            Fate::Delete if kept.contains(&name) => Fate::Keep,
            fate => fate,
        };
        Leftover {
            identity: former.recorded.identity.clone(),
            uid: former.recorded.uid.clone(),
            // An object of an interrupted run that nobody recorded is used by nobody, and may hold what the new one needs.
            first: fate == Fate::Delete && former.recorded.inputs == Value::Null,
            fate,
        }
    });
    leftovers.collect()
}

fn fate(
    world: &World<'_>,
    wanted: &Wanted<'_>,
    key: &Key,
    entry: &WorldEntry,
    object: &Recorded,
    retained: bool,
) -> Fate {
    let name = ObjectName::new(key, &object.identity);
    let forget = |because: &str| Fate::Forget {
        because: because.to_owned(),
    };
    match wanted.get(&name) {
        Some(to) if to == key => return forget("its name is the resource's own"),
        Some(to) => return Fate::Handover { to: to.clone() },
        None => {}
    }
    if let Some(holder) = entry.elsewhere.get(&object.identity) {
        return forget(&format!("it is recorded as {holder} too"));
    }
    match world.others.get(&name) {
        Some(Observed::Absent | Observed::Finished) => forget("it is gone"),
        Some(there) if is_another(object, there) => forget("another object has its name now"),
        _ if retained => forget(RETAINED),
        _ => Fate::Delete,
    }
}
