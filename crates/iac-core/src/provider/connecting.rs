//! The influence of a provider's configuration on connecting: where it connects, what it runs for that, and with which
//! credentials.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which of a provider's settings a file of somebody's repository may make by itself, and what the others lead to.
///
/// Whoever runs a program in a folder that came from elsewhere has not said where to connect: a setting counts as the
/// user's own from the command line, the environment and the file that the environment names. In a file of the
/// repository it needs the user's decision first.
#[derive(Debug, Clone, Copy)]
pub struct Connecting {
    /// The settings that a repository may make by itself: they decide nothing about connections.
    pub free: &'static [&'static str],
    /// Settings that the user's environment makes too, with its variables, the one that counts most first. Where both
    /// differ, the run is refused.
    pub variables: &'static [(&'static str, &'static str)],
    /// A function that tells what connecting with these settings leads to.
    pub leads_to: fn(&BTreeMap<String, String>) -> LeadsTo,
}

/// The consequences of connecting with some settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadsTo {
    /// The files that are read for it: where they lie in the repository, a decision is about their contents as well.
    pub files: Vec<PathBuf>,
    /// The programs that are run for it, for people.
    pub runs: Vec<String>,
}

impl Default for Connecting {
    /// Every setting needs the user's decision.
    fn default() -> Self {
        Self {
            free: &[],
            variables: &[],
            leads_to: |_| LeadsTo::default(),
        }
    }
}
