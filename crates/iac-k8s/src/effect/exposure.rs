//! Ways in that are new or go: Services outside the cluster, hosts of an Ingress, ports of nodes, and policies that go.

use std::collections::BTreeSet;

use iac_core::Value;
use iac_core::provider::Effect;

use super::{Seen, containers, list, policy, text};

pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    match seen.kind.as_str() {
        "core/Service" => of_service(seen),
        "networking.k8s.io/Ingress" => of_ingress(seen, all),
        "networking.k8s.io/NetworkPolicy" => policy::of(seen, all),
        _ => of_nodes(seen),
    }
}

/// Returns the elements of a set that are new; none for an object that goes.
fn new<T: Ord>(seen: &Seen<'_>, of: impl Fn(&Value) -> BTreeSet<T>) -> Vec<T> {
    let before = of(seen.before());
    of(seen.then())
        .into_iter()
        .filter(|one| !before.contains(one))
        .collect()
}

/// The elements of a set that go.
fn gone<T: Ord>(seen: &Seen<'_>, of: impl Fn(&Value) -> BTreeSet<T>) -> Vec<T> {
    let then = of(seen.then());
    of(seen.before())
        .into_iter()
        .filter(|one| !then.contains(one))
        .collect()
}

/// The type of a Service that is reached from outside the cluster.
fn outside(service: &Value) -> BTreeSet<String> {
    let kind = text(service, "/spec/type").map(str::to_owned);
    kind.into_iter()
        .filter(|kind| matches!(kind.as_str(), "LoadBalancer" | "NodePort"))
        .collect()
}

/// From where a Service of this type is reached.
fn reach(kind: &str, service: &Value) -> String {
    let ports = list(service, "/spec/ports");
    let numbers = |field: &str| -> Vec<String> {
        let all = ports.iter().filter_map(|port| port.get(field)?.as_i64());
        all.map(|number| number.to_string()).collect()
    };
    let given = numbers("nodePort");
    let nodes = match given.is_empty() {
        true => "on a port of every node that the server picks".to_owned(),
        false => format!("on port {} of every node", given.join(", ")),
    };
    if kind == "NodePort" {
        return format!("a Service of type {kind} can be reached {nodes}");
    }
    let ranges = list(service, "/spec/loadBalancerSourceRanges").iter();
    let ranges: Vec<&str> = ranges.filter_map(Value::as_str).collect();
    let from = match ranges.is_empty() {
        true => "all addresses".to_owned(),
        false => ranges.join(", "),
    };
    let at = match numbers("port") {
        numbers if numbers.is_empty() => String::new(),
        numbers => format!(", at the load balancer on port {}", numbers.join(", ")),
    };
    let without = service
        .pointer("/spec/allocateLoadBalancerNodePorts")
        .and_then(Value::as_bool)
        == Some(false);
    let nodes = if without {
        String::new()
    } else {
        format!(", and {nodes}")
    };
    format!("a Service of type {kind} can be reached from outside the cluster, from {from}{at}{nodes}")
}

fn of_service(seen: &Seen<'_>) -> Vec<Effect> {
    let kinds = new(seen, outside);
    let closed = gone(seen, outside).into_iter().filter(|_| kinds.is_empty());
    let closed: Vec<Effect> = closed
        .map(|kind| {
            Effect::closed(format!(
                "what came in through the Service of type {kind} no longer gets in"
            ))
        })
        .collect();
    let typed = kinds
        .into_iter()
        .map(|kind| Effect::exposure(reach(&kind, seen.then())));
    let addresses = new(seen, |service| {
        let all = list(service, "/spec/externalIPs").iter();
        all.filter_map(|address| address.as_str().map(str::to_owned)).collect()
    });
    let external =
        (!addresses.is_empty()).then(|| Effect::exposure(format!("it takes what is sent to {}", addresses.join(", "))));
    typed.chain(external).chain(closed).collect()
}

/// A host that no rule names.
pub(super) const EVERY_HOST: &str = "every host";

/// The hosts that an Ingress lets in.
fn hosts(ingress: &Value) -> BTreeSet<String> {
    let rules = list(ingress, "/spec/rules").iter();
    let host = |rule: &Value| text(rule, "/host").unwrap_or(EVERY_HOST).to_owned();
    let all = ingress.pointer("/spec/defaultBackend").map(|_| EVERY_HOST.to_owned());
    rules.map(host).chain(all).collect()
}

fn of_ingress(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    let opened = new(seen, hosts);
    let opened =
        (!opened.is_empty()).then(|| Effect::exposure(format!("a way in from outside for {}", opened.join(", "))));
    // Another Ingress may take a host over.
    let others = all
        .iter()
        .filter(|other| other.kind == seen.kind && other.place != seen.place && other.item.remains());
    let others: BTreeSet<String> = others.flat_map(|other| hosts(other.then())).collect();
    let closed: Vec<String> = gone(seen, hosts)
        .into_iter()
        .filter(|host| !others.contains(host))
        .collect();
    let closed =
        (!closed.is_empty()).then(|| Effect::closed(format!("requests for {} no longer get in", closed.join(", "))));
    opened.into_iter().chain(closed).collect()
}

fn of_nodes(seen: &Seen<'_>) -> Vec<Effect> {
    let ports = |spec: &Value| -> BTreeSet<i64> {
        let all = containers(spec).flat_map(|container| list(container, "/ports"));
        all.filter_map(|port| port.get("hostPort")?.as_i64()).collect()
    };
    let Some((before, then)) = seen.pods() else {
        return Vec::new();
    };
    let had = ports(before);
    let new: Vec<String> = ports(then).difference(&had).map(i64::to_string).collect();
    let effect = (!new.is_empty())
        .then(|| Effect::exposure(format!("its pods listen on the nodes' own port {}", new.join(", "))));
    effect.into_iter().collect()
}
