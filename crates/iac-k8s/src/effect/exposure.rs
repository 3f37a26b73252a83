//! Ways in that are new or go: Services outside the cluster, hosts of an Ingress, ports of nodes, and policies that go.

use std::collections::BTreeSet;

use iac_core::Value;
use iac_core::provider::Effect;
use iac_core::provider::effect::Transition;

use super::{Seen, containers, list, text};

pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    match seen.kind.as_str() {
        "core/Service" => of_service(seen),
        "networking.k8s.io/Ingress" => of_ingress(seen, all),
        "networking.k8s.io/NetworkPolicy" => of_policy(seen).into_iter().collect(),
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
    let typed = kinds.into_iter().map(|kind| {
        let place = if kind == "NodePort" {
            "on a port of every node"
        } else {
            "from outside the cluster"
        };
        Effect::exposure(format!("a Service of type {kind} can be reached {place}"))
    });
    let addresses = new(seen, |service| {
        let all = list(service, "/spec/externalIPs").iter();
        all.filter_map(|address| address.as_str().map(str::to_owned)).collect()
    });
    let external =
        (!addresses.is_empty()).then(|| Effect::exposure(format!("it takes what is sent to {}", addresses.join(", "))));
    typed.chain(external).chain(closed).collect()
}

/// The hosts that an Ingress lets in.
fn hosts(ingress: &Value) -> BTreeSet<String> {
    let rules = list(ingress, "/spec/rules").iter();
    let host = |rule: &Value| text(rule, "/host").unwrap_or("every host").to_owned();
    let all = ingress.pointer("/spec/defaultBackend").map(|_| "every host".to_owned());
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

/// The rules of a policy for what comes in, or what goes out; none where it leaves that alone.
fn rules<'a>(policy: &'a Value, direction: &str) -> Option<&'a [Value]> {
    let (field, name) = match direction {
        "in" => ("/spec/ingress", "Ingress"),
        _ => ("/spec/egress", "Egress"),
    };
    let types = policy.pointer("/spec/policyTypes").and_then(Value::as_array);
    let applies = types.map_or(direction == "in" || policy.pointer(field).is_some(), |types| {
        types.iter().any(|one| one.as_str() == Some(name))
    });
    applies.then(|| list(policy, field))
}

fn of_policy(seen: &Seen<'_>) -> Option<Effect> {
    match seen.item.transition {
        Transition::Delete => Some(Effect::exposure(
            "what it refused is allowed to the pods that it selects, unless another policy refuses it",
        )),
        Transition::Update | Transition::Replace => {
            let opened: Vec<&str> = ["in", "out"]
                .into_iter()
                .filter(|direction| opens(seen.before(), seen.then(), direction))
                .collect();
            let words = |direction: &&str| match *direction {
                "in" => "lets in more than before",
                _ => "lets out more than before",
            };
            let words: Vec<&str> = opened.iter().map(words).collect();
            (!words.is_empty()).then(|| Effect::exposure(format!("it {}", words.join(" and "))))
        }
        Transition::Create | Transition::Stays => None,
    }
}

/// True if a policy has a rule that it did not have, or no longer refuses anything.
fn opens(before: &Value, then: &Value, direction: &str) -> bool {
    match (rules(before, direction), rules(then, direction)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(then)) => then.iter().any(|rule| !before.contains(rule)),
    }
}
