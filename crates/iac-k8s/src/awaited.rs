//! Kinds that something else makes in the course of a run: the controller that makes a definition of each template
//! (Gatekeeper's ConstraintTemplate, Crossplane's CompositeResourceDefinition). Their objects say so in an annotation.

use iac_core::value::Value;
use serde_json::Value as Json;

/// `"true"`: the kind may be missing when a run begins, and is waited for.
pub(crate) const ANNOTATION: &str = "iac.dev/wait-for-kind";

/// True if an object says that its kind is waited for.
pub(crate) fn is_awaited(inputs: &Value) -> bool {
    let annotations = inputs.pointer("/metadata/annotations");
    annotations.and_then(|annotations| annotations.get(ANNOTATION)?.as_str()) == Some("true")
}

/// Checks the annotation of an object that is being declared.
///
/// # Errors
/// The problem, as a sentence that begins with its place.
pub(crate) fn check(object: &Json) -> Result<(), String> {
    match object["metadata"]["annotations"].get(ANNOTATION) {
        None => Ok(()),
        Some(Json::String(text)) if ["true", "false"].contains(&text.as_str()) => Ok(()),
        Some(other) => Err(format!(
            "metadata.annotations.{ANNOTATION}: it is {other}, and can only be \"true\" or \"false\", in quotes"
        )),
    }
}
