//! lang-agent in production on Docker: its parts behind nginx, which has the front end and the certificate.

use std::process::ExitCode;

use iac_app::{App, Probe, Publish, Text, name};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::lang_agent::{Host, Keys, Settings, Tls, lang_agent, monitoring};

fn main() -> ExitCode {
    systems::run("lang_agent_prod", DockerProvider::new(), lang_agent_prod)
}

fn lang_agent_prod(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let (keys, Tls { tls }): (Keys, Tls) = (stack.settings()?, stack.settings()?);
    let app = App::on(&Compose::project(stack, "lang-agent"));
    app.rotate_logs(&host.log_size, host.log_files);
    let agent = lang_agent(&app, &s, &keys);
    // As the guide's server has it: for looks at /health, and for this machine only.
    agent.backend.publish(Publish::local(host.ports.backend));
    let (prometheus, grafana) = monitoring(&app, &s, &agent);
    prometheus.publish(Publish::local(host.ports.prometheus));
    grafana.publish(Publish::local(host.ports.grafana));
    let conf = Text::from(include_str!("lang_agent/nginx.conf"))
        .replace("@HOST@", &s.ingress.host)
        .replace("@MAX_BODY@", &s.ingress.max_body)
        .replace("@BACKEND@", agent.backend.url("http"));
    let nginx = app.web(
        name("frontend").docker("nginx"),
        agent
            .frontend
            .port("https", 443)
            .file("/etc/nginx/conf.d/default.conf", conf)
            .file("/etc/nginx/ssl/cert.pem", tls.certificate)
            .file("/etc/nginx/ssl/key.pem", tls.key)
            .ready(Probe::tcp().port("https").timed(s.probes.frontend)),
    );
    nginx
        .publish(Publish::everywhere(host.ports.http))
        .publish(Publish::everywhere(host.ports.https).to("https"));
    stack.export("url", format!("https://{}", s.ingress.host));
    Ok(())
}
