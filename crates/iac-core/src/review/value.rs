//! Values on one line: JSON's notation, with placeholders for what is secret or not known yet.

use serde_json::Value as Json;

use crate::render::sanitize;
use crate::value::{Expr, FieldPath, Part, Value};

/// The placeholder for a secret.
pub(crate) const SECRET: &str = "(secret)";

/// A value on one line; secrets and unresolved outputs are described, never shown.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Secret(secret) => secret.shown().map_or_else(|| SECRET.to_owned(), quoted),
        Value::Expr(expr) => expr_text(expr),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(value_text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", key_text(key), value_text(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// A text as a JSON string that is safe for a terminal.
pub(crate) fn quoted(text: &str) -> String {
    sanitize(&Json::from(text).to_string()).into_owned()
}

fn key_text(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if !key.is_empty() && key.chars().all(plain) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// `<Password/db.result>`, in quotes where there is text around it.
fn expr_text(expr: &Expr) -> String {
    if let [Part::Output(output)] = &expr.parts[..] {
        return sanitize(&format!("<{output}>")).into_owned();
    }
    quoted(&expr.to_string())
}

/// Returns the remark on a value: that it is known only after the run, or secret.
pub(crate) fn remark(value: &Value) -> Option<String> {
    let text = match (value.is_known(), value.has_secret()) {
        (false, true) => "known after apply, secret",
        (false, false) => "known after apply",
        (true, _) => return None,
    };
    Some(text.to_owned())
}

/// A remark as it stands behind a value.
pub(crate) fn in_brackets(remark: Option<&str>) -> String {
    remark.map_or_else(String::new, |remark| format!(" ({remark})"))
}

/// A path for people; the root has a name.
pub(crate) fn path_text(path: &FieldPath) -> String {
    if path.is_root() {
        return "(all of it)".to_owned();
    }
    sanitize(&path.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::Output;
    use crate::provider::Phase;
    use crate::value::token;

    #[test]
    fn values_are_described_on_one_line() {
        let key = "random:core/Password::db".parse().expect("a key");
        let password = Output::<String>::of_resource(&key, "/result", Phase::Exists, true);
        let parsed = |text: String| token::parse(&text, &FieldPath::root()).expect("whole tokens");
        let cases = [
            (
                serde_json::json!({"a": [1, true, null], "x y": "q\"\u{1b}"}).into(),
                "{a: [1, true, null], \"x y\": \"q\\\"\\u001b\"}",
                None,
            ),
            (Value::Secret("hunter2".into()), "(secret)", None),
            (
                Value::Secret(crate::Secret::from("pg://a:hunter2@b").shown_as("pg://a:(secret)@b")),
                "\"pg://a:(secret)@b\"",
                None,
            ),
            (
                parsed(password.to_string()),
                "<Password/db.result>",
                Some("known after apply, secret"),
            ),
            (
                parsed(format!("pg://a:{}@b", password.url_encode())),
                "\"pg://a:<Password/db.result|url_encode>@b\"",
                Some("known after apply, secret"),
            ),
        ];
        for (value, expected, note) in cases {
            assert_eq!(
                (value_text(&value).as_str(), remark(&value).as_deref()),
                (expected, note)
            );
        }
    }
}
