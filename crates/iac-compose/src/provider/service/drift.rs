//! The fields in which a live container is not as recorded, or not as declared where it may be taken over; pure.
//!
//! Only what was asked for is compared. What the engine fills in and what the image brings along is nobody's change.

use std::collections::BTreeMap;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HostConfig, MountPoint, PortMap};
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, Secret, Segment, Value};
use serde::Serialize;

use super::compare::{missing_networks, restart_of};
use super::normal::{clean, host_path, is_command, is_entrypoint};
use super::request::Request;
use crate::inputs::ServiceInputs;
use crate::model::Port;
use crate::provider::readiness::{self, Expected};

/// The field of what a container does, which no definition has.
const STATE: &str = "state";
/// The status of a container that ended by SIGKILL.
const KILLED: i64 = 137;

/// The fields in which a container is not as recorded: `before` is ours, `after` what is there.
pub(crate) fn of(
    live: &ContainerInspectResponse,
    request: &Request,
    inputs: &ServiceInputs,
    recorded: &Value,
) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let config = live.config.clone().unwrap_or_default();
    let body = &request.body;
    environment(&config.env.unwrap_or_default(), inputs, recorded, &mut changes);
    if !is_command(body, config.cmd.as_ref()) {
        changes.push(change(
            FieldPath::fields(["command"]),
            value(&body.cmd),
            value(&config.cmd),
        ));
    }
    if !is_entrypoint(body, config.entrypoint.as_ref()) {
        let path = FieldPath::fields(["entrypoint"]);
        changes.push(change(path, value(&body.entrypoint), value(&config.entrypoint)));
    }
    // An empty one is the image's.
    let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (user, folder) = (set(&body.user), set(&body.working_dir));
    if user.is_some() && user != config.user {
        changes.push(change(FieldPath::fields(["user"]), value(&user), value(&config.user)));
    }
    if folder.as_deref().map(clean) != config.working_dir.as_deref().map(clean) && folder.is_some() {
        let path = FieldPath::fields(["working_dir"]);
        changes.push(change(path, value(&folder), value(&config.working_dir)));
    }
    if let (Some(wanted), Some(found)) = (&body.host_config, &live.host_config) {
        limits(wanted, found, inputs, &mut changes);
        ports(
            wanted.port_bindings.as_ref(),
            found.port_bindings.as_ref(),
            &mut changes,
        );
    }
    mounts(inputs, live.mounts.as_deref().unwrap_or_default(), &mut changes);
    for network in missing_networks(live, inputs) {
        let found = inputs
            .spec
            .networks
            .iter()
            .find(|(_, attachment)| attachment.network == network);
        changes.extend(
            found.map(|(key, attachment)| change(FieldPath::fields(["networks", key]), value(attachment), None)),
        );
    }
    changes.extend(state(live, inputs));
    changes
}

fn change(path: FieldPath, before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange {
        path,
        before,
        after,
        origin: None,
    }
}

fn value<T: Serialize>(value: &T) -> Option<Value> {
    let json = serde_json::to_value(value).unwrap_or_default();
    (!json.is_null()).then(|| json.into())
}

fn environment(live: &[String], inputs: &ServiceInputs, recorded: &Value, changes: &mut Vec<FieldChange>) {
    let live: BTreeMap<&str, &str> = live.iter().filter_map(|variable| variable.split_once('=')).collect();
    for (key, wanted) in &inputs.spec.environment {
        let found = live.get(key.as_str()).copied();
        if found == Some(wanted) {
            continue;
        }
        let before = recorded.get("environment").and_then(|variables| variables.get(key));
        let is_secret = matches!(before, Some(Value::Secret(_)));
        let after = found.map(|found| match is_secret {
            true => Value::Secret(Secret::from(found)),
            false => Value::from(found),
        });
        changes.push(change(FieldPath::fields(["environment", key]), before.cloned(), after));
    }
}

fn limits(wanted: &HostConfig, found: &HostConfig, inputs: &ServiceInputs, changes: &mut Vec<FieldChange>) {
    let set = |value: Option<i64>| value.filter(|value| *value > 0);
    let pairs = [
        ("mem_limit", wanted.memory, found.memory),
        ("mem_reservation", wanted.memory_reservation, found.memory_reservation),
        ("cpus", wanted.nano_cpus, found.nano_cpus),
        ("cpu_shares", wanted.cpu_shares, found.cpu_shares),
        ("pids_limit", wanted.pids_limit, found.pids_limit),
    ];
    for (field, wanted, found) in pairs {
        if set(wanted) != set(found) {
            let shown = |value: Option<i64>| match field {
                "cpus" => value.and_then(|nanos| self::value(&(nanos as f64 / 1e9))),
                "mem_limit" | "mem_reservation" => {
                    value.map(|bytes| crate::parse::bytes::format(bytes.unsigned_abs()).into())
                }
                _ => value.map(Value::from),
            };
            changes.push(change(limit_path(field, inputs), shown(set(wanted)), shown(set(found))));
        }
    }
    if restart_of(wanted) != restart_of(found) {
        let shown = |config: &HostConfig| Some(restart_of(config).to_string().into());
        changes.push(change(FieldPath::fields(["restart"]), shown(wanted), shown(found)));
    }
}

/// Where a limit stands in the definition, which has two places for each.
fn limit_path(field: &str, inputs: &ServiceInputs) -> FieldPath {
    let resources = inputs
        .spec
        .deploy
        .as_ref()
        .map(|deploy| deploy.resources.clone())
        .unwrap_or_default();
    let (limits, reservations) = (resources.limits, resources.reservations);
    let under_deploy = match field {
        "mem_limit" if limits.memory.is_some() => ["limits", "memory"],
        "mem_reservation" if reservations.memory.is_some() => ["reservations", "memory"],
        "cpus" if limits.cpus.is_some() => ["limits", "cpus"],
        "pids_limit" if limits.pids.is_some() => ["limits", "pids"],
        other => return FieldPath::fields([other]),
    };
    FieldPath::fields(["deploy", "resources"].into_iter().chain(under_deploy))
}

/// Ports by what they mean: the engine writes `0.0.0.0` or nothing for all addresses, and sorts as it likes.
pub(super) fn port_list(ports: Option<&PortMap>) -> Vec<Port> {
    let mut list = Vec::new();
    for (container, bindings) in ports.into_iter().flatten() {
        let (target, protocol) = container.split_once('/').unwrap_or((container, "tcp"));
        let bindings = bindings.iter().flatten().map(|binding| {
            let range = binding.host_port.as_deref().and_then(crate::parse::port::range);
            Port {
                target: target.parse().unwrap_or_default(),
                published: range.map(|(from, _)| from),
                published_to: range.filter(|(from, to)| from != to).map(|(_, to)| to),
                host_ip: binding.host_ip.clone().filter(|ip| !ip.is_empty() && ip != "0.0.0.0"),
                protocol: protocol.to_owned(),
            }
        });
        list.extend(bindings);
    }
    list.sort_by_key(ToString::to_string);
    list
}

fn ports(wanted: Option<&PortMap>, found: Option<&PortMap>, changes: &mut Vec<FieldChange>) {
    let (wanted, found) = (port_list(wanted), port_list(found));
    if wanted != found {
        changes.push(change(FieldPath::fields(["ports"]), value(&wanted), value(&found)));
    }
}

fn mounts(inputs: &ServiceInputs, live: &[MountPoint], changes: &mut Vec<FieldChange>) {
    for mount in &inputs.spec.volumes {
        let found = live
            .iter()
            .find(|point| point.destination.as_deref() == Some(&clean(&mount.target)));
        let is_ours = match found {
            None => mount.kind == crate::model::MountKind::Tmpfs,
            Some(point) => {
                let source = if point.name.is_some() {
                    &point.name
                } else {
                    &point.source
                };
                let wanted = match mount.kind {
                    crate::model::MountKind::Bind => host_path(&mount.source),
                    _ => mount.source.clone(),
                };
                wanted.is_empty() || source.as_deref() == Some(&wanted)
            }
        };
        if !is_ours {
            let after = found.and_then(|point| value(&point.name.clone().or(point.source.clone())));
            let element = Segment::Element {
                field: "target".to_owned(),
                value: mount.target.clone(),
            };
            let path = FieldPath::fields(["volumes"]).join(element).field("source");
            changes.push(change(path, value(&mount.source), after));
        }
    }
}

/// Returns the drift of a container that does something else instead of its work.
fn state(live: &ContainerInspectResponse, inputs: &ServiceInputs) -> Option<FieldChange> {
    let state = live.state.clone().unwrap_or_default();
    let status = state.status.unwrap_or(ContainerStateStatusEnum::EMPTY);
    let found = match status {
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::RESTARTING => return None,
        _ if readiness::has_finished(live, Expected::of(inputs)) => return None,
        ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD => {
            let memory = match (state.oom_killed, state.exit_code) {
                (Some(true), _) => " (it used more memory than it may)",
                (_, Some(KILLED)) => " (killed, though not for its use of memory)",
                _ => "",
            };
            let at = ended_at(live).map_or_else(String::new, |end| end.strftime(" at %Y-%m-%d %H:%M UTC").to_string());
            format!("exited with status {}{memory}{at}", state.exit_code.unwrap_or_default())
        }
        other => other.to_string(),
    };
    let wanted = if inputs.completes { "completed" } else { "running" };
    Some(not_running(wanted, found))
}

/// The time at which a container ended.
pub(crate) fn ended_at(live: &ContainerInspectResponse) -> Option<jiff::Timestamp> {
    let state = live.state.as_ref()?;
    let has_ended = matches!(
        state.status,
        Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD)
    );
    let end = state.finished_at.as_ref().filter(|_| has_ended)?;
    // An engine says the year 1 of what never ran.
    end.parse::<jiff::Timestamp>().ok().filter(|end| end.as_second() > 0)
}

/// True if a change is one of what a container does.
pub(crate) fn is_state(change: &FieldChange) -> bool {
    change.path == FieldPath::fields([STATE])
}

/// The drift of a container that somebody stopped, though it ended with status 0 at that.
pub(crate) fn stopped() -> FieldChange {
    not_running("running", "stopped by somebody".to_owned())
}

fn not_running(wanted: &str, found: String) -> FieldChange {
    change(FieldPath::fields([STATE]), Some(wanted.into()), Some(found.into()))
}
