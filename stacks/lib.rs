//! The systems that the programs in this folder put on their targets: one module each, with its description and settings.

use std::process::ExitCode;

use iac_backends::{PostgresState, S3State};
use iac_core::provider::Provider;
use iac_core::{Program, Result, Stack};
use iac_k8s::KubernetesState;

pub mod codelab;
pub mod easyflow;
pub mod estimate;
pub mod lang_agent;

/// Runs a program with one provider, and its state on whichever backend is asked for.
pub fn run(name: &'static str, provider: impl Provider + 'static, declare: fn(&Stack) -> Result) -> ExitCode {
    let program = Program::new(name).provider(provider).backend(KubernetesState::SCHEME);
    let program = program.backend(PostgresState::SCHEME).backend(S3State::SCHEME);
    program.run(declare)
}
