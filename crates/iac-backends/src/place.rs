//! The place of state, as errors name it.

use iac_core::state::{BackendError, BackendErrorKind};

/// A place as people may see it: without user and password.
#[derive(Debug)]
pub(crate) struct Place(pub(crate) String);

impl Place {
    /// Returns an error about a key there.
    pub(crate) fn error(
        &self,
        operation: &'static str,
        key: &str,
        message: impl Into<String>,
        kind: BackendErrorKind,
    ) -> BackendError {
        BackendError {
            operation,
            place: format!("{} {key:?}", self.0),
            message: message.into(),
            kind,
        }
    }
}
