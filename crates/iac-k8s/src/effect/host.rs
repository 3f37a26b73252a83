//! Host names of a Service in the texts of other objects: variables of containers, entries of a ConfigMap or Secret.

use iac_core::Value;
use iac_core::provider::effect::names_host;
use iac_core::value::{FieldPath, Segment};

use super::Seen;
use crate::kinds;

/// Where an object names a Service as a host.
pub(super) fn names(service: &Seen<'_>, other: &Seen<'_>) -> Vec<FieldPath> {
    let object = other.then();
    let place = match other.kind.as_str() {
        "core/ConfigMap" | "core/Secret" => "",
        kind => match kinds::pod_template(kind) {
            Some(place) => place,
            None => return Vec::new(),
        },
    };
    let near = service.id.namespace == other.id.namespace;
    let hosts = hosts(service, near);
    let mut found: Vec<FieldPath> = Vec::new();
    let Some(start) = object.pointer(place) else {
        return found;
    };
    let prefix = FieldPath::fields(place.split('/').filter(|key| !key.is_empty()));
    start.walk(&mut |trail, leaf| {
        let text = match leaf {
            Value::String(text) => text.as_str(),
            // Only whether it names the host is told, never the text.
            Value::Secret(secret) => secret.expose(),
            _ => return,
        };
        let path = trail.path();
        let hint = hint(start, &path);
        if hosts.iter().any(|host| names_host(text, host, hint.as_deref())) {
            found.push(joined(&prefix, &path));
        }
    });
    found
}

fn joined(prefix: &FieldPath, path: &FieldPath) -> FieldPath {
    path.segments()
        .iter()
        .fold(prefix.clone(), |path, segment| path.join(segment.clone()))
}

/// The names by which pods can ask for a Service, longest first.
fn hosts(service: &Seen<'_>, near: bool) -> Vec<String> {
    let (name, namespace) = (&service.id.name, service.id.namespace.as_deref().unwrap_or("default"));
    let full = format!("{name}.{namespace}");
    let mut hosts = vec![format!("{full}.svc.cluster.local"), format!("{full}.svc"), full];
    if near {
        hosts.push(name.clone());
    }
    hosts
}

/// The name of the variable or entry that holds a text.
fn hint(start: &Value, path: &FieldPath) -> Option<String> {
    let holder = path.parent()?;
    let name = start.at(&holder).and_then(|holder| holder.get("name")?.as_str());
    let last = path.segments().last().and_then(|segment| match segment {
        Segment::Field(field) => Some(field.clone()),
        _ => None,
    });
    name.map(str::to_owned).or(last)
}
