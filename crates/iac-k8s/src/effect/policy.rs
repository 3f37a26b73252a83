//! The connections that a NetworkPolicy lets in and out when it changes or goes: which pods, which ports, from where. Policies
//! only add to one another, and pods that none selects are open.

use iac_core::Value;
use iac_core::provider::Effect;
use iac_core::provider::effect::Transition;

use super::{Seen, list, selection, text};
use crate::kinds;

/// Which way a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

pub(super) fn of(seen: &Seen<'_>, all: &[Seen<'_>]) -> Vec<Effect> {
    let told = [Direction::In, Direction::Out].into_iter();
    match seen.item.transition {
        Transition::Delete => told.filter_map(|direction| ended(seen, all, direction)).collect(),
        Transition::Update | Transition::Replace => {
            let told = told.filter_map(|direction| match rules(seen.then(), direction) {
                None => ended(seen, all, direction),
                Some(then) => opened(seen, all, direction, then),
            });
            told.collect()
        }
        Transition::Create | Transition::Stays => Vec::new(),
    }
}

/// The rules of a policy for one direction; none where it leaves that alone.
fn rules(policy: &Value, direction: Direction) -> Option<&[Value]> {
    let (field, name) = match direction {
        Direction::In => ("/spec/ingress", "Ingress"),
        Direction::Out => ("/spec/egress", "Egress"),
    };
    let types = policy.pointer("/spec/policyTypes").and_then(Value::as_array);
    let applies = types.map_or(direction == Direction::In || policy.pointer(field).is_some(), |types| {
        types.iter().any(|one| one.as_str() == Some(name))
    });
    applies.then(|| list(policy, field))
}

/// A policy no longer decides about this direction.
fn ended(seen: &Seen<'_>, all: &[Seen<'_>], direction: Direction) -> Option<Effect> {
    let before = rules(seen.before(), direction)?;
    let (pods, was) = (pods(seen, seen.before(), all), words(seen, before, direction));
    if let Some(other) = all.iter().find(|other| still_decides(other, seen, direction)) {
        let ways = match direction {
            Direction::In => "lets in",
            Direction::Out => "lets out",
        };
        return (!before.is_empty()).then(|| {
            Effect::closed(format!(
                "{} still selects {pods} and refuses what it does not let through itself; this one {ways}: {was}",
                other.name()
            ))
        });
    }
    Some(Effect::exposure(match direction {
        Direction::In => {
            format!(
                "all ports of {pods} are open to every source, in all namespaces and outside; before: {was}; no other policy of this stack selects them"
            )
        }
        Direction::Out => {
            format!(
                "{pods} may send to everything, in all namespaces and outside; before: {was}; no other policy of this stack selects them"
            )
        }
    }))
}

/// True if another policy that stays selects at least the same pods for this direction.
fn still_decides(other: &Seen<'_>, gone: &Seen<'_>, direction: Direction) -> bool {
    let selector = |policy: &Value| policy.pointer("/spec/podSelector").cloned().unwrap_or(Value::Null);
    let is_wider = |wide: &Value| of_selector(wide).is_empty() || *wide == selector(gone.before());
    other.kind == gone.kind
        && other.place != gone.place
        && other.item.remains()
        && other.id.namespace == gone.id.namespace
        && rules(other.then(), direction).is_some()
        && is_wider(&selector(other.then()))
}

/// Rules that a policy did not have.
fn opened(seen: &Seen<'_>, all: &[Seen<'_>], direction: Direction, then: &[Value]) -> Option<Effect> {
    let before = rules(seen.before(), direction)?;
    let new: Vec<Value> = then.iter().filter(|rule| !before.contains(rule)).cloned().collect();
    if new.is_empty() {
        return None;
    }
    let (pods, was) = (pods(seen, seen.then(), all), words(seen, before, direction));
    let now = words(seen, &new, direction);
    Some(Effect::exposure(match direction {
        Direction::In => format!("{pods} can be reached: {now}; before: {was}"),
        Direction::Out => format!("{pods} may send: {now}; before: {was}"),
    }))
}

/// The pods that a policy selects, with the objects of the plan that run them.
fn pods(seen: &Seen<'_>, policy: &Value, all: &[Seen<'_>]) -> String {
    let selector = policy.pointer("/spec/podSelector").unwrap_or(&Value::Null);
    let near = all
        .iter()
        .filter(|other| other.item.remains() && other.id.namespace == seen.id.namespace);
    let run = near.filter(|other| kinds::pod_template(&other.kind).is_some());
    let wanted = selector.get("matchLabels").unwrap_or(&Value::Null);
    let known = selector.get("matchExpressions").is_none();
    let selected =
        run.filter(|other| known && selection::has_all(wanted, selection::labels(&other.kind, other.then())));
    let names: Vec<String> = selected.map(Seen::name).take(3).collect();
    let words = format!("the pods {}", of_selector(selector));
    let words = match of_selector(selector).as_str() {
        "" => format!(
            "all pods of namespace {}",
            seen.id.namespace.as_deref().unwrap_or_default()
        ),
        _ => words,
    };
    match names.len() {
        0 => words,
        _ => format!("{words} ({})", names.join(", ")),
    }
}

/// A selector in words; nothing for one that selects all.
fn of_selector(selector: &Value) -> String {
    let labels = selector
        .get("matchLabels")
        .map(selection::terms)
        .filter(|terms| !terms.is_empty());
    let conditions = list(selector, "/matchExpressions").iter().filter_map(|condition| {
        let values: Vec<&str> = list(condition, "/values").iter().filter_map(Value::as_str).collect();
        let words = format!(
            "{} {} {}",
            text(condition, "/key")?,
            text(condition, "/operator")?,
            values.join(", ")
        );
        Some(words.trim_end().to_owned())
    });
    labels.into_iter().chain(conditions).collect::<Vec<_>>().join(", ")
}

/// Rules in words.
fn words(seen: &Seen<'_>, rules: &[Value], direction: Direction) -> String {
    if rules.is_empty() {
        return "nothing".to_owned();
    }
    let (peers, between) = match direction {
        Direction::In => ("/from", "from"),
        Direction::Out => ("/to", "to"),
    };
    let rule = |rule: &Value| {
        let all: Vec<String> = list(rule, peers).iter().map(|one| peer(seen, one)).collect();
        let who = match (all.is_empty(), direction) {
            (true, Direction::In) => "every source, in all namespaces and outside".to_owned(),
            (true, Direction::Out) => "everything, in all namespaces and outside".to_owned(),
            (false, _) => all.join(" and "),
        };
        format!("{} {between} {who}", ports(rule))
    };
    rules.iter().map(rule).collect::<Vec<_>>().join("; ")
}

fn ports(rule: &Value) -> String {
    let port = |one: &Value| {
        let number = one.get("port").map(|port| match port.as_i64() {
            Some(number) => number.to_string(),
            None => port.as_str().unwrap_or("?").to_owned(),
        });
        let last = one
            .get("endPort")
            .and_then(Value::as_i64)
            .map_or_else(String::new, |last| format!(" to {last}"));
        let number = number.map_or_else(|| "all ports".to_owned(), |number| format!("port {number}{last}"));
        match text(one, "/protocol").filter(|protocol| *protocol != "TCP") {
            Some(protocol) => format!("{number} ({protocol})"),
            None => number,
        }
    };
    let all: Vec<String> = list(rule, "/ports").iter().map(port).collect();
    if all.is_empty() {
        "all ports".to_owned()
    } else {
        all.join(", ")
    }
}

/// A source or target in words.
fn peer(seen: &Seen<'_>, peer: &Value) -> String {
    if let Some(block) = text(peer, "/ipBlock/cidr") {
        let but: Vec<&str> = list(peer, "/ipBlock/except").iter().filter_map(Value::as_str).collect();
        return match but.is_empty() {
            true => block.to_owned(),
            false => format!("{block} without {}", but.join(", ")),
        };
    }
    let pods = peer
        .get("podSelector")
        .map(of_selector)
        .filter(|words| !words.is_empty());
    let pods = pods.map_or_else(|| "all pods".to_owned(), |words| format!("pods {words}"));
    match peer.get("namespaceSelector").map(of_selector).as_deref() {
        None => format!(
            "{pods} of namespace {}",
            seen.id.namespace.as_deref().unwrap_or_default()
        ),
        Some("") => format!("{pods} of all namespaces"),
        Some(words) => format!("{pods} of the namespaces {words}"),
    }
}
