//! Monitoring of lang-agent: a Prometheus that asks the backend and the servers' exporters, and a Grafana with a dashboard.

use iac_app::{App, Exporter, Grafana, GrafanaOptions, Prometheus, PrometheusOptions};

use super::{LangAgent, Settings};

/// Watches the backend, PostgreSQL and Redis.
pub fn monitoring(app: &App, s: &Settings, agent: &LangAgent) -> (Prometheus, Grafana) {
    let interval = &s.scrape_interval;
    agent.backend.scrape("/metrics", interval);
    let exporter = Exporter::postgres(&s.images.postgres_exporter, &agent.postgres);
    app.exporter("postgres-exporter", exporter).scrape("/metrics", interval);
    let exporter = Exporter::redis(&s.images.redis_exporter, &agent.redis);
    app.exporter("redis-exporter", exporter).scrape("/metrics", interval);
    let prometheus = PrometheusOptions::image(&s.images.prometheus)
        .retention(&s.metrics_retention)
        .storage(&s.sizes.prometheus);
    let prometheus = app.prometheus("prometheus", prometheus);
    let grafana = GrafanaOptions::image(&s.images.grafana).prometheus(&prometheus);
    let grafana = app.grafana("grafana", grafana.dashboard(include_str!("dashboard.json")));
    app.stack().export("grafana_password", grafana.password().as_str());
    (prometheus, grafana)
}
