//! The tasks of this repository: `cargo xtask --help` lists them.

mod advisories;
mod bench;
mod claim;
mod fuzz;
mod quickstart;
mod size;
mod soak;
mod style;
mod test;
mod testbed;
mod tool;
mod upstream;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// From a bare machine to a healthy API on Docker: sets up what is missing, previews and applies `codelab_dev`
    Quickstart(quickstart::Arguments),
    /// Our programs beside kubectl and docker compose, in one run on the test bed, as ratios
    Bench(bench::Arguments),
    /// A real Docker Engine and a real Kubernetes on this machine, for tests and for trying things out
    Testbed(testbed::Arguments),
    /// Run every test: sets up what is missing, and leaves nothing running that it started
    Test(test::Arguments),
    /// Feed the readers of state, configuration and plans with what they do not expect
    Fuzz(fuzz::Arguments),
    /// The full numbers: 100,000 model cases, 200 kills on each target, 10 minutes of each fuzz target; takes hours
    Soak(soak::Arguments),
    /// Try manifests of real projects: `manifests preview` takes them as kubectl does, and plans of upgrades can be read
    Upstream(upstream::Arguments),
    /// The length of the systems' descriptions, beside the YAML that they replace
    Size,
    /// Check format, lints, documentation, workflow files, and the licences, sources and advisories of what is linked
    Style,
    /// Check what is linked for known faults, by a database from the network; fails if that is not available
    Advisories,
}

/// The end of a task: an exit code, or an error to show.
pub(crate) type Outcome = Result<ExitCode, Box<dyn Error>>;

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Quickstart(arguments) => quickstart::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Testbed(arguments) => testbed::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Upstream(arguments) => upstream::run(&arguments),
        Task::Size => size::run(),
        Task::Style => style::run(),
        Task::Advisories => advisories::run(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            say::error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

mod say {
    //! The one place that writes to the terminal.

    use std::error::Error;
    use std::io::Write as _;

    /// Data, on stdout.
    pub(crate) fn data(text: &str) -> std::io::Result<()> {
        std::io::stdout().lock().write_all(text.as_bytes())
    }

    /// An error, on stderr.
    pub(crate) fn error(error: &dyn Error) {
        // There is nobody left to tell when stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "error: {error}");
    }
}
