//! The parts of a definition that are secret, by their name or form: variables, labels, arguments, command lines.

use iac_core::Stack;
use iac_core::declare::Concealer;
use serde_json::Value as Json;

/// Maps of names to texts, wherever they stand in a definition.
const MAPS: [&str; 6] = ["annotations", "args", "driver_opts", "environment", "labels", "options"];
/// Lists of words of a command line.
const WORDS: [&str; 3] = ["command", "entrypoint", "test"];
/// Texts of files.
const TEXTS: [&str; 2] = ["content", "dockerfile_inline"];

/// Conceals what is secret in the inputs of a resource; `name` is unique in the stack.
pub(super) fn conceal(stack: &Stack, name: &str, inputs: &mut Json) {
    below(&Concealer::new(stack, name), "", inputs);
}

fn below(concealer: &Concealer<'_>, path: &str, node: &mut Json) {
    let at = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match node {
        Json::Object(map) => {
            for (key, child) in map {
                let path = at(key);
                match key.as_str() {
                    key if MAPS.contains(&key) && child.is_object() => concealer.map(&path, child),
                    key if WORDS.contains(&key) && child.is_array() => concealer.words(&path, child),
                    key if TEXTS.contains(&key) && child.is_string() => concealer.named(&path, "", child),
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
