//! Addresses of repositories: one spelling for all that mean the same, and no credentials.

use std::path::{Path, PathBuf};

/// The target of a remote's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A repository on the network: `github.com/acme/shop`.
    Network(String),
    /// A repository in a folder of this machine.
    Folder(PathBuf),
}

/// Reads the URL of a remote. `base` is what a relative path starts from. None for what is read by a program of its own
/// (`ext::…`), and for what is no address.
pub(super) fn parse(url: &str, base: &Path) -> Option<Address> {
    let url = url.trim();
    if url.is_empty() || url.contains("::") {
        return None;
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "file" => folder(&decoded(rest.strip_prefix("localhost").unwrap_or(rest)), base),
            scheme => network(scheme, rest),
        };
    }
    // As ssh takes it: a colon before any slash, behind a host. A single letter is a drive.
    match url.split_once(':') {
        Some((host, path)) if !host.contains('/') && host.len() > 1 => network("ssh", &format!("{host}/{path}")),
        _ => folder(url, base),
    }
}

/// The name of a project as the user gives it: an address, or any word.
pub(super) fn named(text: &str) -> Option<String> {
    let name = match parse(text, Path::new("/")) {
        Some(Address::Network(address)) => address,
        _ => repository(text.trim()),
    };
    (!name.is_empty()).then_some(name)
}

fn network(scheme: &str, rest: &str) -> Option<Address> {
    // The query or fragment may hold a token.
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/')?;
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name.to_owned(), port),
        _ => (host.clone(), ""),
    };
    // One server answers ssh and https at different ports; only an unusual port of a web server may be another one.
    let port = match (scheme, port) {
        ("http" | "https", port) if !matches!(port, "" | "80" | "443") => format!(":{port}"),
        _ => String::new(),
    };
    let path = repository(&decoded(path));
    (!name.is_empty() && !path.is_empty()).then(|| Address::Network(format!("{name}{port}/{path}")))
}

/// The path of a repository without what may be left out. Servers that have two that differ in case alone are unheard of.
fn repository(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let path = parts.join("/");
    path.strip_suffix(".git").unwrap_or(&path).to_lowercase()
}

fn folder(path: &str, base: &Path) -> Option<Address> {
    let path = base.join(path);
    // A bundle or a folder that is gone has no other name.
    let path = path.canonicalize().unwrap_or(path);
    let work_tree = path.file_name().is_some_and(|name| name == ".git");
    let parent = path.parent().filter(|_| work_tree);
    Some(Address::Folder(parent.unwrap_or(&path).to_owned()))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_repository_are_one_address() {
        let table = [
            "git@github.com:acme/shop.git",
            "git@github.com:/acme/shop",
            "github.com:acme/shop.git",
            "ssh://git@github.com/acme/shop.git",
            "ssh://git@github.com:22/acme/shop/",
            "ssh://git@github.com:2222/acme/shop/",
            "git://github.com/acme/shop",
            "https://github.com/acme/shop",
            "https://github.com:443//acme/shop.git/",
            "https://GitHub.com/Acme/Shop.git",
            "https://user:s3cret@github.com/acme/shop.git",
            "https://user:s3c@ret@github.com/acme/shop.git",
            "https://gitlab-ci-token:s3cret@github.com/acme/shop.git?private_token=s3cret#x",
            "git+ssh://git@github.com/acme/shop",
        ];
        for url in table {
            let expected = Address::Network("github.com/acme/shop".into());
            assert_eq!(parse(url, Path::new("/base")), Some(expected), "{url}");
            assert_eq!(named(url).as_deref(), Some("github.com/acme/shop"), "{url}");
        }
    }

    #[test]
    fn other_repositories_are_others() {
        let network = |text: &str| Some(Address::Network(text.into()));
        let folder = |text: &str| Some(Address::Folder(text.into()));
        let table = [
            ("http://localhost:3000/a/b", network("localhost:3000/a/b")),
            ("http://localhost:4000/a/b", network("localhost:4000/a/b")),
            ("https://host/~me/b.git", network("host/~me/b")),
            ("https://host/a%20b", network("host/a b")),
            ("/srv/nowhere/one.git", folder("/srv/nowhere/one.git")),
            ("file:///srv/nowhere/one.git", folder("/srv/nowhere/one.git")),
            ("../nowhere/one", folder("/base/../nowhere/one")),
            ("/srv/nowhere/one/.git", folder("/srv/nowhere/one")),
            ("./a:b", folder("/base/./a:b")),
            ("ext::sh -c foo", None),
            ("https://host", None),
            ("", None),
        ];
        for (url, expected) in table {
            assert_eq!(parse(url, Path::new("/base")), expected, "{url}");
        }
        assert_eq!(named(" Acme Shop "), Some("acme shop".into()));
        assert_eq!(named(" "), None);
    }
}
