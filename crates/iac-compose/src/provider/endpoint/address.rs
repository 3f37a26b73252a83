//! An engine's address as docker takes it: `unix:///path`, `tcp://HOST:PORT`, `ssh://USER@HOST`.

use http::Uri;
use iac_core::provider::{ErrorKind, ProviderError};
use iac_core::redact;

use crate::provider::ssh;

/// Where an engine usually listens.
pub(super) const USUAL_SOCKET: &str = "unix:///var/run/docker.sock";

/// Where an engine with TLS usually listens.
pub(super) const USUAL_ENCRYPTED: &str = "tcp://localhost:2376";

/// The port of an address without one, with TLS or without, as for docker.
const PORT: u16 = 2375;

/// An address, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// The socket's URL.
    Socket(String),
    /// The URL.
    Ssh(String),
    /// An address of the network.
    Tcp {
        scheme: Scheme,
        /// A name or an address.
        host: String,
        /// Both, as a URL has them: `[::1]:2376`.
        at: String,
    },
}

/// The scheme of an address on the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `tcp://`, `http://` or nothing: with TLS where it is asked for elsewhere.
    Tcp,
    /// `https://`: with TLS.
    Https,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, ProviderError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        let scheme = match scheme {
            "unix" if rest.is_empty() => return Ok(Self::Socket(USUAL_SOCKET.to_owned())),
            "unix" => return Ok(Self::Socket(text.to_owned())),
            _ if text.starts_with(ssh::SCHEME) => return Ok(Self::Ssh(text.to_owned())),
            "tcp" | "http" => Scheme::Tcp,
            "https" => Scheme::Https,
            _ => return Err(wrong(text)),
        };
        let rest = rest.trim_end_matches('/');
        let url = format!("tcp://{}", if rest.is_empty() { "localhost" } else { rest });
        let url: Uri = url.parse().map_err(|_| wrong(text))?;
        let (Some(authority), true) = (url.authority(), matches!(url.path(), "" | "/") && url.query().is_none()) else {
            return Err(wrong(text));
        };
        // Nothing but a host and a port: no user, and no port that is no number.
        let (host, port) = (authority.host(), authority.port_u16());
        let plain = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if host.is_empty() || authority.as_str() != plain {
            return Err(wrong(text));
        }
        Ok(Self::Tcp {
            scheme,
            host: host.trim_matches(['[', ']']).to_owned(),
            at: format!("{host}:{}", port.unwrap_or(PORT)),
        })
    }
}

fn wrong(host: &str) -> ProviderError {
    let message = format!(
        "{} is no way to a Docker Engine (docker.host of the configuration, DOCKER_HOST, or a context of docker)",
        redact::url(host)
    );
    ProviderError::new(ErrorKind::Invalid, message)
        .with_hint("it looks like unix:///var/run/docker.sock, tcp://HOST:PORT or ssh://USER@HOST")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        let tcp = |host: &str, at: &str| {
            Some(Address::Tcp {
                scheme: Scheme::Tcp,
                host: host.to_owned(),
                at: at.to_owned(),
            })
        };
        let socket = |url: &str| Some(Address::Socket(url.to_owned()));
        for (text, expected) in [
            ("unix:///run/my.sock", socket("unix:///run/my.sock")),
            ("unix://", socket(USUAL_SOCKET)),
            ("ssh://me@far", Some(Address::Ssh("ssh://me@far".to_owned()))),
            ("tcp://far:2376", tcp("far", "far:2376")),
            ("tcp://far:2376/", tcp("far", "far:2376")),
            ("tcp://far", tcp("far", "far:2375")),
            ("tcp://", tcp("localhost", "localhost:2375")),
            ("far:1", tcp("far", "far:1")),
            ("127.0.0.1", tcp("127.0.0.1", "127.0.0.1:2375")),
            ("tcp://[::1]:1", tcp("::1", "[::1]:1")),
            ("http://far:1", tcp("far", "far:1")),
            ("tcp://far:1/path", None),
            ("tcp://far:1?tls=no", None),
            ("tcp://me:s3cret@far:1", None),
            ("tcp://far:port", None),
            ("tcp://far:", None),
            ("tcp://far:02376", None),
            ("tcp://:1", None),
            ("TCP://far:1", None),
            ("fd://", None),
            ("npipe:////./pipe/docker_engine", None),
            ("tcp://fa r", None),
        ] {
            match Address::parse(text) {
                Ok(address) => assert_eq!(Some(address), expected, "{text}"),
                Err(error) => assert!(
                    expected.is_none() && !error.message.contains("s3cret"),
                    "{text}: {}",
                    error.message
                ),
            }
        }
    }
}
