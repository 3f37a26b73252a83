//! A port of a container that is reachable on the host.

use std::fmt;
use std::net::IpAddr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::lenient;
use crate::parse;

/// A port of a container that is reachable on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The port in the container.
    pub target: u16,
    /// The port on the host; none lets the engine choose one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<u16>,
    /// The last one of those on the host from which the engine chooses one, where `published` is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_to: Option<u16>,
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
            published_to: None,
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

    /// The port or range on the host, as the engine wants it.
    pub(crate) fn published_text(&self) -> Option<String> {
        let from = self.published?;
        Some(match self.published_to.filter(|to| *to != from) {
            Some(to) => format!("{from}-{to}"),
            None => from.to_string(),
        })
    }

    /// True if the engine cannot publish both ports at once: they are one port of the host at an address that both have. Of a
    /// range the engine takes one that is free.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let is_one = self.published_to.is_none() && other.published_to.is_none();
        let same_port = self.published.is_some() && self.published == other.published;
        let address = || addresses_meet(self.host_ip.as_deref(), other.host_ip.as_deref());
        is_one && same_port && self.protocol == other.protocol && address()
    }

    /// The engine's name for the container's side: `80/tcp`.
    pub(crate) fn container_key(&self) -> String {
        format!("{}/{}", self.target, self.protocol)
    }
}

/// True if two addresses of the host that ports are bound to have one in common. No address (an engine says an empty text) is
/// every one of IPv4 and IPv6, `0.0.0.0` every one of IPv4, `::` every one of IPv6.
pub(crate) fn addresses_meet(a: Option<&str>, b: Option<&str>) -> bool {
    let (Some(a), Some(b)) = (a.filter(|a| !a.is_empty()), b.filter(|b| !b.is_empty())) else {
        return true;
    };
    let read = |text: &str| text.parse::<IpAddr>().map(|address| address.to_canonical());
    match (read(a), read(b)) {
        (Ok(a), Ok(b)) => a.is_ipv4() == b.is_ipv4() && (a == b || a.is_unspecified() || b.is_unspecified()),
        _ => a == b,
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host_ip {
            Some(ip) if ip.contains(':') => write!(f, "[{ip}]:")?,
            Some(ip) => write!(f, "{ip}:")?,
            None => {}
        }
        match self.published_text() {
            Some(published) => write!(f, "{published}:")?,
            None if self.host_ip.is_some() => f.write_str(":")?,
            None => {}
        }
        f.write_str(&self.container_key())
    }
}

/// Both our normal form and the specification's long form, whose `published` may be a range.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LongForm {
    #[serde(deserialize_with = "lenient::number")]
    target: Option<u16>,
    #[serde(deserialize_with = "lenient::option_text")]
    published: Option<String>,
    published_to: Option<u16>,
    host_ip: Option<String>,
    protocol: Option<String>,
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let long = LongForm::deserialize(input)?;
        let target = long.target.filter(|target| *target > 0);
        let target = target.ok_or_else(|| D::Error::custom("the target, the container's port, is missing"))?;
        let published = match long.published.as_deref() {
            None | Some("") => None,
            Some(text) => {
                let range = parse::port::range(text);
                Some(range.ok_or_else(|| {
                    D::Error::custom(format_args!("published: {text:?} is no port and no range of them"))
                })?)
            }
        };
        let host_ip = long.host_ip;
        if let Some(ip) = host_ip.as_ref().filter(|ip| ip.parse::<IpAddr>().is_err()) {
            return Err(D::Error::custom(format_args!("host_ip: {ip:?} is no IP address")));
        }
        let protocol = long.protocol.unwrap_or_else(|| "tcp".to_owned());
        Ok(Self {
            target,
            published: published.map(|(from, _)| from),
            published_to: long
                .published_to
                .or(published.filter(|(from, to)| from != to).map(|(_, to)| to)),
            host_ip,
            protocol,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ports_meet_where_the_engine_can_publish_only_one() {
        let port = |address: &str, published: Option<u16>| Port {
            target: 80,
            published,
            host_ip: (!address.is_empty()).then(|| address.to_owned()),
            ..Port::default()
        };
        let addresses = ["", "0.0.0.0", "::", "127.0.0.1", "127.0.0.2", "::1"];
        let meet = [
            ("", "0.0.0.0"),
            ("", "::"),
            ("", "127.0.0.1"),
            ("", "127.0.0.2"),
            ("", "::1"),
            ("0.0.0.0", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.2"),
            ("::", "::1"),
        ];
        for a in addresses {
            for b in addresses {
                let expected = a == b || meet.contains(&(a, b)) || meet.contains(&(b, a));
                let (one, other) = (port(a, Some(8080)), port(b, Some(8080)));
                assert_eq!(one.meets(&other), expected, "{a:?} {b:?}");
                assert!(!one.meets(&port(b, Some(8081))), "{a:?} {b:?}");
                assert!(!one.meets(&other.clone().udp()), "{a:?} {b:?}");
                assert!(one.clone().udp().meets(&other.clone().udp()) == expected, "{a:?} {b:?}");
                let range = Port {
                    published_to: Some(8090),
                    ..other
                };
                assert!(!one.meets(&range) && !range.meets(&one), "{a:?} {b:?}");
                assert!(!port(a, None).meets(&port(b, None)), "{a:?} {b:?}");
            }
        }
        assert!(port("::ffff:127.0.0.1", Some(1)).meets(&port("127.0.0.1", Some(1))));
    }
}
