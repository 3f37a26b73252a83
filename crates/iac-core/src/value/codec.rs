//! Trees as JSON for files: what stands for secret and unresolved leaves, and how plain data that looks alike is told
//! apart.
//!
//! Three object forms are reserved: `{"$secret": …}`, `{"$output": [source, path, transforms, marks…]}` (the marks are
//! `ready` and `secret`) and `{"$concat": [parts]}`. An object of the user's that has exactly one key, and a reserved one, is written as
//! `{"$object": {…}}`.

use serde::Deserialize as _;
use serde_json::{Value as Json, json};

use super::{Expr, FieldPath, Map, OutputRef, Part, Secret, Source, Trail, Value};
use crate::provider::Phase;

/// The keys that mark a reserved form.
const RESERVED: [&str; 4] = ["$secret", "$output", "$concat", "$object"];

/// The marks of an output: it is there once its resource is ready; it must not be shown.
const READY: &str = "ready";
const SECRET: &str = "secret";

/// Writes a tree; `seal` gives what is stored for a secret: a keyed hash in plans, a ciphertext in state.
///
/// # Errors
/// The first error of `seal`.
pub fn write<E>(value: &Value, seal: &mut impl FnMut(&FieldPath, &Secret) -> Result<Json, E>) -> Result<Json, E> {
    step_out(value, &Trail::root(), seal)
}

fn step_out<E>(
    value: &Value,
    trail: &Trail<'_>,
    seal: &mut impl FnMut(&FieldPath, &Secret) -> Result<Json, E>,
) -> Result<Json, E> {
    Ok(match value {
        Value::Secret(secret) => json!({"$secret": seal(&trail.path(), secret)?}),
        Value::Expr(expr) => expr_to_json(expr),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            Json::Array(
                items
                    .map(|(index, item)| step_out(item, &trail.index(index), seal))
                    .collect::<Result<_, _>>()?,
            )
        }
        Value::Object(map) => {
            let children = map
                .iter()
                .map(|(key, child)| Ok((key.clone(), step_out(child, &trail.field(key), seal)?)));
            let object = Json::Object(children.collect::<Result<_, E>>()?);
            if is_reserved(map.keys().map(String::as_str)) {
                json!({"$object": object})
            } else {
                object
            }
        }
        plain => plain.to_json(&mut |_, _| Json::Null),
    })
}

fn is_reserved<'a>(mut keys: impl Iterator<Item = &'a str>) -> bool {
    matches!((keys.next(), keys.next()), (Some(key), None) if RESERVED.contains(&key))
}

/// An expression's canonical form.
pub fn expr_to_json(expr: &Expr) -> Json {
    match &expr.parts[..] {
        [Part::Output(output)] => output_to_json(output),
        parts => {
            let parts = parts.iter().map(|part| match part {
                Part::Literal(text) => Json::from(text.as_str()),
                Part::Output(output) => output_to_json(output),
            });
            json!({"$concat": parts.collect::<Vec<_>>()})
        }
    }
}

fn output_to_json(output: &OutputRef) -> Json {
    let mut form = vec![json!(output.source), json!(output.path), json!(output.transforms)];
    if output.phase == Phase::Ready {
        form.push(READY.into());
    }
    if output.secret {
        form.push(SECRET.into());
    }
    json!({"$output": form})
}

/// The expression of its canonical form; none where it is not of that form.
fn expr_of_json(json: &Json) -> Option<Expr> {
    let part = |part: &Json| match part {
        Json::String(text) => Some(Part::Literal(text.clone())),
        output => output_of_json(output).map(Part::Output),
    };
    let parts: Vec<Part> = match json.get("$concat") {
        Some(parts) => parts.as_array()?.iter().map(part).collect::<Option<_>>()?,
        None => vec![Part::Output(output_of_json(json)?)],
    };
    let has_output = parts.iter().any(|part| matches!(part, Part::Output(_)));
    has_output.then_some(Expr { parts })
}

fn output_of_json(json: &Json) -> Option<OutputRef> {
    let [source, path, transforms, marks @ ..] = json.get("$output")?.as_array()?.as_slice() else {
        return None;
    };
    if !marks.iter().all(|mark| mark == READY || mark == SECRET) {
        return None;
    }
    let has = |wanted: &str| marks.iter().any(|mark| mark == wanted);
    Some(OutputRef {
        source: Source::deserialize(source).ok()?,
        path: path.as_str()?.to_owned(),
        phase: if has(READY) { Phase::Ready } else { Phase::Exists },
        secret: has(SECRET),
        transforms: Vec::deserialize(transforms).ok()?,
    })
}

/// An error of [`read`].
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E> {
    /// A reserved form that is not of its shape, or that may not stand in this file.
    #[error("{path}: {form} is not of its form")]
    Form {
        /// Where.
        path: FieldPath,
        /// The form's key.
        form: String,
    },
    /// A secret that could not be opened.
    #[error("{path}: {error}")]
    Open {
        /// Where.
        path: FieldPath,
        /// Why.
        error: E,
    },
}

/// Reads a tree of resolved values back; `open` gives the secret for what [`write()`] stored.
///
/// # Errors
/// A malformed reserved form (an unresolved one too: what is recorded is resolved), or the first error of `open`.
pub fn read<E>(
    json: &Json,
    open: &mut impl FnMut(&FieldPath, &Json) -> Result<Secret, E>,
) -> Result<Value, ReadError<E>> {
    step_in(json, &Trail::root(), open, false)
}

/// Reads a tree back of which some values are not resolved: that of a plan.
///
/// # Errors
/// A malformed reserved form, or the first error of `open`.
pub fn read_unresolved<E>(
    json: &Json,
    open: &mut impl FnMut(&FieldPath, &Json) -> Result<Secret, E>,
) -> Result<Value, ReadError<E>> {
    step_in(json, &Trail::root(), open, true)
}

fn step_in<E>(
    json: &Json,
    trail: &Trail<'_>,
    open: &mut impl FnMut(&FieldPath, &Json) -> Result<Secret, E>,
    unresolved: bool,
) -> Result<Value, ReadError<E>> {
    Ok(match json {
        Json::Object(map) if is_reserved(map.keys().map(String::as_str)) => match map.iter().next() {
            Some((key, sealed)) if key == "$secret" => {
                let path = trail.path();
                let secret = open(&path, sealed).map_err(|error| ReadError::Open { path, error })?;
                Value::Secret(secret)
            }
            Some((key, Json::Object(inner))) if key == "$object" => {
                Value::Object(children_in(inner, trail, open, unresolved)?)
            }
            other => {
                let form = other.map(|(key, _)| key.clone()).unwrap_or_default();
                let expr = if unresolved { expr_of_json(json) } else { None };
                expr.map(Value::Expr).ok_or_else(|| ReadError::Form {
                    path: trail.path(),
                    form,
                })?
            }
        },
        Json::Object(map) => Value::Object(children_in(map, trail, open, unresolved)?),
        Json::Array(items) => {
            let items = items.iter().enumerate();
            Value::Array(
                items
                    .map(|(index, item)| step_in(item, &trail.index(index), open, unresolved))
                    .collect::<Result<_, _>>()?,
            )
        }
        plain => plain.clone().into(),
    })
}

fn children_in<E>(
    map: &serde_json::Map<String, Json>,
    trail: &Trail<'_>,
    open: &mut impl FnMut(&FieldPath, &Json) -> Result<Secret, E>,
    unresolved: bool,
) -> Result<Map, ReadError<E>> {
    map.iter()
        .map(|(key, child)| Ok((key.clone(), step_in(child, &trail.field(key), open, unresolved)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Transform;

    #[test]
    fn secrets_and_look_alikes_round_trip() {
        let tree =
            Value::from(json!({"a": {"$secret": "mine"}, "b": {"$object": {"x": 1}}, "c": [{"$output": []}, {}]}));
        let Value::Object(mut map) = tree else { unreachable!() };
        map.insert("password".into(), Value::Secret("hunter2".into()));
        let tree = Value::Object(map);
        let json = write(&tree, &mut |path, secret| {
            Ok::<_, ()>(json!(format!("{path}/{}", secret.expose().len())))
        });
        let json = json.expect("sealed");
        assert_eq!(json["password"], json!({"$secret": "password/7"}));
        let back = read(&json, &mut |_, _| Ok::<_, ()>("hunter2".into())).expect("opened");
        assert_eq!(back, tree);
    }

    #[test]
    fn what_is_not_resolved_round_trips_in_a_plan() {
        let output = |phase, secret, transforms: &[Transform]| OutputRef {
            source: Source::Resource("a:b/C::d".parse().expect("a key")),
            path: "/x".into(),
            phase,
            secret,
            transforms: transforms.to_vec(),
        };
        let literal = |text: &str| Part::Literal(text.into());
        for parts in [
            vec![Part::Output(output(Phase::Exists, false, &[]))],
            vec![Part::Output(output(
                Phase::Ready,
                true,
                &[Transform::Base64, Transform::JsonPointer("/a".into())],
            ))],
            vec![
                literal("a "),
                Part::Output(output(Phase::Exists, true, &[])),
                literal(""),
            ],
        ] {
            let value = Value::Expr(Expr { parts });
            let json = write(&value, &mut |_, _| Err(())).expect("no secret");
            assert_eq!(read_unresolved(&json, &mut |_, _| Err(())).expect("read"), value);
        }
        for form in [
            json!({"$output": []}),
            json!({"$output": [{"resource": "a:b/C::d"}, "/x", [], "other"]}),
            json!({"$concat": ["a"]}),
            json!({"$concat": [1]}),
            json!({"$object": 1}),
        ] {
            let result = read_unresolved(&form, &mut |_, _| Err(()));
            assert!(matches!(result, Err(ReadError::Form { .. })), "{form}");
        }
    }

    #[test]
    fn an_unresolved_form_in_a_record_is_refused() {
        let result = read(&json!({"a": {"$output": []}}), &mut |_, _| {
            Ok::<_, std::convert::Infallible>("".into())
        });
        assert!(matches!(result, Err(ReadError::Form { .. })));
    }
}
