//! Which objects stay though nobody wants them: they hold data that may not go, or such an object needs them.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::is_another;
use super::planner::Walk;
use super::world::{ObjectName, World, WorldEntry};
use super::{Fate, KeptData, Mode, Reason, leftover};
use crate::provider::{DataItem, Observed, Recorded};
use crate::urn::Key;

/// Resources of this provider are values that kept data may depend on (a database's password), so they stay with it.
pub(super) const GENERATED: &str = "random";

/// The end of an object that its resource no longer has, before data is thought of.
pub(super) enum End {
    /// It is dropped from the record, and stays where it is if it is there.
    Forget(Vec<Reason>),
    /// It is deleted.
    Delete,
}

/// The end of the own object of a resource that is no longer wanted; none where it has none.
pub(super) fn end(walk: &Walk<'_>, key: &Key, entry: &WorldEntry) -> Option<End> {
    if entry.gone {
        return None;
    }
    let name = ObjectName::new(key, &entry.recorded.identity);
    if let Some(new) = walk.wanted.get(&name) {
        let reason = Reason::Option(format!("now declared as {new}"));
        return Some(End::Forget(vec![reason]));
    }
    if let Some(holder) = entry.elsewhere.get(&entry.recorded.identity) {
        let reason = Reason::Option(format!("recorded as {holder} too"));
        return Some(End::Forget(vec![reason]));
    }
    let why = why(walk.world);
    if entry.options.retain_on_delete {
        let reason = Reason::Option(leftover::RETAINED.to_owned());
        return Some(End::Forget(vec![why, reason]));
    }
    Some(match walk.observed(key) {
        Some(Observed::Absent | Observed::Finished) => End::Forget(vec![why, Reason::Gone]),
        Some(there) if is_another(&entry.recorded, there) => End::Forget(vec![why, Reason::Another]),
        _ => End::Delete,
    })
}

/// Why what is no longer wanted goes.
pub(super) fn why(world: &World<'_>) -> Reason {
    match world.mode {
        Mode::Destroy => Reason::Destroy,
        Mode::Up | Mode::Refresh => Reason::NotDeclared,
    }
}

/// The objects that would be deleted, and stay.
pub(super) fn kept(walk: &Walk<'_>) -> BTreeSet<ObjectName> {
    let world = walk.world;
    let ending = ending(walk);
    let mut of_key: BTreeMap<&Key, Vec<&Recorded>> = BTreeMap::new();
    for object in &ending {
        of_key.entry(&object.key).or_default().push(object);
    }
    let name = |object: &Recorded| ObjectName::new(&object.key, &object.identity);
    let holds = |object: &&&Recorded| world.withheld(&name(object)).any(|item| !item.outlives);
    let mut queue: Vec<&Recorded> = ending.iter().filter(holds).copied().collect();
    let mut kept: BTreeSet<ObjectName> = queue.iter().copied().map(name).collect();
    while let Some(object) = queue.pop() {
        let needed = object.dependencies.iter().filter_map(|(key, _)| of_key.get(key));
        for other in needed.flatten() {
            if kept.insert(name(other)) {
                queue.push(other);
            }
        }
    }
    if !kept.is_empty() {
        let generated = ending.iter().filter(|object| object.key.provider() == GENERATED);
        kept.extend(generated.copied().map(name));
    }
    kept
}

/// The objects that go unless something keeps them: those of resources that are no longer wanted, and former ones.
fn ending<'a>(walk: &Walk<'a>) -> Vec<&'a Recorded> {
    let world = walk.world;
    let mut ending = Vec::new();
    if world.mode == Mode::Refresh {
        return ending;
    }
    for (key, entry) in world.recorded.iter().filter(|(key, _)| world.selected.has(key)) {
        let resource = walk.declared(key).filter(|_| world.mode == Mode::Up);
        let own = resource.is_none().then(|| end(walk, key, entry)).flatten();
        ending.extend(matches!(own, Some(End::Delete)).then_some(&entry.recorded));
        let options = resource.map(|resource| &resource.options);
        let left = leftover::of(world, &walk.wanted, key, entry, options, &BTreeSet::new());
        let left = left.into_iter().zip(&entry.formers);
        let deleted = left.filter(|(leftover, _)| leftover.fate == Fate::Delete);
        ending.extend(deleted.map(|(_, former)| &former.recorded));
    }
    ending
}

/// The data that stays, each told once: by what would go first. It stays with its object, or without it.
pub(super) fn told(walk: &Walk<'_>, first: &[Key]) -> Vec<KeptData> {
    let world = walk.world;
    let going = match world.data.values().flatten().any(|item| item.outlives) {
        true => ending(walk),
        false => Vec::new(),
    };
    let going = going
        .into_iter()
        .map(|object| ObjectName::new(&object.key, &object.identity));
    let going: BTreeSet<ObjectName> = going.filter(|name| !walk.kept.contains(name)).collect();
    if walk.kept.is_empty() && going.is_empty() && walk.steps.iter().all(|step| step.leaves.is_empty()) {
        return Vec::new();
    }
    let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut seen: BTreeSet<&Key> = BTreeSet::new();
    let mut all = Vec::new();
    for key in first.iter().chain(world.recorded.keys()).filter(|key| seen.insert(key)) {
        let mut items: Vec<DataItem> = Vec::new();
        for object in world.recorded.get(key).into_iter().flat_map(WorldEntry::objects) {
            let name = ObjectName::new(key, &object.identity);
            let (kept, going) = (walk.kept.contains(&name), going.contains(&name));
            let stays = |item: &&DataItem| kept || going && item.outlives && !world.delete_data.allows(item);
            let of_it = world.items_of(key, &object.identity).iter().filter(stays);
            items.extend(of_it.filter(|item| told.insert((&item.kind, &item.name))).cloned());
        }
        if !items.is_empty() {
            all.push(KeptData {
                key: key.clone(),
                items,
            });
        }
    }
    for step in &walk.steps {
        let left = step.leaves.iter().filter(|item| !world.delete_data.allows(item));
        let left = left.filter(|item| told.insert((&item.kind, &item.name)));
        let items: Vec<DataItem> = left.cloned().collect();
        if !items.is_empty() {
            let key = step.key.clone();
            all.push(KeptData { key, items });
        }
    }
    all
}
