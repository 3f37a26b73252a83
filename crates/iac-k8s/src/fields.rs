//! Field names as the API server writes them, found in the inputs that they are about.
//!
//! Conflicts come as `.spec.containers[name="api"].image`, validation as `spec.containers[0].image` and
//! `data[a.key]`; keys with dots are not quoted, so a name can only be read against the tree it is about.

use iac_core::value::{FieldPath, Segment, Value};

/// The path of the field that the server calls `text`, and whether the tree has it.
pub(crate) fn find(tree: &Value, text: &str) -> (FieldPath, bool) {
    let text = text.trim_start_matches('.');
    let mut path = FieldPath::root();
    let mut node = tree;
    let mut rest = text;
    while !rest.is_empty() {
        let Some((segment, child, after)) = step(node, rest) else {
            return (path_of_rest(&path, rest), false);
        };
        path = path.join(segment);
        node = child;
        rest = after;
    }
    (path, true)
}

/// The names of the fields on a path, without its places in lists.
pub(crate) fn names(path: &FieldPath) -> Vec<&str> {
    let segments = path.segments().iter();
    let names = segments.filter_map(|segment| match segment {
        Segment::Field(name) => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// The node at a path.
pub(crate) fn get<'v>(tree: &'v Value, path: &FieldPath) -> Option<&'v Value> {
    path.segments().iter().try_fold(tree, |node, segment| match segment {
        Segment::Field(name) => node.get(name),
        Segment::Index(index) => node.as_array()?.get(*index),
        Segment::Element { field, value } => node.as_array()?.iter().find(|item| match item.get(field) {
            Some(Value::String(text)) => text == value,
            Some(Value::Number(number)) => number.to_string() == *value,
            _ => false,
        }),
    })
}

/// One step down: the segment, the node there, and the text after it.
fn step<'v, 't>(node: &'v Value, text: &'t str) -> Option<(Segment, &'v Value, &'t str)> {
    match node {
        Value::Object(map) => {
            let name = text.strip_prefix('.').unwrap_or(text);
            if let Some((key, after)) = bracket(text) {
                return map.get(key).map(|child| (Segment::Field(key.to_owned()), child, after));
            }
            let ends = |key: &str| name[key.len()..].is_empty() || name[key.len()..].starts_with(['.', '[']);
            let fitting = map
                .iter()
                .filter(|(key, _)| name.starts_with(key.as_str()) && ends(key));
            let (key, child) = fitting.max_by_key(|(key, _)| key.len())?;
            Some((Segment::Field(key.clone()), child, &name[key.len()..]))
        }
        Value::Array(items) => {
            let (content, after) = bracket(text)?;
            if let Ok(index) = content.parse::<usize>() {
                let item = items.get(index)?;
                return Some((name_of(item, index), item, after));
            }
            let wanted: Vec<(&str, &str)> = content.split(',').filter_map(|pair| pair.split_once('=')).collect();
            let (index, item) = items.iter().enumerate().find(|(_, item)| has(item, &wanted))?;
            Some((name_of(item, index), item, after))
        }
        _ => None,
    }
}

fn bracket(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('[')?.split_once(']')
}

/// True if an element has these fields; one that is missing was filled in by the server.
fn has(item: &Value, wanted: &[(&str, &str)]) -> bool {
    let mut found = false;
    for (field, value) in wanted {
        let value = value.trim_matches('"');
        match item.get(field) {
            Some(Value::String(text)) if text == value => found = true,
            Some(Value::Number(number)) if number.to_string() == value => found = true,
            Some(_) => return false,
            None => {}
        }
    }
    found
}

fn name_of(item: &Value, index: usize) -> Segment {
    match item.get("name").and_then(Value::as_str) {
        Some(name) => Segment::Element {
            field: "name".to_owned(),
            value: name.to_owned(),
        },
        None => Segment::Index(index),
    }
}

/// Reads the rest of a path that the tree does not have, as well as can be.
fn path_of_rest(path: &FieldPath, rest: &str) -> FieldPath {
    match rest.trim_start_matches('.').parse::<FieldPath>() {
        Ok(tail) => path.segments().iter().chain(tail.segments()).cloned().collect(),
        Err(_) => path.field(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_found_as_the_server_writes_them() {
        let tree: Value = json!({
            "metadata": {"annotations": {"a.b/c": "1", "a": "2"}},
            "spec": {"containers": [{"name": "api", "image": "x", "ports": [{"containerPort": 80}]}]},
            "data": {"app.conf": "x"},
        })
        .into();
        for (text, expected, there) in [
            (".metadata.annotations.a.b/c", "metadata.annotations[\"a.b/c\"]", true),
            (
                ".spec.containers[name=\"api\"].image",
                "spec.containers[name=api].image",
                true,
            ),
            (
                "spec.containers[0].ports[containerPort=80,protocol=\"TCP\"]",
                "spec.containers[name=api].ports[0]",
                true,
            ),
            ("data[app.conf]", "data[\"app.conf\"]", true),
            (".spec.replicas", "spec.replicas", false),
        ] {
            let (path, found) = find(&tree, text);
            assert_eq!((path.to_string().as_str(), found), (expected, there), "{text}");
        }
    }
}
