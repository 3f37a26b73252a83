//! A port of a container that is reachable on the host.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lenient;

/// A port of a container that is reachable on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Port {
    /// The port in the container.
    pub target: u16,
    /// The port on the host; none lets the engine choose one.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub published: Option<u16>,
    /// The host's address it is bound to; all of them when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

impl Default for Port {
    fn default() -> Self {
        Self {
            target: 0,
            published: None,
            host_ip: None,
            protocol: "tcp".to_owned(),
        }
    }
}

impl Port {
    /// A TCP port, reachable under the given port of every address of the host.
    pub fn published(published: u16, target: u16) -> Self {
        Self {
            published: Some(published),
            ..Self::any(target)
        }
    }

    /// A TCP port, reachable under a port of the host that the engine chooses.
    pub fn any(target: u16) -> Self {
        Self {
            target,
            ..Self::default()
        }
    }

    /// The same, bound to one address of the host: `127.0.0.1` keeps it off the network.
    #[must_use]
    pub fn on(mut self, host_ip: impl Into<String>) -> Self {
        self.host_ip = Some(host_ip.into());
        self
    }

    /// The same over UDP.
    #[must_use]
    pub fn udp(mut self) -> Self {
        self.protocol = "udp".to_owned();
        self
    }

    /// The engine's name for the container's side: `80/tcp`.
    pub(crate) fn container_key(&self) -> String {
        format!("{}/{}", self.target, self.protocol)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host_ip {
            Some(ip) if ip.contains(':') => write!(f, "[{ip}]:")?,
            Some(ip) => write!(f, "{ip}:")?,
            None => {}
        }
        match self.published {
            Some(published) => write!(f, "{published}:")?,
            None if self.host_ip.is_some() => f.write_str(":")?,
            None => {}
        }
        f.write_str(&self.container_key())
    }
}
