//! codelab on Docker with its monitoring: what `codelab_dev` has, Prometheus, and Grafana with the guides' dashboards.
//!
//! The project is called `codelab-full`: its volumes are its own, so both stacks can be tried on one machine, though not
//! at the same time with the same ports.

use std::process::ExitCode;

use iac_app::{App, Container, Probe, Publish, Volume};
use iac_backends::{PostgresState, S3State};
use iac_compose::{Compose, DockerProvider};
use iac_core::{Program, Result, Stack};
use iac_k8s::KubernetesState;
use systems::codelab::docker::development;

fn main() -> ExitCode {
    Program::new("codelab_full")
        .provider(DockerProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .run(codelab_full)
}

fn codelab_full(stack: &Stack) -> Result<()> {
    let app = App::on(&Compose::project(stack, "codelab-full"));
    let (codelab, s, host) = development(stack, &app)?;
    let prometheus = app.stateful(
        "prometheus",
        Container::image(&s.images.prometheus)
            .port("http", 9090)
            .file("/etc/prometheus/prometheus.yml", include_str!("codelab/prometheus.yml"))
            .volume(Volume::new("/prometheus", "10Gi"))
            .ready(Probe::http("/-/healthy").every(5))
            .after(codelab.api.ready()),
    );
    let grafana = Container::image(&s.images.grafana)
        .port("http", 3000)
        .env("GF_SECURITY_ADMIN_USER", "admin")
        .env("GF_SECURITY_ADMIN_PASSWORD", "admin")
        .volume(Volume::new("/var/lib/grafana", "1Gi"))
        .ready(Probe::http("/api/health").every(5))
        .after(prometheus.ready());
    let provisioned = PROVISIONED.iter().fold(grafana, |grafana, (path, content)| {
        grafana.file(format!("/etc/grafana/provisioning/{path}"), *content)
    });
    let grafana = app.stateful("grafana", provisioned);
    prometheus.publish(Publish::local(host.ports.prometheus));
    grafana.publish(Publish::local(host.ports.grafana));
    stack.export("prometheus", prometheus.published_url());
    stack.export("grafana", grafana.published_url());
    Ok(())
}

macro_rules! provisioned {
    ($($path:literal),*) => { &[$(($path, include_str!(concat!("codelab/grafana/", $path)))),*] };
}

/// What Grafana finds when it starts: its data source and the guides' four dashboards.
const PROVISIONED: &[(&str, &str)] = provisioned!(
    "datasources/prometheus.yml",
    "dashboards/codelab.yml",
    "dashboards/application-overview.json",
    "dashboards/database-performance.json",
    "dashboards/agent-performance.json",
    "dashboards/error-tracking.json"
);
