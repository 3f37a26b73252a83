//! `cargo xtask soak`: the tests that are a matter of numbers, with the full numbers.

use std::process::{Command, ExitCode};

use clap::Args;
use iac_testbed::testbed::{Options, up};
use iac_testbed::{Layout, Progress};

use crate::{Outcome, claim, fuzz, workspace};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Cases of the model test
    #[arg(long, default_value_t = 100_000)]
    cases: u32,
    /// Kills at random moments, on each target
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Edits of objects by somebody else, which drift has to see
    #[arg(long, default_value_t = 3_000)]
    edits: u32,
    /// Cases of each server's answers
    #[arg(long, default_value_t = 5_000)]
    answers: u32,
    /// Cases of the files of a project, each with other places spoilt
    #[arg(long, default_value_t = 50_000)]
    files: u32,
    /// The time for which each fuzz target is fed, in seconds
    #[arg(long, default_value_t = 600)]
    seconds: u32,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let progress = Progress::start();
    let options = Options {
        kubernetes: true,
        compose: true,
        storage: true,
        ..Options::default()
    };
    let layout = Layout::of_this_checkout();
    up(&layout, &options, &progress)?;
    claim::release(layout.run())?;
    let cases = arguments.cases.to_string();
    let kills = arguments.kills.to_string();
    let edits = arguments.edits.to_string();
    let answers = arguments.answers.to_string();
    // A backend that fails is asked again for seconds, so a case takes long.
    let of_state = (arguments.answers / 20).to_string();
    let files = arguments.files.to_string();
    let runs: [(&str, &[&str]); 7] = [
        (
            "answers of servers that nobody wrote",
            &["--package", "iac-k8s", "--package", "iac-compose", "--test", "answers"],
        ),
        (
            "answers of S3 and PostgreSQL that nobody wrote",
            &["--package", "iac-backends", "--test", "servers", "whatever_"],
        ),
        (
            "compose files, manifests and kubeconfigs that nobody wrote",
            &[
                "--release",
                "--package",
                "iac-k8s",
                "--package",
                "iac-compose",
                "--test",
                "foreign",
            ],
        ),
        (
            "the model tests",
            &[
                "--release",
                "--package",
                "iac-core",
                "--test",
                "model",
                "--test",
                "renames",
                "--test",
                "parts",
                "--test",
                "writers",
                "--test",
                "marks",
            ],
        ),
        (
            "kills and failures at every boundary, and all pairs of kills",
            &["--release", "--package", "iac-core", "--test", "kill"],
        ),
        ("kills at random moments", &["--test", "e2e", "kill"]),
        (
            "random edits by others",
            &["--package", "iac-k8s", "--test", "cluster", "random_edits"],
        ),
    ];
    for (what, arguments) in runs {
        progress.say(format!("soak: {what}"));
        let mut cargo = Command::new("cargo");
        cargo.current_dir(workspace()).arg("test").args(arguments);
        cargo.env("PROPTEST_CASES", &cases).env("IAC_KILLS", &kills);
        cargo.env("IAC_DRIFT_EDITS", &edits).env("IAC_ANSWERS", &answers);
        cargo.env("IAC_STATE_ANSWERS", &of_state).env("IAC_FILES", &files);
        let status = cargo.env("IAC_ALL_KILLS", "1").status()?;
        if !status.success() {
            return Err(format!("soak: {what} failed ({status})").into());
        }
    }
    progress.say("soak: fuzz targets");
    fuzz::run(&fuzz::Arguments {
        seconds: arguments.seconds,
        targets: Vec::new(),
    })?;
    progress.say("soak: all held");
    Ok(ExitCode::SUCCESS)
}
