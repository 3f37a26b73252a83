//! Rights of pods, roles and bindings that they did not have before.

use std::collections::BTreeSet;

use iac_core::Value;
use iac_core::provider::Effect;
use iac_core::provider::effect::Transition;

use super::{Seen, containers, list, text};
use crate::rights;

pub(super) fn of(seen: &Seen<'_>) -> Vec<Effect> {
    if seen.item.transition == Transition::Delete {
        return Vec::new();
    }
    let rights = rights::gained(&seen.kind, seen.before(), seen.then());
    let own = (!rights.is_empty()).then(|| {
        let what = if seen.kind.ends_with("Binding") { "" } else { "it may " };
        format!("{what}{}", rights.join("; "))
    });
    let spread = rights::spread(&seen.kind, seen.before(), seen.then());
    let all = own.into_iter().chain(spread).chain(of_pods(seen));
    all.map(Effect::privilege).collect()
}

/// The powers that its pods get and did not have.
fn of_pods(seen: &Seen<'_>) -> Option<String> {
    let (before, then) = seen.pods()?;
    let (had, has) = (powers(before), powers(then));
    let is_less = |power: &str| {
        power
            .strip_suffix(READING)
            .is_some_and(|path| had.contains(&format!("{path}{WRITING}")))
    };
    let new: Vec<&str> = has
        .difference(&had)
        .map(String::as_str)
        .filter(|power| !is_less(power))
        .collect();
    let everywhere = match seen.kind.as_str() {
        "apps/DaemonSet" => match seen.field("/status/desiredNumberScheduled").and_then(Value::as_i64) {
            Some(nodes) => format!(", on each node ({nodes} now)"),
            None => ", on each node".to_owned(),
        },
        _ => String::new(),
    };
    (!new.is_empty()).then(|| format!("its pods {}{everywhere}", new.join("; ")))
}

/// How much pods can do with a folder of their node.
const READING: &str = ", for reading";
const WRITING: &str = ", for writing too";

/// True if a container may write to a volume. One that no container mounts counts as one.
fn is_writable(spec: &Value, volume: &Value) -> bool {
    let name = text(volume, "/name");
    let mut mounts = containers(spec)
        .flat_map(|container| list(container, "/volumeMounts"))
        .filter(|mount| text(mount, "/name") == name)
        .peekable();
    let reads = |mount: &Value| mount.get("readOnly").and_then(Value::as_bool) == Some(true);
    mounts.peek().is_none() || mounts.any(|mount| !reads(mount))
}

/// Returns the things that pods may do beyond their own containers.
fn powers(spec: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (field, what) in [
        ("hostNetwork", "use the network of the node"),
        ("hostPID", "see the processes of the node"),
        ("hostIPC", "share memory with the processes of the node"),
    ] {
        if spec.get(field).and_then(Value::as_bool) == Some(true) {
            found.insert(what.to_owned());
        }
    }
    for volume in list(spec, "/volumes") {
        if let Some(path) = text(volume, "/hostPath/path") {
            let socket =
                path.ends_with("docker.sock") || path.ends_with("containerd.sock") || path.ends_with("crio.sock");
            let why = if socket { ", which is control over the node" } else { "" };
            let how = if is_writable(spec, volume) { WRITING } else { READING };
            found.insert(format!("use {path} of the node{why}{how}"));
        }
    }
    for container in containers(spec) {
        let name = text(container, "/name").unwrap_or_default();
        if container
            .pointer("/securityContext/privileged")
            .and_then(Value::as_bool)
            == Some(true)
        {
            found.insert(format!(
                "have a privileged container ({name}), which is control over the node"
            ));
        }
        let added = list(container, "/securityContext/capabilities/add").iter();
        found.extend(added.filter_map(|one| Some(format!("get the capability {} ({name})", one.as_str()?))));
    }
    found
}
