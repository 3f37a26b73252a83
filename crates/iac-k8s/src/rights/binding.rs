//! The people and accounts that get a role by a binding, where these are many, or the role is one for everything.

use std::collections::BTreeSet;

use iac_core::Value;

use super::Right;

/// Groups and users that stand for many, in words.
const MANY: [(&str, &str, &str); 4] = [
    ("Group", "system:unauthenticated", "everybody, without signing in,"),
    ("User", "system:anonymous", "everybody, without signing in,"),
    (
        "Group",
        "system:authenticated",
        "every user and every ServiceAccount of the cluster (so every pod with a token)",
    ),
    (
        "Group",
        "system:serviceaccounts",
        "every ServiceAccount of the cluster (so every pod with a token)",
    ),
];

/// The roles that every cluster has, and what they let somebody do.
const KNOWN_ROLES: [(&str, &str); 4] = [
    ("cluster-admin", "do everything there"),
    ("admin", "read the Secrets there and change everything, roles too"),
    ("edit", "read the Secrets there and change what runs"),
    ("view", "read everything there but Secrets"),
];

/// The rights that a binding gives, in words.
pub(super) fn rights(binding: &Value) -> BTreeSet<Right> {
    let text = |object: Option<&Value>, field: &str| {
        let text = object.and_then(|object| object.get(field)).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let role = text(binding.get("roleRef"), "name");
    let place = match text(binding.get("metadata"), "namespace").as_str() {
        _ if text(Some(binding), "kind") == "ClusterRoleBinding" => "in the whole cluster".to_owned(),
        "" => "in its namespace".to_owned(),
        namespace => format!("in namespace {namespace}"),
    };
    let of_cluster = text(binding.get("roleRef"), "kind") != "Role";
    let known = KNOWN_ROLES.iter().find(|(name, _)| *name == role && of_cluster);
    let may = known.map_or_else(String::new, |(_, may)| format!(": it may {may}"));
    let subjects = binding.get("subjects").and_then(Value::as_array).unwrap_or_default();
    let mut found = BTreeSet::new();
    for subject in subjects {
        let (kind, name) = (text(Some(subject), "kind"), text(Some(subject), "name"));
        let many = MANY
            .iter()
            .find(|many| (many.0, many.1) == (kind.as_str(), name.as_str()));
        let who = match (many, kind.as_str(), name.strip_prefix("system:serviceaccounts:")) {
            (Some((_, _, who)), ..) => (*who).to_owned(),
            (None, "Group", Some(namespace)) => format!("every ServiceAccount of namespace {namespace}"),
            _ if role == "cluster-admin" => match text(Some(subject), "namespace").as_str() {
                "" => format!("{kind} {name}"),
                namespace => format!("{kind} {namespace}/{name}"),
            },
            _ => continue,
        };
        found.insert(format!("{who} gets the role {role} {place}{may}").into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::gained;
    use super::*;
    use serde_json::json;

    #[test]
    fn bindings_to_everybody_and_to_administrators_are_named() {
        let binding = |role: &str, kind: &str, name: &str| -> Value {
            json!({"kind": "ClusterRoleBinding", "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": kind, "name": name}]}).into()
        };
        for (role, kind, name, expected) in [
            (
                "cluster-admin",
                "User",
                "eve",
                vec!["User eve gets the role cluster-admin in the whole cluster: it may do everything there"],
            ),
            (
                "view",
                "Group",
                "system:authenticated",
                vec![
                    "every user and every ServiceAccount of the cluster (so every pod with a token) gets the role view in the \
                     whole cluster: it may read everything there but Secrets",
                ],
            ),
            (
                "view",
                "User",
                "system:anonymous",
                vec![
                    "everybody, without signing in, gets the role view in the whole cluster: it may read everything there but \
                     Secrets",
                ],
            ),
            (
                "mine",
                "Group",
                "system:serviceaccounts:shop",
                vec!["every ServiceAccount of namespace shop gets the role mine in the whole cluster"],
            ),
            ("view", "ServiceAccount", "app", vec![]),
        ] {
            let binding = binding(role, kind, name);
            let of_type = "rbac.authorization.k8s.io/ClusterRoleBinding";
            assert_eq!(gained(of_type, &Value::Null, &binding), expected);
            assert!(gained(of_type, &binding, &binding).is_empty());
        }
    }

    #[test]
    fn a_binding_in_a_namespace_says_so() {
        let binding: Value = json!({"kind": "RoleBinding", "metadata": {"namespace": "shop"}, "roleRef": {"kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "Group", "name": "system:serviceaccounts"}]})
        .into();
        assert_eq!(
            gained("rbac.authorization.k8s.io/RoleBinding", &Value::Null, &binding),
            [
                "every ServiceAccount of the cluster (so every pod with a token) gets the role admin in namespace shop: it may \
                 read the Secrets there and change everything, roles too"
            ]
        );
    }
}
