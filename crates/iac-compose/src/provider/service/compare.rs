//! How a live container differs from what was asked for; pure.
//!
//! Only what was asked for is compared. What the engine fills in and what the image brings along is nobody's change.

use std::collections::BTreeMap;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, ContainerUpdateBody, HostConfig,
    MountPoint, PortMap, RestartPolicyNameEnum,
};
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, Secret, Segment, Value};
use serde::Serialize;

use super::normal::{clean, host_path, is_command, is_entrypoint, shares};
use super::request::Request;
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::model::{Port, Restart};

/// What has to be done to a container so that it is as asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing.
    Current,
    /// Its limits or its restart rule have to be changed, which needs no new container.
    Adjust(Box<ContainerUpdateBody>),
    /// It has to be made anew, because of this.
    Replace(String),
}

/// What a container that we did not make may be for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// We made it.
    Ours,
    /// It was taken over, when this was the digest of the definition.
    TakenOver(String),
    /// Docker compose made it, and it differs in this, if in anything, from the one that we would make.
    Composed(Option<&'static str>),
    /// It is somebody else's.
    Foreign,
}

/// Judges a container.
pub(crate) fn judge(
    live: &ContainerInspectResponse,
    request: &Request,
    standing: &Standing,
    image_id: &str,
) -> Verdict {
    let label = |name: &str| {
        live.config
            .as_ref()
            .and_then(|config| config.labels.as_ref()?.get(name).cloned())
    };
    let wanted = request
        .body
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::SPEC).cloned());
    match standing {
        Standing::Foreign => return Verdict::Replace("somebody else made it".to_owned()),
        Standing::Composed(Some(what)) => {
            return Verdict::Replace(format!("docker compose made it, and its {what} differs"));
        }
        Standing::Composed(None) => {}
        Standing::TakenOver(digest) if Some(digest) == wanted.as_ref() => {}
        Standing::Ours if label(labels::SPEC) == wanted => {}
        Standing::TakenOver(_) | Standing::Ours => return Verdict::Replace("its definition changed".to_owned()),
    }
    if live.image.as_deref() != Some(image_id) {
        return Verdict::Replace("its image changed".to_owned());
    }
    // The digest covers no secret, so what may hold one is compared itself.
    if let Some(what) = differing_text(live, &request.body) {
        return Verdict::Replace(format!("its {what} changed"));
    }
    match adjustment(live.host_config.as_ref(), request.body.host_config.as_ref()) {
        Ok(None) => Verdict::Current,
        Ok(Some(update)) => Verdict::Adjust(Box::new(update)),
        Err(what) => Verdict::Replace(format!("{what} can not be lifted from a container")),
    }
}

fn differing_text(live: &ContainerInspectResponse, body: &ContainerCreateBody) -> Option<&'static str> {
    let config = live.config.clone().unwrap_or_default();
    let env = config.env.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    if body.env.iter().flatten().any(|variable| !env.contains(variable)) {
        return Some("environment");
    }
    if !is_command(body, config.cmd.as_ref()) {
        return Some("command");
    }
    if !is_entrypoint(body, config.entrypoint.as_ref()) {
        return Some("entrypoint");
    }
    let is_taken_over = !labels.contains_key(labels::SPEC);
    let same_label = |(key, value): (&String, &String)| {
        is_bookkeeping(key) || (is_taken_over && is_mark(key)) || labels.get(key) == Some(value)
    };
    if !body.labels.iter().flatten().all(same_label) {
        return Some("labels");
    }
    let test = |config: Option<bollard::models::HealthConfig>| config.and_then(|check| check.test);
    if test(body.healthcheck.clone()).is_some_and(|wanted| test(config.healthcheck) != Some(wanted)) {
        return Some("health check");
    }
    None
}

/// Labels that say how a container came about, and not what it is.
fn is_bookkeeping(label: &str) -> bool {
    matches!(label, labels::DEPENDS_ON | labels::IMAGE | labels::NUMBER)
}

/// Labels that only a container of ours has, or has with another value.
fn is_mark(label: &str) -> bool {
    matches!(label, labels::STACK | labels::SPEC | labels::CONFIG_HASH)
}

/// The update that gives a container its limits; an error names a limit that can not be lifted in place.
fn adjustment(
    live: Option<&HostConfig>,
    wanted: Option<&HostConfig>,
) -> Result<Option<ContainerUpdateBody>, &'static str> {
    let (Some(live), Some(wanted)) = (live, wanted) else {
        return Ok(None);
    };
    let mut update = ContainerUpdateBody::default();
    let set = |live: Option<i64>| live.filter(|value| *value > 0);
    let change = |what, live: Option<i64>, wanted: Option<i64>| match (set(live), set(wanted)) {
        (live, wanted) if live == wanted => Ok(None),
        (_, Some(wanted)) => Ok(Some(wanted)),
        (_, None) => Err(what),
    };
    update.memory = change("a memory limit", live.memory, wanted.memory)?;
    // The engine refuses a memory limit above the one for memory and swap, which it sets to twice the former by itself.
    update.memory_swap = update.memory.map(|memory| memory.saturating_mul(2));
    update.memory_reservation = change(
        "a memory reservation",
        live.memory_reservation,
        wanted.memory_reservation,
    )?;
    update.nano_cpus = change("a processor limit", live.nano_cpus, wanted.nano_cpus)?;
    update.cpu_shares = change("a processor share", shares(live.cpu_shares), shares(wanted.cpu_shares))?;
    update.pids_limit = change("a limit of processes", live.pids_limit, wanted.pids_limit)?;
    let cpuset = |config: &HostConfig| config.cpuset_cpus.clone().unwrap_or_default();
    if cpuset(live) != cpuset(wanted) {
        update.cpuset_cpus = Some(wanted.cpuset_cpus.clone().ok_or("a set of cores")?);
    }
    if restart_of(live) != restart_of(wanted) {
        update.restart_policy.clone_from(&wanted.restart_policy);
    }
    Ok((update != ContainerUpdateBody::default()).then_some(update))
}

/// A restart rule in compose's words.
fn restart_of(config: &HostConfig) -> Restart {
    let policy = config.restart_policy.clone().unwrap_or_default();
    let times = policy
        .maximum_retry_count
        .and_then(|times| u32::try_from(times).ok())
        .filter(|times| *times > 0);
    match policy.name {
        Some(RestartPolicyNameEnum::ALWAYS) => Restart::Always,
        Some(RestartPolicyNameEnum::UNLESS_STOPPED) => Restart::UnlessStopped,
        Some(RestartPolicyNameEnum::ON_FAILURE) => Restart::OnFailure(times),
        _ => Restart::No,
    }
}

/// The networks that a container has to be in and is not, by name; `ids` are the networks' IDs where they are known.
pub(crate) fn missing_networks(live: &ContainerInspectResponse, inputs: &ServiceInputs) -> Vec<String> {
    let joined = live
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.clone())
        .unwrap_or_default();
    let wanted = inputs.spec.networks.values();
    let missing = wanted.filter(|attachment| match joined.get(&attachment.network) {
        None => true,
        Some(endpoint) => match (&attachment.network_id, endpoint.network_id.as_deref()) {
            // A container that has not been started yet does not know the ID.
            (Some(wanted), Some(live)) => !live.is_empty() && wanted != crate::inputs::UNKNOWN && wanted != live,
            _ => false,
        },
    });
    missing.map(|attachment| attachment.network.clone()).collect()
}

/// The fields in which a container is not as recorded: `before` is ours, `after` what is there.
pub(crate) fn drift(
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
        ("cpu_shares", shares(wanted.cpu_shares), shares(found.cpu_shares)),
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
        let bindings = bindings.iter().flatten().map(|binding| Port {
            target: target.parse().unwrap_or_default(),
            published: binding
                .host_port
                .as_ref()
                .and_then(|port| port.parse().ok())
                .filter(|port| *port > 0),
            host_ip: binding.host_ip.clone().filter(|ip| !ip.is_empty() && ip != "0.0.0.0"),
            protocol: protocol.to_owned(),
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

fn state(live: &ContainerInspectResponse, inputs: &ServiceInputs) -> Option<FieldChange> {
    let state = live.state.clone().unwrap_or_default();
    let status = state.status.unwrap_or(ContainerStateStatusEnum::EMPTY);
    let found = match status {
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::RESTARTING => return None,
        ContainerStateStatusEnum::EXITED if inputs.completes && state.exit_code == Some(0) => return None,
        ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD => {
            format!("exited with status {}", state.exit_code.unwrap_or_default())
        }
        other => other.to_string(),
    };
    let wanted = if inputs.completes { "completed" } else { "running" };
    Some(change(
        FieldPath::fields(["state"]),
        Some(wanted.into()),
        Some(found.into()),
    ))
}
