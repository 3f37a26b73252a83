//! Monitoring of codelab: the guides' alerts and dashboards.

use iac_app::{Alert, App, Grafana, GrafanaOptions, PrometheusOptions, Provides, Publish};
use iac_core::Output;

use super::{Codelab, Host, Settings};

/// A Prometheus and a Grafana of its own, on Docker.
pub fn monitoring(app: &App, s: &Settings, host: &Host, codelab: &Codelab, password: Option<Output>) {
    codelab.api.scrape("/metrics", &host.scrape_interval);
    app.alerts("codelab-alerts", "codelab", "30s", alerts(s));
    let prometheus = PrometheusOptions::image(&s.images.prometheus).retention(&host.metrics_retention);
    let prometheus = app.prometheus("prometheus", prometheus);
    let grafana = grafana(app, s, &prometheus, password);
    prometheus.publish(Publish::local(host.ports.prometheus));
    grafana.publish(Publish::local(host.ports.grafana));
    app.stack().export("prometheus", prometheus.published_url());
    app.stack().export("grafana", grafana.published_url());
}

/// Grafana with the guides' four dashboards; its password is generated unless given.
pub fn grafana(app: &App, s: &Settings, prometheus: &impl Provides, password: Option<Output>) -> Grafana {
    let options = GrafanaOptions::image(&s.images.grafana)
        .password(password)
        .prometheus(prometheus)
        .dashboard(include_str!("dashboards/application-overview.json"))
        .dashboard(include_str!("dashboards/database-performance.json"))
        .dashboard(include_str!("dashboards/agent-performance.json"))
        .dashboard(include_str!("dashboards/error-tracking.json"));
    let grafana = app.grafana("grafana", options);
    app.stack().export("grafana_password", grafana.password().as_str());
    grafana
}

/// The guide's alerts.
pub fn alerts(s: &Settings) -> [Alert; 3] {
    let (share, seconds) = (s.alert_error_share, s.alert_latency);
    // The guide's expression counts errors per second; its threshold and its text mean their share.
    let errors = r#"sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))"#;
    let latency = "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))";
    let pool = "db_connection_pool_available == 0";
    [
        Alert::new("HighErrorRate", format!("{errors} > {share}"), "5m")
            .severity("critical")
            .summary("High error rate detected")
            .description(format!("Error rate is {{{{ $value }}}} (threshold: {share})")),
        Alert::new("HighLatency", format!("{latency} > {seconds}"), "5m")
            .severity("warning")
            .summary("High latency detected")
            .description(format!("P95 latency is {{{{ $value }}}}s (threshold: {seconds}s)")),
        Alert::new("DatabaseConnectionPoolExhausted", pool, "1m")
            .severity("critical")
            .summary("Database connection pool exhausted"),
    ]
}
