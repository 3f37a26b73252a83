//! The users of a service that is away for a while or for good: services that name it as a host or wait for it, and the ports of
//! the host at which it answers.

use std::collections::BTreeMap;

use iac_core::provider::effect::{Restart, Run, Scale, Transition};
use iac_core::provider::{Effect, PlanItem};
use iac_core::value::{FieldPath, Segment};

use super::{Seen, drift, name, naming};
use crate::inputs::{Inputs, NETWORK, ServiceInputs};

/// Says who cannot reach a service while it is away.
pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>]) -> Option<Effect> {
    let inputs = seen.after.as_ref().or(seen.before.as_ref());
    let inputs = inputs.filter(|inputs| !inputs.completes)?;
    let when = away(seen)?;
    let users = users(inputs, seen, all);
    let ports: Vec<String> = inputs.spec.ports.iter().map(ToString::to_string).collect();
    let users = (!users.is_empty()).then(|| format!("{} cannot reach it", users.join(", ")));
    let ports = (!ports.is_empty()).then(|| format!("nothing answers at {}", ports.join(", ")));
    let said: Vec<String> = users.into_iter().chain(ports).collect();
    Some(Effect::other(match said.is_empty() {
        true => format!("{when}, nothing in this stack misses it: no service names it, and it publishes no port"),
        false => format!("{when}, {}", said.join(", and ")),
    }))
}

/// Says what becomes of those that waited for a job when it runs again.
pub(super) fn of_job(seen: &Seen<'_>, all: &[Seen<'_>]) -> Option<Effect> {
    let inputs = seen.after.as_ref().filter(|after| after.completes)?;
    let runs_again = |effect: &Effect| matches!(effect, Effect::Run(Run { again: true, .. }));
    seen.item.told.iter().find(|effect| runs_again(effect))?;
    let waits = |other: &&Seen<'_>| {
        let after = other.after.as_ref().filter(|after| after.project == inputs.project);
        other.item.transition == Transition::Stays
            && after.is_some_and(|after| after.spec.depends_on.contains_key(&inputs.service))
    };
    let waiting: Vec<String> = all.iter().filter(waits).map(name).collect();
    let go_on = match waiting.len() {
        0 => String::new(),
        1 => format!(
            "; {}, which waited for it at its start, runs on meanwhile, also if this fails",
            waiting[0]
        ),
        _ => format!(
            "; {}, which waited for it at their starts, run on meanwhile, also if this fails",
            waiting.join(", ")
        ),
    };
    Some(Effect::other(format!(
        "the container of its last run and its log are deleted{go_on}"
    )))
}

/// When a service is away; none where it is not, or where what names it breaks for good.
fn away(seen: &Seen<'_>) -> Option<&'static str> {
    let item = seen.item;
    let is_gap = |effect: &Effect| matches!(effect, Effect::Restart(Restart { gap: Some(_), .. }));
    let is_end = |effect: &Effect| matches!(effect, Effect::Scale(Scale { to: 0, .. }));
    match item.transition {
        Transition::Create => item.recorded.map(|_| "until it is there again"),
        Transition::Update | Transition::Replace if item.told.iter().any(is_end) => Some("from then on"),
        Transition::Update | Transition::Replace if item.changes.iter().any(drift::is_state) => {
            Some("until it runs again")
        }
        Transition::Update | Transition::Replace => item.told.iter().any(is_gap).then_some("meanwhile"),
        Transition::Stays | Transition::Delete => None,
    }
}

/// The services that stay and use another one, each with how.
fn users(inputs: &ServiceInputs, seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<String> {
    let hosts: Vec<&str> = [&inputs.service]
        .into_iter()
        .chain(&inputs.spec.container_name)
        .map(String::as_str)
        .collect();
    let stay = all.iter().filter_map(|other| Some((other, other.after.as_ref()?)));
    let near = stay.filter(|(other, after)| other.place != seen.place && after.project == inputs.project);
    let uses = near.filter_map(|(other, after)| {
        let mut ways: Vec<String> = naming(&after.spec, &hosts).iter().map(word).collect();
        if ways.is_empty() && !after.completes && after.spec.depends_on.contains_key(&inputs.service) {
            ways.push("depends_on".to_owned());
        }
        ways.dedup();
        (!ways.is_empty()).then(|| format!("{} ({})", name(other), ways.join(", ")))
    });
    uses.collect()
}

/// The variable, or the list of words, at a path.
fn word(path: &FieldPath) -> String {
    let fields = path.segments().iter().rev();
    let mut fields = fields.filter_map(|segment| match segment {
        Segment::Field(field) => Some(field.clone()),
        _ => None,
    });
    fields.next().unwrap_or_default()
}

/// Says who cannot reach whom while a network is made anew, and what is left if that fails.
pub(super) fn of_networks(seen: &[Seen<'_>], items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
    let is_network = |item: &PlanItem<'_>| item.key.kind() == NETWORK && item.transition == Transition::Replace;
    let recreated = items.iter().enumerate().filter(|(_, item)| is_network(item));
    let tell = |(place, item): (usize, &PlanItem<'_>)| {
        let Ok(Inputs::Network(inputs)) = Inputs::read(NETWORK, item.then()) else {
            return None;
        };
        let network = inputs.name();
        let is_in = |one: &&Seen<'_>| {
            let after = one.after.as_ref().filter(|after| !after.completes);
            after.is_some_and(|after| after.spec.networks.values().any(|other| other.network == network))
        };
        let members: Vec<&Seen<'_>> = seen.iter().filter(is_in).collect();
        if members.is_empty() {
            return None;
        }
        let names: Vec<String> = members.iter().map(|one| name(one)).collect();
        let others = members.iter().filter_map(|one| elsewhere(one, &network));
        let mut text = format!(
            "{} cannot reach one another in {network} from the deletion of the old network until each is connected to the new one; \
             if that cannot be made, they stay without it",
            names.join(", ")
        );
        let cut = cut(&members);
        if !cut.is_empty() {
            text.push_str(&format!("; meanwhile {}", cut.join(", ")));
        }
        let others: Vec<String> = others.collect();
        if !others.is_empty() {
            text.push_str(&format!("; {}", others.join(", ")));
        }
        Some((place, Effect::closed(text)))
    };
    recreated.filter_map(tell).collect()
}

/// Which of some services cannot reach which others that they name.
fn cut(members: &[&Seen<'_>]) -> Vec<String> {
    let mut cut: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in members {
        if let Some(inputs) = &one.after {
            for user in members.iter().filter(|user| user.place != one.place) {
                let hosts = [inputs.service.as_str()];
                let ways = user
                    .after
                    .as_ref()
                    .map(|after| naming(&after.spec, &hosts))
                    .unwrap_or_default();
                let ways: Vec<String> = ways.iter().map(word).collect();
                if !ways.is_empty() {
                    let whom = format!("{} ({})", name(one), ways.join(", "));
                    cut.entry(name(user)).or_default().push(whom);
                }
            }
        }
    }
    let said = cut.into_iter();
    said.map(|(user, whom)| format!("{user} has no {}", whom.join(", ")))
        .collect()
}

/// The other networks of a service, which it keeps.
fn elsewhere(one: &Seen<'_>, network: &str) -> Option<String> {
    let networks = &one.after.as_ref()?.spec.networks;
    let others = networks.iter().filter(|(_, other)| other.network != network);
    let others: Vec<&str> = others.map(|(key, _)| key.as_str()).collect();
    (!others.is_empty()).then(|| format!("{} keeps {}", name(one), others.join(", ")))
}
