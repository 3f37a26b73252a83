//! The short form of a published port: `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`, with ranges.

use crate::model::Port;

/// Why a text is no port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no port: {why}; write \"8080:80\", \"127.0.0.1:8080:80/tcp\", \"80\" or ranges of one length")]
pub struct PortError {
    text: String,
    why: &'static str,
}

/// The ports that a text means: one, or one for each number of a range.
///
/// # Errors
/// When a number is no port or the two ranges are not of one length.
pub fn parse(text: &str) -> Result<Vec<Port>, PortError> {
    let fail = |why| PortError {
        text: text.to_owned(),
        why,
    };
    let (address, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(fail("the protocol is not tcp, udp or sctp"));
    }
    let (host, container) = match address.rsplit_once(':') {
        Some((host, container)) => (Some(host), container),
        None => (None, address),
    };
    let (host_ip, published) = match host {
        None => (None, ""),
        Some(host) => split_host(host).ok_or_else(|| fail("the host part is not [IP:]PORT"))?,
    };
    let targets = range(container).ok_or_else(|| fail("the container's port is no number from 1 to 65535"))?;
    let published = match published {
        "" => None,
        published => Some(range(published).ok_or_else(|| fail("the host's port is no number from 1 to 65535"))?),
    };
    if published
        .as_ref()
        .is_some_and(|(from, to)| to - from != targets.1 - targets.0)
    {
        return Err(fail("the two ranges differ in length"));
    }
    let ports = (targets.0..=targets.1).map(|target| Port {
        target,
        published: published.map(|(from, _)| from + (target - targets.0)),
        host_ip: host_ip.map(str::to_owned),
        protocol: protocol.to_owned(),
    });
    Ok(ports.collect())
}

fn split_host(host: &str) -> Option<(Option<&str>, &str)> {
    if let Some(rest) = host.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        return Some((Some(ip), port.strip_prefix(':').unwrap_or(port)));
    }
    match host.rsplit_once(':') {
        Some((ip, port)) if ip.parse::<std::net::IpAddr>().is_ok() => Some((Some(ip), port)),
        Some(_) => None,
        // `127.0.0.1:80`: an address and a container port, any host port.
        None if host.contains('.') => Some((Some(host), "")),
        None => Some((None, host)),
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match text.split_once('-') {
        None => number(text).map(|port| (port, port)),
        Some((from, to)) => Some((number(from)?, number(to)?)).filter(|(from, to)| from <= to),
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let ports = parse(text).unwrap_or_else(|error| panic!("{error}"));
        ports.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_short_form_is_understood() {
        let table: [(&str, &[&str]); 9] = [
            ("80", &["80/tcp"]),
            ("8080:80", &["8080:80/tcp"]),
            ("8080:80/udp", &["8080:80/udp"]),
            ("127.0.0.1:8080:80", &["127.0.0.1:8080:80/tcp"]),
            ("127.0.0.1::80", &["127.0.0.1::80/tcp"]),
            ("127.0.0.1:80", &["127.0.0.1::80/tcp"]),
            ("[::1]:8080:80", &["[::1]:8080:80/tcp"]),
            ("3000-3002", &["3000/tcp", "3001/tcp", "3002/tcp"]),
            ("9090-9091:80-81", &["9090:80/tcp", "9091:81/tcp"]),
        ];
        for (text, ports) in table {
            assert_eq!(shown(text), ports, "{text}");
        }
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in [
            "",
            "x",
            "0",
            "70000",
            "80/http",
            "1-2:3",
            "2-1",
            "a:80",
            "host:1:2",
            "8000-8010:80",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
