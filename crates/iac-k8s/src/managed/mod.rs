//! The owners of fields: `metadata.managedFields`.
//!
//! When anyone changes or removes a field that we applied, our entry loses that path; when they set the same value, or
//! add another field, it stays as it was. So our entry is a fingerprint that tells whether an object needs a closer
//! look, and which of the fields that we applied are no longer ours.

mod compare;
mod handover;
mod local;
mod mark;
mod owners;
mod shape;

use std::collections::BTreeMap;

use iac_core::value::{FieldPath, Segment, canonical};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

pub(crate) use compare::changes;
pub(crate) use handover::{after_hand_over, formers, handed_over};
pub(crate) use local::drift;
pub(crate) use mark::{PREFIX, STACK_ID, identify, mark};
pub(crate) use owners::elements_of_others;

/// The entries of an object.
fn entries(object: &Json) -> impl Iterator<Item = &Json> {
    object
        .pointer("/metadata/managedFields")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
}

/// The entry of `manager`'s own applies.
pub(crate) fn applied<'a>(object: &'a Json, manager: &str) -> Option<&'a Json> {
    entries(object).find(|entry| entry["manager"] == manager && entry["operation"] == "Apply" && is_of_object(entry))
}

/// True if an entry is of the object itself, not of its status or scale.
fn is_of_object(entry: &Json) -> bool {
    entry["subresource"].as_str().unwrap_or("").is_empty()
}

/// True if it is this manager's name, or one under which the same stack sets some fields beside its applies.
fn is_ours(name: &str, manager: &str) -> bool {
    let side = name.strip_prefix(manager).and_then(|rest| rest.strip_prefix('-'));
    name == manager || side.is_some_and(|side| SIDES.contains(&side))
}

/// The suffixes of the side managers' names, after the manager's own.
const SIDES: [&str; 2] = ["replicas", "kept"];

/// When each manager last wrote the object itself. Of a write to its scale the server keeps no time.
pub(crate) fn writes(object: &Json) -> BTreeMap<String, Timestamp> {
    let mut writes = BTreeMap::new();
    for entry in entries(object).filter(|entry| is_of_object(entry)) {
        let time = entry["time"].as_str().and_then(|time| time.parse().ok());
        if let (Some(manager), Some(time)) = (entry["manager"].as_str(), time) {
            let last: &mut Timestamp = writes.entry(manager.to_owned()).or_insert(time);
            *last = time.max(*last);
        }
    }
    writes
}

/// A digest of the fields that `manager` owns; the same as long as nobody else touched them.
pub(crate) fn fingerprint(object: &Json, manager: &str) -> Option<String> {
    let entry = applied(object, manager)?;
    let what = Json::Array(vec![entry["apiVersion"].clone(), entry["fieldsV1"].clone()]);
    Some(canonical::digest(&what))
}

/// True if nobody but `manager` has written the object, controllers' status aside: then it was made by `manager` too.
pub(crate) fn is_alone(object: &Json, manager: &str) -> bool {
    entries(object).all(|entry| !is_of_object(entry) || entry["manager"] == manager)
}

/// The managers other than `except` that own the field at `path`.
pub(crate) fn owners(object: &Json, path: &FieldPath, except: &str) -> Vec<String> {
    let mut owners: Vec<String> = entries(object)
        .filter(|entry| entry["manager"] != except && owns(&entry["fieldsV1"], path.segments()))
        .filter_map(|entry| entry["manager"].as_str().map(str::to_owned))
        .collect();
    owners.sort();
    owners.dedup();
    owners
}

/// The managers of others that own the field at `path`.
pub(crate) fn others(object: &Json, path: &FieldPath, manager: &str) -> Vec<String> {
    let mut owners = owners(object, path, manager);
    owners.retain(|owner| !is_ours(owner, manager));
    owners
}

fn owns(fields: &Json, path: &[Segment]) -> bool {
    let Some(map) = fields.as_object() else { return false };
    let Some((segment, rest)) = path.split_first() else {
        return true;
    };
    // A field without parts in the set is owned as a whole.
    let below = |child: &Json| child.as_object().is_some_and(Map::is_empty) || owns(child, rest);
    match segment {
        Segment::Field(name) => map.get(&format!("f:{name}")).is_some_and(below),
        Segment::Element { field, value } => map
            .iter()
            .any(|(key, child)| key_of(key).is_some_and(|key| text_of(&key[field]) == *value) && below(child)),
        Segment::Index(index) => map.get(&format!("i:{index}")).is_some_and(below),
    }
}

/// The identifying fields of a list element's entry (`k:{"name":"api"}`).
fn key_of(key: &str) -> Option<Json> {
    serde_json::from_str(key.strip_prefix("k:")?).ok()
}

fn text_of(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// True if an element has these identifying fields. The server fills in a protocol, so `lenient` takes an element without
/// a field for one that has it, except that a protocol that is not given is TCP.
fn has_key(item: &Json, key: &Json, lenient: bool) -> bool {
    let Some(key) = key.as_object() else { return false };
    let has = |(field, value): (&String, &Json)| match item.get(field) {
        Some(ours) => ours == value,
        None => lenient && (field != "protocol" || value == "TCP"),
    };
    let shares = |(field, value): (&String, &Json)| item.get(field) == Some(value);
    key.iter().all(has) && key.iter().any(shares)
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;
    use serde_json::json;

    const MANAGER: &str = "iac-shop";

    fn live(spec: &Json, ours: &Json, others: &Json) -> Json {
        json!({"metadata": {"managedFields": [
            {"manager": MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": {"f:spec": ours}},
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": others}},
        ]}, "spec": spec})
    }

    fn paths(inputs: Json, live: &Json) -> Vec<String> {
        let changes = drift(&json!({"apiVersion": "x", "spec": inputs}), live, MANAGER);
        changes
            .iter()
            .map(|change| format!("{} {}", change.path, change.origin.as_deref().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn a_maker_leaves_an_entry() {
        let of = |entries: Json| json!({"metadata": {"managedFields": entries}});
        let entry = |manager: &str, operation: &str, subresource: &str| json!({"manager": manager, "operation": operation, "subresource": subresource});
        let ours = entry(MANAGER, "Apply", "");
        assert!(is_alone(&of(json!([ours])), MANAGER));
        let status = entry("kube-controller-manager", "Update", "status");
        assert!(is_alone(&of(json!([ours, status])), MANAGER));
        let theirs = entry("kubectl-create", "Update", "");
        assert!(!is_alone(&of(json!([ours, theirs])), MANAGER));
    }

    #[test]
    fn the_last_write_of_each_manager_is_known() {
        let entry = |manager: &str, subresource: &str, time: Json| json!({"manager": manager, "operation": "Update", "subresource": subresource, "time": time});
        let object = json!({"metadata": {"managedFields": [
            entry("kubectl-edit", "", json!("2026-11-30T18:02:07Z")),
            entry("kubectl-edit", "", json!("2026-11-29T18:02:07Z")),
            entry("kubectl-edit", "status", json!("2026-12-01T00:00:00Z")),
            entry("old", "", json!(null)),
            entry("odd", "", json!("yesterday")),
        ]}});
        let told: Vec<String> = writes(&object).iter().map(|(who, at)| format!("{who} {at}")).collect();
        assert_eq!(told, ["kubectl-edit 2026-11-30T18:02:07Z"]);
    }

    #[test]
    fn a_field_that_we_still_own_is_as_applied_however_it_is_written() {
        let live = live(&json!({"cpu": "1"}), &json!({"f:cpu": {}}), &json!({}));
        assert!(paths(json!({"cpu": "1000m"}), &live).is_empty());
    }

    #[test]
    fn a_field_that_someone_changed_is_drift_with_their_name() {
        let live = live(
            &json!({"replicas": 5, "x": 1}),
            &json!({"f:x": {}}),
            &json!({"f:replicas": {}}),
        );
        assert_eq!(
            paths(json!({"replicas": 2, "x": 1}), &live),
            ["spec.replicas kubectl-edit"]
        );
    }

    #[test]
    fn a_field_that_someone_removed_is_drift() {
        let live = live(&json!({"x": 1}), &json!({"f:x": {}}), &json!({"f:y": {}}));
        assert_eq!(paths(json!({"a": {"b": "x"}}), &live), ["spec.a -"]);
    }

    #[test]
    fn elements_are_found_by_their_keys() {
        let ours = json!({"f:c": {"k:{\"name\":\"api\"}": {".": {}, "f:name": {}, "f:ports": {
            "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}});
        let others = json!({"f:c": {"k:{\"name\":\"api\"}": {"f:image": {}}}});
        let spec = json!({"c": [{"name": "sidecar"}, {"name": "api", "image": "b", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]});
        let inputs = json!({"c": [{"name": "api", "image": "a", "ports": [{"containerPort": 80}]}]});
        assert_eq!(
            paths(inputs, &live(&spec, &ours, &others)),
            ["spec.c[name=api].image kubectl-edit"]
        );
    }

    #[test]
    fn the_fingerprint_ignores_time_and_order() {
        let entry = |time: &str| {
            json!({"metadata": {"managedFields": [
            {"manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "time": time, "fieldsV1": {"f:data": {"f:a": {}}}}]}})
        };
        assert_eq!(fingerprint(&entry("1"), MANAGER), fingerprint(&entry("2"), MANAGER));
        assert!(fingerprint(&entry("1"), "other").is_none());
    }
}
