//! The mark on an object. Every apply of a stack leaves an entry under the stack's own name, and nobody else writes under
//! that.

use std::collections::BTreeSet;

use iac_core::provider::Mark;
use iac_core::state::StackId;
use serde_json::{Map, Value as Json};

use super::{applied, entries, is_of_object, is_ours};

/// The annotation with the id of the stack, in each of its applies: the stack's name alone may be that of others.
pub(crate) const STACK_ID: &str = "iac.dev/stack-id";

/// The prefix of a manager's name, before the stack's name.
pub(crate) const PREFIX: &str = "iac-";

/// Managers that change what others made, and make nothing themselves. When they change the last field that a stack has,
/// its entry goes; what made an object in another way leaves an entry that stays.
const HANDS: [&str; 7] = [
    "kubectl-annotate",
    "kubectl-edit",
    "kubectl-label",
    "kubectl-patch",
    "kubectl-rollout",
    "kubectl-scale",
    "kubectl-set",
];

/// Puts the stack's id on an object that is to be applied.
pub(crate) fn identify(object: &mut Json, id: &StackId) {
    let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) else {
        return;
    };
    let annotations = metadata.entry("annotations").or_insert(Json::Null);
    if annotations.is_null() {
        *annotations = Json::Object(Map::new());
    }
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(STACK_ID.to_owned(), id.as_str().into());
    }
}

/// Takes the id off an object, for comparing it: no declaration has it.
pub(super) fn without_id(metadata: &mut Map<String, Json>) {
    let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut) else {
        return;
    };
    if annotations.remove(STACK_ID).is_some() && annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// Reads the mark on an object, of which at least the metadata were read; `manager` and `id` are ours.
pub(crate) fn mark(object: &Json, manager: &str, id: &StackId) -> Mark {
    if applied(object, manager).is_some() {
        let found = object["metadata"]["annotations"][STACK_ID].as_str();
        return Mark::of_name(found, id);
    }
    let writers: BTreeSet<&str> = entries(object)
        .filter(|entry| is_of_object(entry))
        .filter_map(|entry| entry["manager"].as_str())
        .filter(|name| *name == manager || !is_ours(name, manager))
        .collect();
    let others = writers.iter().filter(|name| **name != manager);
    if let Some(stack) = others.into_iter().find_map(|name| name.strip_prefix(PREFIX)) {
        return Mark::Theirs(format!("it bears that of the stack {stack}"));
    }
    if writers.is_empty() {
        return Mark::Missing("nothing tells who made it".to_owned());
    }
    let only_hands = writers.iter().all(|name| HANDS.contains(name));
    let written = format!("written by {}", writers.into_iter().collect::<Vec<_>>().join(", "));
    match only_hands {
        true => Mark::Lost(written),
        false => Mark::Missing(written),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A manager, its operation, and the part of the object that it wrote.
    type Entry = (&'static str, &'static str, &'static str);

    #[test]
    fn the_entries_tell_whose_an_object_is() {
        let written = |names: &str| format!("written by {names}");
        let table: [(&[Entry], Mark); 10] = [
            (&[("iac-shop", "Apply", "")], Mark::Ours),
            (&[("kubectl-edit", "Update", ""), ("iac-shop", "Apply", "")], Mark::Ours),
            // An update, or an apply of the status, is no apply of the object: anybody can write those.
            (&[("iac-shop", "Update", "")], Mark::Missing(written("iac-shop"))),
            (
                &[("iac-shop", "Apply", "status")],
                Mark::Missing("nothing tells who made it".to_owned()),
            ),
            (
                &[("iac-blog", "Apply", "")],
                Mark::Theirs("it bears that of the stack blog".to_owned()),
            ),
            (
                &[("kubectl-create", "Update", "")],
                Mark::Missing(written("kubectl-create")),
            ),
            (
                &[("kubectl-edit", "Update", ""), ("helm", "Update", "")],
                Mark::Missing(written("helm, kubectl-edit")),
            ),
            (&[("kubectl-edit", "Update", "")], Mark::Lost(written("kubectl-edit"))),
            (
                &[("iac-shop-replicas", "Apply", ""), ("kubectl-patch", "Update", "")],
                Mark::Lost(written("kubectl-patch")),
            ),
            (&[], Mark::Missing("nothing tells who made it".to_owned())),
        ];
        for (entries, expected) in table {
            let entry = |(manager, operation, part): &Entry| json!({"manager": manager, "operation": operation, "subresource": part});
            let entries: Vec<Json> = entries.iter().map(entry).collect();
            let object = json!({"metadata": {"managedFields": entries}});
            let id = StackId::draw().expect("random");
            assert_eq!(mark(&object, "iac-shop", &id), expected, "{object}");
        }
    }

    #[test]
    fn an_id_is_read_from_what_was_applied_with_it_and_compared_with_nothing() {
        let (own, other) = (StackId::draw().expect("random"), StackId::draw().expect("random"));
        let entries = json!([{"manager": "iac-shop", "operation": "Apply"}]);
        for annotations in [Json::Null, json!({}), json!({"a": "b"})] {
            let before = json!({"metadata": {"annotations": annotations, "managedFields": entries}});
            assert_eq!(mark(&before, "iac-shop", &own), Mark::Ours, "made without ids");
            let mut object = before.clone();
            identify(&mut object, &own);
            assert_eq!(mark(&object, "iac-shop", &own), Mark::Ours);
            assert_eq!(mark(&object, "iac-shop", &other), Mark::Namesake);
            assert_eq!(
                mark(&object, "iac-blog", &own),
                Mark::Theirs("it bears that of the stack shop".to_owned())
            );
            without_id(object["metadata"].as_object_mut().expect("metadata"));
            let rest = annotations.as_object().filter(|map| !map.is_empty());
            assert_eq!(object["metadata"].get("annotations").and_then(Json::as_object), rest);
        }
    }
}
