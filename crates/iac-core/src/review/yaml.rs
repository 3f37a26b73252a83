//! Values as blocks of YAML, for people: what is secret or not known yet is described in its place.

use super::value::{in_brackets, remark, value_text};
use crate::render::sanitize;
use crate::value::{Map, Value};

/// The number of characters that a list or an object may have to stand on one line.
const WIDTH: usize = 60;
/// The indentation of a level.
const INDENT: &str = "  ";

/// The lines of a value; one line for what has no parts.
pub(crate) fn lines(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    write(value, "", &mut lines);
    lines
}

/// True if a value is a block: it does not fit on one line.
pub(crate) fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty() && !fits(value),
        Value::Array(items) => !items.is_empty() && !fits(value),
        Value::String(text) => text.contains('\n'),
        _ => false,
    }
}

/// Lists of plain values may stand on one line.
fn fits(value: &Value) -> bool {
    let plain = match value {
        Value::Array(items) => items
            .iter()
            .all(|item| !matches!(item, Value::Object(_) | Value::Array(_))),
        Value::Object(map) => map.is_empty(),
        _ => true,
    };
    plain && value_text(value).chars().count() <= WIDTH
}

fn write(value: &Value, indent: &str, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => write_fields(map, indent, indent, lines),
        Value::Array(items) if is_block(value) => {
            for item in items {
                write_item(item, indent, lines);
            }
        }
        Value::String(text) if text.contains('\n') => {
            lines.push(format!("{indent}|{}", chomping(text)));
            write_text(text, &format!("{indent}{INDENT}"), lines);
        }
        value => lines.push(format!("{indent}{}", inline(value))),
    }
}

/// An element of a list: its first line stands behind the dash.
fn write_item(item: &Value, indent: &str, lines: &mut Vec<String>) {
    let (first, rest) = (format!("{indent}- "), format!("{indent}{INDENT}"));
    match item {
        Value::Object(map) if !map.is_empty() => write_fields(map, &first, &rest, lines),
        Value::Array(_) if is_block(item) => {
            lines.push(format!("{indent}-"));
            write(item, &rest, lines);
        }
        Value::String(text) if text.contains('\n') => {
            lines.push(format!("{first}|{}", chomping(text)));
            write_text(text, &rest, lines);
        }
        item => lines.push(format!("{first}{}", inline(item))),
    }
}

/// The fields of an object; the first one may stand behind a dash.
fn write_fields(map: &Map, first: &str, rest: &str, lines: &mut Vec<String>) {
    let mut indent = first;
    for (key, value) in map.iter() {
        let key = scalar(key);
        let below = format!("{rest}{INDENT}");
        match value {
            Value::String(text) if text.contains('\n') => {
                lines.push(format!("{indent}{key}: |{}", chomping(text)));
                write_text(text, &below, lines);
            }
            Value::Array(_) if is_block(value) => {
                lines.push(format!("{indent}{key}:"));
                write(value, rest, lines);
            }
            Value::Object(map) if !map.is_empty() => {
                lines.push(format!("{indent}{key}:"));
                write(value, &below, lines);
            }
            value => lines.push(format!("{indent}{key}: {}", inline(value))),
        }
        indent = rest;
    }
}

/// Whether the end of a text is a line's end: `|` keeps one, `|-` none, `|+` all.
fn chomping(text: &str) -> &'static str {
    match text.strip_suffix('\n') {
        None => "-",
        Some(text) if text.ends_with('\n') || text.is_empty() => "+",
        Some(_) => "",
    }
}

fn write_text(text: &str, indent: &str, lines: &mut Vec<String>) {
    for line in text.lines() {
        lines.push(format!("{indent}{}", sanitize(line)).trim_end().to_owned());
    }
}

fn inline(value: &Value) -> String {
    let text = match value {
        Value::String(text) => scalar(text),
        value => value_text(value),
    };
    format!("{text}{}", in_brackets(remark(value).as_deref()))
}

/// A text as YAML: without quotes where it cannot be read as anything else.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+' | '@' | '%' | '(' | ')');
    let inside = |c: char| {
        plain(c)
            || matches!(
                c,
                ' ' | ':' | ',' | '=' | '$' | '{' | '}' | ';' | '"' | '\'' | '*' | '&'
            )
    };
    let starts = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
    let ends = text.chars().next_back().is_some_and(|c| c != ' ' && c != ':');
    let breaks = text.contains(": ") || text.contains(" #");
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    match starts && ends && !breaks && !word && text.chars().all(inside) {
        true => text.to_owned(),
        false => super::value::quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_blocks_of_yaml() {
        let value: Value = json!({
            "command": ["sh", "-c", "echo"],
            "data": {"nginx.conf": "server {\n  listen 80;\n}\n", "empty": "", "no end": "a\nb"},
            "containers": [{"name": "web", "ports": [{"containerPort": 80}], "args": []}, {"name": "b"}],
            "flag": true, "text": "yes", "number": "10", "url": "http://a:1/b", "nothing": {}, "one": {"a": 1},
            "long": ["a word that is long enough", "another word that is", "and a third one that does not fit"],
            "nested": [["a", {"b": 1}]],
        })
        .into();
        let expected = "command: [\"sh\", \"-c\", \"echo\"]
containers:
- args: []
  name: web
  ports:
  - containerPort: 80
- name: b
data:
  empty: \"\"
  nginx.conf: |
    server {
      listen 80;
    }
  no end: |-
    a
    b
flag: true
long:
- a word that is long enough
- another word that is
- and a third one that does not fit
nested:
-
  - a
  - b: 1
nothing: {}
number: \"10\"
one:
  a: 1
text: \"yes\"
url: http://a:1/b";
        assert_eq!(lines(&value).join("\n"), expected);
    }

    #[test]
    fn what_is_secret_or_hostile_is_described() {
        let value = Value::from(json!({"a\u{1b}[2J": "b\u{1b}[31m", "text": "x\u{1b}\ny\n"}));
        let text = lines(&value).join("\n");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let secret = Value::Secret("hunter2".into());
        assert_eq!(lines(&secret), ["(secret)"]);
    }
}
