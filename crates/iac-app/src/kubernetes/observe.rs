//! What the Prometheus Operator is told: ServiceMonitors and PrometheusRules.

use iac_k8s::Namespaced;
use serde_json::json;

use super::labels;
use crate::observe::{Alert, Alerts, Scrape};
use crate::part::Data;

/// The API of the Prometheus Operator.
const API: &str = "monitoring.coreos.com/v1";

/// Lets Prometheus ask the part's first port for metrics.
pub(super) fn monitor(namespace: &Namespaced, part: &Data, scrape: &Scrape) {
    let port = part.container.ports.first().map(|port| port.name.as_str());
    let monitor = json!({
        "apiVersion": API,
        "kind": "ServiceMonitor",
        "metadata": { "labels": labels(part) },
        "spec": {
            "selector": { "matchLabels": labels(part) },
            "endpoints": [{ "port": port, "path": scrape.path, "interval": scrape.interval }],
        },
    });
    namespace.add_json(&format!("{}-monitor", part.name.part), monitor);
}

/// Declares a group of alerting rules.
pub(super) fn alerts(namespace: &Namespaced, alerts: &Alerts) {
    let object = json!({
        "apiVersion": API,
        "kind": "PrometheusRule",
        "spec": { "groups": [Alert::group(&alerts.group, &alerts.interval, &alerts.alerts)] },
    });
    namespace.add_json(&alerts.name, object);
}
