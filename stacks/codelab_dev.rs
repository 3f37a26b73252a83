//! codelab on Docker, for development: the API with PostgreSQL, Redis and Qdrant.
//!
//! The project is called `codelab`, since the guides look for its volumes by that name.

use std::process::ExitCode;

use iac_app::App;
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::codelab::development;

fn main() -> ExitCode {
    systems::run("codelab_dev", DockerProvider::new(), codelab_dev)
}

fn codelab_dev(stack: &Stack) -> Result {
    development(stack, &App::on(&Compose::project(stack, "codelab"))).map(drop)
}
