//! Names inside pods: of ports, of volumes.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::declare::ResourceDecl;
use iac_core::value::{FieldPath, Value};

use super::{Certainty, Misfit};
use crate::object::ObjectId;
use crate::reference::{CONTAINERS, items, pod_spec};

/// The parts of a workload's pods that others name.
#[derive(Debug, Clone)]
pub(super) struct Template {
    /// The workload.
    pub(super) identity: String,
    pub(super) namespace: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// The names of its containers' ports.
    pub(super) ports: BTreeSet<String>,
    /// Its containers, and for which resources each of them has a request.
    pub(super) containers: BTreeMap<String, BTreeSet<String>>,
}

impl Template {
    pub(super) fn of(id: &ObjectId, pointer: &str, resource: &ResourceDecl) -> Option<Self> {
        let template = resource.inputs.pointer(pointer)?;
        let (spec, path) = pod_spec(pointer, &resource.inputs)?;
        let labels = template
            .get("metadata")
            .and_then(|metadata| metadata.get("labels")?.as_object());
        let labels = labels.into_iter().flatten();
        let labels = labels.filter_map(|(label, value)| Some((label.clone(), value.as_str()?.to_owned())));
        let mut found = Self {
            identity: id.to_string(),
            namespace: id.namespace.clone(),
            labels: labels.collect(),
            ports: BTreeSet::new(),
            containers: BTreeMap::new(),
        };
        for list in CONTAINERS {
            for (path, container) in items(spec, &path, list) {
                found
                    .ports
                    .extend(port_names(container, &path).into_iter().map(str::to_owned));
                let Some(name) = container.get("name").and_then(Value::as_str) else {
                    continue;
                };
                let resources = container.get("resources");
                let given = ["requests", "limits"]
                    .iter()
                    .filter_map(|field| resources?.get(field)?.as_object());
                let given = given.flat_map(|map| map.keys().cloned()).collect();
                if list == "containers" {
                    found.containers.insert(name.to_owned(), given);
                }
            }
        }
        Some(found)
    }
}

fn port_names<'a>(container: &'a Value, path: &FieldPath) -> Vec<&'a str> {
    let ports = items(container, path, "ports").into_iter();
    ports.filter_map(|(_, port)| port.get("name")?.as_str()).collect()
}

/// The fields of a container that hold a port by number or name.
const PORTS: [&[&str]; 10] = [
    &["livenessProbe", "httpGet", "port"],
    &["livenessProbe", "tcpSocket", "port"],
    &["readinessProbe", "httpGet", "port"],
    &["readinessProbe", "tcpSocket", "port"],
    &["startupProbe", "httpGet", "port"],
    &["startupProbe", "tcpSocket", "port"],
    &["lifecycle", "postStart", "httpGet", "port"],
    &["lifecycle", "postStart", "tcpSocket", "port"],
    &["lifecycle", "preStop", "httpGet", "port"],
    &["lifecycle", "preStop", "tcpSocket", "port"],
];

/// Probes and hooks that name a port which their own container does not have.
pub(super) fn probes(spec: &Value, path: &FieldPath) -> Vec<Misfit> {
    let mut found = Vec::new();
    for list in CONTAINERS {
        for (path, container) in items(spec, path, list) {
            let names = port_names(container, &path);
            for field in PORTS {
                let port = field
                    .iter()
                    .try_fold(container, |node, key| node.get(key))
                    .and_then(Value::as_str);
                // A number may be written as a text.
                let port = port.filter(|port| port.parse::<u16>().is_err() && !names.contains(port));
                found.extend(port.map(|port| Misfit {
                    path: field.iter().fold(path.clone(), |path, key| path.field(key)),
                    message: format!("its container has no port named {port:?}"),
                    hint: "name one of the container's ports, or give its number",
                    certainty: Certainty::Certain,
                }));
            }
        }
    }
    found
}

/// Mounts of volumes that the pod does not have.
pub(super) fn mounts(spec: &Value, path: &FieldPath, inputs: &Value) -> Vec<Misfit> {
    let own = items(spec, path, "volumes")
        .into_iter()
        .filter_map(|(_, volume)| volume.get("name")?.as_str());
    let claims = inputs
        .pointer("/spec/volumeClaimTemplates")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let claims = claims
        .iter()
        .filter_map(|claim| claim.get("metadata")?.get("name")?.as_str());
    let names: BTreeSet<&str> = own.chain(claims).collect();
    let mut found = Vec::new();
    for list in CONTAINERS {
        for (path, container) in items(spec, path, list) {
            for field in ["volumeMounts", "volumeDevices"] {
                for (path, mount) in items(container, &path, field) {
                    let name = mount
                        .get("name")
                        .and_then(Value::as_str)
                        .filter(|name| !names.contains(name));
                    found.extend(name.map(|name| Misfit {
                        path: path.field("name"),
                        message: format!("the pod has no volume {name:?}"),
                        hint: "declare the volume, or correct the name",
                        certainty: Certainty::Certain,
                    }));
                }
            }
        }
    }
    found
}
