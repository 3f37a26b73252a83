//! Monitoring of Easy Flow: the guide's Prometheus with its three jobs, and a Grafana with its dashboard.

use iac_app::{App, Exporter, Grafana, GrafanaOptions, Prometheus, PrometheusOptions};

use super::{EasyFlow, Settings};

/// Watches all containers of the HTTP service, PostgreSQL and Redis.
pub fn monitoring(app: &App, s: &Settings, flow: &EasyFlow) -> (Prometheus, Grafana) {
    let interval = &s.scrape_interval;
    flow.app.scrape("/metrics", interval);
    let exporter = Exporter::postgres(&s.images.postgres_exporter, &flow.postgres);
    let exporter = app.exporter("postgres-exporter", exporter);
    exporter.scrape_as("postgres", "/metrics", interval);
    let exporter = Exporter::redis(&s.images.redis_exporter, &flow.redis);
    let exporter = app.exporter("redis-exporter", exporter);
    exporter.scrape_as("redis", "/metrics", interval);
    let prometheus = PrometheusOptions::image(&s.images.prometheus)
        .retention(&s.metrics_retention)
        .storage(&s.sizes.prometheus);
    let prometheus = app.prometheus("prometheus", prometheus);
    let grafana = GrafanaOptions::image(&s.images.grafana).prometheus(&prometheus);
    let grafana = app.grafana("grafana", grafana.dashboard(include_str!("dashboard.json")));
    app.stack().export("grafana_password", grafana.password().as_str());
    (prometheus, grafana)
}
