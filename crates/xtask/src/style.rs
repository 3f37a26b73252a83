//! `cargo xtask style`: format, lints, documentation, workflow files, and what may be linked.

use std::process::{Command, ExitCode};

use iac_testbed::Progress;

use crate::advisories::{self, Advisories};
use crate::{Outcome, tool};

/// The checks: what they are about, and the arguments for cargo.
const CHECKS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    (
        "lints",
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ],
    ),
    ("documentation", &["doc", "--quiet", "--workspace", "--no-deps"]),
    // The fourth of cargo-deny's checks, advisories, needs a network: see `advisories`.
    (
        "licences, bans, sources",
        &["deny", "--log-level", "error", "check", "licenses", "bans", "sources"],
    ),
];

/// Runs all checks, also after one has failed.
pub(crate) fn run() -> Outcome {
    let progress = Progress::start();
    tool::need("deny", &progress)?;
    let mut failed = Vec::new();
    for (name, arguments) in CHECKS {
        progress.say(format!("style: {name}"));
        if !succeeds(
            Command::new("cargo")
                .args(*arguments)
                .env("RUSTDOCFLAGS", "--deny warnings"),
        )? {
            failed.push(*name);
        }
    }
    progress.say("style: workflow files");
    if !workflows_hold(&progress)? {
        failed.push("workflow files");
    }
    let advisories = advisories::check(&progress)?;
    progress.say(format!("style: advisories: {}", advisories.told()));
    if advisories == Advisories::Found {
        failed.push("advisories");
    }
    if failed.is_empty() {
        progress.say(match advisories {
            Advisories::NotChecked(_) => "style: everything else holds; advisories were not checked",
            _ => "style: everything holds",
        });
        return Ok(ExitCode::SUCCESS);
    }
    progress.say(format!("style: FAILED: {}", failed.join(", ")));
    Ok(ExitCode::FAILURE)
}

/// Lints the workflow files that users copy. What they have our programs do is a test of `iac-core`.
fn workflows_hold(progress: &Progress) -> Result<bool, Box<dyn std::error::Error>> {
    let actionlint = iac_testbed::actionlint(progress)?;
    let folder = crate::workspace().join("docs/workflows/github");
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder)? {
        files.push(file?.path());
    }
    // Other linters that may be installed are left out: everywhere the same is found.
    let mut lint = Command::new(actionlint);
    lint.args(["-shellcheck=", "-pyflakes="]).args(files);
    let github = succeeds(&mut lint)?;
    let pipeline = crate::workspace().join("docs/workflows/gitlab-ci.yml");
    Ok(succeeds(iac_testbed::gitlab_checker(progress)?.arg(pipeline))? && github)
}

fn succeeds(command: &mut Command) -> std::io::Result<bool> {
    command.status().map(|status| status.success())
}
