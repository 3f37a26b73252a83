//! Objects that others changed or deleted: who will change them again, and who misses what is gone until it is made anew.

use std::collections::BTreeMap;

use iac_core::provider::Effect;
use iac_core::provider::effect::{DataEffect, DataFate, Transition};

use super::workload::AUTOSCALER;
use super::{Around, Seen, claims, selection, users};
use crate::kinds;

pub(super) fn of<'a>(seen: &Seen<'_>, around: &'a Around<'a>) -> Vec<Effect> {
    match seen.item.transition {
        Transition::Create if seen.item.recorded.is_some() => missing(seen, around),
        Transition::Update => two_owners(seen),
        _ => Vec::new(),
    }
}

/// Says that a manager which is no person at a terminal sets a field again that is taken back.
fn two_owners(seen: &Seen<'_>) -> Vec<Effect> {
    let drift = seen.item.live.map_or(&[][..], |live| &live.drift);
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for change in drift {
        let who = change.origin.as_deref().unwrap_or_default();
        if !who.is_empty() && !who.starts_with("kubectl") && who != AUTOSCALER {
            fields.entry(who).or_default().push(change.path.to_string());
        }
    }
    let told = fields.into_iter().map(|(who, fields)| {
        Effect::other(format!(
            "two owners: {who} will set {} again when it applies next: let one of the two own it",
            fields.join(", ")
        ))
    });
    told.collect()
}

/// Who misses an object that is recorded and gone.
fn missing<'a>(seen: &Seen<'_>, around: &'a Around<'a>) -> Vec<Effect> {
    match seen.kind.as_str() {
        "core/ConfigMap" | "core/Secret" => users::pods_that_need(seen, around)
            .map(|users| {
                Effect::other(format!(
                    "until it is there again, pods of {users} that run go on, and none that starts meanwhile (a restart, a scale-up, \
                     another node) gets to work"
                ))
            })
            .into_iter()
            .collect(),
        "core/PersistentVolumeClaim" => {
            let empty = Effect::Data(DataEffect {
                holder: format!("claim {}", seen.id.full_name()),
                size: claims::size(seen.then()).map(str::to_owned),
                fate: DataFate::StartsEmpty { instead_of: None },
            });
            let users = users::pods_that_need(seen, around);
            let users = users.map(|users| Effect::other(format!("until it is there again, no pod of {users} starts")));
            [empty].into_iter().chain(users).collect()
        }
        "core/Service" => users::told(seen, seen, around, "until it is there again,").into_iter().collect(),
        kind if kinds::runs_pods(kind) => {
            let services = selection::services(seen, around.all).into_iter();
            let alone = services.filter(|service| selection::others(service, seen, around.all).is_empty());
            alone
                .filter_map(|service| users::told(service, seen, around, "until its pods are ready again,"))
                .collect()
        }
        _ => Vec::new(),
    }
}
