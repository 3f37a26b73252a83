//! The users of a workload that are not served while it has no pods, and the fate of those that name an object that goes.

use std::collections::{BTreeSet, HashMap};

use iac_core::provider::effect::{Restart, Scale, Transition};
use iac_core::provider::{Effect, Need};
use iac_core::value::{FieldPath, Segment, Value};

use super::{Around, Seen, exposure, host, list, selection, text};
use crate::object::ObjectId;
use crate::{kinds, reference};

/// The users of a workload whose effects say that it has no pods for a while, or for good.
pub(super) fn of_outage<'a>(seen: &Seen<'_>, own: &[Effect], around: &'a Around<'a>) -> Vec<Effect> {
    let until = own.iter().find_map(|effect| match effect {
        Effect::Restart(Restart { gap: Some(_), .. }) => Some("meanwhile"),
        Effect::Scale(Scale { to: 0, .. }) => Some("from then on"),
        _ => None,
    });
    let Some(until) = until.filter(|_| seen.kind != "apps/DaemonSet") else {
        return Vec::new();
    };
    let alone = selection::services(seen, around.all)
        .into_iter()
        .filter(|service| selection::others(service, seen, around.all).is_empty());
    alone.filter_map(|service| told(service, seen, around, until)).collect()
}

/// Who is not served while a Service leads nowhere, if anybody is known to use it.
pub(super) fn told<'a>(service: &Seen<'_>, but: &Seen<'_>, around: &'a Around<'a>, until: &str) -> Option<Effect> {
    let users = users(service, but, around);
    (!users.is_empty()).then(|| {
        let users = users.join("; ");
        Effect::other(format!("{until} {} leads nowhere: {users}", service.name()))
    })
}

/// The workloads whose pods cannot start without an object, by their names.
pub(super) fn pods_that_need(object: &Seen<'_>, around: &Around<'_>) -> Option<String> {
    let users = around.needs.get_or_init(|| needs(around.all)).get(&object.id)?;
    let users: Vec<String> = users.iter().map(|number| around.all[*number].name()).collect();
    Some(users.join(", "))
}

/// The users that reach a workload through a Service, and what they see.
fn users<'a>(service: &Seen<'_>, but: &Seen<'_>, around: &'a Around<'a>) -> Vec<String> {
    let hosts = hosts(service, around.all);
    let mut users: Vec<String> = hosts
        .into_iter()
        .map(|(ingress, hosts)| format!("requests for {hosts} get 503 ({ingress})"))
        .collect();
    let named = host::names(service, around).into_iter();
    let named: BTreeSet<String> = named
        .filter(|(user, _)| user.place != but.place)
        .map(|(user, path)| format!("{} ({})", user.name(), variable(&path)))
        .collect();
    if !named.is_empty() {
        let named: Vec<String> = named.into_iter().collect();
        users.push(format!("no connections for {}", named.join(", ")));
    }
    users
}

/// The variable or entry at the end of a path.
fn variable(path: &FieldPath) -> String {
    let mut segments = path.segments().iter().rev();
    let last = segments.find_map(|segment| match segment {
        Segment::Element { value, .. } => Some(value.clone()),
        Segment::Field(field) if field != "value" => Some(field.clone()),
        _ => None,
    });
    last.unwrap_or_default()
}

/// The hosts of the Ingresses that stay and lead to a Service, with the names of these.
fn hosts(service: &Seen<'_>, all: &[Seen<'_>]) -> Vec<(String, String)> {
    let stay = all.iter().filter(|other| {
        other.kind == "networking.k8s.io/Ingress" && other.item.remains() && other.id.namespace == service.id.namespace
    });
    let leads = |backend: Option<&Value>| {
        let name = backend.and_then(|backend| text(backend, "/service/name"));
        name == Some(service.id.name.as_str())
    };
    let of = |ingress: &Seen<'_>| {
        let rules = list(ingress.then(), "/spec/rules").iter();
        let rules = rules.filter(|rule| list(rule, "/http/paths").iter().any(|path| leads(path.get("backend"))));
        let mut hosts: Vec<&str> = rules
            .map(|rule| text(rule, "/host").unwrap_or(exposure::EVERY_HOST))
            .collect();
        if leads(ingress.then().pointer("/spec/defaultBackend")) {
            hosts.push(exposure::EVERY_HOST);
        }
        hosts.dedup();
        (!hosts.is_empty()).then(|| (ingress.name(), hosts.join(", ")))
    };
    stay.filter_map(of).collect()
}

/// The fate of objects that stay and name one that goes, and when it comes.
pub(super) fn of_deletion<'a>(going: &Seen<'_>, around: &'a Around<'a>) -> Vec<Effect> {
    if going.item.transition != Transition::Delete || around.remains(&going.id) {
        return Vec::new();
    }
    match going.kind.as_str() {
        "core/Service" => of_service(going, around),
        "core/ConfigMap" | "core/Secret" | "core/PersistentVolumeClaim" => of_named(going, around),
        _ => Vec::new(),
    }
}

fn of_service<'a>(service: &Seen<'_>, around: &'a Around<'a>) -> Vec<Effect> {
    let hosts = hosts(service, around.all).into_iter();
    let closed =
        hosts.map(|(ingress, hosts)| Effect::closed(format!("requests for {hosts} get 503: {ingress} leads nowhere")));
    let fails = !host::names(service, around).is_empty();
    let fails = fails.then(|| Effect::other("new connections to it fail at once; those that are open go on"));
    closed.chain(fails).collect()
}

/// The objects whose pods cannot start without what they name, by what that is.
pub(super) type Needs = HashMap<ObjectId, BTreeSet<usize>>;

/// Reads them off all objects that stay.
fn needs(all: &[Seen<'_>]) -> Needs {
    let mut needs = Needs::new();
    let run = all.iter().enumerate().filter(|(_, other)| other.item.remains());
    for (number, other) in run.filter(|(_, other)| kinds::pod_template(&other.kind).is_some()) {
        for named in reference::names(&other.id, other.then()) {
            let pulls = named
                .path
                .segments()
                .contains(&Segment::Field("imagePullSecrets".to_owned()));
            if named.need != Need::Optional && !pulls {
                needs.entry(named.target).or_default().insert(number);
            }
        }
    }
    needs
}

/// Pods that cannot start without what goes.
fn of_named(going: &Seen<'_>, around: &Around<'_>) -> Vec<Effect> {
    let Some(users) = pods_that_need(going, around) else {
        return Vec::new();
    };
    vec![Effect::other(match going.kind.as_str() {
        "core/PersistentVolumeClaim" => format!(
            "it is marked for deletion now, and that cannot be taken back; for as long as pods of {users} run with it, it stays \
             with its data, and this step waits; once they have ended, no new one starts, and its data is gone, unless the reclaim \
             policy of its volume is Retain"
        ),
        _ => format!(
            "pods of {users} that run go on; each one that starts from now on (a restart, a scale-up, another node) does not start"
        ),
    })]
}
