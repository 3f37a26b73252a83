//! Why the inputs of a resource differ from what is recorded.

use std::collections::HashSet;

use super::Reason;
use crate::urn::Key;
use crate::value::diff::{FieldChange, diff};
use crate::value::{Expr, FieldPath, Source, Value};

/// The reasons for a difference between recorded and new inputs: fields that the program itself changed, and fields
/// that follow from the outputs of resources which this run changes.
///
/// `declared` are the inputs before resolution; they tell which fields come from outputs.
pub(super) fn for_changes(
    changes: &[FieldChange],
    recorded: &Value,
    declared: &Value,
    changing: &HashSet<Key>,
) -> Vec<Reason> {
    if changes.is_empty() {
        return Vec::new();
    }
    let raw = diff(recorded, declared);
    let mut own = Vec::new();
    let mut reasons = Vec::new();
    for change in changes {
        match upstream(&change.path, &raw, changing) {
            Some(from) => reasons.push(Reason::Upstream {
                path: change.path.clone(),
                from,
            }),
            None => own.push(change.path.clone()),
        }
    }
    if !own.is_empty() {
        reasons.insert(0, Reason::Inputs(own));
    }
    reasons
}

/// The changing resource that a field's value comes from, if it does.
fn upstream(path: &FieldPath, raw: &[FieldChange], changing: &HashSet<Key>) -> Option<Key> {
    let change = raw.iter().find(|change| path.starts_with(&change.path))?;
    let mut found = None;
    change.after.as_ref()?.walk(&mut |_, leaf| {
        if let Value::Expr(expr) = leaf {
            found = found.take().or_else(|| first_changing(expr, changing));
        }
    });
    found
}

fn first_changing(expr: &Expr, changing: &HashSet<Key>) -> Option<Key> {
    expr.outputs().find_map(|output| match &output.source {
        Source::Resource(key) if changing.contains(key) => Some(key.clone()),
        _ => None,
    })
}
