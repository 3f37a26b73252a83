//! What stays and relies on what goes, where no field names it: a Service that selects its pods, a host name in a
//! variable or a configuration. Fields that name objects are the engine's to tell.

use iac_core::provider::Effect;
use iac_core::provider::effect::{BrokenReference, Transition};
use iac_core::value::{FieldPath, Value};

use super::{Around, Seen, host};
use crate::kinds;

pub(super) fn of<'a>(going: &Seen<'_>, around: &'a Around<'a>) -> Vec<Effect> {
    let all = around.all;
    if going.item.transition != Transition::Delete || is_made_again(going, all) {
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

/// True if another resource of the plan has the object of this name.
fn is_made_again(going: &Seen<'_>, all: &[Seen<'_>]) -> bool {
    all.iter().any(|other| other.item.remains() && other.id == going.id)
}

/// The labels of the pods of an object.
fn labels<'a>(kind: &str, object: &'a Value) -> Option<&'a Value> {
    object.pointer(&format!("{}/metadata/labels", kinds::pod_template(kind)?))
}

fn selects(selector: &Value, labels: Option<&Value>) -> bool {
    let wanted = selector.as_object();
    let has = |label: &str, value: &Value| {
        let there = labels.and_then(|labels| labels.get(label)?.as_str());
        there.is_some() && there == value.as_str()
    };
    wanted.is_some_and(|wanted| wanted.iter().count() > 0 && wanted.iter().all(|(label, value)| has(label, value)))
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
