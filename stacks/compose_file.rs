//! Any compose file: `--config path=…` names it, or the folder that it is in.
//!
//! The project has the name that docker compose gives it (`COMPOSE_PROJECT_NAME`, the file's `name`, the folder's), or that of
//! `--config project=…`. The stack is named after the project unless `--stack` says otherwise, and belongs to that path from
//! then on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use iac_backends::{PostgresState, S3State};
use iac_compose::{Compose, DockerProvider, FileOptions};
use iac_core::config::Config;
use iac_core::{Program, Result, Stack, reach};
use iac_k8s::KubernetesState;

/// The configuration that says where the file is.
const PATH: &str = "path";
/// The configuration that names the project.
const PROJECT: &str = "project";

/// The names of files that docker compose looks for in a folder.
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
        .deploys(place)
        .run(compose_file)
}

fn compose_file(stack: &Stack) -> Result<()> {
    let path: PathBuf = stack.config().require(PATH)?;
    let given: Option<String> = stack.config().get(PROJECT)?;
    let _ = match given {
        Some(name) => Compose::project(stack, name).file(path),
        None => Compose::load(stack, path).1,
    };
    Ok(())
}

/// The place that a stack belongs to: the compose file, or its folder where it has one of the names that are looked for there,
/// so that both ways to name it mean the same.
fn place(config: &Config) -> Option<PathBuf> {
    let path: PathBuf = config.get(PATH).ok()??;
    let name = path.file_name().and_then(|name| name.to_str());
    match path.parent() {
        Some(folder) if name.is_some_and(|name| NAMES.contains(&name)) => Some(Path::new(".").join(folder)),
        _ => Some(path),
    }
}

fn project_name(config: &Config) -> Option<String> {
    let given: Option<String> = config.get(PROJECT).ok()?;
    given.or_else(|| {
        let path = config.get::<PathBuf>(PATH).ok()??;
        Compose::name_with(path, &FileOptions::default().outside(reach::outside(config).ok()?))
    })
}
