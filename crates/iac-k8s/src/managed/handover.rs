//! Taking an object over from whoever managed it as a whole before.
//!
//! A forced apply makes us the owner of every field that we declare, but leaves the former manager's entry: a field that
//! it alone has stays for ever, also one that the program drops later. So its entry becomes ours, as `kubectl apply
//! --server-side` does with the entry of a client-side apply; the apply that follows removes what is not declared.

use serde_json::{Map, Value as Json, json};

use super::{PREFIX, applied, entries, has_key, is_of_object, is_ours, key_of};

/// The managers that write whole objects from files. What a person edits by hand (`kubectl-edit`) and what controllers
/// write is not theirs.
const FORMERS: [&str; 19] = [
    "HashiCorp",
    "argocd-application-controller",
    "argocd-controller",
    "before-first-apply",
    "helm",
    "helm-controller",
    "kapp-server",
    "kluctl",
    "kubectl",
    "kubectl-autoscale",
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-expose",
    "kubectl-last-applied",
    "kubectl-replace",
    "kubectl-run",
    "kustomize-controller",
    "Terraform",
    "timoni",
];

/// The prefixes of others' names that have a version or a number in them.
const FORMER_PREFIXES: [&str; 5] = [
    PREFIX,
    "pulumi-kubernetes",
    "pulumi-resource-kubernetes",
    "terraform-provider-helm",
    "werf",
];

/// The name of whoever uses the Python client and gives none: Ansible, but operators as well.
const PYTHON: &str = "OpenAPI-Generator";

/// True if an entry of an object is of a former manager; another stack of ours is one.
fn is_former(object: &Json, entry: &Json, manager: &str) -> bool {
    let name = entry["manager"].as_str().unwrap_or_default();
    let listed = FORMERS.contains(&name) || FORMER_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let is_whole = || name == PYTHON && wrote_whole(object, entry);
    (listed || is_whole()) && !is_ours(name, manager) && is_of_object(entry)
}

/// True if an entry shows that its manager wrote the object as a whole: it made the object and has not written since, or
/// keeps a copy of what it applied.
fn wrote_whole(object: &Json, entry: &Json) -> bool {
    let created = object.pointer("/metadata/creationTimestamp").and_then(Json::as_str);
    let copy = "/fieldsV1/f:metadata/f:annotations/f:kubectl.kubernetes.io~1last-applied-configuration";
    (created.is_some() && entry["time"].as_str() == created) || entry.pointer(copy).is_some()
}

/// The names of the former managers.
pub(crate) fn formers(object: &Json, manager: &str) -> Vec<String> {
    let former = entries(object).filter(|entry| is_former(object, entry, manager));
    let mut names: Vec<String> = former
        .filter_map(|entry| entry["manager"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The managed fields of an object with the former managers' entries as ours; none where there are none.
pub(crate) fn handed_over(object: &Json, manager: &str) -> Option<Json> {
    let first = entries(object).find(|entry| is_former(object, entry, manager))?;
    let mut ours = applied(object, manager).unwrap_or(first).clone();
    ours["manager"] = manager.into();
    ours["operation"] = "Apply".into();
    for former in entries(object).filter(|entry| is_former(object, entry, manager)) {
        unite(&mut ours["fieldsV1"], &former["fieldsV1"]);
    }
    let is_own = |entry: &Json| applied(object, manager) == Some(entry);
    let others = entries(object).filter(|entry| !is_former(object, entry, manager) && !is_own(entry));
    Some(std::iter::once(ours).chain(others.cloned()).collect())
}

fn unite(fields: &mut Json, more: &Json) {
    for (name, below) in more.as_object().into_iter().flatten() {
        if let Some(map) = fields.as_object_mut() {
            unite(map.entry(name.clone()).or_insert_with(|| json!({})), below);
        }
    }
}

/// Returns the result of our apply after the hand-over: `result` is the one without a hand-over. The fields that only
/// former managers have go.
pub(crate) fn after_hand_over(result: &Json, manager: &str) -> Json {
    let fields = |former: bool| -> Vec<&Json> {
        let entries = entries(result).filter(|entry| is_former(result, entry, manager) == former);
        entries.map(|entry| &entry["fieldsV1"]).collect()
    };
    let mut united = json!({});
    fields(true).into_iter().for_each(|fields| unite(&mut united, fields));
    let mut object = result.clone();
    remove(&mut object, &united, &fields(false));
    if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// Removes what `former` has and none of `others` does.
fn remove(node: &mut Json, former: &Json, others: &[&Json]) {
    // From the last element on, so that those before it keep their places.
    let mut gone = Vec::new();
    for (name, below) in former.as_object().into_iter().flatten() {
        let Some(place) = place(node, name) else { continue };
        let kept: Vec<&Json> = others.iter().filter_map(|fields| fields.get(name)).collect();
        // A list, a map or an element that is somebody's own has a "." among its parts; what only holds fields has none.
        let is_its_own = is_leaf(below) || below.get(".").is_some();
        if kept.is_empty() && is_its_own {
            gone.push(place);
        } else if let Some(child) = at(node, &place)
            && !kept.iter().any(|fields| is_leaf(fields))
        {
            remove(child, below, &kept);
            if kept.is_empty() && child.as_object().is_some_and(Map::is_empty) {
                gone.push(place);
            }
        }
    }
    gone.sort_by(|a, b| b.cmp(a));
    for place in gone {
        match (node.as_object_mut(), place) {
            (Some(map), Place::Field(name)) => {
                map.remove(&name);
            }
            (_, Place::Element(index)) => {
                if let Some(items) = node.as_array_mut() {
                    items.remove(index);
                }
            }
            _ => {}
        }
    }
}

/// True if fields are those of a value without parts, or of a list or map that is owned as a whole.
fn is_leaf(fields: &Json) -> bool {
    fields.as_object().is_none_or(Map::is_empty)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Field(String),
    Element(usize),
}

/// Where in a node the name of an entry leads to.
fn place(node: &Json, name: &str) -> Option<Place> {
    if let Some(field) = name.strip_prefix("f:") {
        return node.get(field).map(|_| Place::Field(field.to_owned()));
    }
    let items = node.as_array()?;
    let found = match (key_of(name), name.strip_prefix("v:")) {
        (Some(key), _) => items.iter().position(|item| has_key(item, &key, false)),
        (None, Some(value)) => items.iter().position(|item| *item == value),
        _ => None,
    };
    found.map(Place::Element)
}

fn at<'a>(node: &'a mut Json, place: &Place) -> Option<&'a mut Json> {
    match place {
        Place::Field(name) => node.get_mut(name),
        Place::Element(index) => node.get_mut(index),
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Json) -> Json {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields})
    }

    fn object() -> Json {
        let former = json!({
            "f:metadata": {"f:labels": {".": {}, "f:l": {}}},
            "f:data": {".": {}, "f:a": {}, "f:b": {}},
            "f:spec": {"f:c": {"k:{\"name\":\"x\"}": {".": {}, "f:name": {}, "f:image": {}}, "k:{\"name\":\"y\"}": {".": {}, "f:name": {}}}},
        });
        let ours = json!({"f:data": {"f:a": {}}, "f:spec": {"f:c": {"k:{\"name\":\"x\"}": {".": {}, "f:name": {}}}}});
        json!({
            "metadata": {"name": "o", "labels": {"l": "1"}, "managedFields": [
                entry("kubectl-client-side-apply", "Update", former),
                entry("kubectl-edit", "Update", json!({"f:data": {"f:e": {}}})),
                entry("iac-shop", "Apply", ours),
            ]},
            "data": {"a": "1", "b": "2", "e": "3"},
            "spec": {"c": [{"name": "y"}, {"name": "x", "image": "i"}]},
        })
    }

    #[test]
    fn what_only_the_former_manager_has_goes() {
        let after = after_hand_over(&object(), "iac-shop");
        let expected = json!({"metadata": {"name": "o"}, "data": {"a": "1", "e": "3"}, "spec": {"c": [{"name": "x"}]}});
        assert_eq!(after, expected);
    }

    #[test]
    fn its_entry_becomes_ours() {
        assert_eq!(formers(&object(), "iac-shop"), ["kubectl-client-side-apply"]);
        let managed = handed_over(&object(), "iac-shop").expect("a former manager");
        let names: Vec<&str> = managed
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry["manager"].as_str())
            .collect();
        assert_eq!(names, ["iac-shop", "kubectl-edit"]);
        assert!(managed[0]["fieldsV1"]["f:data"].get("f:b").is_some());
        assert_eq!(managed[0]["operation"], "Apply");
    }

    #[test]
    fn controllers_and_hands_are_no_former_managers() {
        for (name, subresource, expected) in [
            ("helm", "", true),
            ("iac-other", "", true),
            ("iac-shop-eu", "", true),
            ("terraform-provider-helm_v3.0.2_x5", "", true),
            ("iac-shop-replicas", "", false),
            ("kubectl-edit", "", false),
            ("kube-controller-manager", "", false),
            ("kubectl", "status", false),
            ("kluctl", "", true),
            ("werf/v1.2", "", true),
            ("HashiCorp", "", true),
            ("pulumi-kubernetes-31df3088", "", true),
            ("OpenAPI-Generator", "", false),
        ] {
            let entry = json!({"manager": name, "subresource": subresource});
            assert_eq!(is_former(&json!({}), &entry, "iac-shop"), expected, "{name}");
        }
    }

    #[test]
    fn the_python_client_is_one_where_it_wrote_the_object_as_a_whole() {
        let object = json!({"metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}});
        let with = |time: &str, annotation: &str| {
            let fields = json!({"f:metadata": {"f:annotations": {annotation: {}}}, "f:data": {".": {}, "f:a": {}}});
            let mut entry = entry("OpenAPI-Generator", "Update", fields);
            entry["time"] = time.into();
            is_former(&object, &entry, "iac-shop")
        };
        assert!(with("2026-01-02T03:04:05Z", "f:x"), "it made the object");
        assert!(
            !with("2026-02-02T03:04:05Z", "f:x"),
            "it may have made it, or changed a field"
        );
        assert!(with(
            "2026-02-02T03:04:05Z",
            "f:kubectl.kubernetes.io/last-applied-configuration"
        ));
    }
}
