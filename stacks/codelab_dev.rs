//! codelab on Docker, for development: the API with PostgreSQL, Redis and Qdrant.
//!
//! The project is called `codelab`, since the guides look for its volumes by that name.

use std::process::ExitCode;

use iac_app::App;
use iac_backends::{PostgresState, S3State};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Program, Result, Stack};
use iac_k8s::KubernetesState;
use systems::codelab::docker::development;

fn main() -> ExitCode {
    Program::new("codelab_dev")
        .provider(DockerProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .run(codelab_dev)
}

fn codelab_dev(stack: &Stack) -> Result<()> {
    let app = App::on(&Compose::project(stack, "codelab"));
    development(stack, &app)?;
    Ok(())
}
