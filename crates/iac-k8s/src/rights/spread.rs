//! Rights that spread through the aggregation of roles.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;

use super::{of_role, texts, words};

/// The rights that spread further than before through the aggregation of roles, a sentence each: those of a role that is
/// added to others, and those that a role takes from others.
pub(crate) fn spread(type_name: &str, before: &Value, after: &Value) -> Vec<String> {
    if type_name != "rbac.authorization.k8s.io/ClusterRole" {
        return Vec::new();
    }
    let had = given_on(before);
    let mut sentences = Vec::new();
    for (role, rights) in given_on(after) {
        let new: Vec<&String> = match had.get(&role) {
            Some(had) => rights.difference(had).collect(),
            None => rights.iter().collect(),
        };
        if !new.is_empty() {
            let new: Vec<&str> = new.into_iter().map(String::as_str).collect();
            sentences.push(format!(
                "whoever has the role {role} may {} from now on",
                new.join("; ")
            ));
        }
    }
    let took = selectors(before);
    // An account that had all rights gets none that are new.
    let taken = selectors(after)
        .into_iter()
        .filter(|labels| !took.contains("") && !took.contains(labels));
    sentences.extend(taken.map(|labels| match labels.as_str() {
        "" => "it gets the rights of every ClusterRole".to_owned(),
        labels => format!("it gets the rights of every ClusterRole with {labels}"),
    }));
    sentences
}

/// The label that adds the rights of a role to one of those that every cluster has.
const AGGREGATES_TO: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// The dangerous rights that a role gives to other roles by its labels.
fn given_on(role: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let rights: BTreeSet<String> = words(of_role(role)).into_iter().collect();
    let labels = role.pointer("/metadata/labels").and_then(Value::as_object);
    let target = |(label, value): (&String, &Value)| {
        let target = label.strip_prefix(AGGREGATES_TO)?;
        (value.as_str() == Some("true")).then(|| (target.to_owned(), rights.clone()))
    };
    labels
        .into_iter()
        .flat_map(|labels| labels.iter())
        .filter_map(target)
        .collect()
}

/// The labels of the roles whose rights a role takes, a selector each; the empty one takes all.
fn selectors(role: &Value) -> BTreeSet<String> {
    let all = role
        .pointer("/aggregationRule/clusterRoleSelectors")
        .and_then(Value::as_array);
    let labels = |selector: &Value| {
        let labels = selector.get("matchLabels").and_then(Value::as_object);
        let labels = labels.into_iter().flat_map(|labels| labels.iter());
        let mut terms: Vec<String> = labels
            .map(|(label, value)| format!("{label}={}", value.as_str().unwrap_or_default()))
            .collect();
        let expressions = selector
            .get("matchExpressions")
            .and_then(Value::as_array)
            .unwrap_or_default();
        terms.extend(expressions.iter().filter_map(|term| {
            let (key, operator) = (term.get("key")?.as_str()?, term.get("operator")?.as_str()?);
            let values: Vec<&str> = texts(term, "values").into_iter().collect();
            Some(format!("{key} {operator} {}", values.join(", ")).trim_end().to_owned())
        }));
        terms.join(", ")
    };
    all.unwrap_or_default().iter().map(labels).collect()
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    #[test]
    fn rights_that_spread_through_aggregation_are_named() {
        let of = |labels: Json, verbs: &[&str]| -> Value {
            json!({"metadata": {"labels": labels}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": verbs}]}).into()
        };
        let to_view = || json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
        let aggregates =
            |selectors: Json| -> Value { json!({"aggregationRule": {"clusterRoleSelectors": selectors}}).into() };
        let a = || json!([{"matchLabels": {"a": "b"}}]);
        let reads = "whoever has the role view may read Secrets from now on";
        let all = "it gets the rights of every ClusterRole";
        for (before, after, expected) in [
            (of(json!({}), &["get"]), of(to_view(), &["get"]), vec![reads]),
            (Value::Null, of(to_view(), &["get"]), vec![reads]),
            (of(to_view(), &["get"]), of(to_view(), &["get"]), vec![]),
            (of(to_view(), &["get"]), of(json!({}), &["get"]), vec![]),
            (
                of(to_view(), &["get"]),
                of(to_view(), &["get", "patch"]),
                vec!["whoever has the role view may change Secrets from now on"],
            ),
            (
                of(json!({}), &["get"]),
                of(
                    json!({"rbac.authorization.k8s.io/aggregate-to-view": "false"}),
                    &["get"],
                ),
                vec![],
            ),
            (aggregates(a()), aggregates(json!([{}])), vec![all]),
            (aggregates(json!([{}])), aggregates(a()), vec![]),
            (
                Value::Null,
                aggregates(a()),
                vec!["it gets the rights of every ClusterRole with a=b"],
            ),
            (aggregates(a()), aggregates(a()), vec![]),
        ] {
            let spread = spread("rbac.authorization.k8s.io/ClusterRole", &before, &after);
            assert_eq!(spread, expected);
        }
    }
}
