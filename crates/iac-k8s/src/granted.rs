//! Which rights a changed role gives and takes, resource by resource.
//!
//! The same rights can be written in many ways: a rule that is split or moved changes nearly every line, and a new right
//! hides among them. So the rights of both are compared, and the changes of the rules themselves are only counted.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;
use iac_core::provider::Minor;
use iac_core::value::FieldPath;
use iac_core::value::diff::FieldChange;

/// One verb on one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right<'a> {
    /// The API group and the resource; no group for a URL.
    group: Option<&'a str>,
    thing: &'a str,
    /// The one object that it is about; all of them if there is none.
    name: Option<&'a str>,
    verb: &'a str,
}

impl Right<'_> {
    /// True if whoever has `self` has `other`.
    fn covers(&self, other: &Self) -> bool {
        let fits = |ours: &str, theirs: &str| ours == "*" || ours == theirs;
        let group = match (self.group, other.group) {
            (Some(ours), Some(theirs)) => fits(ours, theirs),
            (ours, theirs) => ours == theirs,
        };
        let thing = match (self.group, self.thing.strip_suffix('*')) {
            // A URL may end with a star that stands for what follows.
            (None, Some(start)) => other.thing.starts_with(start),
            _ => fits(self.thing, other.thing),
        };
        group && thing && fits(self.verb, other.verb) && (self.name.is_none() || self.name == other.name)
    }

    /// The thing as `kubectl auth can-i` calls it: `leases.coordination.k8s.io`.
    fn thing(&self) -> String {
        let thing = match self.group {
            None => format!("URL {}", self.thing),
            Some("") => self.thing.to_owned(),
            Some(group) => format!("{}.{group}", self.thing),
        };
        match self.name {
            Some(name) => format!("{thing} {name:?}"),
            None => thing,
        }
    }
}

/// The effect of a changed role on rights.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The notes on the rights that it gives and takes.
    pub(crate) notes: Vec<String>,
    /// The changes of rules that are told so.
    pub(crate) minor: Minor,
}

/// Returns the effect of these changes of a role on the rights that it gives; `None` if it is no role, or if its rules do
/// not change or are put together by the cluster.
pub(crate) fn changed(type_name: &str, before: &Value, after: &Value, changes: &[FieldChange]) -> Option<Granted> {
    let is_role = matches!(
        type_name,
        "rbac.authorization.k8s.io/ClusterRole" | "rbac.authorization.k8s.io/Role"
    );
    let rules = FieldPath::fields(["rules"]);
    let paths: BTreeSet<FieldPath> = changes
        .iter()
        .map(|change| &change.path)
        .filter(|path| path.starts_with(&rules))
        .cloned()
        .collect();
    let aggregates = |role: &Value| role.get("aggregationRule").is_some();
    if !is_role || paths.is_empty() || aggregates(before) || aggregates(after) {
        return None;
    }
    let (had, has) = (rights(before)?, rights(after)?);
    let mut notes = words("gives", &beyond(&has, &had));
    notes.extend(words("no longer gives", &beyond(&had, &has)));
    if notes.is_empty() {
        notes.push("its rules are written in another way and give the same rights".to_owned());
    }
    Some(Granted {
        notes,
        minor: Minor {
            what: "of its rules".to_owned(),
            paths,
        },
    })
}

/// The rights that a role gives; none where a part is not known yet.
fn rights(role: &Value) -> Option<BTreeSet<Right<'_>>> {
    let rules = match role.get("rules") {
        None | Some(Value::Null) => &[],
        Some(rules) if rules.is_known() => rules.as_array()?,
        Some(_) => return None,
    };
    let mut rights = BTreeSet::new();
    for rule in rules {
        let (verbs, names) = (texts(rule, "verbs"), texts(rule, "resourceNames"));
        let names: Vec<Option<&str>> = match names.is_empty() {
            true => vec![None],
            false => names.into_iter().map(Some).collect(),
        };
        for verb in verbs {
            let urls = texts(rule, "nonResourceURLs").into_iter().map(|url| (None, url));
            let groups = texts(rule, "apiGroups").into_iter();
            let resources = groups.flat_map(|group| {
                let resources = texts(rule, "resources").into_iter();
                resources.map(move |resource| (Some(group), resource))
            });
            for (group, thing) in urls.chain(resources) {
                let named = names.iter().map(|name| Right {
                    group,
                    thing,
                    name: name.filter(|_| group.is_some()),
                    verb,
                });
                rights.extend(named);
            }
        }
    }
    Some(rights)
}

fn texts<'a>(rule: &'a Value, field: &str) -> Vec<&'a str> {
    let items = rule.get(field).and_then(Value::as_array).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}

/// The rights in `some` that none in `others` covers.
fn beyond<'a>(some: &BTreeSet<Right<'a>>, others: &BTreeSet<Right<'a>>) -> Vec<Right<'a>> {
    let covered = |right: &Right<'_>| others.contains(right) || others.iter().any(|other| other.covers(right));
    some.iter().filter(|right| !covered(right)).cloned().collect()
}

/// A line for all things with the same verbs.
fn words(start: &str, rights: &[Right<'_>]) -> Vec<String> {
    let mut verbs: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for right in rights {
        verbs.entry(right.thing()).or_default().insert(right.verb);
    }
    let mut things: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (thing, verbs) in verbs {
        let verbs: Vec<&str> = verbs.into_iter().collect();
        things.entry(verbs.join(", ")).or_default().push(thing);
    }
    let line = |(verbs, things): (String, Vec<String>)| format!("{start} {verbs} on {}", things.join(", "));
    things.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use iac_core::value::diff::diff;
    use serde_json::{Value as Json, json};

    const ROLE: &str = "rbac.authorization.k8s.io/Role";

    fn told(before: &Json, after: &Json) -> Vec<String> {
        let role = |rules: &Json| -> Value { json!({"rules": rules}).into() };
        let (before, after) = (role(before), role(after));
        let granted = changed(ROLE, &before, &after, &diff(&before, &after)).expect("a change");
        granted.notes
    }

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Json {
        json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
    }

    #[test]
    fn rights_are_compared_and_not_the_rules_that_give_them() {
        let pods = rule(&[""], &["pods", "services"], &["get", "list"]);
        let one = |resource: &str, verb: &str| rule(&[""], &[resource], &[verb]);
        let leases = rule(&["coordination.k8s.io"], &["leases"], &["create", "get"]);
        let named = |name: &str| {
            let mut rule = rule(&[""], &["configmaps"], &["get"]);
            rule["resourceNames"] = json!([name]);
            rule
        };
        let url = |url: &str| json!({"nonResourceURLs": [url], "verbs": ["get"]});
        for (before, after, expected) in [
            (
                json!([pods]),
                json!([leases, pods]),
                vec!["gives create, get on leases.coordination.k8s.io"],
            ),
            (
                json!([pods]),
                json!([rule(&[""], &["pods"], &["get", "list"]), one("services", "get")]),
                vec!["no longer gives list on services"],
            ),
            (
                json!([pods]),
                json!([
                    one("pods", "get"),
                    one("pods", "list"),
                    one("services", "get"),
                    one("services", "list")
                ]),
                vec!["its rules are written in another way and give the same rights"],
            ),
            // A right that a wildcard covers is nothing new, and a wildcard is.
            (
                json!([rule(&["*"], &["*"], &["*"])]),
                json!([pods]),
                vec!["no longer gives * on *.*"],
            ),
            (
                json!([pods]),
                json!([pods, rule(&[""], &["*"], &["get"])]),
                vec!["gives get on *"],
            ),
            (
                json!([named("a")]),
                json!([named("b")]),
                vec![
                    "gives get on configmaps \"b\"",
                    "no longer gives get on configmaps \"a\"",
                ],
            ),
            (
                json!([one("configmaps", "get")]),
                json!([named("b")]),
                vec!["no longer gives get on configmaps"],
            ),
            (
                json!([url("/metrics/*")]),
                json!([url("/metrics/x"), url("/healthz")]),
                vec!["gives get on URL /healthz", "no longer gives get on URL /metrics/*"],
            ),
            (json!([]), json!([pods]), vec!["gives get, list on pods, services"]),
        ] {
            assert_eq!(told(&before, &after), expected, "{before} {after}");
        }
    }

    #[test]
    fn what_is_no_role_or_put_together_by_the_cluster_stays_as_it_is() {
        let role = |rules: Json| -> Value { json!({"rules": rules, "aggregationRule": {}}).into() };
        let (before, after) = (role(json!([])), role(json!([rule(&[""], &["pods"], &["get"])])));
        let changes = diff(&before, &after);
        assert_eq!(changed(ROLE, &before, &after, &changes), None);
        assert_eq!(changed("core/ConfigMap", &before, &after, &changes), None);
        assert_eq!(changed(ROLE, &before, &before, &[]), None);
    }
}
