//! Why the inputs of a resource, or its object, differ from what is recorded.

use std::collections::HashSet;

use super::Reason;
use crate::provider::{Live, is_by_itself};
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

/// The reasons for the differences of a live object from the record: what others changed, and what it came to by itself. `was`
/// says that it was ready at the end of the last run.
pub(super) fn for_drift(live: &Live, was: bool) -> Vec<Reason> {
    let (own, theirs): (Vec<&FieldChange>, Vec<&FieldChange>) =
        live.drift.iter().partition(|change| is_by_itself(change));
    let theirs: Vec<FieldPath> = theirs.into_iter().map(|change| change.path.clone()).collect();
    let why = |change: &FieldChange| match change.after.as_ref().and_then(Value::as_str) {
        Some(state) => state.to_owned(),
        None => format!("{} is another one", change.path),
    };
    let own = own.into_iter().map(|change| Reason::NotReady {
        why: Some(why(change)),
        was,
    });
    let theirs = (!theirs.is_empty()).then_some(Reason::Drift(theirs));
    theirs.into_iter().chain(own).collect()
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
