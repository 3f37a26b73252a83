//! The engine's errors in our words, with its own beside them.

use bollard::errors::Error;
use iac_core::provider::{ErrorKind, ProviderError};
use iac_core::with_causes;

/// An engine's error, with what was being done: `create the container x`.
pub(crate) fn failed(doing: &str, error: &Error) -> ProviderError {
    let (kind, reason) = match error {
        Error::DockerResponseServerError { status_code, message } => {
            let kind = match status_code {
                400 => ErrorKind::Invalid,
                401 | 403 => ErrorKind::Denied,
                404 => ErrorKind::NotFound,
                409 => ErrorKind::Conflict,
                _ => ErrorKind::Failed,
            };
            (kind, message.trim().to_owned())
        }
        Error::RequestTimeoutError => (ErrorKind::Timeout, "the engine did not answer in time".to_owned()),
        Error::DockerStreamError { error } => (ErrorKind::Failed, error.trim().to_owned()),
        Error::IOError { .. } | Error::HyperResponseError { .. } | Error::HyperLegacyError { .. } => {
            let kind = if is_denied(error) {
                ErrorKind::Denied
            } else if is_out_of_hand(error) {
                ErrorKind::Failed
            } else {
                ErrorKind::Unreachable
            };
            (kind, with_causes(error))
        }
        other => (ErrorKind::Internal, with_causes(other)),
    };
    ProviderError::new(kind, format!("cannot {doing}: {reason}"))
}

/// True if the socket is there and we may not use it.
fn is_denied(error: &Error) -> bool {
    has_io_cause(error, |error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// True if the engine answers more than is read: it is there, and of no use.
fn is_out_of_hand(error: &Error) -> bool {
    has_io_cause(error, |error| error.kind() == std::io::ErrorKind::FileTooLarge)
}

fn has_io_cause(error: &Error, is: impl Fn(&std::io::Error) -> bool) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(&is) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The status of the engine's answer, where it gave one.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Turns "not there" into none.
pub(crate) fn if_there<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
