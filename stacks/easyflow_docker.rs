//! Easy Flow on Docker: its parts behind nginx, which has the certificate.

use std::process::ExitCode;

use iac_app::{App, Container, Probe, Publish, Text};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::easyflow::{Host, Settings, easyflow, monitoring};

fn main() -> ExitCode {
    systems::run("easyflow_docker", DockerProvider::new(), easyflow_docker)
}

fn easyflow_docker(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let host: Host = stack.settings_with_defaults(Host::default())?;
    let (Some(certificate), Some(key)) = (host.tls.certificate, host.tls.key) else {
        return Err("nginx needs a certificate: config set tls.certificate, config set --secret tls.key".into());
    };
    let app = App::on(&Compose::project(stack, "easyflow"));
    let flow = easyflow(&app, &s, None);
    let conf = Text::from(include_str!("easyflow/nginx.conf"))
        .replace("@RATE@", host.requests_per_second)
        .replace("@BURST@", host.burst)
        .replace("@WEBHOOK_BURST@", host.webhook_burst);
    let nginx = app.web(
        "nginx",
        Container::image(&s.images.nginx)
            .port("http", 80)
            .port("https", 443)
            .file("/etc/nginx/nginx.conf", conf)
            .file("/etc/nginx/ssl/cert.pem", certificate)
            .file("/etc/nginx/ssl/key.pem", key)
            .ready(Probe::tcp().port("https").timed(host.nginx_probe))
            .after(flow.app.ready()),
    );
    nginx
        .publish(Publish::everywhere(host.ports.http))
        .publish(Publish::everywhere(host.ports.https).to("https"));
    let (prometheus, grafana) = monitoring(&app, &s, &flow);
    prometheus.publish(Publish::local(host.ports.prometheus));
    grafana.publish(Publish::local(host.ports.grafana));
    Ok(())
}
