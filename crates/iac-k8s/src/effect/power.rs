//! Rights of pods, roles and bindings that they did not have before.

use std::collections::BTreeSet;

use iac_core::Value;
use iac_core::provider::Effect;
use iac_core::provider::effect::Transition;

use super::{Seen, containers, list, text};
use crate::rights;

pub(super) fn of(seen: &Seen<'_>) -> Option<Effect> {
    if seen.item.transition == Transition::Delete {
        return None;
    }
    let rights = rights::gained(&seen.kind, seen.before(), seen.then());
    if !rights.is_empty() {
        let what = if seen.kind.ends_with("Binding") { "" } else { "it may " };
        return Some(Effect::privilege(format!("{what}{}", rights.join("; "))));
    }
    let (before, then) = seen.pods()?;
    let had = powers(before);
    let new: Vec<String> = powers(then).difference(&had).cloned().collect();
    (!new.is_empty()).then(|| Effect::privilege(format!("its pods {}", new.join("; "))))
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
            found.insert(format!("use {path} of the node{why}"));
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
