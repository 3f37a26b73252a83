//! The meaning of the API server's failures for those who keep state.

use iac_core::state::BackendErrorKind;

use crate::provider::call::CallError;

/// True if a name is taken by another object.
pub(super) fn is_taken(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.reason == "AlreadyExists")
}

/// True if a write may be sent again: it was not taken on, or a second attempt does no harm, since it is conditional. Not
/// after a time-out: the first may still be under way.
pub(super) fn may_be_repeated(error: &CallError) -> bool {
    match error {
        CallError::Unreachable(_) => true,
        CallError::Refused(refusal) => match refusal.code {
            429 | 503 => true,
            // The quota's own count was changed by somebody else at the same moment.
            409 => refusal.details.kind == "resourcequotas",
            _ => false,
        },
        _ => false,
    }
}

/// Returns the meaning of a failure for those who keep state.
pub(super) fn kind_of(error: &CallError) -> BackendErrorKind {
    match error {
        CallError::Unreachable(_) | CallError::Timeout { .. } => BackendErrorKind::Transient,
        CallError::Credentials(_) => BackendErrorKind::Denied,
        CallError::Unreadable(_) | CallError::TooLarge(_) => BackendErrorKind::Other,
        CallError::Refused(refusal) => match refusal.code {
            403 if refusal.message.contains("exceeded quota") => BackendErrorKind::Full,
            // etcd has come to its own quota.
            _ if refusal.message.contains("database space exceeded") => BackendErrorKind::Full,
            413 => BackendErrorKind::Full,
            // A quota that is so new that nobody has counted yet.
            403 if refusal.message.contains("status unknown for quota") => BackendErrorKind::Transient,
            // The namespace is on its way out.
            403 if refusal.message.contains("being terminated") => BackendErrorKind::Other,
            401 | 403 => BackendErrorKind::Denied,
            409 | 429 | 500..=599 => BackendErrorKind::Transient,
            _ => BackendErrorKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::call::Refusal;
    use serde_json::json;
    use std::time::Duration;

    fn refused(code: u16, message: &str) -> CallError {
        let body = json!({"message": message, "reason": "x", "details": {"kind": "secrets"}});
        CallError::Refused(Box::new(Refusal::read(code, body.to_string().as_bytes())))
    }

    #[test]
    fn failures_are_told_apart() {
        use BackendErrorKind::{Denied, Full, Other, Transient};
        for (error, kind, again) in [
            (refused(401, "Unauthorized"), Denied, false),
            (
                refused(403, "secrets is forbidden: User \"x\" cannot list"),
                Denied,
                false,
            ),
            (
                refused(403, "secrets \"a\" is forbidden: exceeded quota: few"),
                Full,
                false,
            ),
            (
                refused(
                    403,
                    "unable to create new content in namespace a because it is being terminated",
                ),
                Other,
                false,
            ),
            (
                refused(403, "secrets \"a\" is forbidden: status unknown for quota: few"),
                Transient,
                false,
            ),
            (refused(404, "namespaces \"a\" not found"), Other, false),
            (refused(409, "the object has been modified"), Transient, false),
            (refused(413, "request entity too large"), Full, false),
            (refused(422, "invalid"), Other, false),
            (refused(429, "too many requests"), Transient, true),
            (refused(500, "etcdserver: mvcc: database space exceeded"), Full, false),
            (refused(500, "etcdserver: request timed out"), Transient, false),
            (refused(503, "unavailable"), Transient, true),
            (refused(504, "timeout"), Transient, false),
            (CallError::Unreachable("refused".into()), Transient, true),
            (
                CallError::Timeout {
                    server: "s".into(),
                    limit: Duration::from_secs(1),
                },
                Transient,
                false,
            ),
            (CallError::Credentials("none".into()), Denied, false),
        ] {
            assert_eq!((kind_of(&error), may_be_repeated(&error)), (kind, again), "{error}");
        }
    }
}
