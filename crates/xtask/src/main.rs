//! The tasks of this repository: `cargo xtask --help` lists them.

mod quickstart;
mod testbed;

use std::error::Error;
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
    /// A real Docker Engine and a real Kubernetes on this machine, for tests and for trying things out
    Testbed(testbed::Arguments),
}

/// How a task ends: with an exit code, or with an error to show.
pub(crate) type Outcome = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Quickstart(arguments) => quickstart::run(&arguments),
        Task::Testbed(arguments) => testbed::run(&arguments),
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
