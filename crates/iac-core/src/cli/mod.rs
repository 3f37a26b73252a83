//! The command line of every program: what `cargo run -- preview` does.
//!
//! [`Program`] is the entry point. Standard output is data (a plan, exports, JSON), standard error is talk; exit codes
//! are those of [`exit`]. Verbs live in a module each, and all of them speak through one `Ui`.

mod adopt;
mod args;
mod belonging;
mod borrowed;
mod build;
mod events;
pub mod exit;
mod failure;
mod failure_json;
mod foreign;
mod live;
#[cfg(test)]
mod pages;
mod panic;
mod progress;
mod project;
mod prompt;
mod report;
mod session;
mod signals;
mod slowest;
mod ui;
mod verbs;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::FromArgMatches as _;

use crate::config::Config;
use crate::declare::Stack;
use crate::provider::Provider;
use crate::render::Diagnostic;
use crate::secret_names::SecretNames;
use crate::state::{BackendScheme, Backends};
use crate::value::KnownSecrets;
use args::{Cli, Color};
use failure::Failure;
use failure_json::wants_json;
use session::Session;
use signals::Interrupts;
use ui::Ui;

/// Gives the stack's name where `--stack` does not.
type StackName = Box<dyn Fn(&Config) -> Option<String>>;
/// Gives what a program deploys, for one that deploys files.
type Deploys = Box<dyn Fn(&Config) -> Option<PathBuf>>;
/// The user's function.
type Declare<'a> = Box<dyn FnOnce(&Stack) -> crate::Result + 'a>;

/// A program that declares infrastructure, with its command line.
///
/// ```no_run
/// use std::process::ExitCode;
/// use iac_core::cli::Program;
///
/// fn main() -> ExitCode {
///     Program::new("prod").run(|stack| {
///         let password = stack.random_password("db", 24);
///         stack.export("password", password.result());
///         Ok(())
///     })
/// }
/// ```
pub struct Program {
    name: String,
    providers: Vec<Arc<dyn Provider>>,
    backends: Backends,
    encrypt_state: bool,
    stack_name: StackName,
    deploys: Option<Deploys>,
    project: Option<String>,
    known: KnownSecrets,
    secret_names: SecretNames,
}

impl Program {
    /// A program of this name. It names the stack where `--stack` does not, and the configuration files
    /// `stacks/NAME.STACK.toml`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            providers: Vec::new(),
            backends: Backends::default(),
            encrypt_state: false,
            stack_name: Box::new(|_| None),
            deploys: None,
            project: None,
            known: KnownSecrets::default(),
            secret_names: SecretNames::default(),
        }
    }

    /// Says which names are secret besides those that the rule of [`secret_names`](crate::secret_names) finds, and which are
    /// not; `secrets.names` and `secrets.not` of the configuration come on top.
    #[must_use]
    pub fn secret_names(mut self, names: SecretNames) -> Self {
        self.secret_names = names;
        self
    }

    /// Adds a provider.
    #[must_use]
    pub fn provider(mut self, provider: impl Provider + 'static) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Adds a sort of storage for state, which `--backend` and `IAC_BACKEND` then name by its URLs.
    #[must_use]
    pub fn backend(mut self, scheme: BackendScheme) -> Self {
        self.backends.add(scheme);
        self
    }

    /// Encrypts everything that is recorded of stacks that have no key yet, and not only their secrets; nothing is written
    /// to one that has a key and is not encrypted as a whole. `IAC_ENCRYPT_STATE=1` does the same, and `stack rekey
    /// --encrypt-state` changes a stack that is there.
    #[must_use]
    pub fn encrypt_state(mut self) -> Self {
        self.encrypt_state = true;
        self
    }

    /// Names the stack after the configuration where `--stack` does not; for programs that are used for many systems.
    /// The configuration it is given is that of arguments, environment and `IAC_CONFIG_FILE`, since which stack's file
    /// to read depends on the name.
    #[must_use]
    pub fn stack_named_by(mut self, name: impl Fn(&Config) -> Option<String> + 'static) -> Self {
        self.stack_name = Box::new(name);
        self
    }

    /// Says which file or folder the program deploys, for programs that deploy what others wrote: a stack belongs to that
    /// place in that project, and another one under the same stack is refused. A stack of any other program belongs to
    /// the project that the program is run in.
    #[must_use]
    pub fn deploys(mut self, path: impl Fn(&Config) -> Option<PathBuf> + 'static) -> Self {
        self.deploys = Some(Box::new(path));
        self
    }

    /// Names the project that the program's stacks belong to, by the address of its repository or any other word. It is
    /// needed where the program is run outside of a checkout, as in a container image; `IAC_PROJECT` does the same.
    #[must_use]
    pub fn project(mut self, name: impl Into<String>) -> Self {
        self.project = Some(name.into());
        self
    }

    /// Reads the command line and does what it says. `declare` is called by the verbs that need to know what the program
    /// declares, once.
    pub fn run(self, declare: impl FnOnce(&Stack) -> crate::Result) -> ExitCode {
        #[cfg(target_os = "linux")]
        panic::without_core_dumps();
        panic::install(self.known.clone());
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let as_json = wants_json(&arguments);
        let ui = Ui::new(Color::Auto, false);
        // The hook has told of a panic by then.
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| self.run_on(&ui, arguments, declare)));
        ExitCode::from(ended.unwrap_or_else(|_| end(&Failure::quiet(exit::BUG), &ui, as_json)))
    }

    /// As [`run`](Self::run), with a command line that is given, the program's file name first; for tests. Returns the
    /// exit code.
    pub fn run_with(
        self,
        arguments: impl IntoIterator<Item = OsString>,
        declare: impl FnOnce(&Stack) -> crate::Result,
    ) -> u8 {
        self.run_on(&Ui::new(Color::Auto, false), arguments, declare)
    }

    fn run_on(
        self,
        ui: &Ui,
        arguments: impl IntoIterator<Item = OsString>,
        declare: impl FnOnce(&Stack) -> crate::Result,
    ) -> u8 {
        let mut command = args::command(&self.name, &self.backends);
        let arguments = args::gather_config(arguments);
        let as_json = wants_json(&arguments);
        let matches = command.try_get_matches_from_mut(&arguments);
        let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
            Ok(cli) => cli,
            Err(mut error) => {
                let said = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
                words::advise(&mut error, &said.collect::<Vec<_>>());
                // Where nobody listens, nobody can be told.
                let _ = error.print();
                if !error.use_stderr() {
                    return exit::DONE;
                }
                return end_json(&Failure::command_line(&error), ui, as_json);
            }
        };
        let ui = ui.looking(cli.global.color, cli.global.verbose);
        if let args::Verb::Completions { shell } = cli.verb {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, &self.name, &mut script);
            // Where nobody listens, nobody can be told.
            let _ = ui.data(&String::from_utf8_lossy(&script));
            return exit::DONE;
        }
        let known = self.known.clone();
        match self.dispatch(&cli, &ui, Box::new(declare)) {
            Ok(exit::DONE) => exit::DONE,
            Ok(code) => end(&Failure::quiet(code), &ui, as_json),
            Err(failure) => end(&failure.without(&known), &ui, as_json),
        }
    }

    fn dispatch(self, cli: &Cli, ui: &Ui, declare: Declare<'_>) -> Result<u8, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::failed(format!("the runtime cannot be started: {error}")))?;
        let guard = runtime.enter();
        let session = Session::open(self, cli, ui.clone(), Interrupts::listen())?;
        drop(guard);
        let result = runtime.block_on(verbs::run(&cli.verb, &session, declare));
        // A prompt that was interrupted still waits for a line on a thread of its own; nobody waits for it.
        runtime.shutdown_background();
        for notice in session.notices() {
            ui.diagnostic(&Diagnostic::warning(notice));
        }
        result
    }
}

/// Says why a command ended without success, and gives its exit code.
fn end(failure: &Failure, ui: &Ui, as_json: bool) -> u8 {
    for diagnostic in &failure.diagnostics {
        ui.diagnostic(diagnostic);
    }
    end_json(failure, ui, as_json)
}

/// The same for a script, if it wants JSON and has none yet.
fn end_json(failure: &Failure, ui: &Ui, as_json: bool) -> u8 {
    if as_json && !ui.has_json() {
        // Where nobody listens, nobody can be told.
        let _ = ui.json(&failure.json());
    }
    failure.code
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
