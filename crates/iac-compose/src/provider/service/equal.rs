//! Whether a container that docker compose made is the one that we would make; pure.
//!
//! Such a container has no digest of ours, so all of it is compared: with what is asked for, and with what the image and
//! the engine add to that by themselves. What cannot be told counts as another container, which costs a restart and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HostConfig, ImageConfig,
    MountPoint,
};
use serde_json::{Value as Json, json};

use super::drift::port_list;
use super::normal::{capabilities, clean, host_path, in_any_order, words};
use super::request::Request;
use super::volumes::is_anonymous;
use crate::inputs::ServiceInputs;
use crate::model::{Mount, MountKind};

/// The size of a container's own `/dev/shm` if the definition says nothing.
const SHM_SIZE: i64 = 64 * 1024 * 1024;

/// Options of the engine that are compared by what they mean, or that a running container can be given.
const ELSEWHERE: [&str; 17] = [
    "Binds",
    "Mounts",
    "PortBindings",
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "NanoCpus",
    "CpuShares",
    "PidsLimit",
    "CpusetCpus",
    "RestartPolicy",
    "CgroupnsMode",
    "ConsoleSize",
    "MaskedPaths",
    "ReadonlyPaths",
    "CapAdd",
    "CapDrop",
];

/// The first thing in which a container is not as asked for; none where it can stay.
pub(crate) fn difference(
    live: &ContainerInspectResponse,
    request: &Request,
    inputs: &ServiceInputs,
    image: &ImageConfig,
) -> Option<&'static str> {
    let config = live.config.clone().unwrap_or_default();
    let body = &request.body;
    if !(inputs.spec.configs.is_empty() && inputs.spec.secrets.is_empty()) {
        return Some("files");
    }
    process(live, &config, body, image)
        .or_else(|| host(live.host_config.as_ref(), body.host_config.as_ref()))
        .or_else(|| mounts(live.mounts.as_deref().unwrap_or_default(), inputs, image).then_some("mounts"))
        .or_else(|| networks(live, request).then_some("networks"))
}

fn process(
    live: &ContainerInspectResponse,
    config: &ContainerConfig,
    body: &ContainerCreateBody,
    image: &ImageConfig,
) -> Option<&'static str> {
    let id = live.id.as_deref().unwrap_or_default();
    let hostname = config.hostname.as_deref().unwrap_or_default();
    let same_host = match body.hostname.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => name == hostname,
        // The engine takes the beginning of the ID; in another one's network it is that one's, or the host's.
        None => id.starts_with(hostname) || body.host_config.as_ref().is_some_and(has_no_own_network),
    };
    let text = |wanted: &Option<String>, image: &Option<String>| {
        let wanted = wanted.clone().filter(|text| !text.is_empty());
        wanted.or(image.clone()).unwrap_or_default()
    };
    let own = |text: &Option<String>| text.clone().unwrap_or_default();
    let (command, entrypoint) = words(body, image);
    let checks = [
        ("host name", same_host),
        ("domain name", own(&body.domainname) == own(&config.domainname)),
        ("user", text(&body.user, &image.user) == own(&config.user)),
        (
            "working directory",
            clean(&text(&body.working_dir, &image.working_dir)) == clean(&own(&config.working_dir)),
        ),
        (
            "stop signal",
            text(&body.stop_signal, &image.stop_signal) == own(&config.stop_signal),
        ),
        ("stop timeout", body.stop_timeout == config.stop_timeout),
        (
            "terminal",
            body.tty.unwrap_or_default() == config.tty.unwrap_or_default(),
        ),
        (
            "standard input",
            body.open_stdin.unwrap_or_default() == config.open_stdin.unwrap_or_default(),
        ),
        (
            "environment",
            environment(body, image) == variables(config.env.as_deref()),
        ),
        ("command", command == config.cmd.clone().unwrap_or_default()),
        (
            "entrypoint",
            entrypoint == config.entrypoint.clone().unwrap_or_default(),
        ),
        (
            "labels",
            labels(body, image) == users_labels(config.labels.iter().flatten()),
        ),
        (
            "exposed ports",
            exposed(body, image) == with_protocol(config.exposed_ports.as_deref()),
        ),
        (
            "health check",
            health(body, image) == meaning(json!(config.healthcheck)),
        ),
    ];
    checks.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

fn has_no_own_network(host: &HostConfig) -> bool {
    let mode = host.network_mode.as_deref().unwrap_or_default();
    mode == "host" || mode.starts_with("container:")
}

fn set(list: Option<&[String]>) -> BTreeSet<String> {
    list.into_iter().flatten().cloned().collect()
}

fn variables(list: Option<&[String]>) -> BTreeMap<String, String> {
    let pairs = list.into_iter().flatten();
    pairs
        .map(|variable| {
            let (key, value) = variable.split_once('=').unwrap_or((variable, ""));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

fn environment(body: &ContainerCreateBody, image: &ImageConfig) -> BTreeMap<String, String> {
    let mut all = variables(image.env.as_deref());
    all.extend(variables(body.env.as_deref()));
    all
}

/// Labels that say what a container is, without those of docker compose and ours.
fn users_labels<'a>(labels: impl Iterator<Item = (&'a String, &'a String)>) -> BTreeMap<String, String> {
    let ours = [crate::labels::STACK, crate::labels::STACK_ID, crate::labels::SPEC];
    labels
        .filter(|(key, _)| !key.starts_with("com.docker.compose.") && !ours.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn labels(body: &ContainerCreateBody, image: &ImageConfig) -> BTreeMap<String, String> {
    let mut all = users_labels(image.labels.iter().flatten());
    all.extend(users_labels(body.labels.iter().flatten()));
    all
}

fn exposed(body: &ContainerCreateBody, image: &ImageConfig) -> BTreeSet<String> {
    let mut all = with_protocol(image.exposed_ports.as_deref());
    all.extend(with_protocol(body.exposed_ports.as_deref()));
    all
}

fn with_protocol(ports: Option<&[String]>) -> BTreeSet<String> {
    let full = |port: &String| {
        if port.contains('/') {
            port.clone()
        } else {
            format!("{port}/tcp")
        }
    };
    ports.into_iter().flatten().map(full).collect()
}

/// The check with what the image gives where nothing else is said.
fn health(body: &ContainerCreateBody, image: &ImageConfig) -> Json {
    let mut all = meaning(json!(image.healthcheck));
    let own = meaning(json!(body.healthcheck));
    match (all.as_object_mut(), own) {
        (Some(all), Json::Object(own)) => {
            all.extend(own);
            Json::Object(all.clone())
        }
        (_, own) if own != Json::Null => own,
        _ => all,
    }
}

/// JSON without what means nothing: null, zero, false, and empty texts, lists and objects.
fn meaning(json: Json) -> Json {
    let is_nothing = |json: &Json| match json {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
    };
    let kept = match json {
        Json::Array(items) => Json::Array(items.into_iter().map(meaning).collect()),
        Json::Object(map) => {
            let kept = map.into_iter().map(|(key, value)| (key, meaning(value)));
            Json::Object(kept.filter(|(_, value)| !is_nothing(value)).collect())
        }
        other => other,
    };
    if is_nothing(&kept) { Json::Null } else { kept }
}

fn host(live: Option<&HostConfig>, wanted: Option<&HostConfig>) -> Option<&'static str> {
    let (Some(live), Some(wanted)) = (live, wanted) else {
        return Some("options");
    };
    if port_list(live.port_bindings.as_ref()) != port_list(wanted.port_bindings.as_ref()) {
        return Some("ports");
    }
    let both = |host: &HostConfig| [&host.cap_add, &host.cap_drop].map(|list| capabilities(list.as_ref()));
    if both(live) != both(wanted) {
        return Some("capabilities");
    }
    if wanted.cgroupns_mode.is_some() && wanted.cgroupns_mode != live.cgroupns_mode {
        return Some("control groups");
    }
    (options(live) != options(wanted)).then_some("options")
}

/// The engine's other options, without what it fills in by itself.
fn options(host: &HostConfig) -> Json {
    let mut all = meaning(json!(host));
    let Some(map) = all.as_object_mut() else {
        return all;
    };
    map.retain(|key, _| !ELSEWHERE.contains(&key.as_str()));
    let usual: [(&str, &[Json]); 5] = [
        ("ShmSize", &[json!(SHM_SIZE)]),
        ("Runtime", &[json!("runc")]),
        ("IpcMode", &[json!("private"), json!("shareable")]),
        ("LogConfig", &[json!({"Type": "json-file"})]),
        ("NetworkMode", &[json!("default"), json!("bridge")]),
    ];
    for (key, values) in usual {
        if map.get(key).is_some_and(|value| values.contains(value)) {
            map.remove(key);
        }
    }
    // In the host's namespaces a label of its own cannot be; the engine says so by itself.
    if let Some(Json::Array(labels)) = map.get_mut("SecurityOpt") {
        labels.retain(|label| *label != json!("label=disable"));
    }
    for value in map.values_mut() {
        in_any_order(value);
    }
    meaning(all)
}

/// True if the mounts differ.
fn mounts(live: &[MountPoint], inputs: &ServiceInputs, image: &ImageConfig) -> bool {
    let mut open: BTreeMap<String, &MountPoint> = live
        .iter()
        .map(|point| (clean(point.destination.as_deref().unwrap_or_default()), point))
        .collect();
    for mount in &inputs.spec.volumes {
        let is_there = open
            .remove(&clean(&mount.target))
            .is_some_and(|point| is_mount(point, mount));
        if !is_there {
            return true;
        }
    }
    let brought_along = set(image.volumes.as_deref());
    open.into_iter().any(|(target, point)| {
        let anonymous = point.name.as_deref().is_some_and(is_anonymous);
        !(anonymous && brought_along.contains(&target))
    })
}

fn is_mount(point: &MountPoint, mount: &Mount) -> bool {
    let name = point.name.as_deref().unwrap_or_default();
    if mount.subpath.is_some() || mount.recursive.is_some() || !mount.labels.is_empty() {
        return false;
    }
    let same_source = match (mount.kind, point.typ.as_deref()) {
        (MountKind::Volume, Some("volume")) if mount.source.is_empty() => is_anonymous(name),
        (MountKind::Volume, Some("volume")) => name == mount.source,
        (MountKind::Bind, Some("bind")) => {
            let propagation = point.propagation.as_deref().unwrap_or_default();
            let wanted = mount.propagation.as_deref().unwrap_or("rprivate");
            point.source.as_deref() == Some(&host_path(&mount.source))
                && propagation == wanted
                && mount.selinux.is_none()
        }
        // A mount point does not tell the size and the mode of a tmpfs.
        (MountKind::Tmpfs, Some("tmpfs")) => mount.size.is_none() && mount.mode.is_none(),
        _ => false,
    };
    same_source && point.rw.unwrap_or(true) != mount.read_only
}

/// True if it is in a network that it should not be in, or has another place in one. A missing network is joined.
fn networks(live: &ContainerInspectResponse, request: &Request) -> bool {
    let settings = live.network_settings.clone().unwrap_or_default();
    let first = request
        .body
        .networking_config
        .iter()
        .flat_map(|config| config.endpoints_config.iter().flatten());
    let more = request.more_networks.iter().map(|(name, endpoint)| (name, endpoint));
    let wanted: BTreeMap<&String, &EndpointSettings> = first.chain(more).collect();
    let mode = request
        .body
        .host_config
        .as_ref()
        .and_then(|host| host.network_mode.clone());
    let joined = settings.networks.into_iter().flatten();
    joined.into_iter().any(|(name, endpoint)| match wanted.get(&name) {
        None => mode.as_deref() != Some(&name),
        Some(wanted) => {
            let aliases = set(endpoint.aliases.as_deref());
            let special = |endpoint: &EndpointSettings| {
                meaning(json!([
                    endpoint.links,
                    endpoint.driver_opts,
                    endpoint.gw_priority,
                    endpoint.ipam_config
                ]))
            };
            let has_mac = wanted.mac_address.is_none() || wanted.mac_address == endpoint.mac_address;
            !set(wanted.aliases.as_deref()).is_subset(&aliases) || special(wanted) != special(&endpoint) || !has_mac
        }
    })
}
