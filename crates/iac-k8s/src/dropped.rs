//! Fields that a program no longer declares and that an object has all the same: the server keeps some for as long as
//! the object lives, such as the port of a node that it once gave to a Service.

use std::collections::BTreeSet;

use iac_core::value::diff::diff;
use iac_core::value::{FieldPath, Value};

use crate::fields;

/// The fields that were declared `before`, or still earlier (`known`), that `inputs` do not have, and that `object` has
/// still, each with its value there.
pub(crate) fn still_there(before: &Value, inputs: &Value, known: &[String], object: &Value) -> Vec<(FieldPath, Value)> {
    let mut paths: BTreeSet<FieldPath> = known.iter().filter_map(|path| path.parse().ok()).collect();
    for change in diff(before, inputs) {
        if let (Some(before), None) = (&change.before, &change.after) {
            leaves(&change.path, before, &mut |path, value| {
                if fields::get(object, &path) == Some(value) {
                    paths.insert(path);
                }
            });
        }
    }
    let there = paths.into_iter().filter(|path| fields::get(inputs, path).is_none());
    let there = there.filter_map(|path| {
        let value = fields::get(object, &path)
            .filter(|value| **value != Value::Null)?
            .clone();
        Some((path, value))
    });
    there.collect()
}

/// The fields of a tree that have no fields of their own; a list is one.
fn leaves(path: &FieldPath, value: &Value, found: &mut dyn FnMut(FieldPath, &Value)) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(name, child)| leaves(&path.field(name), child, found)),
        value => found(path.clone(), value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_dropped_and_still_there_is_found() {
        let before: Value = json!({"spec": {
            "type": "NodePort", "sessionAffinity": "None", "ports": [{"port": 80, "nodePort": 30080}, {"port": 81}],
        }})
        .into();
        let object: Value = json!({"spec": {
            "type": "NodePort", "sessionAffinity": "ClientIP", "ipFamilyPolicy": "PreferDualStack",
            "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
        }})
        .into();
        let inputs: Value = json!({"spec": {"ports": [{"port": 80}]}}).into();
        let known = ["spec.ipFamilyPolicy", "spec.gone", "spec.ports[port=80].port", "("].map(str::to_owned);
        let found = still_there(&before, &inputs, &known, &object);
        let found: Vec<String> = found.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(
            found,
            ["spec.ipFamilyPolicy", "spec.ports[port=80].nodePort", "spec.type"]
        );
    }
}
