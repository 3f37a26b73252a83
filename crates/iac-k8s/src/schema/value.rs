//! One value against one schema.

use iac_core::provider::Problem;
use iac_core::value::{FieldPath, Segment, Value};

use super::Verdict;

/// Fields that every object has, whatever its schema says of them.
const OF_EVERY_OBJECT: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// An object as a whole. What its metadata may be is no matter of the definition's.
pub(super) fn object(schema: &Value, inputs: &Value, verdict: &mut Verdict) {
    let root = FieldPath::root();
    let Value::Object(fields) = inputs else { return };
    leave(schema, inputs, verdict);
    required(schema, inputs, &root, verdict);
    for (name, value) in fields
        .iter()
        .filter(|(name, _)| !OF_EVERY_OBJECT.contains(&name.as_str()))
    {
        field(schema, name, value, &root.field(name), verdict);
    }
}

fn check(schema: &Value, value: &Value, path: &FieldPath, verdict: &mut Verdict) {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
    leave(schema, value, verdict);
    // The server looks at values that are known only later.
    if matches!(value, Value::Expr(_) | Value::Secret(_)) || flag("x-kubernetes-embedded-resource") {
        return;
    }
    if *value == Value::Null {
        if !flag("nullable") && schema.get("default").is_none() {
            verdict.refuse(path, "it must not be null");
        }
        return;
    }
    let wanted = schema.get("type").and_then(Value::as_str);
    let fits = match wanted {
        _ if flag("x-kubernetes-int-or-string") => matches!(value, Value::String(_)) || is_integer(value),
        Some("object") => matches!(value, Value::Object(_)),
        Some("array") => matches!(value, Value::Array(_)),
        Some("string") => matches!(value, Value::String(_)),
        Some("boolean") => matches!(value, Value::Bool(_)),
        Some("integer") => is_integer(value),
        Some("number") => matches!(value, Value::Number(_)),
        _ => true,
    };
    if !fits {
        let wanted = wanted.unwrap_or("integer or string");
        return verdict.refuse(path, &format!("it must be of type {wanted}, and is {}", type_of(value)));
    }
    allowed(schema, value, path, verdict);
    match value {
        Value::Object(fields) => {
            required(schema, value, path, verdict);
            for (name, value) in fields {
                field(schema, name, value, &path.field(name), verdict);
            }
        }
        Value::Array(items) => {
            count(schema, "Items", items.len(), "items", path, verdict);
            unique(schema, items, path, verdict);
            if let Some(schema) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    check(schema, item, &path.join(element(item, index)), verdict);
                }
            }
        }
        Value::String(text) => string(schema, text, path, verdict),
        Value::Number(number) => bounds(schema, number.as_f64(), path, verdict),
        _ => {}
    }
}

/// A field of an object: one that the schema names, one of a map, or one that nobody knows.
fn field(schema: &Value, name: &str, value: &Value, path: &FieldPath, verdict: &mut Verdict) {
    let keeps = schema
        .get("x-kubernetes-preserve-unknown-fields")
        .and_then(Value::as_bool)
        == Some(true);
    let known = schema.get("properties").and_then(|properties| properties.get(name));
    match (known, schema.get("additionalProperties")) {
        (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => check(schema, value, path, verdict),
        (None, Some(Value::Bool(true))) => {}
        (None, _) if keeps => {}
        (None, _) => verdict.refuse(path, "there is no such field"),
    }
}

/// The place of an item in its list: by its name, where it has one.
fn element(item: &Value, index: usize) -> Segment {
    match item.get("name").and_then(Value::as_str) {
        Some(name) => Segment::Element {
            field: "name".to_owned(),
            value: name.to_owned(),
        },
        None => Segment::Index(index),
    }
}

fn required(schema: &Value, value: &Value, path: &FieldPath, verdict: &mut Verdict) {
    let names = schema.get("required").and_then(Value::as_array).unwrap_or_default();
    for name in names.iter().filter_map(Value::as_str) {
        let default = schema
            .get("properties")
            .and_then(|properties| properties.get(name)?.get("default"));
        if value.get(name).is_none() && default.is_none() {
            verdict.refuse(&path.field(name), "it is required");
        }
    }
}

fn allowed(schema: &Value, value: &Value, path: &FieldPath, verdict: &mut Verdict) {
    let Some(values) = schema.get("enum").and_then(Value::as_array) else {
        return;
    };
    if !values.contains(value) {
        let values: Vec<String> = values.iter().map(shown).collect();
        verdict.refuse(path, &format!("it must be one of {}", values.join(", ")));
    }
}

fn string(schema: &Value, text: &str, path: &FieldPath, verdict: &mut Verdict) {
    count(schema, "Length", text.chars().count(), "characters", path, verdict);
    let pattern = schema.get("pattern").and_then(Value::as_str);
    match pattern.map(regex::Regex::new) {
        Some(Ok(pattern)) if !pattern.is_match(text) => {
            verdict.refuse(path, &format!("it must match {:?}", pattern.as_str()));
        }
        Some(Err(_)) => verdict.leave("pattern", 1),
        _ => {}
    }
}

/// Counts the rules of one schema that only a server can check.
fn leave(schema: &Value, value: &Value, verdict: &mut Verdict) {
    const JUNCTORS: [&str; 4] = ["allOf", "anyOf", "not", "oneOf"];
    let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
    verdict.leave("x-kubernetes-validations", rules.map_or(0, <[Value]>::len));
    // There, it only says the same once more.
    let is_either = schema.get("x-kubernetes-int-or-string").and_then(Value::as_bool) == Some(true);
    for word in JUNCTORS.into_iter().filter(|_| !is_either) {
        verdict.leave(word, usize::from(schema.get(word).is_some()));
    }
    let format = schema.get("format").and_then(Value::as_str).filter(|_| !is_either);
    verdict.leave(
        "format",
        usize::from(format.is_some_and(|format| !is_in(format, value))),
    );
    for word in ["multipleOf", "uniqueItems", "x-kubernetes-embedded-resource"] {
        verdict.leave(word, usize::from(schema.get(word).is_some()));
    }
}

/// True if a value is certainly one of this format.
fn is_in(format: &str, value: &Value) -> bool {
    let Value::Number(number) = value else {
        return false;
    };
    match format {
        "int32" => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => number.as_i64().is_some(),
        "float" | "double" => true,
        _ => false,
    }
}

/// The elements of a set, and those of a list with keys, are told apart by what they are. A key has its default where it is
/// not written.
fn unique(schema: &Value, items: &[Value], path: &FieldPath, verdict: &mut Verdict) {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let keys: Vec<&str> = keys.unwrap_or_default().iter().filter_map(Value::as_str).collect();
    let properties = schema.get("items").and_then(|items| items.get("properties"));
    let default = |key: &str| properties?.get(key)?.get("default");
    let identity = |item: &Value| -> Option<Vec<Option<Value>>> {
        let parts: Vec<Option<Value>> = match text("x-kubernetes-list-type")? {
            "set" => vec![Some(item.clone())],
            "map" => keys
                .iter()
                .map(|key| item.get(key).or_else(|| default(key)).cloned())
                .collect(),
            _ => return None,
        };
        parts.iter().flatten().all(Value::is_known).then_some(parts)
    };
    let mut seen: Vec<Vec<Option<Value>>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(identity) = identity(item) else { continue };
        if seen.contains(&identity) {
            verdict.refuse(&path.join(Segment::Index(index)), "it is there twice");
        }
        seen.push(identity);
    }
}

fn count(schema: &Value, what: &str, number: usize, unit: &str, path: &FieldPath, verdict: &mut Verdict) {
    let limit = |side: &str| {
        let limit = schema.get(&format!("{side}{what}")).and_then(Value::as_i64)?;
        usize::try_from(limit).ok()
    };
    if let Some(least) = limit("min").filter(|least| number < *least) {
        verdict.refuse(path, &format!("it must have at least {least} {unit}, and has {number}"));
    }
    if let Some(most) = limit("max").filter(|most| number > *most) {
        verdict.refuse(path, &format!("it must have at most {most} {unit}, and has {number}"));
    }
}

fn bounds(schema: &Value, number: Option<f64>, path: &FieldPath, verdict: &mut Verdict) {
    let Some(number) = number else { return };
    let limit = |name: &str| match schema.get(name) {
        Some(Value::Number(limit)) => limit.as_f64(),
        _ => None,
    };
    let excludes = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
    if let Some(least) = limit("minimum")
        && (number < least || (number <= least && excludes("exclusiveMinimum")))
    {
        verdict.refuse(path, &format!("it must not be less than {least}, and is {number}"));
    }
    if let Some(most) = limit("maximum")
        && (number > most || (number >= most && excludes("exclusiveMaximum")))
    {
        verdict.refuse(path, &format!("it must not be more than {most}, and is {number}"));
    }
}

fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Number(number) if number.as_f64().is_some_and(|float| float.fract() == 0.0))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        _ => "something else",
    }
}

fn shown(value: &Value) -> String {
    value.expose().map_or_else(|_| "?".to_owned(), |json| json.to_string())
}

impl Verdict {
    fn leave(&mut self, sort: &'static str, number: usize) {
        if number > 0 {
            *self.left.entry(sort).or_default() += number;
        }
    }

    fn refuse(&mut self, path: &FieldPath, message: &str) {
        self.problems.push(Problem {
            path: path.clone(),
            message: format!("{message}, says its definition in this stack"),
            hint: None,
        });
    }
}
