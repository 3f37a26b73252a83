//! The secret parts of an object, by their name or form: variables and command lines of containers, the texts of
//! ConfigMaps, passwords in custom resources, and anything in a text that has the form of a secret.
//!
//! Whatever a Secret holds is secret, and marked elsewhere.

use iac_core::Stack;
use iac_core::declare::Concealer;
use serde_json::Value as Json;

use crate::{exported, kinds};

/// The types that hold no values of anybody's: names, types, descriptions, or values that are encrypted for others already.
const OPEN: [&str; 2] = [
    "apiextensions.k8s.io/CustomResourceDefinition",
    "bitnami.com/SealedSecret",
];

/// Conceals what is secret in an object, but for what a Secret holds.
pub(super) fn conceal(stack: &Stack, of_type: &str, name: &str, object: &mut Json) {
    exported::forget_copies(object);
    let concealer = Concealer::new(stack, format!("{of_type} {name}"));
    let annotations = object
        .pointer_mut("/metadata/annotations")
        .and_then(Json::as_object_mut);
    for (key, text) in annotations.into_iter().flatten() {
        concealer.text(&format!("metadata.annotations.{key}"), text);
    }
    if OPEN.contains(&of_type) || of_type == "core/Secret" {
        return;
    }
    let is_custom = kinds::is_custom(of_type);
    for (key, field) in object.as_object_mut().into_iter().flatten() {
        match (of_type, key.as_str()) {
            (_, "apiVersion" | "kind" | "metadata" | "status") => {}
            ("core/ConfigMap", "data") => concealer.map("data", field),
            _ => below(&concealer, key, key, field, is_custom),
        }
    }
}

/// Conceals in containers, wherever they stand (in the templates of custom resources as well), and in all other texts; in
/// custom resources by the names of fields too.
fn below(concealer: &Concealer<'_>, path: &str, name: &str, node: &mut Json, is_custom: bool) {
    match node {
        Json::Object(map) => {
            for (key, child) in map {
                let path = format!("{path}.{key}");
                match key.as_str() {
                    "env" if child.is_array() => variables(concealer, &path, child),
                    "args" | "command" if child.is_array() => concealer.words(&path, child),
                    _ => below(concealer, &path, key, child, is_custom),
                }
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                below(concealer, &format!("{path}[{index}]"), name, item, is_custom);
            }
        }
        Json::String(_) if is_custom => concealer.field(path, name, node),
        Json::String(_) => concealer.text(path, node),
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
