//! The volumes of services: those that are new and empty, those whose data is used again, and those that nothing uses any more.

use iac_core::provider::effect::{DataEffect, DataFate, Rename, Restart, Transition, Way};
use iac_core::provider::{Effect, PlanItem};
use iac_core::review::short_name;

use super::Seen;
use crate::inputs::{Inputs, VOLUME};
use crate::model::{Mount, MountKind};

/// The kind of a volume in its identity.
const VOLUME_KIND: &str = "compose/Volume";

/// What becomes of the volumes of a service.
pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>], items: &[PlanItem<'_>]) -> Vec<Effect> {
    match seen.item.transition {
        Transition::Create => used_again(seen, items),
        Transition::Delete => left_behind(seen, all, items),
        _ => new(seen, items),
    }
}

/// The volumes of a definition that have names.
fn named(mounts: &[Mount]) -> impl Iterator<Item = &Mount> {
    mounts
        .iter()
        .filter(|mount| mount.kind == MountKind::Volume && !mount.source.is_empty())
}

/// Volumes of a service that are new in this plan and take the place of others: the old one and the new one.
fn swapped<'a>(seen: &'a Seen<'_>, items: &[PlanItem<'_>]) -> Vec<(&'a Mount, &'a Mount)> {
    let (Some(before), Some(after)) = seen.specs() else {
        return Vec::new();
    };
    let is_new = |name: &str| {
        let mut made = items.iter().filter(|item| item.transition == Transition::Create);
        made.any(|item| item.identity == volume(name))
    };
    let swapped = named(&after.volumes).filter_map(|mount| {
        let old = named(&before.volumes).find(|old| old.target == mount.target)?;
        (old.source != mount.source && is_new(&mount.source)).then_some((old, mount))
    });
    swapped.collect()
}

/// The identity of a volume.
fn volume(name: &str) -> String {
    format!("{VOLUME_KIND} {name}")
}

fn effect(mount: &Mount, fate: DataFate) -> Effect {
    Effect::Data(DataEffect {
        holder: format!("volume {} at {}", mount.source, mount.target),
        size: None,
        fate,
    })
}

/// Containers start without the data of the volume that they had.
fn new(seen: &Seen<'_>, items: &[PlanItem<'_>]) -> Vec<Effect> {
    let swapped = swapped(seen, items);
    let is_beside = seen.item.told.iter().any(|effect| {
        matches!(
            effect,
            Effect::Restart(Restart {
                way: Way::StartFirst,
                ..
            })
        )
    });
    let beside = swapped.first().filter(|_| is_beside).map(|(old, new)| {
        let service = seen.after.as_ref().map_or("", |after| &after.service);
        Effect::other(format!(
            "while both run, the name {service} leads to the old container and to the new one with the empty volume {}; what is \
             written to the old one meanwhile stays in volume {}",
            new.source, old.source
        ))
    });
    let empty = swapped.iter().map(|(old, new)| {
        let instead_of = Some(format!("volume {}", old.source));
        effect(new, DataFate::StartsEmpty { instead_of })
    });
    empty.chain(beside).collect()
}

/// A new container of a service finds the data of volumes that are there already.
fn used_again(seen: &Seen<'_>, items: &[PlanItem<'_>]) -> Vec<Effect> {
    let is_there = |mount: &&Mount| {
        let mut stay = items.iter().filter(|item| item.transition == Transition::Stays);
        stay.any(|item| item.identity == volume(&mount.source))
    };
    let mounts = seen.after.as_ref().map_or(&[][..], |after| &after.spec.volumes);
    let there = named(mounts).filter(is_there);
    there.map(|mount| effect(mount, DataFate::UsedAgain)).collect()
}

/// The volumes of a service that goes, as far as they stay and no other service has them.
fn left_behind(seen: &Seen<'_>, all: &[Seen<'_>], items: &[PlanItem<'_>]) -> Vec<Effect> {
    let stays = |mount: &&Mount| {
        let mut stay = items.iter().filter(|item| item.transition == Transition::Stays);
        stay.any(|item| item.identity == volume(&mount.source) && item.after.is_some())
    };
    let is_used = |mount: &&Mount| {
        let mut others = all.iter().filter_map(|other| other.after.as_ref());
        others.any(|other| named(&other.spec.volumes).any(|used| used.source == mount.source))
    };
    let mounts = seen.before.as_ref().map_or(&[][..], |before| &before.spec.volumes);
    let left = named(mounts).filter(stays).filter(|mount| !is_used(mount));
    left.map(|mount| effect(mount, DataFate::LeftBehind)).collect()
}

/// A volume that takes the place of another one of the plan is that under another name.
pub(super) fn renamed(seen: &[Seen<'_>], items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
    let mut found = Vec::new();
    let place = |name: &str| items.iter().position(|item| item.identity == volume(name));
    for (old, new) in seen.iter().flat_map(|seen| swapped(seen, items)) {
        let (Some(old_place), Some(new_place)) = (place(&old.source), place(&new.source)) else {
            continue;
        };
        for (place, other, is_new) in [(new_place, old_place, true), (old_place, new_place, false)] {
            let other = short_name(items[other].key, items[other].identity);
            let advice = advice(&items[new_place], &old.source).filter(|_| is_new);
            let effect = (place, Effect::Rename(Rename { other, is_new, advice }));
            if !found.contains(&effect) {
                found.push(effect);
            }
        }
    }
    found
}

/// How the new name keeps the data of the old one.
fn advice(new: &PlanItem<'_>, old: &str) -> Option<String> {
    let Ok(Inputs::Volume(inputs)) = Inputs::read(VOLUME, new.then()) else {
        return None;
    };
    Some(format!(
        "to keep the data, declare it as `{}: {{name: {old}}}`",
        inputs.key
    ))
}
