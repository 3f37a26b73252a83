//! The rules for sending in clear or encrypted: the one place that decides what may be sent where, for every client.
//!
//! On this machine (a socket, a loopback address) nobody listens on the way, and clear text is as good as any. Anywhere
//! else a connection is encrypted and the server's certificate is checked, or it is refused, unless the user names the
//! host in `IAC_CLEAR_TEXT`. Credentials that whoever listens could use again (bearer tokens, passwords of HTTP and of
//! registries) are sent in clear nowhere; a database gets its password in the form that it asks for, and a proxy of which
//! the user names the host.

pub mod tls;

use std::net::IpAddr;

/// Names the hosts that may be spoken to in clear, with commas between them.
pub const CLEAR_TEXT: &str = "IAC_CLEAR_TEXT";

/// A connection that would be in clear, to a host for which nobody asked for that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} at {host} would be spoken to in clear: whoever is on the way could read and change what is sent, secrets too"
)]
pub struct InClear {
    what: String,
    host: String,
}

impl InClear {
    /// Returns a hint on what to do about it, after the client's own way to use TLS.
    pub fn hint(&self, with_tls: &str) -> String {
        format!(
            "{with_tls}; if the way there is safe without, {CLEAR_TEXT}={} says so",
            self.host
        )
    }
}

/// Whether a server may be spoken to in clear; `what` is what it is, for people. The host is a name or an address,
/// without a port.
///
/// # Errors
/// When it is not on this machine and the user does not name it in `IAC_CLEAR_TEXT`.
pub fn in_clear(what: &str, host: &str) -> Result<(), InClear> {
    decide(what, host, &std::env::var(CLEAR_TEXT).unwrap_or_default())
}

/// Whether a proxy may be used: `host` and `scheme` are its address. It gets its own password in clear, and all that is sent
/// to a server in clear.
///
/// # Errors
/// When something would go in clear to a proxy that is not on this machine, and the user does not name its host in
/// `IAC_CLEAR_TEXT`.
pub fn through_proxy(scheme: &str, host: &str, has_password: bool, server_in_clear: bool) -> Result<(), InClear> {
    // The way to the proxy is one thing, what it does with what it gets another.
    let tells_password = has_password && scheme != "https";
    match tells_password || server_in_clear {
        true => in_clear("the proxy", host),
        false => Ok(()),
    }
}

fn decide(what: &str, host: &str, allowed: &str) -> Result<(), InClear> {
    let host = bare(host);
    let is_allowed = |one: &str| !one.is_empty() && bare(one).eq_ignore_ascii_case(host);
    if is_local(host) || allowed.split([',', ' ']).any(is_allowed) {
        return Ok(());
    }
    Err(InClear {
        what: what.to_owned(),
        host: host.to_owned(),
    })
}

/// True if this is an address or the usual name of this machine itself. Other names count as other machines, whatever
/// they mean at the moment.
pub fn is_local(host: &str) -> bool {
    let host = bare(host);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => {
            // A name below `localhost` is asked of the network where the resolver does not know the rule of RFC 6761.
            host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
        }
    }
}

fn bare(host: &str) -> &str {
    host.trim().trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_stays_on_this_machine_unless_somebody_says_so() {
        for (host, allowed, may) in [
            ("localhost", "", true),
            ("LOCALHOST.", "", true),
            ("db.localhost", "", false),
            ("db.localhost", "db.localhost", true),
            ("127.0.0.1", "", true),
            ("127.9.8.7", "", true),
            ("::1", "", true),
            ("[::1]", "", true),
            ("::ffff:127.0.0.1", "", true),
            ("10.0.0.1", "", false),
            ("0.0.0.0", "", false),
            ("::", "", false),
            ("localhost.example.com", "", false),
            ("notlocalhost", "", false),
            ("127.0.0.1.example.com", "", false),
            ("docker.lan", "docker.lan", true),
            ("docker.lan", "other.lan, Docker.LAN", true),
            ("docker.lan", "docker", false),
            ("docker.lan", "*", false),
            ("", "", false),
        ] {
            assert_eq!(decide("it", host, allowed).is_ok(), may, "{host} with {allowed:?}");
        }
        for (scheme, host, has_password, in_clear, may) in [
            ("http", "proxy.lan", false, false, true),
            ("http", "proxy.lan", true, false, false),
            ("socks5", "proxy.lan", true, false, false),
            ("https", "proxy.lan", true, false, true),
            ("https", "proxy.lan", false, true, false),
            ("http", "127.0.0.1", true, true, true),
        ] {
            let result = through_proxy(scheme, host, has_password, in_clear);
            assert_eq!(result.is_ok(), may, "{scheme}://{host} {has_password} {in_clear}");
        }
        let refused = decide("a database", "db", "");
        let hint = refused.map_err(|refused| refused.hint("use TLS"));
        let expected = "use TLS; if the way there is safe without, IAC_CLEAR_TEXT=db says so";
        assert_eq!(hint, Err(expected.to_owned()));
    }
}
