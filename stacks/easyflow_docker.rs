//! Easy Flow on Docker: its parts behind nginx, which has the certificate.

use std::process::ExitCode;

use iac_app::{App, Container, Probe, Publish};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Result, Stack};
use systems::easyflow::{Front, Settings, easyflow, monitoring};

fn main() -> ExitCode {
    systems::run("easyflow_docker", DockerProvider::new(), easyflow_docker)
}

fn easyflow_docker(stack: &Stack) -> Result<()> {
    let s: Settings = stack.settings_with_defaults(Settings::default())?;
    let front: Front = stack.settings_with_defaults(Front::default())?;
    let (Some(certificate), Some(key)) = (front.tls.certificate, front.tls.key) else {
        return Err("nginx needs a certificate: config set tls.certificate, config set --secret tls.key".into());
    };
    let app = App::on(&Compose::project(stack, "easyflow"));
    let flow = easyflow(&app, &s);
    let nginx = app.web(
        "nginx",
        Container::image(&s.images.nginx)
            .port("http", 80)
            .port("https", 443)
            .file("/etc/nginx/nginx.conf", include_str!("easyflow/nginx.conf"))
            .file("/etc/nginx/ssl/cert.pem", certificate)
            .file("/etc/nginx/ssl/key.pem", key)
            .ready(Probe::tcp().port("https").every(5))
            .after(flow.app.ready()),
    );
    nginx
        .publish(Publish::everywhere(front.ports.http))
        .publish(Publish::everywhere(front.ports.https).to("https"));
    let (prometheus, grafana) = monitoring(&app, &s, &flow);
    prometheus.publish(Publish::local(front.ports.prometheus));
    grafana.publish(Publish::local(front.ports.grafana));
    app.backup(
        "postgres-backup",
        flow.postgres
            .dump()
            .schedule("0 2 * * *".parse()?)
            .keep_days(7)
            .on_volume("backup", &s.sizes.backup)
            .upload(&s.upload),
    );
    Ok(())
}
