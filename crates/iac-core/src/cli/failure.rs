//! Why a command ended without success: an exit code, and what to say.

use super::exit;
use crate::config::LayerError;
use crate::declare::DeclareError;
use crate::engine::EngineError;
use crate::plan::{Plan, PlanProblem, SelectionError};
use crate::render::Diagnostic;
use crate::saved::SavedPlanError;
use crate::state::{BackendError, BackendErrorKind, KeySourceError, StateError, VaultError};
use crate::value::KnownSecrets;

/// Why a command ended without success.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    /// The messages to print; none when all has been said already, or nobody listens.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The messages that people have seen already: the problems of a plan.
    pub(super) told: Vec<Diagnostic>,
}

impl Failure {
    /// An end of which all has been said.
    pub(super) fn quiet(code: u8) -> Self {
        Self {
            code,
            diagnostics: Vec::new(),
            told: Vec::new(),
        }
    }

    pub(super) fn new(code: u8, diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: vec![diagnostic],
            ..Self::quiet(code)
        }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(exit::FAILED, Diagnostic::error(message))
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(exit::USAGE, Diagnostic::error(message))
    }

    /// The same without these secrets: a program may well quote what it could not use.
    pub(super) fn without(self, known: &KnownSecrets) -> Self {
        let hide = |diagnostics: Vec<Diagnostic>| {
            let diagnostics = diagnostics.into_iter();
            diagnostics.map(|diagnostic| diagnostic.without(known)).collect()
        };
        Self {
            diagnostics: hide(self.diagnostics),
            told: hide(self.told),
            ..self
        }
    }

    /// Says what to do next.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.pop() {
            self.diagnostics.push(last.hint(hint));
        }
        self
    }

    fn selection(error: &SelectionError) -> Self {
        let failure = Self::usage(error.to_string());
        match error {
            SelectionError::Unknown { meant: Some(meant), .. } => failure.hint(format!("did you mean {meant:?}?")),
            SelectionError::Unknown { .. } => {
                failure.hint("`graph` lists what the program declares, and `state list` what is recorded")
            }
            SelectionError::LeftOut { name } => failure.hint(format!("add --target {name}, or do not exclude it")),
        }
    }

    /// The engine's error, with the stack's name for full names of resources.
    pub(super) fn engine(error: &EngineError, stack: &str) -> Self {
        match error {
            EngineError::Selection(error) => Self::selection(error),
            EngineError::Provider { provider, error: cause } => {
                let code = if error.is_unreachable() {
                    exit::UNREACHABLE
                } else {
                    exit::FAILED
                };
                let message = if error.is_unreachable() {
                    format!("{provider} cannot be reached")
                } else {
                    format!("{provider} cannot be used")
                };
                Self::new(code, Diagnostic::from_provider(message, cause))
            }
            EngineError::Problems(found) => Self {
                diagnostics: problems(found, stack),
                ..Self::quiet(exit::FAILED)
            },
            EngineError::State(error) => error.into(),
            EngineError::Moved => {
                let hint = "run `preview` again to see what is left to do";
                Self::new(exit::STALE, Diagnostic::error(error.to_string()).hint(hint))
            }
            other => Self::new(exit::FAILED, Diagnostic::from_error(other)),
        }
    }

    pub(super) fn declaration(errors: &[DeclareError]) -> Self {
        let diagnostics = errors.iter().map(|error| Diagnostic::from_error(error));
        Self {
            diagnostics: diagnostics.collect(),
            ..Self::quiet(exit::FAILED)
        }
    }

    /// A plan that cannot be carried out. People have seen its problems with it.
    pub(super) fn unsound(plan: &Plan, message: impl Into<String>) -> Self {
        Self {
            told: problems(&plan.problems, &plan.stack),
            ..Self::failed(message)
        }
    }
}

fn problems(problems: &[PlanProblem], stack: &str) -> Vec<Diagnostic> {
    let problems = problems.iter();
    problems
        .map(|problem| Diagnostic::from_problem(problem, stack))
        .collect()
}

impl From<&StateError> for Failure {
    fn from(error: &StateError) -> Self {
        let code = match error {
            StateError::Locked { .. } => exit::LOCKED,
            StateError::Name(_) => exit::USAGE,
            _ => exit::FAILED,
        };
        let failure = Self::new(code, Diagnostic::from_error(error));
        match error {
            StateError::Write(BackendError { kind, .. }) => match kind {
                BackendErrorKind::Full => failure.hint("make room there, and run it again"),
                BackendErrorKind::Denied => failure.hint("see to it that it can be written there, and run it again"),
                BackendErrorKind::Transient | BackendErrorKind::Other => failure,
            },
            _ => failure,
        }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::from(&error)
    }
}

impl From<LayerError> for Failure {
    fn from(error: LayerError) -> Self {
        let code = match error {
            LayerError::Argument { .. } => exit::USAGE,
            _ => exit::FAILED,
        };
        Self::new(code, Diagnostic::from_error(&error))
    }
}

/// Errors that say all by themselves and end with the code for a failure.
macro_rules! plain {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(exit::FAILED, Diagnostic::from_error(&error))
            }
        }
    )*};
}

plain!(
    BackendError,
    KeySourceError,
    VaultError,
    SavedPlanError,
    crate::config::FileError
);

/// For writing to standard output: a reader that has gone is no error to talk about.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::quiet(exit::FAILED);
        }
        Self::failed(format!("standard output cannot be written: {error}"))
    }
}
