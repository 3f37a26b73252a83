//! Failures of S3, and their meaning for those who keep state.

use http::StatusCode;
use iac_core::state::BackendErrorKind;
use iac_core::transport::tls;
use iac_core::with_causes;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

use super::service::Refused;
use crate::cause;
use crate::insist::Again;

pub(super) fn refusal(error: &Error) -> Option<&Refused> {
    cause::find(error)
}

/// Whether the same request may be sent again.
pub(super) fn again(error: &Error) -> Again {
    if let Some(refused) = refusal(error) {
        return match refused.status.as_u16() {
            // Another request on the key was under way; this one was not carried out.
            409 | 429 => Again::Yes,
            500 | 502..=504 => Again::Uncertain,
            _ => Again::No,
        };
    }
    match cause::find::<HttpError>(error).map(HttpError::kind) {
        Some(HttpErrorKind::Connect) if tls::refusal(error).is_some() => Again::No,
        Some(HttpErrorKind::Connect) => Again::Yes,
        Some(HttpErrorKind::Request | HttpErrorKind::Interrupted | HttpErrorKind::Decode) => Again::Uncertain,
        // After a time-out the first may still be under way.
        _ => Again::No,
    }
}

pub(super) fn kind(error: &Error) -> BackendErrorKind {
    if let Some(refused) = refusal(error) {
        return match refused.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => BackendErrorKind::Denied,
            StatusCode::INSUFFICIENT_STORAGE => BackendErrorKind::Full,
            _ if refused.code.contains("QuotaExceeded") || refused.code == "XMinioStorageFull" => {
                BackendErrorKind::Full
            }
            status if status.as_u16() == 409 || status.as_u16() == 429 || status.is_server_error() => {
                BackendErrorKind::Transient
            }
            _ => BackendErrorKind::Other,
        };
    }
    match cause::find::<HttpError>(error).map(HttpError::kind) {
        Some(HttpErrorKind::Unknown) | None => BackendErrorKind::Other,
        Some(_) if tls::refusal(error).is_some() => BackendErrorKind::Denied,
        Some(_) => BackendErrorKind::Transient,
    }
}

/// The failure in words: what is said at the root of it counts, and what to do is added where we know.
pub(super) fn words(error: &Error, bucket: &str) -> String {
    let Some(refused) = refusal(error) else {
        return cause::find::<HttpError>(error).map_or_else(|| with_causes(error), |error| with_causes(error));
    };
    let hint = match refused.status {
        _ if refused.code == "NoSuchBucket" => format!(
            "; make the bucket {bucket} first (`aws s3api create-bucket --bucket {bucket}`), since state makes none"
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
            "; the account needs s3:ListBucket on the bucket {bucket}, and s3:GetObject, s3:PutObject and s3:DeleteObject on \
             what is in it"
        ),
        _ => String::new(),
    };
    format!("{refused}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: HttpErrorKind, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Generic {
            store: "S3",
            source: Box::new(HttpError::new(kind, source)),
        }
    }

    fn refused(status: u16, code: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        failed(
            HttpErrorKind::Unknown,
            Refused::read(status, &format!("<Code>{code}</Code>")),
        )
    }

    #[test]
    fn failures_are_told_apart() {
        use BackendErrorKind::{Denied, Full, Other, Transient};
        let lost = || std::io::Error::other("lost");
        for (error, expected, repeat) in [
            (refused(403, "AccessDenied"), Denied, Again::No),
            (refused(401, ""), Denied, Again::No),
            (refused(404, "NoSuchBucket"), Other, Again::No),
            (refused(409, "ConditionalRequestConflict"), Transient, Again::Yes),
            (refused(429, "TooManyRequests"), Transient, Again::Yes),
            (refused(500, "InternalError"), Transient, Again::Uncertain),
            (refused(503, "SlowDown"), Transient, Again::Uncertain),
            (refused(507, ""), Full, Again::No),
            (refused(403, "QuotaExceeded"), Denied, Again::No),
            (refused(501, "NotImplemented"), Transient, Again::No),
            (refused(400, "BadRequest"), Other, Again::No),
            (failed(HttpErrorKind::Connect, lost()), Transient, Again::Yes),
            (failed(HttpErrorKind::Interrupted, lost()), Transient, Again::Uncertain),
            (failed(HttpErrorKind::Timeout, lost()), Transient, Again::No),
        ] {
            assert_eq!((kind(&error), again(&error)), (expected, repeat), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(words(&refused(404, "NoSuchBucket"), "b").contains("create-bucket --bucket b"));
        assert!(words(&refused(403, "AccessDenied"), "b").contains("s3:PutObject"));
    }
}
