//! `cargo xtask test`: the test bed, then every test of the workspace.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use iac_testbed::testbed::{Options, down, status, up};
use iac_testbed::{Extra, Layout, Progress, browser};

use crate::{Outcome, claim, say};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Leave the test bed running; without this it is stopped, unless it ran before
    #[arg(long)]
    keep: bool,
    /// Arguments for `cargo test`, in place of `--workspace --no-fail-fast`
    #[arg(last = true)]
    cargo: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let progress = Progress::start();
    let layout = Layout::of_this_checkout();
    let ran_before = status(&layout).is_ok_and(|parts| !parts.is_empty() && parts.iter().all(|part| part.healthy));
    up(
        &layout,
        &Options {
            kubernetes: true,
            compose: true,
            storage: true,
            // A ServiceMonitor is known to work when its operator has a Prometheus ask what it names.
            with: vec![Extra::PrometheusOperator],
            ..Options::default()
        },
        &progress,
    )?;
    browser::install(&layout, &progress)?;
    claim::release(layout.run())?;
    let result = run_tests(&arguments.cargo, &progress);
    if !ran_before && !arguments.keep {
        down(&layout, false, &progress)?;
    }
    let (total, passed) = result?;
    say::data(&format!("\n{}\n", total.line(passed)))?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs cargo's tests, passing on what they print; gives the sum of their summaries and whether cargo was content.
fn run_tests(chosen: &[String], progress: &Progress) -> Result<(Total, bool), std::io::Error> {
    let all = ["--workspace".to_owned(), "--no-fail-fast".to_owned()];
    let arguments = if chosen.is_empty() { &all } else { chosen };
    progress.say(format!("tests: cargo test {}", arguments.join(" ")));
    let mut child = Command::new("cargo")
        .arg("test")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut total = Total::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            total.add(&line);
            say::data(&format!("{line}\n"))?;
        }
    }
    Ok((total, child.wait()?.success()))
}

/// The sum of the test runners' summaries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Total {
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl Total {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; any other line changes nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number: u32 = number.parse().unwrap_or_default();
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    fn line(&self, cargo_is_content: bool) -> String {
        let verdict = if cargo_is_content { "ok" } else { "FAILED" };
        let Self {
            passed,
            failed,
            ignored,
        } = self;
        format!("test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; all crates together")
    }
}

#[cfg(test)]
mod tests {
    use super::Total;

    #[test]
    fn summaries_add_up() {
        let mut total = Total::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            total.add(line);
        }
        assert_eq!(
            total,
            Total {
                passed: 4,
                failed: 2,
                ignored: 1
            }
        );
        assert_eq!(
            total.line(false),
            "test result: FAILED. 4 passed; 2 failed; 1 ignored; all crates together"
        );
    }
}
