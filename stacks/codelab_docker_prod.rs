//! codelab on Docker, for production: passwords are generated, and only the API and the monitoring have ports, on this
//! machine, for a reverse proxy with the certificate.

use std::process::ExitCode;

use iac_app::{App, Publish};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::codelab::{Host, Settings, backup, codelab, monitoring};

fn main() -> ExitCode {
    systems::run("codelab_docker_prod", DockerProvider::new(), codelab_docker_prod)
}

fn codelab_docker_prod(stack: &Stack) -> Result {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let app = App::on(&Compose::project(stack, "codelab-prod"));
    let codelab = codelab(&app, &s, stack.config_secret("secrets.openai_api_key").into(), None);
    codelab.env.env("DEBUG", false);
    codelab.api.publish(Publish::local(host.ports.api));
    monitoring(&app, &s, &host, &codelab, None);
    backup(&app, &s, &codelab);
    stack.export("url", codelab.api.published_url());
    Ok(())
}
