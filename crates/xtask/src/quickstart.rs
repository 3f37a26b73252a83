//! `cargo xtask quickstart`: from a bare machine to a healthy API on Docker, and back.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Args;
use iac_testbed::testbed::{self, Options};
use iac_testbed::{Layout, Progress, command_line, environment};

use crate::{Outcome, claim, say, target, workspace};

/// The program that is deployed.
const PROGRAM: &str = "codelab_dev";

#[derive(Args)]
pub(crate) struct Arguments {
    /// Remove everything that the quickstart made, its data included
    #[arg(long)]
    down: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let layout = Layout::of_this_checkout();
    let progress = Progress::start();
    if arguments.down {
        down(&layout, &progress)
    } else {
        up(&layout, &progress)
    }
}

fn up(layout: &Layout, progress: &Progress) -> Outcome {
    let was_up = !testbed::status(layout)?.is_empty();
    testbed::up(
        layout,
        &Options {
            kubernetes: false,
            compose: false,
            existing_engine: true,
            ..Options::default()
        },
        progress,
    )?;
    if !was_up {
        claim::take(layout.run())?;
    }
    let program = build(progress)?;
    let plan = layout.path("quickstart-plan.json");
    progress.say(format!("{PROGRAM}: preview"));
    if has_changes(
        stack(layout, &program)?
            .args(["preview", "--detailed-exitcode", "--out"])
            .arg(&plan),
    )? {
        progress.say(format!("{PROGRAM}: up, exactly as previewed"));
        succeed(stack(layout, &program)?.args(["up", "--plan"]).arg(&plan))?;
    } else {
        progress.say("no change: everything is as declared");
    }
    std::fs::remove_file(&plan)?;
    let address = output(stack(layout, &program)?.args(["stack", "output", "url"]))?;
    let health = health(&address)?;
    say::data(&format!(
        "\n{address}/health answers: {health}\n{}",
        next_steps(&address)
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn down(layout: &Layout, progress: &Progress) -> Outcome {
    if testbed::status(layout)?.is_empty() {
        progress.say("there is nothing to remove");
        return Ok(ExitCode::SUCCESS);
    }
    let program = build(progress)?;
    progress.say(format!("{PROGRAM}: destroy"));
    succeed(stack(layout, &program)?.args(["destroy", "--yes", "--delete-data", "all"]))?;
    let state = workspace().join("state").join(PROGRAM);
    if state.exists() {
        std::fs::remove_dir_all(&state)?;
    }
    if claim::is_the_quickstarts(layout.run()) {
        testbed::down(layout, true, progress)?;
        progress.say("all that the quickstart made is gone; programs that it built stay in its cache");
    } else {
        progress.say("all that the quickstart made is gone; the test bed was started by somebody else or is used by others, and stays (`cargo xtask testbed down` stops it)");
    }
    Ok(ExitCode::SUCCESS)
}

fn build(progress: &Progress) -> Result<PathBuf, Box<dyn Error>> {
    progress.say(format!("building {PROGRAM} (some minutes the first time)"));
    succeed(
        Command::new("cargo")
            .current_dir(workspace())
            .args(["build", "--quiet", "--bin", PROGRAM]),
    )?;
    Ok(target().join("debug").join(PROGRAM))
}

/// The program, bound to the quickstart's Docker Engine and configuration.
fn stack(layout: &Layout, program: &Path) -> Result<Command, Box<dyn Error>> {
    let mut command = Command::new(program);
    command.current_dir(workspace()).envs(environment::variables(layout)?);
    Ok(command)
}

fn succeed(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` ended with {status}", command_line(command)).into())
    }
}

/// Whether a preview with `--detailed-exitcode` found something to do.
fn has_changes(command: &mut Command) -> Result<bool, Box<dyn Error>> {
    let status = command.status()?;
    match status.code() {
        Some(0) => Ok(false),
        Some(2) => Ok(true),
        _ => Err(format!("`{}` ended with {status}", command_line(command)).into()),
    }
}

fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!(
            "`{}`: {}",
            command_line(command),
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the answer of `/health`.
fn health(address: &str) -> Result<String, Box<dyn Error>> {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /health HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the API's answer is no HTTP")?;
    let status = head.lines().next().unwrap_or_default();
    if status.contains(" 200") {
        Ok(format!("{status} {}", body.trim()))
    } else {
        Err(format!("{status}: {body}").into())
    }
}

fn next_steps(address: &str) -> String {
    format!(
        "
What to try next:
  open {address}/docs
  cargo xtask quickstart                     again: no change
  eval \"$(cargo xtask testbed env)\"          this Docker Engine in your shell
  docker ps --filter label=com.docker.compose.project=codelab
  cargo run --bin {PROGRAM} -- preview --config log_level=DEBUG
  less stacks/codelab/mod.rs                 the description behind it
  cargo xtask quickstart --down              remove everything, data included
"
    )
}
