//! The tasks of this repository: `cargo xtask --help` lists them.

mod style;
mod test;
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
    /// A real Docker Engine and a real Kubernetes on this machine, for tests and for trying things out
    Testbed(testbed::Arguments),
    /// Run every test: sets up what is missing, and leaves nothing running that it started
    Test(test::Arguments),
    /// Check format, lints, documentation, and the licences and sources of what is linked
    Style,
}

/// How a task ends: with an exit code, or with an error to show.
pub(crate) type Outcome = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Testbed(arguments) => testbed::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Style => style::run(),
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
