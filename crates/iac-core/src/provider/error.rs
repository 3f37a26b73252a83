//! Failures of providers.

use std::fmt;

use super::Applied;
use crate::urn::Key;

/// The sort of a failure; decides exit codes and whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing answers.
    Unreachable,
    /// It answers and does not let us.
    Denied,
    /// The inputs are refused.
    Invalid,
    /// Someone else has it, or changed it meanwhile.
    Conflict,
    /// Something that the call needs is not there.
    NotFound,
    /// A condition of the plan no longer holds.
    Precondition,
    /// The time given was not enough.
    Timeout,
    /// It ran, and failed for good.
    Failed,
    /// The provider's answer makes no sense; a bug here or there.
    Internal,
}

/// A failure with its cause in the other side's own words.
#[derive(Debug, Clone)]
pub struct ProviderError {
    /// The sort of failure.
    pub kind: ErrorKind,
    /// One sentence: what happened and why, with the server's own reason.
    pub message: String,
    /// Further details, a line each: events, the last log lines, the state of parts.
    pub details: Vec<String>,
    /// A sentence on what to do next.
    pub hint: Option<String>,
    /// The result of a change that happened in spite of the failure, so that it is recorded and not lost.
    pub partial: Option<Box<Applied>>,
}

impl ProviderError {
    /// A failure of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            details: Vec::new(),
            hint: None,
            partial: None,
        }
    }

    /// Adds lines of detail.
    #[must_use]
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the result of a change that happened in spite of the failure.
    #[must_use]
    pub fn with_partial(mut self, partial: Applied) -> Self {
        self.partial = Some(Box::new(partial));
        self
    }
}

/// Returns the hint on taking something over: for whoever wrote the program, and for whoever gave files to one.
pub fn adopt_hint(key: &Key) -> String {
    format!("take it over with --adopt {} (in a program: .adopt())", key.short())
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProviderError {}
