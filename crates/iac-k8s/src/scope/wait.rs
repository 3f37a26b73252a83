//! The annotation with which an object says whether, and how long, a run waits until it is ready.

use iac_core::declare::{Options, Wait};
use iac_core::value::token;
use serde_json::Value as Json;

use crate::{awaited, kinds};

/// `"false"`: it is not waited for; `"10m"`: at most so long.
pub(super) const ANNOTATION: &str = "iac.dev/wait";

/// The options of an object of this type, as far as its annotation says them.
///
/// # Errors
/// The problems of the annotation, as sentences that begin with its place.
pub(super) fn options(of_type: &str, object: &Json) -> Result<Options, String> {
    misplaced(of_type, object)?;
    awaited::check(object)?;
    let Some(said) = object["metadata"]["annotations"].get(ANNOTATION) else {
        return Ok(Options::default());
    };
    let place = format!("metadata.annotations.{ANNOTATION}");
    let text = match said {
        Json::String(text) if token::is_token(text) => {
            return Err(format!(
                "{place}: an output of another resource cannot say how long to wait"
            ));
        }
        Json::String(text) => text,
        // The server takes nothing but texts here, so that this would fail later.
        other => {
            return Err(format!(
                "{place}: write it in quotes, as \"{other}\": an annotation is a text"
            ));
        }
    };
    let (wait, timeout) = Wait::parse(text).map_err(|why| format!("{place}: {why}"))?;
    Ok(Options {
        wait,
        timeout,
        ..Options::default()
    })
}

/// An annotation of the pods, which nobody reads.
fn misplaced(of_type: &str, object: &Json) -> Result<(), String> {
    let template = kinds::pod_template(of_type).filter(|template| !template.is_empty());
    let pods = template.and_then(|template| object.pointer(template));
    match pods.and_then(|pods| pods["metadata"]["annotations"].get(ANNOTATION)) {
        Some(_) => Err(format!(
            "{ANNOTATION} stands in the pod template, where it says nothing: it belongs into metadata.annotations of the {}",
            of_type.rsplit('/').next().unwrap_or(of_type)
        )),
        None => Ok(()),
    }
}
