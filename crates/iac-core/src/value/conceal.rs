//! Marks in trees that come from outside what is known to be secret.

use std::collections::HashSet;

use super::diff::FieldChange;
use super::{HIDDEN, Secret, Value};

/// Shorter ones stand in longer texts by chance.
const SHORTEST_INSIDE: usize = 6;

/// The secrets of some trees.
#[derive(Debug, Default)]
pub struct Secrets<'a> {
    secrets: Vec<&'a Secret>,
    /// The texts that stand in the trees in clear: whoever wrote them there lets them be seen, even where a secret is the same.
    clear: HashSet<&'a str>,
}

impl<'a> Secrets<'a> {
    /// All secrets in `trees`.
    pub fn of(trees: impl IntoIterator<Item = &'a Value>) -> Self {
        let trees: Vec<&Value> = trees.into_iter().collect();
        let secrets = trees.iter().flat_map(|tree| tree.secrets());
        let mut found = Self {
            secrets: secrets.filter(|secret| !secret.expose().is_empty()).collect(),
            clear: HashSet::new(),
        };
        // Most trees hold none, and some are large.
        if !found.secrets.is_empty() {
            trees.into_iter().for_each(|tree| found.collect(tree));
        }
        found
    }

    fn collect(&mut self, tree: &'a Value) {
        match tree {
            Value::String(text) => {
                self.clear.insert(text);
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(map) => map.values().for_each(|item| self.collect(item)),
            _ => {}
        }
    }

    /// The same tree with every text marked that is one of the secrets or holds one.
    pub fn conceal(&self, value: Value) -> Value {
        if self.secrets.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => self.conceal_text(text),
            Value::Array(items) => items.into_iter().map(|item| self.conceal(item)).collect(),
            Value::Object(map) => {
                let map = map.into_iter().map(|(key, child)| (key, self.conceal(child)));
                Value::Object(map.collect())
            }
            other => other,
        }
    }

    fn conceal_text(&self, text: String) -> Value {
        if self.clear.contains(text.as_str()) {
            return Value::String(text);
        }
        if let Some(known) = self.secrets.iter().find(|secret| *secret.expose() == text) {
            return Value::Secret((*known).clone());
        }
        let hidden = self.secrets.iter().flat_map(|secret| secret.hidden());
        let inside = hidden.filter(|part| part.len() >= SHORTEST_INSIDE && text.contains(part));
        let shown = inside.fold(None, |shown: Option<String>, part| {
            Some(shown.as_ref().unwrap_or(&text).replace(part, HIDDEN))
        });
        match shown {
            Some(shown) => Value::Secret(Secret::new(text).shown_as(shown)),
            None => Value::String(text),
        }
    }

    /// Conceals both sides of a change. Where only one of them holds a secret, the other's texts may be secret as well: they
    /// stood where the secret stands.
    pub fn conceal_change(&self, change: &mut FieldChange) {
        let side = |side: &mut Option<Value>| *side = side.take().map(|value| self.conceal(value));
        side(&mut change.before);
        side(&mut change.after);
        let (Some(before), Some(after)) = (&mut change.before, &mut change.after) else {
            return;
        };
        match (before.has_secret(), after.has_secret()) {
            (true, false) => conceal_others(after, before),
            (false, true) => conceal_others(before, after),
            _ => {}
        }
    }
}

/// Marks every text that does not stand in the other tree as well.
fn conceal_others(value: &mut Value, other: &Value) {
    match value {
        Value::String(text) if !holds(other, text) => *value = Value::Secret(Secret::new(std::mem::take(text))),
        Value::Array(items) => items.iter_mut().for_each(|item| conceal_others(item, other)),
        Value::Object(map) => map.values_mut().for_each(|item| conceal_others(item, other)),
        _ => {}
    }
}

fn holds(tree: &Value, wanted: &str) -> bool {
    match tree {
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
        Value::Object(map) => map.values().any(|item| holds(item, wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::value_text;
    use serde_json::json;

    #[test]
    fn what_stands_where_a_secret_stood_is_concealed() {
        let recorded: Value = vec![
            Value::from("--requirepass"),
            Value::Secret("hunter2".into()),
            Value::Secret(Secret::from("pg://a:passw0rd@b").shown_as("pg://a:(secret)@b")),
        ]
        .into_iter()
        .collect();
        let secrets = Secrets::of([&recorded]);
        for (before, after, expected) in [
            (
                json!(["x", "hunter2"]),
                json!(["x", "hunter3"]),
                ("[\"x\", (secret)]", "[\"x\", (secret)]"),
            ),
            (json!("a"), json!("-e hunter2!"), ("(secret)", "\"-e (secret)!\"")),
            (
                json!("pg://a:passw0rd@b"),
                json!("pg://a:x@c"),
                ("\"pg://a:(secret)@b\"", "(secret)"),
            ),
            (
                json!({"a": 1, "b": "plain"}),
                json!({"a": 2}),
                ("{a: 1, b: \"plain\"}", "{a: 2}"),
            ),
        ] {
            let mut change = FieldChange {
                path: "x".parse().expect("a path"),
                before: Some(before.into()),
                after: Some(after.into()),
                origin: None,
            };
            secrets.conceal_change(&mut change);
            let text = |side: &Option<Value>| side.as_ref().map(value_text).unwrap_or_default();
            assert_eq!((text(&change.before).as_str(), text(&change.after).as_str()), expected);
        }
    }
}
