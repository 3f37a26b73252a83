//! References that break without a field that names an object: a Service that selects pods which go, a host name or a port
//! in a variable or a configuration, a port of a backend. The engine tells of fields that name objects.

use iac_core::provider::Effect;
use iac_core::provider::effect::{BrokenReference, Transition};
use iac_core::value::{FieldPath, Value};

use super::selection::{labels, selects};
use super::{Around, Seen, host, list, text};
use crate::kinds;

pub(super) fn of<'a>(going: &Seen<'_>, around: &'a Around<'a>) -> Vec<Effect> {
    let all = around.all;
    if going.kind == "core/Service" && going.is_changed() {
        return ports(going, around);
    }
    let is_named = going.kind == "core/Service" || kinds::runs_pods(&going.kind);
    if going.item.transition != Transition::Delete || !is_named || around.remains(&going.id) {
        return Vec::new();
    }
    let stay = || all.iter().filter(|other| other.item.remains());
    let found: Vec<(&Seen<'_>, FieldPath)> = match going.kind.as_str() {
        "core/Service" => host::names(going, around),
        kind if kinds::runs_pods(kind) => stay()
            .filter(|other| selects_nothing_else(going, other, all))
            .map(|other| (other, FieldPath::fields(["spec", "selector"])))
            .collect(),
        _ => Vec::new(),
    };
    let effect = |(holder, path): (&Seen<'_>, FieldPath)| {
        Effect::BrokenReference(BrokenReference {
            holder: holder.name(),
            path,
            names: going.name(),
        })
    };
    found.into_iter().map(effect).collect()
}

/// Ports that a Service no longer has, and who names them.
fn ports<'a>(service: &Seen<'_>, around: &'a Around<'a>) -> Vec<Effect> {
    let ports = |object: &Value| -> Vec<(u16, Option<String>)> {
        let all = list(object, "/spec/ports").iter();
        all.filter_map(|port| {
            let number = u16::try_from(port.get("port")?.as_i64()?).ok()?;
            Some((number, text(port, "/name").map(str::to_owned)))
        })
        .collect()
    };
    let (before, then) = (ports(service.before()), ports(service.then()));
    let mut found = Vec::new();
    for (number, name) in before {
        let names = format!("port {number} of {}", service.name());
        let mut tell = |holder: &Seen<'_>, path: FieldPath| {
            found.push(Effect::BrokenReference(BrokenReference {
                holder: holder.name(),
                path,
                names: names.clone(),
            }));
        };
        if !then.iter().any(|(other, _)| *other == number) {
            for (holder, path) in host::names_of_port(service, number, around) {
                tell(holder, path);
            }
            for (holder, path) in backends(service, around, |port| port.get("number")?.as_i64(), &i64::from(number)) {
                tell(holder, path);
            }
        }
        let is_gone = |name: &String| !then.iter().any(|(_, other)| other.as_ref() == Some(name));
        if let Some(name) = name.filter(is_gone) {
            let named = |port: &Value| Some(port.get("name")?.as_str()?.to_owned());
            for (holder, path) in backends(service, around, named, &name) {
                tell(holder, path);
            }
        }
    }
    found
}

/// The backends of Ingresses that stay and ask for this port of a Service.
fn backends<'a, T: PartialEq>(
    service: &Seen<'_>,
    around: &'a Around<'a>,
    of: impl Fn(&Value) -> Option<T>,
    wanted: &T,
) -> Vec<(&'a Seen<'a>, FieldPath)> {
    let mut found = Vec::new();
    let stay = around.all.iter().filter(|other| {
        other.kind == "networking.k8s.io/Ingress" && other.item.remains() && other.id.namespace == service.id.namespace
    });
    let asks = |backend: Option<&Value>| {
        let backend = backend.and_then(|backend| backend.get("service"));
        let is_it = backend.and_then(|backend| text(backend, "/name")) == Some(service.id.name.as_str());
        is_it && backend.and_then(|backend| of(backend.get("port")?)).as_ref() == Some(wanted)
    };
    for ingress in stay {
        let spec = FieldPath::fields(["spec"]);
        if asks(ingress.then().pointer("/spec/defaultBackend")) {
            found.push((ingress, spec.field("defaultBackend")));
        }
        for (rule, at) in list(ingress.then(), "/spec/rules").iter().zip(0..) {
            for (path, place) in list(rule, "/http/paths").iter().zip(0..) {
                if asks(path.get("backend")) {
                    let http = spec.field("rules").index(at).field("http");
                    found.push((ingress, http.field("paths").index(place).field("backend")));
                }
            }
        }
    }
    found
}

/// True if a Service selects the pods of what goes, and no pods that stay.
fn selects_nothing_else(going: &Seen<'_>, service: &Seen<'_>, all: &[Seen<'_>]) -> bool {
    if service.kind != "core/Service" || service.id.namespace != going.id.namespace {
        return false;
    }
    let Some(selector) = service.then().pointer("/spec/selector") else {
        return false;
    };
    let serves = |other: &Seen<'_>| {
        other.id.namespace == service.id.namespace && selects(selector, labels(&other.kind, other.then()))
    };
    selects(selector, labels(&going.kind, going.before()))
        && !all.iter().filter(|other| other.item.remains()).any(serves)
}
