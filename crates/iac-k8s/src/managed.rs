//! Who owns which field: `metadata.managedFields`.
//!
//! When anyone changes or removes a field that we applied, our entry loses that path; when they set the same value, or
//! add another field, it stays as it was. So our entry is a fingerprint that tells whether an object needs a closer
//! look, and which of the fields that we applied are no longer ours.

use iac_core::value::diff::{FieldChange, diff};
use iac_core::value::{FieldPath, Segment, Value, canonical};
use serde_json::{Map, Value as Json};

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
    entries(object).find(|entry| {
        entry["manager"] == manager
            && entry["operation"] == "Apply"
            && entry["subresource"].as_str().unwrap_or("").is_empty()
    })
}

/// A digest of the fields that `manager` owns; the same as long as nobody else touched them.
pub(crate) fn fingerprint(object: &Json, manager: &str) -> Option<String> {
    let entry = applied(object, manager)?;
    let what = Json::Array(vec![entry["apiVersion"].clone(), entry["fieldsV1"].clone()]);
    Some(canonical::digest(&what))
}

/// Whether nobody but `manager` has written the object, controllers' status aside: then it was made by `manager` too.
pub(crate) fn is_alone(object: &Json, manager: &str) -> bool {
    entries(object).all(|entry| {
        let whole = entry["subresource"].as_str().unwrap_or("").is_empty();
        !whole || entry["manager"] == manager
    })
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

/// Which of the fields that we applied have other values now, as changes from ours to what is there.
///
/// A field that our entry still holds is as we applied it, even where the server writes it differently ("1000m" as "1").
pub(crate) fn drift(applied_inputs: &Value, live: &Json, manager: &str) -> Vec<FieldChange> {
    let fields = applied(live, manager).map(|entry| &entry["fieldsV1"]);
    let mut changes = Vec::new();
    let Value::Object(inputs) = applied_inputs else {
        return changes;
    };
    for (key, value) in inputs {
        // What names the object is no field that anyone could own.
        if key == "apiVersion" || key == "kind" {
            continue;
        }
        let value = match (key.as_str(), value) {
            ("metadata", Value::Object(metadata)) => {
                let mut metadata = metadata.clone();
                metadata.remove("name");
                metadata.remove("namespace");
                Value::Object(metadata)
            }
            _ => value.clone(),
        };
        let owned = fields.and_then(|fields| fields.get(format!("f:{key}")));
        compare(
            &FieldPath::root().field(key),
            &value,
            live.get(key),
            owned,
            &mut changes,
        );
    }
    for change in &mut changes {
        let owners = owners(live, &change.path, manager);
        change.origin = (!owners.is_empty()).then(|| owners.join(", "));
    }
    changes
}

fn compare(path: &FieldPath, ours: &Value, live: Option<&Json>, owned: Option<&Json>, changes: &mut Vec<FieldChange>) {
    let Some(owned) = owned else {
        return lost(path, ours, live, changes);
    };
    let owned = match owned.as_object() {
        Some(owned) if !owned.keys().all(|key| key == ".") => owned,
        // A leaf, or a list or map that is owned as a whole.
        _ => return,
    };
    match ours {
        Value::Object(map) => {
            for (key, value) in map {
                let live = live.and_then(|live| live.get(key));
                compare(&path.field(key), value, live, owned.get(&format!("f:{key}")), changes);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                element(path, index, item, live, owned, changes);
            }
        }
        _ => {}
    }
}

/// An element of a list: found by the fields that identify it, or by its value.
fn element(
    path: &FieldPath,
    index: usize,
    item: &Value,
    live: Option<&Json>,
    owned: &Map<String, Json>,
    changes: &mut Vec<FieldChange>,
) {
    let keyed = owned
        .iter()
        .filter_map(|(key, fields)| Some((key_of(key)?, fields)))
        .find(|(key, _)| has_key(item, key));
    if let Some((key, fields)) = keyed {
        let found = live.and_then(Json::as_array).into_iter().flatten();
        let found = found.into_iter().find(|element| {
            let key = key.as_object().into_iter().flatten();
            key.into_iter().all(|(field, value)| element[field] == *value)
        });
        return compare(&path.join(name_of(&key, index)), item, found, Some(fields), changes);
    }
    let is_ours = item.expose().is_ok_and(|json| owned.contains_key(&format!("v:{json}")));
    if is_ours {
        return;
    }
    let found = live.and_then(Json::as_array).and_then(|items| {
        let same_name = |candidate: &&Json| {
            item.get("name")
                .is_some_and(|name| *name == Value::from(candidate["name"].clone()))
        };
        items.iter().find(same_name)
    });
    let segment = match item.get("name").and_then(Value::as_str) {
        Some(name) => Segment::Element {
            field: "name".to_owned(),
            value: name.to_owned(),
        },
        None => Segment::Index(index),
    };
    lost(&path.join(segment), item, found, changes);
}

/// Whether an element has these identifying fields; those that the server filled in (`protocol: TCP`) may be missing.
fn has_key(item: &Value, key: &Json) -> bool {
    let Some(key) = key.as_object() else { return false };
    let mut found = false;
    for (field, value) in key {
        match item.get(field) {
            Some(ours) if *ours == Value::from(value.clone()) => found = true,
            Some(_) => return false,
            None => {}
        }
    }
    found
}

fn name_of(key: &Json, index: usize) -> Segment {
    let fields = key.as_object().into_iter().flatten();
    let best = fields
        .into_iter()
        .max_by_key(|(field, _)| *field == "name" || *field == "containerPort");
    match best {
        Some((field, value)) => Segment::Element {
            field: field.clone(),
            value: text_of(value),
        },
        None => Segment::Index(index),
    }
}

/// A field that is no longer ours: everything below that has another value now.
fn lost(path: &FieldPath, ours: &Value, live: Option<&Json>, changes: &mut Vec<FieldChange>) {
    let Some(live) = live else {
        if !is_empty(ours) {
            let before = Some(ours.clone());
            changes.push(FieldChange {
                path: path.clone(),
                before,
                after: None,
                origin: None,
            });
        }
        return;
    };
    let live = Value::from(live.clone());
    // Fields beside ours are not our business.
    let differing = diff(&exposed(ours), &live)
        .into_iter()
        .filter(|change| change.before.is_some());
    changes.extend(differing.map(|change| {
        let segments = path.segments().iter().chain(change.path.segments()).cloned();
        FieldChange {
            path: segments.collect(),
            ..change
        }
    }));
}

/// The tree with its secrets in clear, only for comparing it with what is there; what comes of it is concealed again.
fn exposed(value: &Value) -> Value {
    value.expose().map_or_else(|_| value.clone(), Value::from)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
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
        let changes = drift(&json!({"apiVersion": "x", "spec": inputs}).into(), live, MANAGER);
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
