//! Things that two objects of different names cannot hold at the same time, so that a rename has to delete the old one
//! first.

use std::borrow::Cow;

use iac_core::Value;
use iac_core::provider::{Exclusive, ProviderError};
use iac_core::value::FieldPath;

use super::Question;
use crate::object::ObjectId;

impl Question<'_> {
    /// Returns the things that the object and the one that it replaces cannot both hold.
    pub(super) async fn exclusive(&self) -> Result<Vec<Exclusive>, ProviderError> {
        let replaced = self.replaced().await?;
        Ok(of(&self.id.type_name(), &replaced, &self.inputs))
    }

    /// The object that is replaced: as last sent or, where an interrupted run made it and nobody recorded it, as it is.
    async fn replaced(&self) -> Result<Cow<'_, Value>, ProviderError> {
        let recorded = self.request.recorded.as_ref();
        let unrecorded = recorded.filter(|recorded| recorded.inputs == Value::Null);
        let Some(id) = unrecorded.and_then(|recorded| ObjectId::from_identity(&recorded.identity)) else {
            return Ok(Cow::Borrowed(&self.before));
        };
        let live = self.session.read(&id).await?;
        Ok(Cow::Owned(live.map_or(Value::Null, Value::from)))
    }
}

/// Returns the things that both the old and the new object ask for by themselves; they do not share what the server
/// allocates.
fn of(type_name: &str, before: &Value, inputs: &Value) -> Vec<Exclusive> {
    match type_name {
        "core/Service" => service(before, inputs),
        "core/PersistentVolumeClaim" => {
            let volume = same_text(before, inputs, "/spec/volumeName");
            let found = volume.map(|name| exclusive(&["spec", "volumeName"], format!("the volume {name}")));
            found.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn service(before: &Value, inputs: &Value) -> Vec<Exclusive> {
    let mut found = Vec::new();
    // "None" is no address but the mark of a headless Service.
    if let Some(address) = same_text(before, inputs, "/spec/clusterIP").filter(|address| *address != "None") {
        found.push(exclusive(&["spec", "clusterIP"], format!("the cluster IP {address}")));
    }
    let old = node_ports(before);
    for (port, protocol) in node_ports(inputs).into_iter().filter(|port| old.contains(port)) {
        found.push(exclusive(
            &["spec", "ports"],
            format!("the node port {port}/{protocol}"),
        ));
    }
    let health = |object: &Value| object.pointer("/spec/healthCheckNodePort").and_then(Value::as_i64);
    if let Some(port) = health(inputs).filter(|port| health(before) == Some(*port)) {
        found.push(exclusive(
            &["spec", "healthCheckNodePort"],
            format!("the node port {port} for health checks"),
        ));
    }
    found
}

fn node_ports(object: &Value) -> Vec<(i64, String)> {
    let ports = object.pointer("/spec/ports").and_then(Value::as_array);
    let node_port = |port: &Value| {
        let number = port.get("nodePort").and_then(Value::as_i64)?;
        let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
        Some((number, protocol.to_owned()))
    };
    ports.into_iter().flatten().filter_map(node_port).collect()
}

fn same_text<'a>(before: &Value, inputs: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = inputs.pointer(pointer).and_then(Value::as_str)?;
    let is_same = before.pointer(pointer).and_then(Value::as_str) == Some(text);
    Some(text).filter(|text| is_same && !text.is_empty())
}

fn exclusive(path: &[&str], what: String) -> Exclusive {
    Exclusive {
        path: FieldPath::fields(path.iter().copied()),
        what,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_one_can_hold_is_found() {
        let ip = |ip: &str| json!({"spec": {"clusterIP": ip}});
        let port = |port: i64| json!({"spec": {"ports": [{"port": 80, "nodePort": port}]}});
        let volume = |name: &str| json!({"spec": {"volumeName": name}});
        let cases = [
            (
                "core/Service",
                ip("10.96.0.9"),
                ip("10.96.0.9"),
                Some("the cluster IP 10.96.0.9"),
            ),
            ("core/Service", ip("10.96.0.9"), ip("10.96.0.8"), None),
            ("core/Service", ip("None"), ip("None"), None),
            ("core/Service", ip(""), ip(""), None),
            (
                "core/Service",
                port(30080),
                port(30080),
                Some("the node port 30080/TCP"),
            ),
            ("core/Service", port(30080), port(30081), None),
            (
                "core/Service",
                json!({"spec": {"ports": [{"port": 80}]}}),
                port(30080),
                None,
            ),
            (
                "core/PersistentVolumeClaim",
                volume("pv-1"),
                volume("pv-1"),
                Some("the volume pv-1"),
            ),
            ("core/PersistentVolumeClaim", volume("pv-1"), volume("pv-2"), None),
            ("core/ConfigMap", json!({}), json!({}), None),
        ];
        for (type_name, before, inputs, expected) in cases {
            let found = of(type_name, &before.clone().into(), &inputs.clone().into());
            let found: Vec<&str> = found.iter().map(|exclusive| exclusive.what.as_str()).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{before} -> {inputs}");
        }
    }
}
