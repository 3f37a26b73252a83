//! Problems of an object that can be told without a server.

use iac_core::Value;
use iac_core::provider::Problem;
use iac_core::value::FieldPath;

use crate::kinds;
use crate::object::ObjectId;
use crate::object_name::{self, is_label};

/// Returns the problems of these inputs.
pub(crate) fn object(inputs: &Value) -> Vec<Problem> {
    let id = match ObjectId::of(inputs) {
        Ok(id) => id,
        Err(problem) => return vec![problem],
    };
    let mut problems = Vec::new();
    if inputs
        .pointer("/metadata/generateName")
        .is_some_and(|name| *name != Value::Null)
    {
        problems.push(Problem {
            path: FieldPath::fields(["metadata", "generateName"]),
            message: "a generated name would be another one with each run".to_owned(),
            hint: Some("set metadata.name".to_owned()),
        });
    }
    let name = name_problem(&["metadata", "name"], &id.name, is_path_segment);
    problems.extend(name.or_else(|| fault_of_kind(&id)));
    if let Some(namespace) = &id.namespace {
        problems.extend(name_problem(&["metadata", "namespace"], namespace, is_label));
    }
    problems.extend(unselected_template(&id, inputs));
    problems
}

fn name_problem(path: &[&str], name: &str, is_valid: fn(&str) -> bool) -> Option<Problem> {
    (!is_valid(name)).then(|| Problem {
        path: FieldPath::fields(path.iter().copied()),
        message: format!("{name:?} cannot be a name in Kubernetes"),
        hint: Some("use lower-case letters, digits and '-', beginning and ending with a letter or digit".to_owned()),
    })
}

/// The problem of a name that objects of its kind cannot have.
fn fault_of_kind(id: &ObjectId) -> Option<Problem> {
    let (message, hint) = object_name::fault(&id.type_name(), &id.name)?;
    Some(Problem {
        path: FieldPath::fields(["metadata", "name"]),
        message,
        hint: Some(hint.to_owned()),
    })
}

/// Returns true if a name is what every kind asks for; most kinds ask for more.
fn is_path_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= 253 && !name.contains(['/', '%', ' '])
}

/// A workload whose selector does not match its own pods.
fn unselected_template(id: &ObjectId, inputs: &Value) -> Option<Problem> {
    let template = kinds::pod_template(&id.type_name()).filter(|template| *template == "/spec/template")?;
    let selector = inputs.pointer("/spec/selector/matchLabels")?.as_object()?;
    let labels = inputs.pointer(&format!("{template}/metadata/labels"));
    let missing = selector
        .iter()
        .find(|(key, value)| labels.and_then(|labels| labels.get(key)) != Some(*value));
    let (key, _) = missing?;
    Some(Problem {
        path: FieldPath::fields(["spec", "selector", "matchLabels", key]),
        message: format!(
            "the selector asks for the label {key:?}, which the pod template does not have with that value"
        ),
        hint: Some("give spec.template.metadata.labels the same label".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn problems_name_their_field() {
        let deployment = |labels: serde_json::Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"},
                "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": labels}}}})
        };
        for (inputs, expected) in [
            (json!({"kind": "Secret"}), vec!["apiVersion"]),
            (
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a/b", "namespace": "N"}}),
                vec!["metadata.name", "metadata.namespace"],
            ),
            (
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "generateName": "a-"}}),
                vec!["metadata.generateName"],
            ),
            (deployment(json!({"app": "a", "x": "y"})), vec![]),
            (deployment(json!({"app": "b"})), vec!["spec.selector.matchLabels.app"]),
        ] {
            let paths: Vec<String> = object(&inputs.into())
                .iter()
                .map(|problem| problem.path.to_string())
                .collect();
            assert_eq!(paths, expected);
        }
    }
}
