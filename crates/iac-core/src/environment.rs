//! The environment of the programs that we start for others: plugins of kubeconfigs, `ssh`, `git`.

use std::ffi::{OsStr, OsString};

use crate::value::Secret;

/// The prefix of the names of our own variables: passphrases, identities, configuration, the backend's URL.
const OURS: &str = "IAC_";

/// Variables of others that hold credentials of a backend and that no such program needs. Those of clouds (`AWS_…`) stay:
/// plugins log in with them, as they do under `kubectl`.
const OF_BACKENDS: [&str; 2] = ["PGPASSWORD", "PGPASSFILE"];

/// True if a variable is for us alone.
pub fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(OURS) || OF_BACKENDS.contains(&&*name)
}

/// Variables with credentials that a backend may be reached with.
const CREDENTIALS: [&str; 4] = [
    "IAC_PASSPHRASE",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// Anything shorter is found in texts by chance; a secret that somebody drew is longer.
const SHORTEST: usize = 12;

/// The secrets that the process itself works with: those of its variables, and the password in the URL of the backend.
pub(crate) fn secrets(backend: Option<&str>) -> Vec<Secret> {
    let variables = CREDENTIALS.into_iter().filter_map(|name| std::env::var(name).ok());
    let all = variables.chain(backend.into_iter().flat_map(passwords));
    all.filter(|text| text.len() >= SHORTEST).map(Secret::from).collect()
}

/// The password in a URL, as it is written and as it is meant.
fn passwords(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let Some((_, password)) = user.and_then(|user| user.split_once(':')) else {
        return Vec::new();
    };
    let meant = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
    vec![password.to_owned(), meant.into_owned()]
}

/// All variables but those that are for us alone.
pub fn for_others() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| !is_ours(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_backend_is_a_secret_of_the_process() {
        for (url, expected) in [
            ("postgres://app:canary-of-state@db/state", vec!["canary-of-state"]),
            (
                "postgres://app:canary%2Fof-state@db/state?x=@",
                vec!["canary%2Fof-state", "canary/of-state"],
            ),
            ("postgres://app:short@db/state", vec![]),
            ("postgres://app@db/state", vec![]),
            ("s3://bucket/a:b@c", vec![]),
            ("./state", vec![]),
        ] {
            let mut found: Vec<String> = passwords(url);
            found.retain(|text| text.len() >= SHORTEST);
            found.dedup();
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn nobody_else_gets_our_secrets() {
        for (name, ours) in [
            ("IAC_PASSPHRASE", true),
            ("IAC_CONFIG_DB__PASSWORD", true),
            ("IAC_BACKEND", true),
            ("PGPASSWORD", true),
            ("PATH", false),
            ("AWS_PROFILE", false),
            ("MY_IAC_KEY", false),
        ] {
            assert_eq!(is_ours(OsStr::new(name)), ours, "{name}");
        }
    }
}
