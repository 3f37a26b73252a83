//! Outputs of a service: the values that others can use.

use std::collections::BTreeMap;

use bollard::models::ContainerInspectResponse;
use iac_core::value::Value;
use serde_json::json;

use crate::inputs::ServiceInputs;

/// The outputs of a service's containers, in the order of their numbers. `id`, `ip` and `ports` are the first one's.
pub(crate) fn of(containers: &[ContainerInspectResponse], inputs: &ServiceInputs) -> Value {
    let all: Vec<_> = containers.iter().map(|container| one(container, inputs)).collect();
    let mut outputs = json!({ "name": inputs.service, "containers": all });
    if let (Some(outputs), Some(first)) = (outputs.as_object_mut(), all.first()) {
        for field in ["id", "ip", "image_id", "ports"] {
            outputs.insert(field.to_owned(), first[field].clone());
        }
    }
    outputs.into()
}

fn one(container: &ContainerInspectResponse, inputs: &ServiceInputs) -> serde_json::Value {
    let settings = container.network_settings.clone().unwrap_or_default();
    let networks = settings.networks.unwrap_or_default();
    let first = super::request::endpoints(inputs, 1).into_iter().next();
    let endpoint = first.and_then(|(name, _)| networks.get(&name).cloned());
    let ports: BTreeMap<String, String> = settings
        .ports
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(port, bindings)| Some((port, bindings?.into_iter().find_map(|binding| binding.host_port)?)))
        .collect();
    json!({
        "id": container.id,
        "name": container.name.as_deref().map(|name| name.trim_start_matches('/')),
        "ip": endpoint.and_then(|endpoint| endpoint.ip_address).unwrap_or_default(),
        "image_id": container.image,
        "ports": ports,
    })
}
