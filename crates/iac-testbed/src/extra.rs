//! Parts of the cluster that are there on request: real operators with their custom resources.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::binaries::{Binary, CERT_MANAGER, PROMETHEUS_OPERATOR};

/// A part of the cluster that is there on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extra {
    /// cert-manager's controllers and custom resources, with a self-signed ClusterIssuer `letsencrypt-prod`; without its webhook.
    CertManager,
    /// The Prometheus Operator and its custom resources: ServiceMonitor, PrometheusRule, Prometheus, …
    PrometheusOperator,
}

impl Extra {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::CertManager, Self::PrometheusOperator];

    /// The name on the command line, and of the daemon.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.binary().name
    }

    pub(crate) fn binary(self) -> &'static Binary {
        match self {
            Self::CertManager => &CERT_MANAGER,
            Self::PrometheusOperator => &PROMETHEUS_OPERATOR,
        }
    }

    /// The objects to apply once the custom resources are known.
    pub(crate) fn objects(self) -> &'static str {
        match self {
            Self::CertManager => include_str!("../manifests/cert-manager.yaml"),
            Self::PrometheusOperator => include_str!("../manifests/prometheus-operator.yaml"),
        }
    }
}

impl fmt::Display for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Extra {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|extra| extra.name() == text)
            .ok_or_else(|| format!("not one of {names}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Extra;

    #[test]
    fn every_extra_is_read_by_its_name() {
        for extra in Extra::ALL {
            assert_eq!(extra.to_string().parse(), Ok(extra));
        }
        assert_eq!(
            "gitea".parse::<Extra>(),
            Err("not one of cert-manager, prometheus-operator".to_owned())
        );
    }
}
