//! estimate-service on Docker: nginx answers on a port of this machine.

use std::process::ExitCode;

use iac_app::{App, Publish};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::estimate::{Host, Settings, estimate};

fn main() -> ExitCode {
    systems::run("estimate_docker", DockerProvider::new(), estimate_docker)
}

fn estimate_docker(stack: &Stack) -> Result {
    let s = Settings::read(stack)?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let app = App::on(&Compose::project(stack, "estimate-service"));
    let system = estimate(&app, &s)?;
    system.nginx.publish(Publish::local(host.ports.http));
    system.grafana.publish(Publish::local(host.ports.grafana));
    stack.export("url", system.nginx.published_url());
    stack.export("grafana", system.grafana.published_url());
    stack.export("grafana password", system.grafana.password().as_str());
    Ok(())
}
