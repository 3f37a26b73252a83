//! codelab on Docker, for development: the API with PostgreSQL, Redis and Qdrant, as the guides' `docker-compose.dev.yml`.
//!
//! `cargo xtask quickstart` deploys it. The project is called `codelab`, so `docker compose -p codelab ps` shows it.

use std::process::ExitCode;

use codelab::docker;
use codelab::settings::Development;
use iac_backends::{PostgresState, S3State};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Program, Result, Stack};
use iac_k8s::KubernetesState;

fn main() -> ExitCode {
    Program::new("codelab_dev")
        .provider(DockerProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .run(codelab_dev)
}

fn codelab_dev(stack: &Stack) -> Result<()> {
    let settings: Development = stack.settings_with_defaults(Development::default())?;
    let codelab = Compose::project(stack, "codelab");

    let databases = docker::databases(&codelab, &settings);
    let app = docker::application(stack, &codelab, &settings, &databases);

    stack.export("url", docker::url(&app, 8000));
    Ok(())
}
