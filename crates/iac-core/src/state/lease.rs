//! The lease: who may write, until when.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunInfo;
use super::process::ProcessId;

/// Who holds a stack's lease.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Who, on which machine, with which command.
    pub run: RunInfo,
    /// Since when, by that machine's clock.
    pub since: Timestamp,
    /// Its process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) process: Option<ProcessId>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunInfo {
            who,
            host,
            pid,
            command,
            ..
        } = &self.run;
        write!(f, "{who} on {host} (`{command}`, process {pid}) since {}", self.since)
    }
}
