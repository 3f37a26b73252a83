//! Any compose file: `--config path=…` names it, or the folder that it is in.
//!
//! The project has the name that the file gives it, else the folder's, or that of `--config project=…`. The stack is named
//! after the project unless `--stack` says otherwise, and belongs to that path from then on.

use std::path::PathBuf;
use std::process::ExitCode;

use iac_backends::{PostgresState, S3State};
use iac_compose::{Compose, DockerProvider};
use iac_core::config::Config;
use iac_core::{Program, Result, Stack};
use iac_k8s::KubernetesState;

/// The configuration that says where the file is.
const PATH: &str = "path";
/// The configuration that names the project.
const PROJECT: &str = "project";

/// What docker compose looks for in a folder, in its order.
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

fn main() -> ExitCode {
    Program::new("compose_file")
        .provider(DockerProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .stack_named_by(project_name)
        .bound_to(PATH)
        .run(compose_file)
}

fn compose_file(stack: &Stack) -> Result<()> {
    let path = file(stack.config().require(PATH)?);
    let name = project_name(stack.config());
    let _ = Compose::project(stack, name.unwrap_or_else(|| "project".to_owned())).file(path);
    Ok(())
}

/// The compose file that a path means.
fn file(path: PathBuf) -> PathBuf {
    let inside = NAMES.iter().map(|name| path.join(name));
    inside.into_iter().find(|file| file.is_file()).unwrap_or(path)
}

fn project_name(config: &Config) -> Option<String> {
    let given: Option<String> = config.get(PROJECT).ok()?;
    given.or_else(|| {
        let path: PathBuf = config.get(PATH).ok()??;
        Compose::name_of(file(path))
    })
}
