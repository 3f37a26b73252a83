//! The short form of a published port: `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`, with ranges.

use crate::model::Port;

/// Why a text is no port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no port: {why}; write \"8080:80\", \"127.0.0.1:8080:80/tcp\", \"80\" or ranges of one length")]
pub struct PortError {
    text: String,
    why: &'static str,
}

/// The ports that a text means: one, or one for each number of a range. A range of the host's ports for one of the
/// container leaves the choice to the engine.
///
/// # Errors
/// When a number is no port or the two ranges are not of one length.
pub fn parse(text: &str) -> Result<Vec<Port>, PortError> {
    let fail = |why| PortError {
        text: text.to_owned(),
        why,
    };
    let (host, container) = match text.rsplit_once(':') {
        Some((host, container)) => (host, container),
        None => ("", text),
    };
    let (ip, published) = host.rsplit_once(':').unwrap_or(("", host));
    let (targets, protocol) = container.split_once('/').unwrap_or((container, "tcp"));
    let protocol = if protocol.is_empty() { "tcp" } else { protocol }.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(fail("the protocol is not tcp, udp or sctp"));
    }
    let host_ip = address(ip).ok_or_else(|| fail("what stands before the host's port is no IP address"))?;
    let targets = range(targets).ok_or_else(|| fail("the container's port is no number from 1 to 65535"))?;
    let published = match published {
        "" => None,
        published => Some(range(published).ok_or_else(|| fail("the host's port is no number from 1 to 65535"))?),
    };
    let count = targets.1 - targets.0;
    if count > 0 && published.is_some_and(|(from, to)| to - from != count) {
        return Err(fail("the two ranges differ in length"));
    }
    let ports = (targets.0..=targets.1).map(|target| {
        let from = published.map(|(from, _)| from + (target - targets.0));
        let choice = published.filter(|(from, to)| count == 0 && from != to);
        Port {
            target,
            published: from,
            published_to: choice.map(|(_, to)| to),
            host_ip: host_ip.clone(),
            protocol: protocol.clone(),
        }
    });
    Ok(ports.collect())
}

/// The address that a text means; none of an empty one, which is every address.
fn address(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<std::net::IpAddr>().ok().map(|_| Some(bare.to_owned()))
}

/// The first and the last number of `80` or `80-90`.
pub(crate) fn range(text: &str) -> Option<(u16, u16)> {
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
        let table: [(&str, &[&str]); 12] = [
            ("80", &["80/tcp"]),
            ("8080:80", &["8080:80/tcp"]),
            ("8080:80/udp", &["8080:80/udp"]),
            ("127.0.0.1:8080:80", &["127.0.0.1:8080:80/tcp"]),
            ("127.0.0.1::80", &["127.0.0.1::80/tcp"]),
            (":80", &["80/tcp"]),
            ("::80", &["80/tcp"]),
            ("8000-8010:80", &["8000-8010:80/tcp"]),
            ("53:53/UDP", &["53:53/udp"]),
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
            "2-1",
            "a:80",
            "host:1:2",
            "127.0.0.1:80",
            "8000-8010:80-81",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
