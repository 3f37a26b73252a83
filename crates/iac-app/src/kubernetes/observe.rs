//! What the Prometheus Operator is told: ServiceMonitors and PrometheusRules.

use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use iac_k8s::monitoring::{Endpoint, PrometheusRule, PrometheusRuleSpec, ServiceMonitor, ServiceMonitorSpec};
use iac_k8s::{Namespaced, k8s};

use super::{labels, metadata};
use crate::observe::{Alert, Alerts, Scrape};
use crate::part::Data;

/// Lets Prometheus ask the part's first port for metrics.
pub(super) fn monitor(namespace: &Namespaced, part: &Data, scrape: &Scrape) {
    let port = part.container.ports.first().map(|port| port.name.clone());
    let monitor = k8s! {
        ServiceMonitor {
            metadata: metadata(part),
            spec: ServiceMonitorSpec {
                selector: LabelSelector { match_labels: labels(part) },
                endpoints: [Endpoint { port: port, path: &scrape.path, interval: &scrape.interval }],
            },
        }
    };
    namespace.add(&format!("{}-monitor", part.name.part), monitor);
}

/// Declares a group of alerting rules.
pub(super) fn alerts(namespace: &Namespaced, alerts: &Alerts) {
    let group = Alert::group(&alerts.group, &alerts.interval, &alerts.alerts);
    let rules = k8s! { PrometheusRule { spec: PrometheusRuleSpec { groups: [group] } } };
    namespace.add(&alerts.name, rules);
}
