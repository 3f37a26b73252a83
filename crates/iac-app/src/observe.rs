//! Metrics and alerts: what a part, or the application, asks of whatever Prometheus looks after it.

use std::collections::BTreeMap;

use iac_core::declare::SourceLine;
use iac_k8s::k8s;
use iac_k8s::monitoring::{Rule, RuleGroup};

use crate::App;

/// The settings for the metrics that Prometheus reads from a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scrape {
    /// The job that the samples are of; the part's name where none is given.
    pub(crate) job: Option<String>,
    pub(crate) path: String,
    pub(crate) interval: String,
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

impl Alerts {
    /// The rules, as Prometheus reads them.
    pub(crate) fn rules(&self) -> RuleGroup {
        Alert::group(&self.group, &self.interval, &self.alerts)
    }

    /// Texts of it that are to be times, with what they are.
    pub(crate) fn times(&self) -> impl Iterator<Item = (String, &str)> {
        let interval = ("the interval".to_owned(), self.interval.as_str());
        let alerts = self.alerts.iter();
        let lasts = alerts.map(|alert| (format!("how long {} has held", alert.name), alert.lasts.as_str()));
        std::iter::once(interval).chain(lasts)
    }
}

impl App {
    /// A group of alerting rules, looked at so often. They are rules of the application's own
    /// [`Prometheus`](crate::Prometheus); where there is none, on Kubernetes, a PrometheusRule for the Prometheus Operator.
    #[track_caller]
    pub fn alerts(&self, name: &str, group: &str, interval: &str, alerts: impl IntoIterator<Item = Alert>) {
        self.0.alerts.borrow_mut().push(Alerts {
            name: name.to_owned(),
            group: group.to_owned(),
            interval: interval.to_owned(),
            alerts: alerts.into_iter().collect(),
            source: self.0.stack.source(),
        });
    }
}

/// The units of a time, in the order in which Prometheus takes them.
const UNITS: [&str; 7] = ["y", "w", "d", "h", "m", "s", "ms"];

/// Says what is wrong with a time of Prometheus: `30s`, `1h30m`, `15d`.
pub(crate) fn problem_of_time(what: &str, text: &str) -> Option<String> {
    (!is_time(text)).then(|| format!("{what}: {text:?} is no time of Prometheus; write \"30s\", \"5m\" or \"1h30m\""))
}

fn is_time(text: &str) -> bool {
    let (mut rest, mut units) = (text, UNITS.as_slice());
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit());
        let end = unit.map_or(rest.len(), |length| digits + length);
        let Some(found) = units.iter().position(|unit| *unit == &rest[digits..end]) else {
            return false;
        };
        if digits == 0 {
            return false;
        }
        units = &units[found + 1..];
        rest = &rest[end..];
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_prometheus_takes() {
        for text in ["30s", "5m", "1h30m", "15d", "100ms", "1y2w3d4h5m6s7ms", "0s"] {
            assert_eq!(problem_of_time("it", text), None);
        }
        for text in ["", "30", "s", "30 s", "1m1h", "5m5m", "1.5h", "-1m", "30sec", "½s"] {
            assert!(problem_of_time("it", text).is_some(), "{text:?} is taken");
        }
    }
}
