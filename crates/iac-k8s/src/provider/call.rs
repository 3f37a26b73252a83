//! One call to the API server: what is asked, what comes back, and what can go wrong.
//!
//! Calls are made below `kube::Api`, because that hides the status code of an apply, which tells a creation (201) from a
//! change (200), and because every call here has a time limit, reads the server's causes, and is tried again when
//! that can help.

use std::time::Duration;

use http::Method;
use iac_core::answers::TooLarge;
use iac_core::provider::{ErrorKind, ProviderError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value as Json;

/// The time that one call may take unless it says otherwise.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest pause that a server can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The most bytes of a server's own words that are kept.
const MOST_WORDS: usize = 64 << 10;

/// The media type of a server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// A question to the API server.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
}

impl Call {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            content_type: "application/json",
            accept: "application/json",
            body: None,
            timeout: CALL_TIMEOUT,
        }
    }

    /// Reads an object or a list.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Reads only the metadata of an object.
    pub(crate) fn get_metadata(path: impl Into<String>) -> Self {
        let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        Self {
            accept,
            ..Self::get(path)
        }
    }

    /// Reads only the metadata of a list of objects.
    pub(crate) fn list_metadata(path: impl Into<String>) -> Self {
        let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        Self {
            accept,
            ..Self::get(path)
        }
    }

    /// A server-side apply of `body` as `manager`.
    pub(crate) fn apply(path: impl Into<String>, manager: &str, body: &Json) -> Self {
        let call = Self {
            content_type: APPLY,
            body: Some(body.to_string().into_bytes()),
            ..Self::new(Method::PATCH, path)
        };
        call.with("fieldManager", manager).with("fieldValidation", "Strict")
    }

    /// Changes single places.
    pub(crate) fn json_patch(path: impl Into<String>, patch: &Json) -> Self {
        Self {
            content_type: "application/json-patch+json",
            body: Some(patch.to_string().into_bytes()),
            ..Self::new(Method::PATCH, path)
        }
    }

    /// Creates.
    pub(crate) fn post(path: impl Into<String>, body: &Json) -> Self {
        Self {
            body: Some(body.to_string().into_bytes()),
            ..Self::new(Method::POST, path)
        }
    }

    /// Replaces.
    pub(crate) fn put(path: impl Into<String>, body: &Json) -> Self {
        Self {
            body: Some(body.to_string().into_bytes()),
            ..Self::new(Method::PUT, path)
        }
    }

    /// Deletes.
    pub(crate) fn delete(path: impl Into<String>, options: &Json) -> Self {
        Self {
            body: Some(options.to_string().into_bytes()),
            ..Self::new(Method::DELETE, path)
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Path and query.
    pub(crate) fn target(&self) -> String {
        let mut target = self.path.clone();
        for (position, (name, value)) in self.query.iter().enumerate() {
            target.push(if position == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        target
    }
}

/// A successful answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// True if the call made something new (201).
    pub(crate) created: bool,
    /// The body.
    pub(crate) body: Json,
    /// About how much memory the body takes, in bytes.
    pub(crate) weight: u64,
    /// The server's warnings: a deprecated version, a field that will be refused one day.
    pub(crate) warnings: Vec<String>,
}

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing answers: name, connection, TLS.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time, or none that came to an end.
    #[error("{server} did not answer in full within {} s", .limit.as_secs())]
    Timeout {
        /// The server that was asked.
        server: String,
        /// For how long it was waited.
        limit: Duration,
    },
    /// An answer that is larger than any that is wanted.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The credentials are not available.
    #[error("no credentials for the API server: {0}")]
    Credentials(String),
    /// The server refuses.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// The server's answer cannot be read.
    #[error("the API server's answer cannot be read: {0}")]
    Unreadable(String),
}

/// The server's refusal: its `Status` object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Refusal {
    /// The HTTP status code.
    pub(crate) code: u16,
    /// Its reason in one word: `NotFound`, `Conflict`.
    pub(crate) reason: String,
    /// Its reason in words.
    pub(crate) message: String,
    /// The details of its subject.
    pub(crate) details: Details,
}

/// The details of a [`Refusal`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Details {
    /// The kind of thing, in lower-case plural: `namespaces`.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// One entry per field that is wrong.
    pub(crate) causes: Vec<Cause>,
    /// The seconds to wait before trying again.
    pub(crate) retry_after_seconds: Option<u64>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Cause {
    /// Its kind: `FieldManagerConflict`, `FieldValueInvalid`.
    pub(crate) reason: String,
    /// In words.
    pub(crate) message: String,
    /// The field, in Kubernetes' own notation.
    pub(crate) field: String,
}

/// The server's word for an object as a whole.
const WHOLE: &str = "<nil>";

impl Cause {
    /// True if it only says that there would be more to check.
    pub(crate) fn is_hollow(&self) -> bool {
        self.message
            .contains("some validation rules were not checked because the object was invalid")
    }

    /// The field; none for the object as a whole.
    pub(crate) fn field(&self) -> Option<&str> {
        Some(self.field.as_str()).filter(|field| !field.is_empty() && *field != WHOLE)
    }

    fn text(&self) -> String {
        match self.field() {
            Some(field) => format!("{field}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl Refusal {
    /// Reads the body of a failed call; what is no `Status` (a proxy's page) is quoted.
    pub(crate) fn read(code: u16, body: &[u8]) -> Self {
        let mut refusal: Self = serde_json::from_slice(body).unwrap_or_default();
        refusal.code = code;
        if refusal.message.is_empty() {
            let text: String = String::from_utf8_lossy(body).chars().take(300).collect();
            refusal.message = format!("HTTP status {code}: {}", text.trim());
        }
        if refusal.message.len() > MOST_WORDS {
            let end = refusal.message.floor_char_boundary(MOST_WORDS);
            refusal.message.truncate(end);
            refusal.message.push('…');
        }
        refusal
    }

    /// The causes that are conflicts with other field managers.
    pub(crate) fn conflicts(&self) -> impl Iterator<Item = &Cause> {
        let causes = self.details.causes.iter();
        causes.filter(|cause| cause.reason == "FieldManagerConflict")
    }

    /// True if nothing can be made in the namespace, since it is being deleted.
    pub(crate) fn is_namespace_leaving(&self) -> bool {
        self.code == 403
            && self
                .details
                .causes
                .iter()
                .any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// True if the server could not match the inputs with the kind's schema. It says so with status 500 for an apply.
    pub(crate) fn is_schema_mismatch(&self) -> bool {
        [
            "field not declared in schema",
            "failed to create typed patch object",
            "failed to convert new object",
            "cannot be handled as",
            "strict decoding error",
            "unable to decode",
        ]
        .iter()
        .any(|text| self.message.contains(text))
    }

    /// True if others changed the object faster than the server could: it gives up an apply after some attempts of its own.
    pub(crate) fn is_race(&self) -> bool {
        self.code == 409 && self.message.contains("the object has been modified")
    }

    /// True if a pod's account is not there.
    pub(crate) fn lacks_account(&self) -> bool {
        self.code == 403 && self.message.contains("error looking up service account")
    }

    /// True if a pod is refused for an object that it names and that is not there.
    pub(crate) fn lacks_named(&self) -> bool {
        let class = self.message.contains("no PriorityClass with name")
            || (self.message.contains("RuntimeClass") && self.message.contains("not found"));
        self.lacks_account() || (self.code == 403 && class)
    }

    fn may_pass(&self) -> bool {
        match self.code {
            409 => self.is_race(),
            429 | 502 | 503 | 504 => true,
            500 => !self.is_schema_mismatch(),
            // Controllers make the account shortly after its namespace, and count what is used of a new quota.
            403 => self.lacks_account() || self.message.contains("status unknown for quota"),
            _ => false,
        }
    }
}

impl CallError {
    /// The status code, if the server answered with one.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// True if the server says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// True if the same call may succeed later. Only for calls that may be made twice.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout { .. } => true,
            Self::Refused(refusal) => refusal.may_pass(),
            Self::Credentials(_) | Self::Unreadable(_) | Self::TooLarge(_) => false,
        }
    }

    /// True if the object is not the one that the call was meant for, or not in the version. The server says so before it
    /// begins (`the UID in the precondition (…) does not match`), or as it writes (`Precondition failed: …`).
    pub(crate) fn is_failed_precondition(&self) -> bool {
        let says_so = |message: &str| {
            ["Precondition failed", "in the precondition ("]
                .iter()
                .any(|words| message.contains(words))
        };
        matches!(self, Self::Refused(refusal) if refusal.code == 409 && says_so(&refusal.message))
    }

    /// Returns the time that the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => {
                let seconds = refusal.details.retry_after_seconds?;
                Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
            }
            _ => None,
        }
    }

    /// True if it concerns the cluster as a whole, not one object.
    pub(crate) fn is_global(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout { .. } | Self::Credentials(_)) || self.code() == Some(401)
    }
}

impl From<CallError> for ProviderError {
    fn from(error: CallError) -> Self {
        let kind = match (&error, error.code()) {
            (CallError::Unreachable(_), _) => ErrorKind::Unreachable,
            (CallError::Timeout { .. }, _) => ErrorKind::Timeout,
            (CallError::Credentials(_), _) | (_, Some(401 | 403)) => ErrorKind::Denied,
            (_, Some(404)) => ErrorKind::NotFound,
            (_, Some(409)) => ErrorKind::Conflict,
            (_, Some(400 | 422)) => ErrorKind::Invalid,
            (CallError::Refused(refusal), _) if refusal.is_schema_mismatch() => ErrorKind::Invalid,
            (CallError::Refused(_) | CallError::TooLarge(_), _) => ErrorKind::Failed,
            (CallError::Unreadable(_), _) => ErrorKind::Internal,
        };
        let failure = Self::new(kind, error.to_string());
        match error {
            CallError::Refused(refusal) if !refusal.details.causes.is_empty() => {
                let causes = refusal.details.causes.iter();
                let telling = causes.filter(|cause| !cause.is_hollow() || refusal.details.causes.len() == 1);
                failure.with_details(telling.map(Cause::text))
            }
            _ => failure,
        }
    }
}

/// The text of a warning header: `299 - "unknown field"`.
pub(crate) fn warning_text(header: &str) -> Option<String> {
    let quoted = header.split_once('"')?.1.rsplit_once('"')?.0;
    Some(quoted.replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_query_is_encoded() {
        let call = Call::get("/api/v1/pods").with("labelSelector", "a=b,c in (d)");
        assert_eq!(call.target(), "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29");
    }

    #[test]
    fn refusals_are_told_apart() {
        let status = |code: u16, message: &str| {
            let body = json!({"kind": "Status", "message": message, "reason": "x", "code": code});
            CallError::Refused(Box::new(Refusal::read(code, body.to_string().as_bytes())))
        };
        for (error, may_pass, kind) in [
            (status(503, "etcd leader changed"), true, ErrorKind::Failed),
            (status(500, "failed calling webhook \"x\""), true, ErrorKind::Failed),
            (
                status(500, ".spec.foo: field not declared in schema"),
                false,
                ErrorKind::Invalid,
            ),
            (status(422, "bad"), false, ErrorKind::Invalid),
            (
                status(
                    409,
                    "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply",
                ),
                true,
                ErrorKind::Conflict,
            ),
            (
                status(
                    409,
                    "Operation cannot be fulfilled on jobs.batch \"a\": Precondition failed: UID in precondition: 1",
                ),
                false,
                ErrorKind::Conflict,
            ),
            (
                status(
                    403,
                    "pods \"a\" is forbidden: error looking up service account x/default: not found",
                ),
                true,
                ErrorKind::Denied,
            ),
            (
                status(
                    403,
                    "pods \"a\" is forbidden: status unknown for quota: q, resources: pods",
                ),
                true,
                ErrorKind::Denied,
            ),
            (
                status(
                    500,
                    "failed to convert new object (/p; /v1, Kind=Pod) to proper version: unable to convert unstructured object to /v1, Kind=Pod: quantities must match the regular expression",
                ),
                false,
                ErrorKind::Invalid,
            ),
            (status(403, "no"), false, ErrorKind::Denied),
            (status(404, "no"), false, ErrorKind::NotFound),
            (CallError::Unreachable("refused".into()), true, ErrorKind::Unreachable),
        ] {
            assert_eq!(error.may_pass(), may_pass, "{error}");
            assert_eq!(ProviderError::from(error).kind, kind);
        }
    }

    #[test]
    fn a_warning_is_read_from_its_header() {
        let text = warning_text("299 - \"v1 Endpoints is deprecated; use \\\"EndpointSlice\\\"\"");
        assert_eq!(
            text.as_deref(),
            Some("v1 Endpoints is deprecated; use \"EndpointSlice\"")
        );
    }

    #[test]
    fn a_page_of_a_proxy_is_quoted() {
        let refusal = Refusal::read(502, b"<html>bad gateway</html>");
        assert_eq!(refusal.message, "HTTP status 502: <html>bad gateway</html>");
    }
}
