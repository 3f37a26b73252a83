//! The two custom resources of the Prometheus Operator that every service declares: what is scraped, and when to alert.
//!
//! They have the fields of `monitoring.coreos.com/v1` that are used for that. An object with others, and any other custom
//! resource, is declared with [`add_json`](crate::Namespaced::add_json), or as a struct of your own that derives
//! `kube::CustomResource`; [`k8s!`](crate::k8s) takes such structs as well.
//!
//! ```
//! use iac_k8s::k8s;
//! use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
//! use iac_k8s::monitoring::{
//!     Endpoint, PrometheusRule, PrometheusRuleSpec, Rule, RuleGroup, ServiceMonitor, ServiceMonitorSpec,
//! };
//!
//! # let stack = iac_core::Stack::new("demo", iac_core::config::Config::default());
//! let k = iac_k8s::Kubernetes::new(&stack).in_namespace("shop");
//! k.add("api", k8s! {
//!     ServiceMonitor {
//!         spec: ServiceMonitorSpec {
//!             selector: LabelSelector { match_labels: [("app", "api")] },
//!             endpoints: [Endpoint { port: "http", path: "/metrics", interval: "30s" }],
//!         },
//!     }
//! });
//! k.add("api", k8s! {
//!     PrometheusRule {
//!         spec: PrometheusRuleSpec {
//!             groups: [RuleGroup {
//!                 name: "api",
//!                 rules: [Rule {
//!                     alert: "ApiDown",
//!                     expr: "up{job='api'} == 0",
//!                     for_: "5m",
//!                     labels: [("severity", "critical")],
//!                     annotations: [("summary", "The API is down")],
//!                 }],
//!             }],
//!         },
//!     }
//! });
//! # stack.finish().unwrap();
//! ```

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// The targets that a ServiceMonitor scrapes: the endpoints of the Services that it selects.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "monitoring.coreos.com",
    version = "v1",
    kind = "ServiceMonitor",
    namespaced,
    schema = "disabled",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceMonitorSpec {
    /// The Services, by their labels.
    pub selector: LabelSelector,
    /// The namespaces in which it looks for them; its own where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<NamespaceSelector>,
    /// The ports and paths that are scraped of each.
    pub endpoints: Vec<Endpoint>,
    /// The label of the Service whose value is the name of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_label: Option<String>,
    /// Labels of the Service that the samples get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_labels: Option<Vec<String>>,
    /// Labels of the pods that the samples get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_target_labels: Option<Vec<String>>,
    /// More samples than this in one scrape fail it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_limit: Option<i64>,
}

/// Namespaces, all of them or by their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// All of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<bool>,
    /// These.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_names: Option<Vec<String>>,
}

/// One thing to scrape of a Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// The name of the Service's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The pods' port, by name or number, instead of the Service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_port: Option<IntOrString>,
    /// Where the metrics are: `/metrics` where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `http` or `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The interval between scrapes: `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// The time that one scrape may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_timeout: Option<String>,
    /// Parameters of the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<BTreeMap<String, Vec<String>>>,
    /// The target's own labels win over those of the scrape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honor_labels: Option<bool>,
    /// Changes of labels before the scrape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relabelings: Option<Vec<Relabeling>>,
    /// Changes of the samples' labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_relabelings: Option<Vec<Relabeling>>,
}

/// One change of labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relabeling {
    /// The labels that are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_labels: Option<Vec<String>>,
    /// The text between their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The label that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_label: Option<String>,
    /// The regular expression that the values have to match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// For `hashmod`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modulus: Option<i64>,
    /// The text that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// The action: `replace` where nothing is said, `keep`, `drop`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// The rules of a PrometheusRule.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "monitoring.coreos.com",
    version = "v1",
    kind = "PrometheusRule",
    namespaced,
    schema = "disabled",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusRuleSpec {
    /// The groups; the rules of one are evaluated in their order.
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleGroup {
    /// Its name, unique in the object.
    pub name: String,
    /// The interval between evaluations: `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Labels of all its alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// More alerts or series than this of one rule fail it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A rule that alerts, or one that records a series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The alert's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The name of the series that it records, instead of an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The PromQL expression.
    pub expr: IntOrString,
    /// The time for which it has to be true: `5m`.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub for_: Option<String>,
    /// The time for which an alert goes on firing when it no longer is.
    #[serde(rename = "keep_firing_for", skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<String>,
    /// Labels, such as `severity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations, such as `summary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::k8s;

    #[test]
    fn they_are_written_as_the_operator_reads_them() {
        let monitor = k8s! {
            ServiceMonitor {
                spec: ServiceMonitorSpec {
                    namespace_selector: NamespaceSelector { match_names: ["shop"] },
                    endpoints: [Endpoint { target_port: 8000_u16, scrape_timeout: "5s" }],
                },
            }
        };
        assert_eq!(
            serde_json::to_value(monitor).unwrap(),
            json!({
                "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {},
                "spec": {
                    "selector": {}, "namespaceSelector": { "matchNames": ["shop"] },
                    "endpoints": [{ "targetPort": 8000, "scrapeTimeout": "5s" }],
                },
            })
        );
        let rule = k8s! { Rule { alert: "Down", expr: "up == 0", for_: "5m", keep_firing_for: "1m" } };
        assert_eq!(
            serde_json::to_value(rule).unwrap(),
            json!({ "alert": "Down", "expr": "up == 0", "for": "5m", "keep_firing_for": "1m" })
        );
    }
}
