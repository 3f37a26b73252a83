//! estimate-service on Docker: nginx answers on a port of this machine.

use std::process::ExitCode;

use iac_app::{App, Publish};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack, settings};
use systems::estimate::{Settings, estimate};

settings! {
    /// What belongs to the machine.
    struct Host {
        /// For what ends TLS on this machine; nginx speaks plain HTTP.
        port: u16 = 8080,
        grafana_port: u16 = 3000,
    }
}

fn main() -> ExitCode {
    systems::run("estimate_docker", DockerProvider::new(), estimate_docker)
}

fn estimate_docker(stack: &Stack) -> Result {
    let s = Settings::read(stack)?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let app = App::on(&Compose::project(stack, "estimate-service"));
    let system = estimate(&app, &s)?;
    system.nginx.publish(Publish::local(host.port));
    system.grafana.publish(Publish::local(host.grafana_port));
    stack.export("url", system.nginx.published_url());
    stack.export("grafana", system.grafana.published_url());
    stack.export("grafana password", system.grafana.password().as_str());
    Ok(())
}
