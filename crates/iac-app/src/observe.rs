//! Metrics and alerts.

use std::collections::BTreeMap;

use iac_core::declare::SourceLine;
use iac_k8s::k8s;
use iac_k8s::monitoring::{Rule, RuleGroup};

use crate::App;

/// How Prometheus asks a part for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scrape {
    pub(crate) path: String,
    pub(crate) interval: String,
}

impl Scrape {
    pub(crate) fn new(path: impl Into<String>, interval: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            interval: interval.into(),
        }
    }
}

/// An alerting rule of Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub(crate) name: String,
    pub(crate) expr: String,
    pub(crate) lasts: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) annotations: Vec<(String, String)>,
}

impl Alert {
    /// Fires when the expression has held for so long: `Alert::new("Down", "up == 0", "5m")`.
    pub fn new(name: impl Into<String>, expr: impl Into<String>, lasts: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            expr: expr.into(),
            lasts: lasts.into(),
            labels: Vec::new(),
            annotations: Vec::new(),
        }
    }

    /// Its label `severity`.
    #[must_use]
    pub fn severity(mut self, severity: impl Into<String>) -> Self {
        self.labels.push(("severity".to_owned(), severity.into()));
        self
    }

    /// Its annotation `summary`.
    #[must_use]
    pub fn summary(self, text: impl Into<String>) -> Self {
        self.annotation("summary", text)
    }

    /// Its annotation `description`.
    #[must_use]
    pub fn description(self, text: impl Into<String>) -> Self {
        self.annotation("description", text)
    }

    /// A group of rules as Prometheus' rule files have it, for `groups` in one; it is looked at so often: `"30s"`.
    pub fn group(name: &str, interval: &str, alerts: &[Self]) -> RuleGroup {
        let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
        let rule = |alert: &Self| {
            k8s! {
                Rule {
                    alert: &alert.name,
                    expr: alert.expr.as_str(),
                    for_: &alert.lasts,
                    labels: map(&alert.labels),
                    annotations: map(&alert.annotations),
                }
            }
        };
        let rules: Vec<Rule> = alerts.iter().map(rule).collect();
        k8s! { RuleGroup { name: name, interval: interval, rules: rules } }
    }

    fn annotation(mut self, name: &str, text: impl Into<String>) -> Self {
        self.annotations.push((name.to_owned(), text.into()));
        self
    }
}

/// A group of alerting rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alerts {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) interval: String,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) source: SourceLine,
}

impl App {
    /// A group of alerting rules, looked at so often: on Kubernetes a PrometheusRule of the Prometheus Operator.
    #[track_caller]
    pub fn alerts(&self, name: &str, group: &str, interval: &str, alerts: impl IntoIterator<Item = Alert>) {
        let source = self.0.stack.source();
        if self.is_docker() {
            let message =
                "alerts: nothing on a Docker Engine looks at alerting rules; say them in the program for Kubernetes";
            self.report(name, message.to_owned(), source);
            return;
        }
        self.0.alerts.borrow_mut().push(Alerts {
            name: name.to_owned(),
            group: group.to_owned(),
            interval: interval.to_owned(),
            alerts: alerts.into_iter().collect(),
            source,
        });
    }
}
