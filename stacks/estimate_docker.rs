//! estimate-service on Docker: nginx answers on a port of this machine.

use std::process::ExitCode;

use iac_app::{App, Publish};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Program, Result, Stack, settings};
use systems::estimate::{Settings, estimate};

settings! {
    /// What belongs to the machine.
    struct Host {
        /// For what ends TLS on this machine; nginx speaks plain HTTP.
        port: u16 = 8080,
    }
}

fn main() -> ExitCode {
    Program::new("estimate_docker")
        .provider(DockerProvider::new())
        .run(estimate_docker)
}

fn estimate_docker(stack: &Stack) -> Result<()> {
    let s = Settings::read(stack)?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let app = App::on(&Compose::project(stack, "estimate-service"));
    let system = estimate(&app, &s)?;
    system.nginx.publish(Publish::local(host.port));
    stack.export("url", system.nginx.published_url());
    Ok(())
}
