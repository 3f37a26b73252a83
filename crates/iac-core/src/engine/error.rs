//! Why there is no plan, or it was not carried out.

use crate::graph::GraphError;
use crate::plan::{PlanProblem, SelectionError};
use crate::provider::{ErrorKind, ProviderError};
use crate::state::StateError;

/// Why there is no plan, or it was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The declaration has no order.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The selection names a resource that is not there.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// A provider cannot be used at all.
    #[error("{provider}: {error}")]
    Provider {
        /// Which.
        provider: String,
        /// Why.
        error: ProviderError,
    },
    /// The program has no provider for something that it declares or that is recorded.
    #[error(
        "this program has no provider {provider:?}, which {example} needs; add it where the program is built: Program::new(…).provider(…)"
    )]
    NoProvider {
        /// Its name.
        provider: String,
        /// One of the resources.
        example: String,
    },
    /// The stack belongs to another cluster or engine.
    #[error(
        "this stack belongs to another target: it was applied to {recorded}, and {provider} is now connected to {connected}"
    )]
    OtherTarget {
        /// The provider whose target it is.
        provider: String,
        /// The target that is recorded.
        recorded: String,
        /// The target that is connected now.
        connected: String,
    },
    /// The plan has problems.
    #[error("the plan has {} problem(s)", .0.len())]
    Problems(Vec<PlanProblem>),
    /// Another run changed the state after the plan was made.
    #[error("another run changed the state after this plan was made; nothing was done")]
    Moved,
    /// A provider gave another number of answers than it was asked questions.
    #[error("{provider} answered {answers} of {questions} questions; this is a bug of the provider")]
    Answers {
        /// Which.
        provider: String,
        /// The number of questions that it was asked.
        questions: usize,
        /// The number of answers that it gave.
        answers: usize,
    },
}

impl EngineError {
    /// True if the cluster or engine could not be reached.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Provider { error, .. } if error.kind == ErrorKind::Unreachable)
    }
}
