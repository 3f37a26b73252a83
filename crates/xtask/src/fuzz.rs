//! `cargo xtask fuzz`: the fuzz targets of `crates/iac-core/fuzz`, as many at a time as the machine has processors.
//!
//! The inputs that they come across go to `target/fuzz/found/TARGET`, from where the next run goes on; those that the
//! repository keeps are in `corpus/TARGET`, and the test `corpus` replays them. An input that fails is written to
//! `artifacts/TARGET`.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;

use clap::Args;
use iac_testbed::Progress;

use crate::{Outcome, tool, workspace};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The time for which each target is fed, in seconds
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u32,
    /// Which targets; all unless given
    pub(crate) targets: Vec<String>,
}

/// Options of cargo-fuzz. A sanitizer needs a compiler of the night and finds what safe code cannot do; coverage works
/// without.
const OPTIONS: [&str; 2] = ["--sanitizer", "none"];

/// The limits for one input: its time, in seconds, and its memory, in MiB.
const LIMITS: [&str; 2] = ["-timeout=30", "-rss_limit_mb=3072"];

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let progress = Progress::start();
    tool::need("fuzz", &progress)?;
    progress.say("fuzz: building the targets");
    if !cargo_fuzz("build").args(OPTIONS).status()?.success() {
        return Err("the fuzz targets could not be built".into());
    }
    let targets = if arguments.targets.is_empty() {
        all()?
    } else {
        arguments.targets.clone()
    };
    let waiting = Mutex::new(VecDeque::from(targets));
    let failed = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(target) = next(&waiting) {
                    let result = feed(&target, arguments.seconds);
                    progress.say(match &result {
                        Ok(done) => format!("fuzz: {target}: {done}"),
                        Err(error) => format!("fuzz: {target}: FAILED: {error}"),
                    });
                    if let (Err(_), Ok(mut failed)) = (result, failed.lock()) {
                        failed.push(target);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner()?;
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("fuzz: {} failed", failed.join(", ")).into())
}

fn next(waiting: &Mutex<VecDeque<String>>) -> Option<String> {
    waiting.lock().ok()?.pop_front()
}

/// Feeds one target; what it says at its end, or the end of its log.
fn feed(target: &str, seconds: u32) -> Result<String, Box<dyn Error + Send + Sync>> {
    let found = folder().join("found").join(target);
    std::fs::create_dir_all(&found)?;
    let log = folder().join(format!("{target}.log"));
    let output = File::create(&log)?;
    let mut command = cargo_fuzz("run");
    command
        .args(OPTIONS)
        .arg(target)
        .arg(&found)
        .arg(format!("fuzz/corpus/{target}"));
    command.arg("--").args(LIMITS).arg(format!("-max_total_time={seconds}"));
    let status = command.stdout(Stdio::null()).stderr(output).status()?;
    let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    if status.success() {
        let done = text.lines().rev().find(|line| line.starts_with("Done "));
        return Ok(done.unwrap_or("done").to_owned());
    }
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(40)..].join("\n");
    Err(format!("{status}; all of it is in {}\n{tail}", log.display()).into())
}

/// The names of all targets.
fn all() -> Result<Vec<String>, Box<dyn Error>> {
    let output = cargo_fuzz("list").output()?;
    let names = String::from_utf8(output.stdout)?;
    Ok(names.lines().map(str::to_owned).collect())
}

fn folder() -> PathBuf {
    workspace().join("target/fuzz")
}

fn cargo_fuzz(task: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace().join("crates/iac-core"));
    command.args(["fuzz", task]).env("CARGO_TARGET_DIR", folder());
    command
}
