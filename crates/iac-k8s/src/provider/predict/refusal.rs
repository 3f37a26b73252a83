//! The meaning of the server's refusals: the field, and the reason without the words that only its authors understand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::Value;
use iac_core::value::{FieldPath, Segment};

use crate::fields;

/// Reads a refusal without causes: the field where it names one, and the reason.
pub(super) fn explain(message: &str) -> (Option<String>, String) {
    if let Some(field) = unknown_field(message) {
        return (Some(field.to_owned()), "there is no such field".to_owned());
    }
    // The words before name the object that was tried, which the reader knows.
    let mut text = message.rsplit("): ").next().unwrap_or(message);
    if let Some((_, after)) = message.split_once("unable to convert unstructured object to ") {
        text = after.split_once(": ").map_or(after, |(_, reason)| reason);
    }
    let text = text.trim_start_matches("error decoding from json: ");
    match text.split_once(": ") {
        Some((field, reason)) if field.starts_with('.') => (Some(field.to_owned()), plain(reason)),
        _ => (None, plain(text)),
    }
}

/// `.spec.foo: field not declared in schema`, `unknown field "spec.foo"`.
fn unknown_field(message: &str) -> Option<&str> {
    if let Some((before, _)) = message.split_once(": field not declared in schema") {
        return before.rsplit(' ').next();
    }
    let (_, after) = message.split_once("unknown field \"")?;
    after.split('"').next()
}

/// A value as it was written, where the server shows its own form of it: `&{yes}`, `&value.valueUnstructured{Value:1}`.
fn plain(text: &str) -> String {
    let text = text.replace("&value.valueUnstructured{Value:", "&{");
    match text.split_once("&{") {
        Some((before, after)) => format!("{before}{}", after.trim_end_matches('}')),
        None => text,
    }
}

/// Which fields may hold the culprit, when a text is none, and what to say of one that is.
type Suspicion = (fn(&FieldPath) -> bool, fn(&str) -> bool, &'static str);

/// The values that a refusal is about which says only what they should look like.
pub(super) fn culprits(message: &str, inputs: &Value) -> Vec<(FieldPath, String)> {
    let (is_candidate, is_fine, wanted): Suspicion = if message.contains("quantities must match") {
        (
            may_be_quantity,
            is_quantity,
            "it is no quantity, such as 500m, 0.5 or 2Gi",
        )
    } else if message.contains("illegal base64 data") {
        (
            is_bytes,
            |text| STANDARD.decode(text).is_ok(),
            "it is not base64; stringData takes plain text",
        )
    } else {
        return Vec::new();
    };
    let mut found = Vec::new();
    inputs.walk(&mut |trail, leaf| {
        let text = match leaf {
            Value::String(text) => text,
            Value::Secret(secret) => secret.expose(),
            _ => return,
        };
        if is_fine(text) {
            return;
        }
        let path = trail.path();
        if is_candidate(&path) {
            found.push((path, wanted.to_owned()));
        }
    });
    found
}

fn is_bytes(path: &FieldPath) -> bool {
    matches!(path.segments().first(), Some(Segment::Field(field)) if field == "data" || field == "binaryData")
}

/// True if a quantity stands at a path.
fn may_be_quantity(path: &FieldPath) -> bool {
    const MAPS: [&str; 9] = [
        "limits",
        "requests",
        "hard",
        "capacity",
        "max",
        "min",
        "default",
        "defaultRequest",
        "overhead",
    ];
    const FIELDS: [&str; 5] = ["sizeLimit", "averageValue", "divisor", "value", "storage"];
    let names = fields::names(path);
    let above = names.len().checked_sub(2).and_then(|place| names.get(place));
    let is_variable = path
        .segments()
        .iter()
        .any(|segment| *segment == Segment::Field("env".to_owned()));
    let last = names.last().copied().unwrap_or_default();
    above.is_some_and(|name| MAPS.contains(name)) || (FIELDS.contains(&last) && !(is_variable && last == "value"))
}

/// True if a text is a quantity: a number with a suffix.
fn is_quantity(text: &str) -> bool {
    const SUFFIXES: [&str; 15] = [
        "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "n", "u", "m", "k", "M", "G", "T", "P", "E",
    ];
    let number = SUFFIXES
        .iter()
        .find_map(|suffix| text.strip_suffix(suffix))
        .unwrap_or(text);
    !number.ends_with(char::is_alphabetic) && number.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refusals_are_explained() {
        for (message, field, reason) in [
            (
                "failed to create typed patch object (/p; /v1, Kind=Pod): .spec.foo: field not declared in schema",
                Some(".spec.foo"),
                "there is no such field",
            ),
            (
                "failed to create typed patch object (/p; /v1, Kind=Pod): .spec.containers[name=\"c\"].env[name=\"A\"].value: expected string, got &value.valueUnstructured{Value:1}",
                Some(".spec.containers[name=\"c\"].env[name=\"A\"].value"),
                "expected string, got 1",
            ),
            (
                "failed to create typed patch object (/p; /v1, Kind=Pod): .spec.hostNetwork: expected boolean, got &{yes}",
                Some(".spec.hostNetwork"),
                "expected boolean, got yes",
            ),
            (
                "failed to convert new object (/p; /v1, Kind=Pod) to proper version: unable to convert unstructured object to /v1, Kind=Pod: quantities must match the regular expression '^x$'",
                None,
                "quantities must match the regular expression '^x$'",
            ),
            (
                "failed to convert new object (/p; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 3",
                None,
                "illegal base64 data at input byte 3",
            ),
            ("pods \"p\" is forbidden: no", None, "pods \"p\" is forbidden: no"),
        ] {
            assert_eq!(explain(message), (field.map(str::to_owned), reason.to_owned()));
        }
    }

    #[test]
    fn the_value_is_found_that_is_no_quantity() {
        let pod = json!({"spec": {"containers": [{"name": "c", "env": [{"name": "E", "value": "50 m"}],
            "resources": {"limits": {"cpu": "50 m", "memory": "1Gi"}, "requests": {"cpu": "1e3", "memory": "1GB"}}}]}});
        let found = culprits("quantities must match the regular expression", &pod.into());
        let paths: Vec<String> = found.iter().map(|(path, _)| path.to_string()).collect();
        let container = "spec.containers[name=c].resources";
        let index = "spec.containers[0].resources";
        let expected = |root: &str| [format!("{root}.limits.cpu"), format!("{root}.requests.memory")];
        assert!(paths == expected(container) || paths == expected(index), "{paths:?}");
        for (text, expected) in [
            ("1", true),
            ("-1.5", true),
            ("100m", true),
            ("2Gi", true),
            ("50 m", false),
            ("inf", false),
            ("", false),
        ] {
            assert_eq!(is_quantity(text), expected, "{text}");
        }
    }
}
