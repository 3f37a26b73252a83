//! Fields of an object that are left as they are: their values there, in the form in which they are declared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::provider::ObserveRequest;
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, FieldPattern, Secret, Segment, Value, pattern};
use serde_json::Value as Json;

use super::call::Refusal;
use crate::{fields, object};

/// The field in which a Secret declares texts, and the one in which the server keeps them, encoded.
const TEXTS: &str = "stringData";
const BYTES: &str = "data";

/// Drift of an object in two parts: what is not ignored, and what is.
pub(super) fn apart(
    request: &ObserveRequest,
    drift: Vec<FieldChange>,
    recorded: &Value,
) -> (Vec<FieldChange>, Vec<FieldChange>) {
    let patterns = of_live(&request.ignored, recorded);
    let (drift, ignored) = pattern::split_all(&patterns, drift, recorded);
    (drift, as_declared(ignored, recorded))
}

/// The ignored fields of an object that we have not made, as far as they differ from what is declared, in the server's form.
pub(super) fn of_another(request: &ObserveRequest, inputs: &Value, live: &Json) -> Vec<FieldChange> {
    if request.ignored.is_empty() {
        return Vec::new();
    }
    let patterns = of_live(&request.ignored, inputs);
    pattern::changes_to(&patterns, &object::desired(inputs, false), &live.clone().into())
}

/// Changes in the form in which the program declares the fields.
pub(super) fn as_declared(changes: Vec<FieldChange>, inputs: &Value) -> Vec<FieldChange> {
    if !object::is_secret(inputs) {
        return changes;
    }
    changes
        .into_iter()
        .filter_map(|change| text_of(change, inputs))
        .collect()
}

/// A key of a Secret that is declared as a text; none if what is there is no text. Any other change is itself.
fn text_of(change: FieldChange, inputs: &Value) -> Option<FieldChange> {
    let [Segment::Field(field), Segment::Field(key)] = change.path.segments() else {
        return Some(change);
    };
    let path = FieldPath::fields([TEXTS, key]);
    if field != BYTES || inputs.at(&path).is_none() {
        return Some(change);
    }
    let after = match &change.after {
        Some(after) => Some(decoded(after)?),
        None => None,
    };
    Some(FieldChange {
        before: inputs.at(&path).cloned(),
        after,
        path,
        ..change
    })
}

fn decoded(value: &Value) -> Option<Value> {
    let encoded = match value {
        Value::Secret(secret) => secret.expose().as_str(),
        value => value.as_str()?,
    };
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    Some(Value::Secret(Secret::from(text)))
}

/// The patterns for the object as the server has it: a Secret keeps under `data` what is declared under `stringData`.
fn of_live(patterns: &[FieldPattern], inputs: &Value) -> Vec<FieldPattern> {
    let mut all = patterns.to_vec();
    if object::is_secret(inputs) {
        all.extend(patterns.iter().filter_map(|pattern| pattern.below(TEXTS, BYTES)));
    }
    all
}

/// Takes the ignored fields that somebody else holds out of what is to be sent. Returns whether there are any.
pub(super) fn leave(patterns: &[FieldPattern], inputs: &Value, refusal: &Refusal, body: &mut Json) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let patterns = of_live(patterns, inputs);
    let mut tree = Value::from(body.clone());
    let mut is_any = false;
    for cause in refusal.conflicts() {
        let (path, is_there) = fields::find(&tree, &cause.field);
        let is_ignored = patterns.iter().any(|pattern| pattern.covers(&path, &tree));
        is_any |= is_there && is_ignored && tree.set_at(&path, None);
    }
    match tree.expose() {
        Ok(left) if is_any => *body = left,
        _ => return false,
    }
    true
}
