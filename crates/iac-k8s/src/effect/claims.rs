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
fn size(claim: &Value) -> Option<&str> {
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
        found.push(effect(claims(seen, then, name), *size, DataFate::StartsEmpty));
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
    let left: Vec<BTreeMap<&str, Option<&str>>> = going.map(|other| templates(other.before())).collect();
    let new = templates(seen.then()).into_iter();
    let mut found: Vec<Effect> = new
        .filter(|(name, _)| left.iter().any(|old| old.contains_key(name)))
        .map(|(name, size)| effect(claims(seen, seen.then(), name), size, DataFate::StartsEmpty))
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
fn fleeting(before: &Value, then: &Value) -> Vec<Effect> {
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
        effect(mount.unwrap_or(name).to_owned(), None, DataFate::Fleeting)
    };
    names.map(tell).collect()
}

/// Pods that use other claims than before: those that are new in this plan are empty, and the ones before are used by
/// nothing any more.
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
    let tell = |claim: &Seen<'_>, object: &Value, fate: DataFate| {
        effect(format!("claim {}", claim.id.full_name()), size(object), fate)
    };
    let swapped = new
        .iter()
        .filter(|(volume, claim)| old.get(*volume).is_some_and(|other| other != *claim));
    let fresh = swapped
        .filter_map(|(_, name)| claim(name))
        .filter(|claim| claim.item.transition == Transition::Create)
        .map(|claim| tell(claim, claim.then(), DataFate::StartsEmpty));
    let is_used = |name: &str| {
        let near = all
            .iter()
            .filter(|other| other.item.remains() && other.id.namespace == seen.id.namespace);
        near.filter_map(Seen::pods)
            .any(|(_, spec)| used(spec).values().any(|claim| *claim == name))
    };
    let left = old
        .values()
        .filter(|name| !is_used(name))
        .filter_map(|name| claim(name))
        .filter(|claim| claim.item.remains())
        .map(|claim| tell(claim, claim.before(), DataFate::LeftBehind));
    fresh.chain(left).chain(fleeting(before, then)).collect()
}
