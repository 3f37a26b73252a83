//! Failures of PostgreSQL, and their meaning for those who keep state.

use std::time::Duration;

use iac_core::answers::TooLarge;
use iac_core::state::BackendErrorKind;
use iac_core::transport::CLEAR_TEXT;
use iac_core::transport::tls::{TlsError, refusal};
use iac_core::with_causes;
use tokio_postgres::error::{DbError, SqlState};

use crate::cause;
use crate::insist::Again;

/// Why a statement was not carried out, or may not have been.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No server was reached, or none of the kind that was asked for.
    #[error("error connecting to server: {0}")]
    Unreachable(std::io::Error),
    /// No connection came about.
    #[error("{}", words(.0))]
    Connect(tokio_postgres::Error),
    /// The certificates that the server is checked by are of no use.
    #[error("{}", with_causes(.0))]
    Settings(#[from] TlsError),
    /// The statement failed, or the connection broke while it was under way.
    #[error("{}", words(.0))]
    Statement(tokio_postgres::Error),
    /// The server answers without an end.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// No answer.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
}

/// The server's own words, or those of whatever is at the root.
fn words(error: &tokio_postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        let detail = told.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        return format!("{}{detail}", told.message());
    }
    with_causes(error)
}

impl Failure {
    fn told(&self) -> Option<&DbError> {
        match self {
            Self::Connect(error) | Self::Statement(error) => error.as_db_error(),
            Self::Unreachable(_) | Self::Settings(_) | Self::TooLarge(_) | Self::Timeout(_) => None,
        }
    }

    fn state(&self) -> Option<&SqlState> {
        self.told().map(DbError::code)
    }

    /// True if the server said so itself.
    pub(super) fn is_told(&self) -> bool {
        self.told().is_some()
    }

    pub(super) fn is_missing_table(&self) -> bool {
        self.state() == Some(&SqlState::UNDEFINED_TABLE)
    }

    /// True if somebody else made the table, or its schema's entry, at the same moment.
    pub(super) fn is_made_already(&self) -> bool {
        let made = [
            SqlState::UNIQUE_VIOLATION,
            SqlState::DUPLICATE_TABLE,
            SqlState::DUPLICATE_OBJECT,
        ];
        self.state().is_some_and(|state| made.contains(state))
    }

    /// Whether the same statement may be sent again.
    pub(super) fn again(&self) -> Again {
        match (self, self.state()) {
            (_, Some(state)) if is_passing(state) => match self {
                Self::Connect(_) => Again::Yes,
                // A server that is shut down may have committed before.
                _ => Again::Uncertain,
            },
            (_, Some(_)) => Again::No,
            (Self::Unreachable(_), None) => Again::Yes,
            (Self::Connect(error), None) if is_broken(error) => Again::Yes,
            (Self::Statement(error), None) if is_broken(error) => Again::Uncertain,
            (_, None) => Again::No,
        }
    }

    pub(super) fn kind(&self) -> BackendErrorKind {
        let Some(state) = self.state() else {
            return match self {
                Self::Timeout(_) => BackendErrorKind::Transient,
                Self::Connect(error) if refusal(error).is_some() => BackendErrorKind::Denied,
                _ if self.again() != Again::No => BackendErrorKind::Transient,
                _ => BackendErrorKind::Other,
            };
        };
        match state.code() {
            "53100" => BackendErrorKind::Full,
            "42501" => BackendErrorKind::Denied,
            code if code.starts_with("28") => BackendErrorKind::Denied,
            _ if is_passing(state) => BackendErrorKind::Transient,
            _ => BackendErrorKind::Other,
        }
    }

    /// Returns the advice on a failure, where we know any.
    pub(super) fn hint(&self, table: &str) -> String {
        if let Self::Connect(error) = self {
            if refusal(error).is_some() {
                return "; sslrootcert=FILE names the authority that signed the server's certificate".to_owned();
            }
            if with_causes(error).contains(NO_TLS) {
                return format!(
                    "; turn it on there (ssl = on); if the way there is safe without, {CLEAR_TEXT} names the servers that \
                     may be spoken to in clear"
                );
            }
        }
        match self.state().map(SqlState::code) {
            Some("3D000") => "; make the database first (`createdb`), since state makes none".to_owned(),
            Some("42501") => format!(
                "; the account needs SELECT, INSERT, UPDATE and DELETE on {table}, and for the first use CREATE on its schema"
            ),
            Some("25006") => {
                "; this server is read only: name the primary, or add target_session_attrs=read-write".to_owned()
            }
            _ => String::new(),
        }
    }
}

/// The client's message about a server that declines encryption; it has no code for that.
const NO_TLS: &str = "server does not support TLS";

/// True if a connection broke or did not come about, through nobody's decision.
fn is_broken(error: &tokio_postgres::Error) -> bool {
    refusal(error).is_none() && (error.is_closed() || cause::find::<std::io::Error>(error).is_some())
}

/// True if a failure may be over in a moment: a server that starts or stops, that is too busy, or that chose another of two.
fn is_passing(state: &SqlState) -> bool {
    let code = state.code();
    code.starts_with("08") || matches!(code, "53300" | "57P01" | "57P02" | "57P03" | "40001" | "40P01")
}
