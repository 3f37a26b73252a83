//! The fate of a StatefulSet's claims, and of those that other pods use.

use std::collections::BTreeMap;

use iac_core::Value;
use iac_core::provider::Effect;
use iac_core::provider::effect::{DataEffect, DataFate, Transition};

use super::{Seen, list, selection, text};
use crate::{kinds, quantity};

pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    match (seen.kind.as_str(), seen.item.transition) {
        ("apps/StatefulSet", Transition::Replace) => of_replaced(seen),
        ("apps/StatefulSet", Transition::Create) => of_successor(seen, all),
        ("core/PersistentVolumeClaim", Transition::Update) => grown(seen).into_iter().collect(),
        (kind, Transition::Update | Transition::Replace) if kinds::pod_template(kind).is_some() => swapped(seen, all),
        _ => Vec::new(),
    }
}

/// The claim templates of a StatefulSet with their sizes, by name.
fn templates(set: &Value) -> BTreeMap<&str, Option<&str>> {
    let all = list(set, "/spec/volumeClaimTemplates").iter();
    all.filter_map(|template| Some((text(template, "/metadata/name")?, size(template))))
        .collect()
}

/// Returns the storage that a claim, or a template of one, asks for.
pub(super) fn size(claim: &Value) -> Option<&str> {
    text(claim, "/spec/resources/requests/storage")
}

/// The claims that a template makes: the one, or the first to the last.
fn claims(seen: &Seen<'_>, set: &Value, template: &str) -> String {
    let namespace = seen.id.namespace.as_deref().unwrap_or_default();
    let pods = set.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let claim = |number: i64| format!("{namespace}/{template}-{}-{number}", seen.id.name);
    match pods {
        0 | 1 => format!("claim {}", claim(0)),
        pods => format!("claims {} to {}", claim(0), pods - 1),
    }
}

fn effect(holder: String, size: Option<&str>, fate: DataFate) -> Effect {
    Effect::Data(DataEffect {
        holder,
        size: size.map(str::to_owned),
        fate,
    })
}

/// Claims are found again by their names only, so they come with their data and at their old size.
fn of_replaced(seen: &Seen<'_>) -> Vec<Effect> {
    let (before, then) = (seen.before(), seen.then());
    let (old, new) = (templates(before), templates(then));
    let mut found = Vec::new();
    for (name, size) in &old {
        let holder = claims(seen, before, name);
        let fate = match new.get(name) {
            None => DataFate::LeftBehind,
            Some(asked) if differs(*size, *asked) => DataFate::KeepsSize {
                asked: asked.unwrap_or("another size").to_owned(),
            },
            Some(_) => DataFate::UsedAgain,
        };
        found.push(effect(holder, *size, fate));
    }
    for (name, size) in new
        .iter()
        .filter(|(name, _)| !old.is_empty() && !old.contains_key(*name))
    {
        let fate = DataFate::StartsEmpty { instead_of: None };
        found.push(effect(claims(seen, then, name), *size, fate));
    }
    found
}

fn differs(one: Option<&str>, other: Option<&str>) -> bool {
    let amount = |size: Option<&str>| size.and_then(quantity::parse);
    amount(one) != amount(other)
}

/// A new StatefulSet where another one with the same templates goes: it does not get the claims of that.
fn of_successor(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    let going = all.iter().filter(|other| {
        other.item.transition == Transition::Delete
            && (&other.kind, &other.id.namespace) == (&seen.kind, &seen.id.namespace)
    });
    let left: Vec<(&Seen<'_>, BTreeMap<&str, Option<&str>>)> =
        going.map(|other| (other, templates(other.before()))).collect();
    let old = |name: &str| {
        let mut had = left.iter().filter(|(_, old)| old.contains_key(name));
        had.next().map(|(old, _)| claims(old, old.before(), name))
    };
    let new = templates(seen.then()).into_iter();
    let mut found: Vec<Effect> = new
        .filter_map(|(name, size)| {
            let instead_of = Some(old(name)?);
            Some(effect(
                claims(seen, seen.then(), name),
                size,
                DataFate::StartsEmpty { instead_of },
            ))
        })
        .collect();
    if !found.is_empty() {
        found.extend(clients_move(seen, all));
    }
    found
}

/// Says that a Service leads its clients from the set that goes to the new one, with other data.
fn clients_move(seen: &Seen<'_>, all: &[Seen<'_>]) -> Option<Effect> {
    let moves = |going: &Seen<'_>| {
        let found = |service: &&Seen<'_>| {
            let selector = service.then().pointer("/spec/selector");
            selector.is_some_and(|selector| selection::selects(selector, selection::labels(&seen.kind, seen.then())))
        };
        selection::services(going, all).into_iter().find(found)
    };
    let mut going = all.iter().filter(|other| {
        other.item.transition == Transition::Delete
            && other.kind == seen.kind
            && other.id.namespace == seen.id.namespace
    });
    let (service, old) = going.find_map(|going| Some((moves(going)?, going)))?;
    let labels = selection::terms(service.then().pointer("/spec/selector").unwrap_or(&Value::Null));
    Some(Effect::other(format!(
        "{} finds its pods ({labels}) as soon as they are ready: its clients read and write the empty data there, and no longer that of {}",
        service.name(),
        old.name(),
    )))
}

fn grown(seen: &Seen<'_>) -> Option<Effect> {
    let (before, then) = (size(seen.before())?, size(seen.then())?);
    let grows = quantity::parse(then)? > quantity::parse(before)?;
    grows.then(|| {
        let to = then.to_owned();
        effect(
            format!("claim {}", seen.id.full_name()),
            Some(before),
            DataFate::Grows { to },
        )
    })
}

/// The claims that pods use, by the names of their volumes.
fn used(spec: &Value) -> BTreeMap<&str, &str> {
    let volumes = list(spec, "/volumes").iter();
    let claim = |volume| {
        Some((
            text(volume, "/name")?,
            text(volume, "/persistentVolumeClaim/claimName")?,
        ))
    };
    volumes.filter_map(claim).collect()
}

/// The places of claims that are folders of the pod itself from now on.
fn fleeting(before: &Value, then: &Value, left: impl Fn(&str) -> Option<String>) -> Vec<Effect> {
    let old = used(before);
    let volumes = list(then, "/volumes").iter();
    let became = volumes.filter(|volume| volume.get("emptyDir").is_some());
    let names = became
        .filter_map(|volume| text(volume, "/name"))
        .filter(|name| old.contains_key(name));
    let tell = |name: &str| {
        let mounts = super::containers(then).flat_map(|container| list(container, "/volumeMounts"));
        let mount = mounts
            .filter(|mount| text(mount, "/name") == Some(name))
            .find_map(|mount| text(mount, "/mountPath"));
        let instead_of = old.get(name).and_then(|claim| left(claim));
        effect(
            mount.unwrap_or(name).to_owned(),
            None,
            DataFate::Fleeting { instead_of },
        )
    };
    names.map(tell).collect()
}

/// Pods that use other claims than before: those that are new in this plan are empty, and the ones before are used by
/// nothing any more. One that takes the place of another is told together with it.
fn swapped(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    let Some((before, then)) = seen.pods() else {
        return Vec::new();
    };
    let (old, new) = (used(before), used(then));
    let claim = |name: &str| {
        all.iter().find(|other| {
            other.kind == "core/PersistentVolumeClaim"
                && other.id.namespace == seen.id.namespace
                && other.id.name == name
        })
    };
    let is_used = |name: &str| {
        let near = all
            .iter()
            .filter(|other| other.item.remains() && other.id.namespace == seen.id.namespace);
        near.filter_map(Seen::pods)
            .any(|(_, spec)| used(spec).values().any(|claim| *claim == name))
    };
    // The claim that is used by nothing any more and stays, for people.
    let left = |name: &str| -> Option<String> {
        let claim = claim(name).filter(|claim| claim.item.remains() && !is_used(name))?;
        let size = size(claim.before()).map_or_else(String::new, |size| format!(" ({size})"));
        Some(format!("claim {}{size}", claim.id.full_name()))
    };
    let swapped = new
        .iter()
        .filter_map(|(volume, claim)| Some((*old.get(*volume)?, *claim)))
        .filter(|(old, claim)| old != claim);
    let fresh: Vec<(&str, &Seen<'_>)> = swapped
        .filter_map(|(old, name)| Some((old, claim(name)?)))
        .filter(|(_, claim)| claim.item.transition == Transition::Create)
        .collect();
    let fleeting = fleeting(before, then, left);
    let is_told = |name: &str| {
        let is_folder = |volume: &str| {
            list(then, "/volumes")
                .iter()
                .any(|one| text(one, "/name") == Some(volume) && one.get("emptyDir").is_some())
        };
        fresh.iter().any(|(old, _)| *old == name)
            || old.iter().any(|(volume, claim)| *claim == name && is_folder(volume))
    };
    let alone = old.values().filter(|name| left(name).is_some() && !is_told(name));
    let alone = alone.filter_map(|name| claim(name)).map(|claim| {
        let holder = format!("claim {}", claim.id.full_name());
        effect(holder, size(claim.before()), DataFate::LeftBehind)
    });
    let alone: Vec<Effect> = alone.collect();
    let fresh = fresh.iter().map(|(old, claim)| {
        let holder = format!("claim {}", claim.id.full_name());
        let instead_of = left(old);
        effect(holder, size(claim.then()), DataFate::StartsEmpty { instead_of })
    });
    fresh.chain(alone).chain(fleeting).collect()
}
