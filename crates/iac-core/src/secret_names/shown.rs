//! Values that nobody declared here (what others changed, what a server adds, settings), without what is secret by the rule.

use std::collections::HashSet;

use super::{SecretNames, can_be_secret};
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, HIDDEN, Map, Secret, Segment, Value};

impl SecretNames {
    /// Returns the text that may be seen of a value of this name where something of it is secret; none where nothing is.
    pub fn shown(&self, name: &str, text: &str) -> Option<String> {
        if self.is_secret(name) {
            return can_be_secret(text).then(|| HIDDEN.to_owned());
        }
        let parts = self.inside(text);
        let mut shown = String::new();
        let mut end = 0;
        for part in &parts {
            shown.push_str(&text[end..part.start]);
            shown.push_str(HIDDEN);
            end = part.end;
        }
        shown.push_str(&text[end..]);
        (!parts.is_empty()).then_some(shown)
    }

    /// Marks as secret in a change what is so by the rule. What stands in `open` is left: whoever declared it in clear lets
    /// it be seen.
    pub(crate) fn conceal_change(&self, change: &mut FieldChange, open: &HashSet<&str>) {
        let name = name_of(&change.path);
        for side in [&mut change.before, &mut change.after] {
            *side = side.take().map(|value| self.conceal(name, value, open));
        }
    }

    fn conceal(&self, name: &str, value: Value, open: &HashSet<&str>) -> Value {
        match value {
            Value::String(text) if !open.contains(text.as_str()) => match self.shown(name, &text) {
                Some(shown) if shown == HIDDEN => Value::Secret(Secret::new(text)),
                Some(shown) => Value::Secret(Secret::new(text).shown_as(shown)),
                None => Value::String(text),
            },
            Value::Array(items) => self.conceal_list(name, items, open),
            Value::Object(map) => {
                // A variable of a container has its name beside its value.
                let variable = map.get("name").and_then(Value::as_str).map(str::to_owned);
                let map = map.into_iter().map(|(key, child)| {
                    let name = match (key.as_str(), &variable) {
                        ("value", Some(name)) => name,
                        _ => &key,
                    };
                    let child = self.conceal(name, child, open);
                    (key, child)
                });
                Value::Object(map.collect::<Map>())
            }
            other => other,
        }
    }

    /// The words of a command line, or any other list: a word behind an option that is called like a secret is one.
    fn conceal_list(&self, name: &str, items: Vec<Value>, open: &HashSet<&str>) -> Value {
        let mut option: Option<String> = None;
        let items = items.into_iter().map(|item| {
            let own = item.as_str().filter(|text| text.starts_with('-'));
            let own = own.map(|text| text.trim_start_matches('-').to_owned());
            let name = match (&option, &own) {
                (Some(option), None) => option.as_str(),
                _ => name,
            };
            let item = self.conceal(name, item, open);
            option = own;
            item
        });
        Value::Array(items.collect())
    }
}

/// The texts that stand in clear in a tree.
pub(crate) fn texts<'a>(tree: &'a Value, found: &mut HashSet<&'a str>) {
    match tree {
        Value::String(text) => {
            found.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// Returns the name that says whether the value at a path is secret.
fn name_of(path: &FieldPath) -> &str {
    let mut segments = path.segments().iter().rev().peekable();
    while let Some(segment) = segments.next() {
        match (segment, segments.peek()) {
            (Segment::Field(field), Some(Segment::Element { value, .. })) if field == "value" => return value,
            (Segment::Field(field), _) => return field,
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::review::value_text;

    #[test]
    fn what_others_set_is_concealed_by_name_and_form() {
        let names = SecretNames::default();
        let open = HashSet::from(["declared"]);
        for (path, after, expected) in [
            ("data.DB_PASSWORD", json!("hunter2"), "(secret)"),
            ("data.DB_PASSWORD", json!("declared"), "\"declared\""),
            ("data.DB_HOST", json!("db"), "\"db\""),
            ("data.url", json!("pg://a:hunter2@b"), "\"pg://a:(secret)@b\""),
            (
                "data[\"app.yaml\"]",
                json!("password: hunter2\nuser: a\n"),
                "\"password: (secret)\\nuser: a\\n\"",
            ),
            ("spec.env[name=API_TOKEN].value", json!("hunter2"), "(secret)"),
            ("spec.env[name=API_HOST].value", json!("x"), "\"x\""),
            (
                "spec.env[name=API_TOKEN]",
                json!({"name": "API_TOKEN", "value": "hunter2"}),
                "{name: \"API_TOKEN\", value: (secret)}",
            ),
            (
                "spec.args",
                json!(["--requirepass", "hunter2", "-v"]),
                "[\"--requirepass\", (secret), \"-v\"]",
            ),
            ("spec.args[0]", json!("--password=hunter2"), "\"--password=(secret)\""),
        ] {
            let mut change = FieldChange {
                path: path.parse().expect(path),
                before: None,
                after: Some(after.into()),
                origin: None,
            };
            names.conceal_change(&mut change, &open);
            assert_eq!(
                change.after.as_ref().map(value_text).as_deref(),
                Some(expected),
                "{path}"
            );
        }
    }
}
