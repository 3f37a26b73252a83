//! What of an object is secret, by its name or its form: variables and command lines of containers, the texts of ConfigMaps.
//!
//! Whatever a Secret holds is secret, and marked elsewhere.

use iac_core::Stack;
use iac_core::declare::Concealer;
use serde_json::Value as Json;

/// Conceals what is secret in an object that is no Secret.
pub(super) fn conceal(stack: &Stack, of_type: &str, name: &str, object: &mut Json) {
    match of_type {
        // A definition holds names and descriptions, no values.
        "apiextensions.k8s.io/CustomResourceDefinition" => {}
        "core/ConfigMap" => {
            if let Some(data) = object.get_mut("data") {
                Concealer::new(stack, format!("{of_type} {name}")).map("data", data);
            }
        }
        _ => {
            let concealer = Concealer::new(stack, format!("{of_type} {name}"));
            if let Some(spec) = object.get_mut("spec") {
                below(&concealer, "spec", spec);
            }
        }
    }
}

/// Conceals in containers, wherever they stand: in the templates of custom resources as well.
fn below(concealer: &Concealer<'_>, path: &str, node: &mut Json) {
    match node {
        Json::Object(map) => {
            for (key, child) in map {
                let path = format!("{path}.{key}");
                match key.as_str() {
                    "env" if child.is_array() => variables(concealer, &path, child),
                    "args" | "command" if child.is_array() => concealer.words(&path, child),
                    _ => below(concealer, &path, child),
                }
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                below(concealer, &format!("{path}[{index}]"), item);
            }
        }
        _ => {}
    }
}

fn variables(concealer: &Concealer<'_>, path: &str, list: &mut Json) {
    for variable in list.as_array_mut().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default().to_owned();
        if let Some(value) = variable.get_mut("value") {
            concealer.named(&format!("{path}[name={name}].value"), &name, value);
        }
    }
}
