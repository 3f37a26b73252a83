//! Errors of the test bed, each with the failing part, its own last words and what to do next.

use std::path::PathBuf;

/// Why an operation on the test bed failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The test bed makes network namespaces, mounts and cgroups, which only root may.
    #[error(
        "the test bed must run as root: it makes network namespaces, mounts and cgroups\n  next: run it again with sudo, or in a container or virtual machine of its own"
    )]
    NotRoot,
    /// A program that the test bed needs is not installed and could not be.
    #[error("{program} is missing, and {tried}\n  next: {next}")]
    Missing {
        /// The name of the program.
        program: String,
        /// The attempt to get it.
        tried: String,
        /// The advice for the user.
        next: String,
    },
    /// A file or folder could not be read or written.
    #[error("could not {action} {path}: {source}", path = path.display())]
    Io {
        /// A verb: "read", "create", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A command ended with a failure.
    #[error("{what} failed: `{command}` {outcome}\n{output}")]
    Command {
        /// The purpose of the command.
        what: String,
        /// The command line.
        command: String,
        /// Its end: its exit status, or why it could not start.
        outcome: String,
        /// The last lines that it printed.
        output: String,
    },
    /// A long-running part did not start, or died.
    #[error("{name} {problem}\n  its last log lines ({log}):\n{tail}\n  next: read the whole log; `cargo xtask testbed down --purge` and then `up` starts from nothing", log = log.display())]
    Daemon {
        /// The part: `dockerd`, `kube-apiserver`, …
        name: String,
        /// The problem, in words that follow the name.
        problem: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of that file.
        tail: String,
    },
    /// The record of the test bed can't be understood.
    #[error("the record of the test bed in {path} is damaged: {reason}\n  next: `cargo xtask testbed down --purge`", path = path.display())]
    Record {
        /// The record's file.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// The run directory holds something else.
    #[error("{path} is not empty and holds no test bed, so none is made there and nothing of it is removed\n  next: name an empty or a new folder in IAC_TESTBED_DIR", path = path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// Every block of addresses that the test bed may use is taken.
    #[error("no free block of addresses in 10.128.0.0 to 10.223.255.255: each of the 96 is routed or held by another test bed\n  next: stop test beds that are not used any more (their folders are in {folder})", folder = folder.display())]
    NoAddresses {
        /// Where the run directories of all test beds of this user are.
        folder: PathBuf,
    },
    /// A test asked for a part of the test bed that does not run or is not healthy.
    #[error(
        "{part} of the test bed {problem}\n  next: run `cargo xtask test`, which starts what the tests need, or `cargo xtask testbed up`"
    )]
    NotRunning {
        /// "the Docker Engine" or "the cluster".
        part: &'static str,
        /// The problem, in words that follow the part.
        problem: String,
    },
    /// The images of the test bed could not be built.
    #[error("the images of the test bed could not be built: {0}")]
    Images(#[from] crate::images::ImagesError),
}

/// The result of an operation on the test bed.
pub type Result<T> = std::result::Result<T, Error>;

/// Gives an I/O error the action and the path that it is about.
pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { action, path, source }
}
