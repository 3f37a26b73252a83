//! codelab on Docker with its monitoring: what `codelab_dev` has, Prometheus, and Grafana with the guides' dashboards.
//!
//! The project is called `codelab-full`: its volumes are its own, so both stacks can be tried on one machine, though not
//! at the same time with the same ports.

use std::process::ExitCode;

use codelab::docker::{self, check, local, variables};
use codelab::settings::Development;
use iac_backends::{PostgresState, S3State};
use iac_compose::prelude::*;
use iac_core::declare::Handle;
use iac_core::{Program, Result, Stack};
use iac_k8s::KubernetesState;

fn main() -> ExitCode {
    Program::new("codelab_full")
        .provider(DockerProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .run(codelab_full)
}

fn codelab_full(stack: &Stack) -> Result<()> {
    let settings: Development = stack.settings_with_defaults(Development::default())?;
    let codelab = Compose::project(stack, "codelab-full");

    let databases = docker::databases(&codelab, &settings);
    let app = docker::application(stack, &codelab, &settings, &databases);
    let prometheus = prometheus(&codelab, &settings, &app);
    let grafana = grafana(&codelab, &settings, &prometheus);

    stack.export("url", docker::url(&app, 8000));
    stack.export("prometheus", docker::url(&prometheus, 9090));
    stack.export("grafana", docker::url(&grafana, 3000));
    Ok(())
}

fn prometheus(codelab: &Compose, settings: &Development, app: &Handle<Service>) -> Handle<Service> {
    let data = codelab.volume("prometheus_data", Volume::default());
    let config = codelab.config("prometheus.yml", text(include_str!("codelab/prometheus.yml")));
    codelab.service(
        "prometheus",
        Service {
            image: settings.images.prometheus.clone(),
            ports: vec![local(settings.ports.prometheus, 9090)],
            volumes: vec![data.at("/prometheus")],
            configs: vec![config.at("/etc/prometheus/prometheus.yml")],
            depends_on: [app.started()].into(),
            healthcheck: Some(http_check("http://localhost:9090/-/healthy")),
            restart: Some(Restart::UnlessStopped),
            ..Service::default()
        },
    )
}

fn grafana(codelab: &Compose, settings: &Development, prometheus: &Handle<Service>) -> Handle<Service> {
    let data = codelab.volume("grafana_data", Volume::default());
    let provisioned = PROVISIONED.map(|(path, content)| {
        let config = codelab.config(path, text(content));
        config.at(format!("/etc/grafana/provisioning/{path}"))
    });
    codelab.service(
        "grafana",
        Service {
            image: settings.images.grafana.clone(),
            environment: variables([
                ("GF_SECURITY_ADMIN_USER", "admin"),
                ("GF_SECURITY_ADMIN_PASSWORD", "admin"),
            ]),
            ports: vec![local(settings.ports.grafana, 3000)],
            volumes: vec![data.at("/var/lib/grafana")],
            configs: provisioned.into(),
            depends_on: [prometheus.healthy()].into(),
            healthcheck: Some(http_check("http://localhost:3000/api/health")),
            restart: Some(Restart::UnlessStopped),
            ..Service::default()
        },
    )
}

/// What Grafana finds when it starts: its data source and the guides' four dashboards.
const PROVISIONED: [(&str, &str); 6] = [
    (
        "datasources/prometheus.yml",
        include_str!("codelab/grafana/datasources/prometheus.yml"),
    ),
    (
        "dashboards/codelab.yml",
        include_str!("codelab/grafana/dashboards/codelab.yml"),
    ),
    (
        "dashboards/application-overview.json",
        include_str!("codelab/grafana/dashboards/application-overview.json"),
    ),
    (
        "dashboards/database-performance.json",
        include_str!("codelab/grafana/dashboards/database-performance.json"),
    ),
    (
        "dashboards/agent-performance.json",
        include_str!("codelab/grafana/dashboards/agent-performance.json"),
    ),
    (
        "dashboards/error-tracking.json",
        include_str!("codelab/grafana/dashboards/error-tracking.json"),
    ),
];

fn text(content: &str) -> Config {
    Config {
        content: Some(content.to_owned()),
        ..Config::default()
    }
}

/// Prometheus' image has wget, others have curl.
fn http_check(url: &str) -> Healthcheck {
    check(&format!("wget -q -O /dev/null {url} || curl -fsS -o /dev/null {url}"))
}
