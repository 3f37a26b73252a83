//! lang-agent in production on Docker: its parts behind nginx, which has the front end and the certificate.

use std::process::ExitCode;

use iac_app::{App, Probe, Publish, name};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::lang_agent::{Keys, Ports, Settings, Tls, lang_agent, monitoring};

fn main() -> ExitCode {
    systems::run("lang_agent_prod", DockerProvider::new(), lang_agent_prod)
}

fn lang_agent_prod(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let Ports { ports } = stack.settings_with_defaults(Ports::default())?;
    let (keys, Tls { tls }): (Keys, Tls) = (stack.settings()?, stack.settings()?);
    let app = App::on(&Compose::project(stack, "lang-agent"));
    app.rotate_logs("10m", 5);
    let agent = lang_agent(&app, &s, &keys)?;
    // As the guide's server has it: for looks at /health, and for this machine only.
    agent.backend.publish(Publish::local(ports.backend));
    let (prometheus, grafana) = monitoring(&app, &s, &agent);
    prometheus.publish(Publish::local(ports.prometheus));
    grafana.publish(Publish::local(ports.grafana));
    let conf = include_str!("lang_agent/nginx.conf").replace("yourdomain.com", &s.domain);
    let nginx = app.web(
        name("frontend").docker("nginx"),
        agent
            .frontend
            .port("https", 443)
            .file("/etc/nginx/conf.d/default.conf", conf)
            .file("/etc/nginx/ssl/cert.pem", tls.certificate)
            .file("/etc/nginx/ssl/key.pem", tls.key)
            .ready(Probe::tcp().port("https").every(5))
            .after(agent.backend.ready()),
    );
    nginx
        .publish(Publish::everywhere(ports.http))
        .publish(Publish::everywhere(ports.https).to("https"));
    stack.export("url", format!("https://{}", s.domain));
    Ok(())
}
