//! Ports that an Ingress asks a Service of the stack for.

use iac_core::value::{FieldPath, Value};

use super::selectors::perhaps;
use super::{Insides, Misfit};
use crate::object::ObjectId;
use crate::reference::items;

/// A port of a Service: its number, and its name.
pub(super) type Port = (Option<i64>, Option<String>);

/// The ports of a Service; none where they are not all known yet.
pub(super) fn ports(type_name: &str, inputs: &Value) -> Option<Vec<Port>> {
    let ports = inputs.pointer("/spec/ports").filter(|_| type_name == "core/Service")?;
    let port = |port: &Value| {
        let number = port.get("port").and_then(Value::as_i64);
        let name = port.get("name").and_then(Value::as_str);
        (number, name.map(str::to_owned))
    };
    let ports = ports.as_array().filter(|_| ports.is_known())?;
    Some(ports.iter().map(port).collect())
}

pub(super) fn misfits(insides: &Insides, id: &ObjectId, inputs: &Value) -> Vec<Misfit> {
    let spec = inputs.get("spec").unwrap_or(&Value::Null);
    let path = FieldPath::fields(["spec"]);
    let mut found = Vec::new();
    let mut look = |path: FieldPath, backend: Option<&Value>| {
        found.extend(backend.and_then(|backend| misfit(insides, id, &path, backend)));
    };
    look(path.field("defaultBackend"), spec.get("defaultBackend"));
    for (path, rule) in items(spec, &path, "rules") {
        let http = rule.get("http").unwrap_or(&Value::Null);
        for (path, route) in items(http, &path.field("http"), "paths") {
            look(path.field("backend"), route.get("backend"));
        }
    }
    found
}

/// A backend whose port the Service does not have. A Service outside the stack is not looked at.
fn misfit(insides: &Insides, id: &ObjectId, path: &FieldPath, backend: &Value) -> Option<Misfit> {
    let service = backend.get("service")?;
    let name = ObjectId {
        group: String::new(),
        version: String::new(),
        kind: "Service".to_owned(),
        namespace: id.namespace.clone(),
        name: service.get("name")?.as_str()?.to_owned(),
    };
    let ports = insides.services.get(&name.to_string())?;
    let asked = service.get("port")?;
    let (number, called) = (
        asked.get("number").and_then(Value::as_i64),
        asked.get("name").and_then(Value::as_str),
    );
    let is_it = |(own, name): &Port| match called {
        Some(called) => name.as_deref() == Some(called),
        None => number.is_none() || *own == number,
    };
    if ports.iter().any(is_it) {
        return None;
    }
    let word = |(number, name): &Port| match (number, name) {
        (Some(number), Some(name)) => format!("{number} ({name})"),
        (Some(number), None) => number.to_string(),
        (None, name) => name.clone().unwrap_or_default(),
    };
    let has: Vec<String> = ports.iter().map(word).collect();
    let asked = called.map_or_else(|| number.unwrap_or_default().to_string(), |name| format!("{name:?}"));
    let message = format!(
        "Service {} has no port {asked}; it has {}",
        name.full_name(),
        has.join(", ")
    );
    Some(perhaps(path.field("service").field("port"), message))
}
