//! Rights that a role or binding gives, as far as one can do much harm with them.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;

pub(crate) use self::spread::spread;

mod binding;
mod spread;

/// One right: what it is, and where the words for that leave it open, a verb.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    what: String,
    verb: Option<String>,
}

impl From<String> for Right {
    fn from(what: String) -> Self {
        Self { what, verb: None }
    }
}

/// The right to do everything.
const EVERYTHING: &str = "do everything (* on * in every group)";

/// The rights that `after` gives and `before` does not, in words; none where the object gives no rights at all.
pub(crate) fn gained(type_name: &str, before: &Value, after: &Value) -> Vec<String> {
    let dangerous = |object: &Value| match type_name {
        "rbac.authorization.k8s.io/ClusterRole" | "rbac.authorization.k8s.io/Role" => of_role(object),
        "rbac.authorization.k8s.io/ClusterRoleBinding" | "rbac.authorization.k8s.io/RoleBinding" => {
            binding::rights(object)
        }
        _ => BTreeSet::new(),
    };
    let had = dangerous(before);
    if had.contains(&Right::from(EVERYTHING.to_owned())) {
        return Vec::new();
    }
    words(dangerous(after).difference(&had).cloned())
}

/// Rights in words, those that differ in the verb as one.
fn words(rights: impl IntoIterator<Item = Right>) -> Vec<String> {
    let mut gained: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for right in rights {
        gained.entry(right.what).or_default().extend(right.verb);
    }
    let words = gained.into_iter().map(|(what, verbs)| match verbs.is_empty() {
        true => what,
        false => format!("{} {what}", verbs.join(", ")),
    });
    words.collect()
}

/// The texts of a list of an object; one that is not known yet counts as none.
fn texts<'a>(object: &'a Value, field: &str) -> BTreeSet<&'a str> {
    let items = object.get(field).and_then(Value::as_array).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}

/// A thing that is dangerous to be allowed: in one of these groups, these resources with these verbs mean that.
struct Danger {
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    what: &'static str,
}

const RBAC: &str = "rbac.authorization.k8s.io";
const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch"];

const DANGERS: [Danger; 11] = [
    danger("", &["secrets"], READ, "read Secrets"),
    danger(
        "",
        &["secrets"],
        &["create", "update", "patch", "delete", "deletecollection"],
        "change Secrets",
    ),
    danger(
        "",
        &["pods/exec", "pods/attach"],
        &["create", "get"],
        "run commands in pods",
    ),
    danger(
        "",
        &["pods/portforward"],
        &["create", "get"],
        "reach into pods through port-forward",
    ),
    danger(
        "",
        &["nodes/proxy"],
        &["create", "get", "update", "patch", "delete"],
        "use the kubelets' API (nodes/proxy)",
    ),
    danger(
        "",
        &["serviceaccounts/token"],
        &["create"],
        "make tokens of service accounts",
    ),
    danger(
        "",
        &["users", "groups", "serviceaccounts"],
        &["impersonate"],
        "act as somebody else (impersonate)",
    ),
    danger(
        RBAC,
        &["roles", "clusterroles"],
        &["escalate"],
        "give roles rights that it has not itself (escalate)",
    ),
    danger(
        RBAC,
        &["roles", "clusterroles"],
        &["bind"],
        "bind roles with rights that it has not itself (bind)",
    ),
    danger(
        RBAC,
        &["rolebindings", "clusterrolebindings"],
        WRITE,
        "change who has which role",
    ),
    danger(RBAC, &["roles", "clusterroles"], WRITE, "change roles"),
];

const fn danger(
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    what: &'static str,
) -> Danger {
    Danger {
        group,
        resources,
        verbs,
        what,
    }
}

fn of_role(role: &Value) -> BTreeSet<Right> {
    let rules = role.get("rules").and_then(Value::as_array).unwrap_or_default();
    rules.iter().flat_map(of_rule).collect()
}

fn of_rule(rule: &Value) -> BTreeSet<Right> {
    let (groups, resources, verbs) = (texts(rule, "apiGroups"), texts(rule, "resources"), texts(rule, "verbs"));
    let names = texts(rule, "resourceNames");
    let (any_group, any_resource, any_verb) = (groups.contains("*"), resources.contains("*"), verbs.contains("*"));
    let mut found = BTreeSet::new();
    if any_verb && texts(rule, "nonResourceURLs").contains("*") {
        found.insert("use every URL of the API server".to_owned().into());
    }
    if resources.is_empty() || verbs.is_empty() {
        return found;
    }
    if any_group && any_resource && any_verb && names.is_empty() {
        return BTreeSet::from([EVERYTHING.to_owned().into()]);
    }
    for danger in &DANGERS {
        let in_group = any_group || groups.contains(danger.group);
        let of_resource = danger
            .resources
            .iter()
            .any(|wanted| any_resource || covers(&resources, wanted));
        let with_verb = any_verb || danger.verbs.iter().any(|verb| verbs.contains(verb));
        if in_group && of_resource && with_verb {
            found.insert(limited(danger.what, &names).into());
        }
    }
    // Other kinds and verbs that the wildcards let in, which nobody thought of.
    for group in groups.iter().map(|group| if group.is_empty() { "core" } else { group }) {
        if any_resource {
            let what = limited(&format!("every resource (*) of {group}"), &names);
            found.extend(verbs.iter().map(|verb| Right {
                what: what.clone(),
                verb: Some((*verb).to_owned()),
            }));
        } else if any_verb {
            let with = |resource| format!("do everything (*) with {resource} of {group}");
            found.extend(resources.iter().map(|resource| limited(&with(resource), &names).into()));
        }
    }
    found
}

/// True if a rule's resources hold this one: `pods/*` and `*/exec` are forms that the server knows.
fn covers(resources: &BTreeSet<&str>, wanted: &str) -> bool {
    let subresource = wanted.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    resources.contains(wanted) || subresource.is_some_and(|form| resources.contains(form.as_str()))
}

fn limited(what: &str, names: &BTreeSet<&str>) -> String {
    if names.is_empty() {
        return what.to_owned();
    }
    let names = names.iter().copied().collect::<Vec<_>>().join(", ");
    format!("{what}, only {names}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Json {
        json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
    }

    fn role(rules: &[Json]) -> Value {
        json!({ "rules": rules }).into()
    }

    #[test]
    fn rights_that_grow_are_named() {
        let old = [
            rule(&[""], &["pods", "events"], &["get", "list"]),
            rule(&[""], &["secrets"], &["get"]),
        ];
        let with = |more: Json| role(&[old.to_vec(), vec![more]].concat());
        let table: [(Json, &[&str]); 14] = [
            (rule(&["*"], &["*"], &["*"]), &["do everything (* on * in every group)"]),
            (rule(&[""], &["secrets"], &["list"]), &[]),
            (rule(&[""], &["secrets"], &["patch"]), &["change Secrets"]),
            (rule(&[""], &["pods/exec"], &["create"]), &["run commands in pods"]),
            (
                rule(&[""], &["*/exec", "configmaps"], &["create"]),
                &["run commands in pods"],
            ),
            (
                rule(&[""], &["nodes/proxy"], &["get"]),
                &["use the kubelets' API (nodes/proxy)"],
            ),
            (
                rule(&[""], &["serviceaccounts"], &["impersonate"]),
                &["act as somebody else (impersonate)"],
            ),
            (
                rule(&[RBAC], &["clusterroles"], &["escalate"]),
                &["give roles rights that it has not itself (escalate)"],
            ),
            (
                rule(&[RBAC], &["clusterrolebindings"], &["create"]),
                &["change who has which role"],
            ),
            (
                rule(&["apps"], &["deployments"], &["*"]),
                &["do everything (*) with deployments of apps"],
            ),
            (rule(&["apps"], &["*"], &["get"]), &["get every resource (*) of apps"]),
            (rule(&[""], &["pods"], &["get", "watch", "list"]), &[]),
            (
                json!({"nonResourceURLs": ["*"], "verbs": ["*"]}),
                &["use every URL of the API server"],
            ),
            (
                json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["update"], "resourceNames": ["a"]}),
                &["change Secrets, only a"],
            ),
        ];
        for (more, expected) in table {
            let gained = gained("rbac.authorization.k8s.io/Role", &role(&old), &with(more.clone()));
            assert_eq!(gained, expected, "{more}");
        }
        let wide = [rule(&["*"], &["*"], &["get", "list", "delete"])];
        let less = [
            rule(&["*"], &["*"], &["get", "delete"]),
            rule(&["apps"], &["*"], &["patch"]),
        ];
        assert_eq!(
            gained("rbac.authorization.k8s.io/Role", &role(&wide), &role(&less)),
            ["patch every resource (*) of apps"]
        );
        let all = role(&[rule(&["*"], &["*"], &["*"])]);
        assert!(gained("rbac.authorization.k8s.io/Role", &all, &role(&old)).is_empty());
        let order = role(&[old[1].clone(), old[0].clone()]);
        assert!(gained("rbac.authorization.k8s.io/Role", &role(&old), &order).is_empty());
        assert!(gained("core/ConfigMap", &Value::Null, &role(&[rule(&["*"], &["*"], &["*"])])).is_empty());
    }
}
