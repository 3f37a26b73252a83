//! Readiness by convention: definitions, API services, and custom resources of any kind.

use iac_core::provider::Readiness;
use serde_json::Value as Json;

use super::{condition, failed, pending};

/// Its names are accepted, and the server serves it.
pub(super) fn definition(object: &Json) -> Readiness {
    if let Some(names) = condition(object, "NamesAccepted").filter(|names| names.is("False")) {
        return failed(names.text(), true);
    }
    match condition(object, "Established") {
        Some(established) if established.is("True") => Readiness::Ready,
        Some(established) if established.is("False") && established.reason != "Installing" => {
            failed(established.text(), false)
        }
        _ => pending("the server does not serve it yet"),
    }
}

/// The server behind it answers.
pub(super) fn api_service(object: &Json) -> Readiness {
    match condition(object, "Available") {
        Some(available) if available.is("True") => Readiness::Ready,
        Some(available) => pending(available.text()),
        None => pending("not available yet"),
    }
}

/// Reads the conditions that most controllers write: `Stalled`, `Reconciling`, and `Ready` or `Available`. An object
/// without any such condition is ready as soon as it exists.
pub(super) fn custom(object: &Json) -> Readiness {
    if let Some(stalled) = condition(object, "Stalled").filter(|stalled| stalled.is("True")) {
        return failed(stalled.text(), true);
    }
    if let Some(busy) = condition(object, "Reconciling").filter(|busy| busy.is("True")) {
        return pending(busy.text());
    }
    match condition(object, "Ready").or_else(|| condition(object, "Available")) {
        Some(ready) if ready.is("True") => Readiness::Ready,
        Some(ready) => pending(match ready.text() {
            text if text.is_empty() => "not ready yet".to_owned(),
            text => text,
        }),
        None => Readiness::Ready,
    }
}
