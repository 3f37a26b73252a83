//! `cargo xtask advisories`: known faults in what is linked, by a database that is fetched from the network.
//!
//! Without that database nothing is known, which is another answer than that there are none: it is said, and `cargo xtask
//! advisories` fails then. `cargo xtask style`, which has to run without a network too, says it and goes on.

use std::io::Read as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use iac_testbed::Progress;

use crate::{Outcome, tool};

/// The time that fetching the database may take: without a network, some machines try for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// The result of the check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Advisories {
    /// There are none.
    None,
    /// There are some; cargo-deny has printed them.
    Found,
    /// It is not known, because of this.
    NotChecked(String),
}

/// Runs the check alone.
pub(crate) fn run() -> Outcome {
    let progress = Progress::start();
    tool::need("deny", &progress)?;
    let found = check(&progress)?;
    progress.say(format!("advisories: {}", found.told()));
    Ok(match found {
        Advisories::None => ExitCode::SUCCESS,
        Advisories::Found | Advisories::NotChecked(_) => ExitCode::FAILURE,
    })
}

/// Fetches the database, and checks what is linked by it.
pub(crate) fn check(progress: &Progress) -> std::io::Result<Advisories> {
    progress.say("advisories: fetching the database");
    if let Err(why) = fetch()? {
        return Ok(Advisories::NotChecked(why));
    }
    let check = ["deny", "--log-level", "error", "check", "--disable-fetch", "advisories"];
    let status = Command::new("cargo").args(check).status()?;
    Ok(if status.success() {
        Advisories::None
    } else {
        Advisories::Found
    })
}

/// Fetches the database; an error says why that failed.
fn fetch() -> std::io::Result<Result<(), String>> {
    let mut command = Command::new("cargo");
    command.args(["deny", "--log-level", "error", "fetch", "db"]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(Err(format!("no answer within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let mut words = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut words)?;
    }
    Ok(match status.success() {
        true => Ok(()),
        false => Err(reason(&words)),
    })
}

/// The line in which cargo-deny says why it failed.
fn reason(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines.iter().find(|line| line.contains("failed")).or(lines.last());
    line.copied()
        .unwrap_or("cargo-deny failed, and says nothing")
        .to_owned()
}

impl Advisories {
    /// In words.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Found => "FOUND, see above".to_owned(),
            Self::NotChecked(why) => {
                format!("not checked: the database cannot be fetched: {why}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_checked_is_never_told_as_nothing_found() {
        let words = "2026-01-01 [ERROR] failed to fetch advisory database https://h: no route\n\nCaused by: x\n";
        assert_eq!(
            reason(words),
            "2026-01-01 [ERROR] failed to fetch advisory database https://h: no route"
        );
        assert_eq!(reason("one\ntwo\n"), "two");
        assert!(Advisories::NotChecked(reason("")).told().starts_with("not checked: "));
    }
}
