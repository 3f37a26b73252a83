//! The proxy on the way to the API server, as `kubectl` finds it.
//!
//! A `proxy-url` of the kubeconfig is used always. Else it is that of the environment: `HTTPS_PROXY` (`HTTP_PROXY` for a
//! server without TLS), in capitals or not, unless the server is this machine or `NO_PROXY` names it.

use std::net::IpAddr;

use http::Uri;
use http::uri::Authority;
use iac_core::{redact, transport};

/// The proxy variables of the environment.
#[derive(Debug, Default)]
pub(super) struct Environment {
    https: String,
    http: String,
    none: String,
}

impl Environment {
    /// The process's own.
    pub(super) fn of_process() -> Self {
        let either = |name: &str| {
            let found = [name.to_owned(), name.to_lowercase()];
            let mut found = found.iter().filter_map(|name| std::env::var(name).ok());
            found.find(|value| !value.is_empty()).unwrap_or_default()
        };
        Self {
            https: either("HTTPS_PROXY"),
            http: either("HTTP_PROXY"),
            none: either("NO_PROXY"),
        }
    }
}

/// The proxy to a server; an error where there is one that cannot be used.
pub(super) fn find(server: &Uri, configured: Option<&str>, environment: &Environment) -> Result<Option<Uri>, String> {
    if let Some(url) = configured.filter(|url| !url.is_empty()) {
        return usable(url, "proxy-url of the kubeconfig", server).map(Some);
    }
    let (variable, url) = match server.scheme_str() {
        Some("http") => ("HTTP_PROXY", &environment.http),
        _ => ("HTTPS_PROXY", &environment.https),
    };
    let host = server.host().unwrap_or_default();
    if url.is_empty() || transport::is_local(host) || is_excepted(server, &environment.none) {
        return Ok(None);
    }
    let url = if url.contains("://") {
        url.clone()
    } else {
        format!("http://{url}")
    };
    usable(&url, variable, server).map(Some)
}

fn usable(url: &str, origin: &str, server: &Uri) -> Result<Uri, String> {
    let shown = redact::url(url);
    let parsed: Uri = url
        .parse()
        .map_err(|_| format!("{shown} ({origin}) is no address of a proxy"))?;
    let (scheme, host) = match (parsed.scheme_str(), parsed.host()) {
        (Some(scheme @ ("http" | "https" | "socks5")), Some(host)) => (scheme, host),
        _ => {
            return Err(format!(
                "{shown} ({origin}) is no proxy that can be used: those of http://, https:// and socks5:// can"
            ));
        }
    };
    let authority = parsed.authority().map(Authority::as_str).unwrap_or_default();
    let in_clear = server.scheme_str() == Some("http");
    transport::through_proxy(scheme, host, authority.contains('@'), in_clear).map_err(|refused| {
        let hint = refused.hint("use a proxy of https://, and a server of https://");
        format!("{shown} ({origin}): {refused}; {hint}")
    })?;
    Ok(parsed)
}

/// True if `NO_PROXY` names the server: `*`, addresses, networks, names with all below them, each with a port or without.
fn is_excepted(server: &Uri, none: &str) -> bool {
    let host = server
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    let port = server
        .port_u16()
        .unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    none.split([',', ' ']).map(str::trim).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let (name, only) = with_port(&entry);
        only.is_none_or(|only| only == port) && matches(name, &host, address)
    })
}

/// An entry without its port, if it has one.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn matches(name: &str, host: &str, address: Option<IpAddr>) -> bool {
    let name = name.trim_matches(['[', ']']);
    if name == "*" {
        return true;
    }
    if let Some(address) = address {
        let is_same = name
            .parse::<IpAddr>()
            .is_ok_and(|other| other.to_canonical() == address);
        return is_same || is_in(name, address);
    }
    let below = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
    match below {
        Some(domain) => !domain.is_empty() && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => !name.is_empty() && (host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))),
    }
}

/// True if an address lies in a network such as `10.0.0.0/8`.
fn is_in(network: &str, address: IpAddr) -> bool {
    let Some((base, length)) = network.split_once('/') else {
        return false;
    };
    let bits = |address: IpAddr| -> (u32, u128) {
        match address {
            IpAddr::V4(address) => (32, u128::from(u32::from(address))),
            IpAddr::V6(address) => (128, u128::from(address)),
        }
    };
    let (Ok(base), Ok(length)) = (base.parse::<IpAddr>(), length.parse::<u32>()) else {
        return false;
    };
    let ((width, base), (other, address)) = (bits(base), bits(address));
    let Some(rest) = width.checked_sub(length).filter(|_| width == other) else {
        return false;
    };
    rest == 128 || base >> rest == address >> rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(server: &str, configured: &str, https: &str, none: &str) -> Result<Option<String>, String> {
        let environment = Environment {
            https: https.to_owned(),
            http: "http://plain:1".to_owned(),
            none: none.to_owned(),
        };
        let server = server.parse().unwrap_or_default();
        let proxy = find(&server, Some(configured), &environment)?;
        Ok(proxy.map(|proxy| proxy.to_string()))
    }

    #[test]
    fn it_is_found_as_kubectl_finds_it() {
        let proxy = |text: &str| Ok(Some(text.to_owned()));
        let table = [
            ("https://k.lan", "", "", "", Ok(None)),
            ("https://k.lan", "", "http://p:3128", "", proxy("http://p:3128/")),
            ("https://k.lan", "", "p:3128", "", proxy("http://p:3128/")),
            (
                "https://k.lan",
                "socks5://s:1080",
                "http://p",
                "*",
                proxy("socks5://s:1080/"),
            ),
            ("https://127.0.0.1:6443", "", "http://p", "", Ok(None)),
            ("https://localhost:6443", "", "http://p", "", Ok(None)),
            ("https://k.lan", "", "http://p", "*", Ok(None)),
            ("https://k.lan", "", "http://p", "other, k.lan", Ok(None)),
            ("https://k.lan", "", "http://p", "K.LAN", Ok(None)),
            ("https://a.k.lan", "", "http://p", "k.lan", Ok(None)),
            ("https://a.k.lan", "", "http://p", ".k.lan", Ok(None)),
            ("https://a.k.lan", "", "http://p", "*.k.lan", Ok(None)),
            ("https://k.lan", "", "http://p", ".k.lan", proxy("http://p/")),
            ("https://mk.lan", "", "http://p", "k.lan", proxy("http://p/")),
            ("https://k.lan:6443", "", "http://p", "k.lan:6443", Ok(None)),
            ("https://k.lan:6443", "", "http://p", "k.lan:443", proxy("http://p/")),
            ("https://10.1.2.3", "", "http://p", "10.0.0.0/8", Ok(None)),
            ("https://10.1.2.3", "", "http://p", "11.0.0.0/8", proxy("http://p/")),
            ("https://10.1.2.3", "", "http://p", "10.1.2.3", Ok(None)),
            ("https://10.1.2.3", "", "http://p", "0.0.0.0/0", Ok(None)),
            ("https://[fd00::1]:6443", "", "http://p", "fd00::/8", Ok(None)),
            ("https://[fd00::1]:6443", "", "http://p", "[fd00::1]:6443", Ok(None)),
        ];
        for (server, configured, https, none, expected) in table {
            assert_eq!(
                found(server, configured, https, none),
                expected,
                "{server} {configured} {https} {none}"
            );
        }
    }

    #[test]
    fn nothing_goes_in_clear_to_a_proxy_on_another_machine() {
        for (server, configured, https) in [
            ("http://127.0.0.1:8001", "http://p:3128", ""),
            ("http://k.lan", "", ""),
            ("http://127.0.0.1:8001", "https://p", ""),
            ("https://k.lan", "http://u:s3cret@p", ""),
            ("https://k.lan", "socks5://u:s3cret@p", ""),
            ("https://k.lan", "", "http://u:s3cret@p"),
        ] {
            let error = found(server, configured, https, "").err().unwrap_or_default();
            assert!(
                error.contains("in clear") && error.contains("IAC_CLEAR_TEXT="),
                "{error}"
            );
            assert!(!error.contains("s3cret"), "{error}");
        }
        for (server, configured) in [
            ("http://127.0.0.1:8001", "http://127.0.0.1:3128"),
            ("https://k.lan", "https://u:s3cret@p"),
        ] {
            assert!(
                found(server, configured, "", "").is_ok_and(|proxy| proxy.is_some()),
                "{server} {configured}"
            );
        }
    }

    #[test]
    fn one_that_cannot_be_used_is_refused_without_its_password() {
        for url in ["socks4://u:s3cret@p", "gopher://p", "ftp://u:s3cret@p:21"] {
            let error = found("https://k.lan", url, "", "").err().unwrap_or_default();
            assert!(error.contains("socks5://") && !error.contains("s3cret"), "{error}");
        }
    }
}
