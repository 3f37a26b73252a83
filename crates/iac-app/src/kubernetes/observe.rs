//! The objects that Prometheus needs on Kubernetes: those of the Prometheus Operator, or a name that leads to each pod.

use iac_k8s::k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use iac_k8s::monitoring::{
    Endpoint, PrometheusRule, PrometheusRuleSpec, Relabeling, ServiceMonitor, ServiceMonitorSpec,
};
use iac_k8s::{Namespaced, k8s};

use super::{labels, metadata};
use crate::observe::{Alerts, Scrape};
use crate::part::Data;
use crate::scraping::pods_service;

/// Lets the application's own Prometheus, or the operator's, ask the part's first port for metrics.
pub(super) fn scrape(namespace: &Namespaced, part: &Data, scrape: &Scrape, own: bool) {
    match own {
        false => monitor(namespace, part, scrape),
        true if part.several() => pods(namespace, part),
        true => {}
    }
}

fn monitor(namespace: &Namespaced, part: &Data, scrape: &Scrape) {
    let port = part.container.ports.first().map(|port| port.name.clone());
    // The job has one name wherever the part runs; the operator would take that of the Service.
    let job = k8s! { Relabeling { target_label: "job", replacement: scrape.job_of(part) } };
    let monitor = k8s! {
        ServiceMonitor {
            metadata: metadata(part),
            spec: ServiceMonitorSpec {
                selector: LabelSelector { match_labels: labels(part) },
                endpoints: [Endpoint { port: port, path: &scrape.path, interval: &scrape.interval, relabelings: [job] }],
            },
        }
    };
    namespace.add(&format!("{}-monitor", part.name.part), monitor);
}

/// A Service whose name leads to each pod, also to one that is not ready: that one has the more to tell.
fn pods(namespace: &Namespaced, part: &Data) {
    let port = part.container.ports.first().map(|port| ServicePort {
        name: Some(port.name.clone()),
        port: port.number.into(),
        ..ServicePort::default()
    });
    let service = Service {
        metadata: metadata(part),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(labels(part)),
            ports: port.map(|port| vec![port]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    };
    namespace.add(&pods_service(part), service);
}

/// Declares a group of alerting rules.
pub(super) fn alerts(namespace: &Namespaced, alerts: &Alerts) {
    let rules = k8s! { PrometheusRule { spec: PrometheusRuleSpec { groups: [alerts.rules()] } } };
    namespace.add(&alerts.name, rules);
}
