//! The environment of the programs that we start for others: plugins of kubeconfigs, `ssh`, `git`.

use std::ffi::{OsStr, OsString};

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

/// All variables but those that are for us alone.
pub fn for_others() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| !is_ours(name))
}

#[cfg(test)]
mod tests {
    use super::*;

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
