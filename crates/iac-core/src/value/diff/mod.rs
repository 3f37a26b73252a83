//! The changes between two trees.

mod lists;

use std::collections::{BTreeMap, BTreeSet};

use super::{FieldPath, Trail, Value};
use lists::Match;

/// One field that differs.
#[derive(Clone, PartialEq, Debug)]
pub struct FieldChange {
    /// Where.
    pub path: FieldPath,
    /// The value before; none where the field is new.
    pub before: Option<Value>,
    /// The value after; none where the field goes.
    pub after: Option<Value>,
    /// The author of the change, where that is not the program: "default", "webhook", a field manager's name.
    pub origin: Option<String>,
}

/// The fields that can identify an element of a list of objects, best first.
///
/// A list is compared by the first of these that every element of both sides has, with no value twice. In any other list,
/// equal elements are matched first, and then those that are much alike.
const LIST_KEYS: [&str; 9] = [
    "name",
    "key",
    "mountPath",
    "containerPort",
    "port",
    "target",
    "host",
    "ip",
    "source",
];

/// The changes that lead from `before` to `after`, in the order of their paths.
///
/// A leaf that is not resolved counts as changed unless the very same expression stands on both sides. A subtree that
/// appears or goes is one change.
pub fn diff(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    step(&Trail::root(), Some(before), Some(after), &mut changes);
    changes
}

/// A change of a list as a whole, as the changes of its elements: that is how people read it. Any other change is itself.
pub fn by_element(change: FieldChange) -> Vec<FieldChange> {
    let (Some(before @ Value::Array(_)), Some(after @ Value::Array(_))) = (&change.before, &change.after) else {
        return vec![change];
    };
    let below = |inner: FieldChange| FieldChange {
        path: change
            .path
            .segments()
            .iter()
            .chain(inner.path.segments())
            .cloned()
            .collect(),
        origin: change.origin.clone(),
        ..inner
    };
    diff(before, after).into_iter().map(below).collect()
}

fn step(trail: &Trail<'_>, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (before, after) {
        // Most of what is compared is the same, and that is told sooner than what a list's elements are named by.
        (old, new) if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                step(&trail.field(key), old.get(key), new.get(key), changes);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => match list_key(old, new) {
            Some(field) => by_key(trail, field, old, new, changes),
            None => without_key(trail, old, new, changes),
        },
        (old, new) => {
            changes.push(FieldChange {
                path: trail.path(),
                before: old.cloned(),
                after: new.cloned(),
                origin: None,
            });
        }
    }
}

/// Compares lists whose elements have no key. A removed element is named by its old position; everything else by its new one.
fn without_key(trail: &Trail<'_>, old: &[Value], new: &[Value], changes: &mut Vec<FieldChange>) {
    for found in lists::matches(old, new) {
        match found {
            Match::Changed(from, to) => step(&trail.index(to), Some(&old[from]), Some(&new[to]), changes),
            Match::Removed(at) => step(&trail.index(at), Some(&old[at]), None, changes),
            Match::Added(at) => step(&trail.index(at), None, Some(&new[at]), changes),
        }
    }
}

fn by_key(trail: &Trail<'_>, field: &'static str, old: &[Value], new: &[Value], changes: &mut Vec<FieldChange>) {
    let old_items = index_by(field, old);
    let new_items = index_by(field, new);
    let keys: BTreeSet<&String> = old_items.keys().chain(new_items.keys()).collect();
    for key in keys {
        step(
            &trail.element(field, key),
            old_items.get(key).copied(),
            new_items.get(key).copied(),
            changes,
        );
    }
    let order = |items: &[Value], other: &BTreeMap<String, &Value>| -> Vec<String> {
        items
            .iter()
            .filter_map(|item| key_of(item, field))
            .filter(|key| other.contains_key(key))
            .collect()
    };
    let (before, after) = (order(old, &new_items), order(new, &old_items));
    if before != after {
        // A mere move of elements is a change as well: containers and environment variables are read in order.
        changes.push(FieldChange {
            path: trail.path(),
            before: Some(before.into_iter().collect()),
            after: Some(after.into_iter().collect()),
            origin: None,
        });
    }
}

pub(super) fn key_of(item: &Value, field: &str) -> Option<String> {
    match item.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn index_by<'a>(field: &str, items: &'a [Value]) -> BTreeMap<String, &'a Value> {
    items
        .iter()
        .filter_map(|item| Some((key_of(item, field)?, item)))
        .collect()
}

/// The field that identifies the elements of a list, if there is one.
pub(super) fn key_of_list(items: &[Value]) -> Option<&'static str> {
    list_key(items, items)
}

/// The field that identifies the elements on both sides, if there is one.
fn list_key(old: &[Value], new: &[Value]) -> Option<&'static str> {
    let identifies = |field: &str, items: &[Value]| index_by(field, items).len() == items.len();
    if old.is_empty() && new.is_empty() {
        return None;
    }
    LIST_KEYS
        .into_iter()
        .find(|field| identifies(field, old) && identifies(field, new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(before: serde_json::Value, after: serde_json::Value) -> Vec<String> {
        let changes = diff(&before.into(), &after.into());
        let show = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or("-".into(), |value| value.to_json(&mut |_, _| json!("?")).to_string())
        };
        changes
            .iter()
            .map(|change| format!("{}: {} -> {}", change.path, show(&change.before), show(&change.after)))
            .collect()
    }

    #[test]
    fn changes_are_named_by_their_paths() {
        let cases = [
            (json!({"a": 1}), json!({"a": 1}), vec![]),
            (
                json!({"a": 1}),
                json!({"a": 2, "b": {"c": 1}}),
                vec!["a: 1 -> 2", "b: - -> {\"c\":1}"],
            ),
            (json!({"a": [1, 2]}), json!({"a": [1]}), vec!["a[1]: 2 -> -"]),
            (json!([1, 2, 3]), json!([0, 1, 2, 3]), vec!["[0]: - -> 0"]),
            (json!(["a", "b", "c"]), json!(["a", "c"]), vec!["[1]: \"b\" -> -"]),
            (json!(["a"]), json!(["b"]), vec!["[0]: \"a\" -> \"b\""]),
            (
                json!(["--level=1", "--x"]),
                json!(["--y", "--x", "--level=2"]),
                vec!["[0]: - -> \"--y\"", "[2]: \"--level=1\" -> \"--level=2\""],
            ),
            (
                json!([{"verbs": ["get"], "resources": ["a"]}, {"verbs": ["get", "list"], "resources": ["b"]}]),
                json!([
                    {"verbs": ["*"], "resources": ["*"]},
                    {"verbs": ["get"], "resources": ["a"]},
                    {"verbs": ["get", "list", "watch"], "resources": ["b"]},
                ]),
                vec![
                    "[0]: - -> {\"resources\":[\"*\"],\"verbs\":[\"*\"]}",
                    "[2].verbs[2]: - -> \"watch\"",
                ],
            ),
            (
                json!([{"a": 1, "b": 2}, {"c": 3}]),
                json!([{"c": 4}, {"a": 1, "b": 2}]),
                vec!["[0]: - -> {\"c\":4}", "[1]: {\"c\":3} -> -"],
            ),
            (json!([]), json!([[1]]), vec!["[0]: - -> [1]"]),
            (
                json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}),
                json!({"env": [{"name": "A", "value": "1"}, {"name": "C", "value": "3"}, {"name": "B", "value": "4"}]}),
                vec![
                    "env[name=B].value: \"2\" -> \"4\"",
                    "env[name=C]: - -> {\"name\":\"C\",\"value\":\"3\"}",
                ],
            ),
            (
                json!([{"name": "A"}, {"name": "B"}]),
                json!([{"name": "B"}, {"name": "A"}]),
                vec![": [\"A\",\"B\"] -> [\"B\",\"A\"]"],
            ),
            (
                json!([{"port": 80}]),
                json!([{"port": 80, "name": "http"}]),
                vec!["[port=80].name: - -> \"http\""],
            ),
        ];
        for (before, after, expected) in cases {
            assert_eq!(texts(before, after), expected);
        }
    }
}
