//! The effects of a plan on what runs on an engine: services that stop, jobs that run, ports that become reachable, powers
//! of containers on the host, new volumes, and names that lead nowhere afterwards.
//!
//! All of it follows from the inputs of the plan's resources. In which order containers are replaced takes a look at
//! them: that is told by [`predict`](super::predict).

mod users;
mod volumes;

use std::collections::BTreeSet;

use iac_core::provider::effect::{
    BrokenReference, Restart, Run, Scale, Transition, Unit, Way, names_host, other_repository,
};
use iac_core::provider::{Effect, Phase, PlanItem};
use iac_core::review::short_name;
use iac_core::value::FieldPath;

use super::renewal::STOP_GRACE;
use super::{exclusive, service::drift};
use crate::inputs::{Inputs, NETWORK, NetworkInputs, SERVICE, ServiceInputs};
use crate::model::{MountKind, Service};

/// A service of the plan.
struct Seen<'a> {
    place: usize,
    item: &'a PlanItem<'a>,
    before: Option<ServiceInputs>,
    after: Option<ServiceInputs>,
}

/// The effects of a plan.
pub(super) fn of(items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
    let seen: Vec<Seen<'_>> = items
        .iter()
        .enumerate()
        .filter(|(_, item)| item.key.kind() == SERVICE)
        .map(|(place, item)| Seen {
            place,
            item,
            before: service(item.before()),
            after: service(item.then()),
        })
        .collect();
    let mut found = volumes::renamed(&seen, items);
    found.extend(shut_in(&seen, items));
    found.extend(users::of_networks(&seen, items));
    for one in seen.iter().filter(|one| one.item.transition != Transition::Stays) {
        let own = [
            stopped(one, &seen),
            first_run(one),
            exposure(one),
            closed(one),
            power(one),
            other_image(one),
            less_time(one),
        ];
        let own = own
            .into_iter()
            .flatten()
            .chain(volumes::of(one, &seen, items))
            .chain(users::of(one, &seen))
            .chain(users::of_job(one, &seen))
            .chain(broken(one, &seen));
        found.extend(own.map(|effect| (one.place, effect)));
    }
    found
}

/// Services that can reach nothing outside any more, since the only networks that they have become internal.
fn shut_in(seen: &[Seen<'_>], items: &[PlanItem<'_>]) -> Vec<(usize, Effect)> {
    let network = |value: &iac_core::Value| match Inputs::read(NETWORK, value) {
        Ok(Inputs::Network(inputs)) => Some(inputs),
        _ => None,
    };
    let networks = items.iter().enumerate().filter(|(_, item)| item.key.kind() == NETWORK);
    let networks: Vec<_> = networks
        .map(|(place, item)| (place, network(item.before()), network(item.then())))
        .collect();
    let internal: Vec<String> = networks
        .iter()
        .filter_map(|(_, _, after)| Some(after.as_ref()?).filter(|after| after.spec.internal))
        .map(NetworkInputs::name)
        .collect();
    let closes = networks.iter().filter_map(|(place, before, after)| {
        let is_new = after.as_ref()?.spec.internal && !before.as_ref()?.spec.internal;
        is_new.then_some((*place, after.as_ref()?.name()))
    });
    let mut found = Vec::new();
    for (place, closing) in closes {
        let is_shut_in = |one: &&Seen<'_>| {
            let networks = one.after.as_ref().map(|after| &after.spec.networks);
            let mut all = networks.into_iter().flatten();
            let is_in = networks.is_some_and(|networks| networks.values().any(|one| one.network == closing));
            is_in && all.all(|(_, attachment)| internal.contains(&attachment.network))
        };
        let names: Vec<String> = seen.iter().filter(is_shut_in).map(name).collect();
        if !names.is_empty() {
            let message = format!("internal: {} can reach nothing outside any more", names.join(", "));
            found.push((place, Effect::other(message)));
        }
    }
    found
}

fn service(value: &iac_core::Value) -> Option<ServiceInputs> {
    match Inputs::read(SERVICE, value) {
        Ok(Inputs::Service(inputs)) => Some(*inputs),
        _ => None,
    }
}

impl Seen<'_> {
    fn specs<'a>(&'a self) -> (Option<&'a Service>, Option<&'a Service>) {
        let of = |inputs: Option<&'a ServiceInputs>| inputs.map(|inputs| &inputs.spec);
        (of(self.before.as_ref()), of(self.after.as_ref()))
    }
}

/// A service that goes. Where another one comes that needs what it holds, that takes its place.
fn stopped(seen: &Seen<'_>, all: &[Seen<'_>]) -> Option<Effect> {
    let before = seen.before.as_ref().filter(|before| !before.completes)?;
    let successor = all.iter().find_map(|other| {
        let after = other
            .after
            .as_ref()
            .filter(|_| other.item.transition == Transition::Create)?;
        let held = exclusive::services(before, after).into_iter().next()?;
        Some((name(other), held))
    });
    let stop_seconds = Some(before.spec.stop_grace_period.unwrap_or(STOP_GRACE).as_secs());
    (seen.item.transition == Transition::Delete).then(|| {
        if let Some((other, held)) = successor {
            let because = match held.what.strip_suffix(exclusive::WRITTEN) {
                Some(what) => format!("{other} takes its place, and two services never write to {what} at once"),
                None => format!("{other} takes its place, and only one can hold {}", held.what),
            };
            return Effect::Restart(Restart {
                unit: Unit::Container,
                count: Some(before.spec.replicas().into()),
                way: Way::StopFirst,
                because: Some(because),
                stop_seconds,
                gap: Some("nothing serves until that is ready".to_owned()),
                failure: Some("if that does not work, this one does not come back".to_owned()),
            });
        }
        let scale = |instead: Option<String>| {
            Effect::Scale(Scale {
                unit: Unit::Container,
                from: before.spec.replicas().into(),
                to: 0,
                stop_seconds,
                instead,
            })
        };
        let is_waited_for = |other: &&Seen<'_>| {
            let mut after = seen.item.waits_for.iter();
            after.any(|(key, phase)| key == other.item.key && *phase == Phase::Ready)
        };
        match all.iter().find(is_waited_for) {
            Some(other) => Effect::other(
                scale(Some(format!(
                    "only once {} is ready; if that does not work, this one goes on",
                    name(other)
                )))
                .text(),
            ),
            None => scale(None),
        }
    })
}

fn first_run(seen: &Seen<'_>) -> Option<Effect> {
    let after = seen.after.as_ref().filter(|after| after.completes)?;
    (seen.item.transition == Transition::Create).then(|| Effect::Run(run(after, false)))
}

/// A service that does its work by ending.
pub(super) fn run(inputs: &ServiceInputs, again: bool) -> Run {
    let words = inputs.spec.entrypoint.iter().chain(&inputs.spec.command).flatten();
    let command = words.cloned().collect::<Vec<_>>().join(" ");
    Run {
        command: match command.is_empty() {
            true => format!("the image {}", inputs.spec.image),
            false => command,
        },
        again,
        tries: None,
        last: None,
    }
}

/// Ports that become reachable from outside the host.
fn exposure(seen: &Seen<'_>) -> Option<Effect> {
    let (before, after) = seen.specs();
    let is_local = |ip: &Option<String>| ip.as_deref().is_some_and(|ip| ip.starts_with("127.") || ip == "::1");
    let ports = after?.ports.iter().filter(|port| !is_local(&port.host_ip));
    let new = ports.filter(|port| before.is_none_or(|before| !before.ports.contains(port)));
    let new: Vec<String> = new.map(ToString::to_string).collect();
    let is_named = after?.ports.iter().all(|port| port.host_ip.is_some());
    let place = if is_named {
        "beyond the host itself"
    } else {
        "on all addresses of the host"
    };
    (!new.is_empty()).then(|| Effect::exposure(format!("published {place}: {}", new.join(", "))))
}

/// Ports of the host that lead nowhere from now on, though the service stays.
fn closed(seen: &Seen<'_>) -> Option<Effect> {
    let (before, after) = seen.specs();
    let after = after?;
    let gone = before?.ports.iter().filter(|port| {
        let published = port.published.is_some();
        published
            && !after
                .ports
                .iter()
                .any(|other| other.published == port.published && other.protocol == port.protocol)
    });
    let gone: Vec<String> = gone.map(ToString::to_string).collect();
    (!gone.is_empty()).then(|| Effect::closed(format!("no longer published: {}", gone.join(", "))))
}

fn power(seen: &Seen<'_>) -> Option<Effect> {
    let (before, after) = seen.specs();
    let had = before.map(powers).unwrap_or_default();
    let new: Vec<String> = powers(after?).difference(&had).cloned().collect();
    (!new.is_empty()).then(|| Effect::privilege(format!("its containers {}", new.join("; "))))
}

/// Lists the powers of containers on the host.
fn powers(spec: &Service) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let host = |mode: &Option<String>| mode.as_deref() == Some("host");
    for (given, what) in [
        (spec.privileged, "are privileged, which is control over the host"),
        (host(&spec.network_mode), "use the network of the host"),
        (host(&spec.pid), "see the processes of the host"),
        (host(&spec.ipc), "share memory with the processes of the host"),
    ] {
        if given {
            found.insert(what.to_owned());
        }
    }
    let binds = spec.volumes.iter().filter(|mount| mount.kind == MountKind::Bind);
    found.extend(binds.filter_map(|mount| {
        let socket = mount.source.ends_with("docker.sock") || mount.source.ends_with("containerd.sock");
        let system = matches!(
            mount.source.as_str(),
            "/" | "/etc" | "/root" | "/proc" | "/sys" | "/dev" | "/var/run" | "/run"
        );
        let why = if socket { ", which is control over the host" } else { "" };
        (socket || system).then(|| format!("use {} of the host{why}", mount.source))
    }));
    found.extend(spec.cap_add.iter().map(|one| format!("get the capability {one}")));
    found.extend(spec.devices.iter().map(|device| format!("use the device {device}")));
    found
}

fn other_image(seen: &Seen<'_>) -> Option<Effect> {
    let (before, after) = seen.specs();
    let (from, to) = other_repository(&before?.image, &after?.image)?;
    Some(Effect::other(format!(
        "it gets the image of another repository: {to}, not {from}"
    )))
}

/// Says that a service has the engine's time to stop, and no longer one of its own.
fn less_time(seen: &Seen<'_>) -> Option<Effect> {
    let (before, after) = seen.specs();
    let had = before?.stop_grace_period.filter(|had| *had != STOP_GRACE)?;
    after?.stop_grace_period.is_none().then(|| {
        Effect::other(format!(
            "its containers have {} s to stop from now on, as the engine gives them, not {} s",
            STOP_GRACE.as_secs(),
            had.as_secs()
        ))
    })
}

/// Services that stay and name a host that goes, in their variables, commands or options.
fn broken(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    let Some(before) = seen
        .before
        .as_ref()
        .filter(|_| seen.item.transition == Transition::Delete)
    else {
        return Vec::new();
    };
    let stay = all.iter().filter_map(|other| Some((other, other.after.as_ref()?)));
    let near: Vec<(&Seen<'_>, &ServiceInputs)> = stay.filter(|(_, other)| other.project == before.project).collect();
    // Its name may be another resource's now.
    if near.iter().any(|(_, other)| other.service == before.service) {
        return Vec::new();
    }
    let hosts = [&before.service].into_iter().chain(&before.spec.container_name);
    let hosts: Vec<&str> = hosts.map(String::as_str).collect();
    let named = near.into_iter().flat_map(|(other, inputs)| {
        let paths = naming(&inputs.spec, &hosts).into_iter();
        paths.map(move |path| {
            Effect::BrokenReference(BrokenReference {
                holder: name(other),
                path,
                names: name(seen),
            })
        })
    });
    named.collect()
}

fn name(seen: &Seen<'_>) -> String {
    short_name(seen.item.key, seen.item.identity)
}

/// Where a service names one of these hosts.
fn naming(spec: &Service, hosts: &[&str]) -> Vec<FieldPath> {
    let names = |text: &str, variable: Option<&str>| hosts.iter().any(|host| names_host(text, host, variable));
    let variables = spec.environment.iter().filter(|(name, value)| names(value, Some(name)));
    let variables = variables.map(|(name, _)| FieldPath::fields(["environment", name.as_str()]));
    let lists = [("command", &spec.command), ("entrypoint", &spec.entrypoint)];
    let words = lists.into_iter().flat_map(|(field, words)| {
        let words = words.iter().flatten().enumerate();
        let named = words.filter(|(_, word)| names(word, None));
        named.map(move |(place, _)| FieldPath::fields([field]).index(place))
    });
    variables.chain(words).collect()
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests;
