//! The annotations with which an object says options of its own: how long to wait for it, and what to leave as it is.

use iac_core::declare::{Options, Wait};
use iac_core::value::{FieldPattern, token};
use serde_json::Value as Json;

use crate::{awaited, kinds};

/// `"false"`: it is not waited for; `"10m"`: at most so long.
const WAIT: &str = "iac.dev/wait";

/// The patterns of the fields that are left as they are, with commas or blanks between them.
const IGNORE_CHANGES: &str = "iac.dev/ignore-changes";

/// The options of an object of this type, as far as its annotations say them.
///
/// # Errors
/// The problem of an annotation, as a sentence that begins with its place.
pub(super) fn options(of_type: &str, object: &Json) -> Result<Options, String> {
    awaited::check(object)?;
    let mut options = Options::default();
    if let Some(text) = text(of_type, object, WAIT, "how long to wait")? {
        (options.wait, options.timeout) = Wait::parse(text).map_err(|why| format!("{}: {why}", place(WAIT)))?;
    }
    if let Some(text) = text(of_type, object, IGNORE_CHANGES, "what to leave as it is")? {
        let patterns = FieldPattern::list(text);
        options.ignore_changes = patterns.map_err(|error| format!("{}: {error}", place(IGNORE_CHANGES)))?;
    }
    Ok(options)
}

fn place(annotation: &str) -> String {
    format!("metadata.annotations.{annotation}")
}

/// The text of an annotation, where the object has it.
fn text<'a>(of_type: &str, object: &'a Json, annotation: &str, says: &str) -> Result<Option<&'a str>, String> {
    misplaced(of_type, object, annotation)?;
    match object["metadata"]["annotations"].get(annotation) {
        None => Ok(None),
        Some(Json::String(text)) if token::is_token(text) => Err(format!(
            "{}: an output of another resource cannot say {says}",
            place(annotation)
        )),
        Some(Json::String(text)) => Ok(Some(text)),
        // The server takes nothing but texts here, so that this would fail later.
        Some(other) => Err(format!(
            "{}: write it in quotes, as \"{other}\": an annotation is a text",
            place(annotation)
        )),
    }
}

/// An annotation of the pods, which nobody reads.
fn misplaced(of_type: &str, object: &Json, annotation: &str) -> Result<(), String> {
    let template = kinds::pod_template(of_type).filter(|template| !template.is_empty());
    let pods = template.and_then(|template| object.pointer(template));
    match pods.and_then(|pods| pods["metadata"]["annotations"].get(annotation)) {
        Some(_) => Err(format!(
            "{annotation} stands in the pod template, where it says nothing: it belongs into metadata.annotations of the {}",
            of_type.rsplit('/').next().unwrap_or(of_type)
        )),
        None => Ok(()),
    }
}
