//! codelab on Docker with its monitoring: what `codelab_dev` has, Prometheus, and Grafana with the guides' dashboards.
//!
//! The project is called `codelab-full`: its volumes are its own, so both stacks can be tried on one machine, though not
//! at the same time with the same ports.

use std::process::ExitCode;

use iac_app::App;
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::codelab::{development, monitoring};

fn main() -> ExitCode {
    systems::run("codelab_full", DockerProvider::new(), codelab_full)
}

fn codelab_full(stack: &Stack) -> Result {
    let app = App::on(&Compose::project(stack, "codelab-full"));
    let (codelab, s, host) = development(stack, &app)?;
    let password = stack.secret("Grafana's password", "admin");
    monitoring(&app, &s, &host, &codelab, password.into());
    Ok(())
}
