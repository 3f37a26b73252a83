//! Compares a tree with the shapes of [`keys`](super::keys): unknown keys, wrong types, keys that are not supported.

use super::keys::{self, Key, Shape, Support};
use super::problem::Findings;
use super::tree::{Data, Map, Node, Path};

/// Reports what in a whole file does not fit.
pub(super) fn check(tree: &Node, found: &Findings) {
    fits(tree, &keys::TOP, &Path::root(), found);
}

/// Takes out of a whole file what only its author, or docker compose itself, has use for.
pub(super) fn prune(tree: &mut Node) {
    keep(tree, &keys::TOP);
}

fn keep(node: &mut Node, shape: &Shape) {
    if let Shape::OneOf(shapes) = shape {
        if let Some(shape) = shapes.iter().find(|shape| is_kind(node, shape)) {
            keep(node, shape);
        }
        return;
    }
    match (shape, &mut node.data) {
        (Shape::List(item) | Shape::Set(item), Data::List(items)) => {
            items.iter_mut().for_each(|node| keep(node, item));
        }
        (Shape::Map(value) | Shape::Named(value), Data::Map(map)) => {
            map.values_mut().for_each(|node| keep(node, value));
        }
        (Shape::Keys(keys) | Shape::Needs(_, keys), Data::Map(map)) => {
            let used = |name: &str| {
                keys.iter()
                    .find(|key| key.name == name && matches!(key.support, Support::Yes))
            };
            map.retain(|name, _| used(name).is_some() || name == super::load::CONTENT);
            for (name, node) in map {
                if let Some(key) = used(name) {
                    keep(node, &key.shape);
                }
            }
        }
        _ => {}
    }
}

/// True if a node has a shape, as far as its own kind goes.
fn is_kind(node: &Node, shape: &Shape) -> bool {
    match (shape, &node.data) {
        (Shape::Any, _) | (Shape::Null, Data::Null) | (Shape::Text, Data::Text(_)) | (Shape::Flag, Data::Flag(_)) => {
            true
        }
        (Shape::Number, Data::Int(_) | Data::Float(_)) | (Shape::Whole, Data::Int(_)) => true,
        (Shape::Whole, Data::Float(value)) => value.fract() == 0.0,
        (Shape::Word(_), Data::Text(_)) | (Shape::List(_) | Shape::Set(_), Data::List(_)) => true,
        (Shape::Map(_) | Shape::Named(_) | Shape::Keys(_) | Shape::Needs(..), Data::Map(_)) => true,
        (Shape::OneOf(shapes), _) => shapes.iter().any(|shape| is_kind(node, shape)),
        _ => false,
    }
}

/// Collects the names of a shape.
fn names(shape: &Shape, all: &mut Vec<String>) {
    let name = match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Null => return,
        Shape::Text => "a text".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Whole => "a whole number".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Word(words) => words.join(", "),
        Shape::List(_) | Shape::Set(_) => "a list".to_owned(),
        Shape::Map(_) | Shape::Named(_) | Shape::Keys(_) | Shape::Needs(..) => "a map".to_owned(),
        Shape::OneOf(shapes) => return shapes.iter().for_each(|shape| names(shape, all)),
    };
    if !all.contains(&name) {
        all.push(name);
    }
}

fn expected(shape: &Shape, node: &Node) -> String {
    let mut all = Vec::new();
    names(shape, &mut all);
    let mut text = format!("expected {}, found {}", all.join(" or "), node.kind());
    let wants_text = all.iter().any(|name| name == "a text");
    if wants_text && matches!(node.data, Data::Int(_) | Data::Float(_) | Data::Flag(_)) {
        text.push_str("; put it into quotes");
    }
    text
}

fn fits(node: &Node, shape: &Shape, path: &Path, found: &Findings) {
    if !is_kind(node, shape) {
        if !found.has(path) {
            found.problem(node.at, path, expected(shape, node));
        }
        return;
    }
    match (shape, &node.data) {
        (Shape::OneOf(shapes), _) => {
            if let Some(shape) = shapes.iter().find(|shape| is_kind(node, shape)) {
                fits(node, shape, path, found);
            }
        }
        (Shape::Word(words), Data::Text(text)) if !words.contains(&text.as_str()) => {
            found.problem(node.at, path, format!("{text:?} is none of {}", words.join(", ")));
        }
        (Shape::List(item), Data::List(items)) => items_fit(items, item, path, found),
        (Shape::Set(item), Data::List(items)) => {
            items_fit(items, item, path, found);
            for (index, node) in items.iter().enumerate() {
                if let Some(first) = items[..index].iter().position(|other| other.same(node)) {
                    found.problem(
                        node.at,
                        &path.item(index),
                        format!("it stands in this list already, as [{first}]"),
                    );
                }
            }
        }
        (Shape::Map(value), Data::Map(map)) => values_fit(map, value, path, found),
        (Shape::Named(value), Data::Map(map)) => {
            for (key, node) in map.iter().filter(|(key, _)| !is_name(key)) {
                let message = "a name has letters, digits, and . _ - only";
                found.problem(node.at, &path.key(key), message);
            }
            values_fit(map, value, path, found);
        }
        (Shape::Keys(keys), Data::Map(map)) => keys_fit(map, keys, path, found),
        (Shape::Needs(needed, keys), Data::Map(map)) => {
            for missing in needed.iter().filter(|key| !map.contains_key(**key)) {
                found.problem(node.at, path, format!("the key {missing} is missing"));
            }
            keys_fit(map, keys, path, found);
        }
        _ => {}
    }
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn items_fit(items: &[Node], shape: &Shape, path: &Path, found: &Findings) {
    for (index, item) in items.iter().enumerate() {
        fits(item, shape, &path.item(index), found);
    }
}

fn values_fit(map: &Map, shape: &Shape, path: &Path, found: &Findings) {
    for (key, node) in map {
        fits(node, shape, &path.key(key), found);
    }
}

fn keys_fit(map: &Map, keys: &[Key], path: &Path, found: &Findings) {
    for (name, node) in map {
        let path = path.key(name);
        let Some(key) = keys.iter().find(|key| key.name == name) else {
            if name.starts_with("x-") {
                continue;
            }
            found.problem(node.at, &path, unknown(name, keys));
            continue;
        };
        match key.support {
            Support::No(way_out) => found.problem(node.at, &path, format!("this key is not supported; {way_out}")),
            Support::Idle(why) => {
                found.note(node.at, format!("{path} has no effect: {why}"));
                fits(node, &key.shape, &path, found);
            }
            Support::Yes | Support::Aside => fits(node, &key.shape, &path, found),
        }
    }
}

fn unknown(name: &str, keys: &[Key]) -> String {
    match nearest(name, keys) {
        Some(near) => format!("compose files have no such key here; did you mean {near:?}?"),
        None => "compose files have no such key here; keys of your own begin with x-".to_owned(),
    }
}

/// A known key that differs in a letter or two.
fn nearest(name: &str, keys: &[Key]) -> Option<&'static str> {
    let near = keys.iter().map(|key| (distance(name, key.name), key.name)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// Returns the number of letters that have to be changed, added, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in table.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in table[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = best;
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys below a shape that are refused or have no effect.
    fn special(shape: &Shape, all: &mut Vec<&'static str>) {
        match shape {
            Shape::OneOf(shapes) => shapes.iter().for_each(|shape| special(shape, all)),
            Shape::List(shape) | Shape::Set(shape) | Shape::Map(shape) | Shape::Named(shape) => special(shape, all),
            Shape::Keys(keys) | Shape::Needs(_, keys) => {
                for key in *keys {
                    if matches!(key.support, Support::No(_) | Support::Idle(_)) {
                        all.push(key.name);
                    }
                    special(&key.shape, all);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_documentation_lists_what_is_not_supported() {
        let text = include_str!("../../../../docs/compose.md");
        let mut all = Vec::new();
        special(&keys::TOP, &mut all);
        assert!(all.len() > 30, "{all:?}");
        for key in all {
            let is_listed = ["`", ".", " "]
                .iter()
                .any(|before| text.contains(&format!("{before}{key}`")));
            assert!(is_listed, "docs/compose.md does not name {key}");
        }
    }

    #[test]
    fn a_key_that_is_nearly_one_is_found() {
        let Shape::Keys(keys) = keys::TOP else { return };
        assert_eq!(nearest("servces", keys), Some("services"));
        assert_eq!(nearest("volumse", keys), Some("volumes"));
        assert_eq!(nearest("something", keys), None);
    }
}
