//! Host names of a Service in the texts of other objects: variables of containers, entries of a ConfigMap or Secret.

use iac_core::Value;
use iac_core::provider::effect::{names_host, names_port};
use iac_core::value::{FieldPath, Segment};

use super::{Around, Seen};
use crate::kinds;

/// A text that may name a host.
pub(super) struct Text<'a> {
    /// Which object holds it.
    number: usize,
    path: FieldPath,
    /// The name of the variable or entry.
    variable: Option<String>,
    text: &'a str,
}

/// The texts of all objects that stay.
pub(super) fn texts<'a>(all: &'a [Seen<'a>]) -> Vec<Text<'a>> {
    let mut found = Vec::new();
    for (number, holder) in all.iter().enumerate().filter(|(_, holder)| holder.item.remains()) {
        let place = match holder.kind.as_str() {
            "core/ConfigMap" | "core/Secret" => "",
            kind => match kinds::pod_template(kind) {
                Some(place) => place,
                None => continue,
            },
        };
        let Some(start) = holder.then().pointer(place) else {
            continue;
        };
        let prefix = FieldPath::fields(place.split('/').filter(|key| !key.is_empty()));
        gather(start, &FieldPath::root(), &mut |path, text| {
            found.push(Text {
                number,
                variable: variable(start, path),
                path: joined(&prefix, path),
                text,
            });
        });
    }
    found
}

/// Visits each text below a value. Of a secret only whether it names a host is told, never the text.
fn gather<'a>(value: &'a Value, path: &FieldPath, visit: &mut impl FnMut(&FieldPath, &'a str)) {
    match value {
        Value::String(text) => visit(path, text),
        Value::Secret(secret) => visit(path, secret.expose()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                let segment = name.map_or(Segment::Index(index), |name| Segment::Element {
                    field: "name".to_owned(),
                    value: name.to_owned(),
                });
                gather(item, &path.join(segment), visit);
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter() {
                gather(value, &path.field(key), visit);
            }
        }
        _ => {}
    }
}

/// Where others name a Service as a host.
pub(super) fn names<'a>(service: &Seen<'_>, around: &'a Around<'a>) -> Vec<(&'a Seen<'a>, FieldPath)> {
    find(service, around, |text, host| {
        names_host(text.text, host, text.variable.as_deref())
    })
}

/// Where others name a port of a Service.
pub(super) fn names_of_port<'a>(
    service: &Seen<'_>,
    port: u16,
    around: &'a Around<'a>,
) -> Vec<(&'a Seen<'a>, FieldPath)> {
    find(service, around, |text, host| names_port(text.text, host, port))
}

/// The texts of others in which one of the names of a Service is found.
fn find<'a>(
    service: &Seen<'_>,
    around: &'a Around<'a>,
    is_named: impl Fn(&Text<'_>, &str) -> bool,
) -> Vec<(&'a Seen<'a>, FieldPath)> {
    let texts = around.texts.get_or_init(|| texts(around.all));
    let (far, near) = (hosts(service, false), hosts(service, true));
    let named = texts.iter().filter(|text| {
        let is_near = around.all[text.number].id.namespace == service.id.namespace;
        let mut hosts = if is_near { near.iter() } else { far.iter() };
        hosts.any(|host| is_named(text, host))
    });
    named
        .map(|text| (&around.all[text.number], text.path.clone()))
        .collect()
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
fn variable(start: &Value, path: &FieldPath) -> Option<String> {
    let holder = path.parent()?;
    let name = start.at(&holder).and_then(|holder| holder.get("name")?.as_str());
    let last = path.segments().last().and_then(|segment| match segment {
        Segment::Field(field) => Some(field.clone()),
        _ => None,
    });
    name.map(str::to_owned).or(last)
}
