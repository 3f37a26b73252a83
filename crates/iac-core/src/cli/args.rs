//! The command line. Doc comments here are the text of `--help`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::apply::DEFAULT_PARALLEL;
use crate::plan::Selection;
use crate::provider::DeleteData;
use crate::state::Backends;

/// Previews and applies the infrastructure that this program declares.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true, after_help = EXIT_CODES, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// The command line of a program that knows these backends.
pub(super) fn command(name: &str, backends: &Backends) -> clap::Command {
    let mut known: Vec<&str> = ["a folder", "file:///path"]
        .into_iter()
        .chain(backends.examples())
        .collect();
    let last = known.pop().unwrap_or_default();
    let backend = format!(
        "Where state is kept: {} or {last} [default: state/ in the workspace]",
        known.join(", ")
    );
    Cli::command()
        .name(name.to_owned())
        .version(format!("(iac {})", env!("CARGO_PKG_VERSION")))
        .mut_arg("backend", |argument| argument.help(backend))
}

const EXIT_CODES: &str = "\
Exit codes: 0 done or no change, 1 failed, 2 changes (--detailed-exitcode), 3 drift,
4 plan refused as stale, 5 policy, 6 locked, 7 cluster or engine unreachable, 64 usage, 101 bug,
130 interrupted.";

/// Options of every verb.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// The stack to work on [default: the program's name]
    #[arg(long, global = true, env = "IAC_STACK", hide_env_values = true, value_name = "NAME")]
    pub(super) stack: Option<String>,
    /// Where state is kept
    #[arg(long, global = true, env = "IAC_BACKEND", hide_env_values = true, value_name = "URL")]
    pub(super) backend: Option<String>,
    /// A configuration value, over every other place it may come from; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(super) config: Vec<String>,
    /// How long to wait for another run on the same stack, such as 30s or 5m
    #[arg(long, global = true, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(super) lock_timeout: Duration,
    /// Show everything: unchanged resources, full names, order, whole texts
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

/// The format of a printed plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal
    Text,
    /// For programs
    Json,
    /// For a comment in a pull request; nothing where nothing changes
    Markdown,
    /// A page for a browser, in one file that needs no network
    Html,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show what `up` would do and why; changes nothing
    Preview(Preview),
    /// Show saved plans, or what is new in one; `preview` makes them
    #[command(subcommand)]
    Plan(PlanVerb),
    /// Make the world as declared; data is kept unless --delete-data names it
    Up(Up),
    /// Delete what the stack holds; data is kept unless --delete-data names it
    Destroy(Destroy),
    /// Show where the world differs from the record; with --accept, take that into the record
    Refresh(Refresh),
    /// Exit with 3 if somebody changed the world since the last run
    Drift(Drift),
    /// Exports, stacks, history, locks
    #[command(subcommand)]
    Stack(Stack),
    /// What is recorded
    #[command(subcommand)]
    State(State),
    /// Print the graph of the declared resources
    Graph(Graph),
    /// Read and change the stack's configuration
    #[command(subcommand)]
    Config(Config),
    /// Print a script that completes this command line in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Verb {
    /// The files that it names for what a run itself reads and writes.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = match self {
            Self::Preview(args) => [&args.out, &None, &None],
            Self::Up(args) => [&args.plan, &args.run.events, &args.run.report],
            Self::Destroy(args) => [&args.plan, &args.run.events, &args.run.report],
            _ => [&None; 3],
        };
        files.into_iter().flatten().cloned().collect()
    }
}

/// Which data may go.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// Delete this data as well, or `all`; may be repeated
    #[arg(long, value_name = "NAME")]
    delete_data: Vec<String>,
}

impl Data {
    pub(super) fn choice(&self) -> DeleteData {
        DeleteData::of(&self.delete_data)
    }
}

/// The part of the stack that the verb is about.
#[derive(Debug, Args)]
#[command(next_help_heading = "Part of the stack")]
pub(super) struct Part {
    /// Only this resource: its name, `Kind/name` or key, with `*` for any text; may be repeated
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// With --target: also what needs it
    #[arg(long, requires = "target")]
    target_dependents: bool,
    /// With --target: also what it needs
    #[arg(long, requires = "target")]
    target_dependencies: bool,
    /// Not this resource; goes before --target; may be repeated
    #[arg(long, value_name = "NAME")]
    exclude: Vec<String>,
    /// With --exclude: also not what needs it
    #[arg(long, requires = "exclude")]
    exclude_dependents: bool,
}

impl Part {
    pub(super) fn selection(&self, replace: &Replace) -> Selection {
        Selection {
            target: self.target.clone(),
            exclude: self.exclude.clone(),
            target_dependents: self.target_dependents,
            target_dependencies: self.target_dependencies,
            exclude_dependents: self.exclude_dependents,
            replace: replace.replace.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Preview {
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Show what `destroy` would do
    #[arg(long, conflicts_with_all = ["names", "replace"])]
    pub(super) destroy: bool,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// Print the plan as JSON: short for --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
    /// Save the plan for review and for `up --plan`; holds no secrets
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Do not look at the world: plan from the record
    #[arg(long, conflicts_with = "out")]
    pub(super) offline: bool,
    #[command(flatten)]
    pub(super) adopt: Adopt,
    #[command(flatten)]
    pub(super) replace: Replace,
    #[command(flatten)]
    pub(super) data: Data,
    #[command(flatten)]
    pub(super) part: Part,
}

#[derive(Debug, Subcommand)]
pub(super) enum PlanVerb {
    /// Show a plan that was saved with `preview --out`, from the file alone
    Show {
        /// The file
        file: PathBuf,
        /// How the plan is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Show what a later plan has that an earlier one has not: steps, risks and fields that are new, gone or changed
    Diff {
        /// The file of the earlier plan
        before: PathBuf,
        /// The file of the later plan
        after: PathBuf,
        /// How the difference is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: DiffFormat,
        /// Exit with 2 if there is any difference
        #[arg(long)]
        detailed_exitcode: bool,
    },
}

/// The format of the difference between two plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
    /// For a terminal
    Text,
    /// For programs
    Json,
    /// For a comment in a pull request; nothing where both are the same
    Markdown,
    /// A page for a browser, in one file that needs no network
    Html,
}

/// The names of what may be taken over in this run.
#[derive(Debug, Default, Args)]
pub(super) struct Adopt {
    /// Take over what is there already under the name of this resource, or `all`; may be repeated
    #[arg(long = "adopt", value_name = "NAME")]
    pub(super) names: Vec<String>,
}

/// The resources that get a new object.
#[derive(Debug, Default, Args)]
pub(super) struct Replace {
    /// Delete the object of this resource and create it again, though nothing asks for it; may be repeated
    #[arg(long, value_name = "NAME")]
    replace: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Run {
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    /// How many operations may run at the same time
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PARALLEL, value_parser = parallel)]
    pub(super) parallel: usize,
    /// Start nothing more after the first failure; else a failure stops only what needs it
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// How long an operation may take where the program does not say [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = limit)]
    pub(super) step_timeout: Option<Duration>,
    /// How long a resource is waited for until it is ready, where the program does not say [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = limit)]
    pub(super) ready_timeout: Option<Duration>,
    /// Print what was done as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write each thing that happens to this file as a line of JSON, when it happens
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// How many completed runs the history keeps [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) keep: Option<u64>,
    /// Write how each step went, when it began and what it waited for, as a page for a browser
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Up {
    /// Apply exactly this plan, saved by `preview --out`, or refuse; asks nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["delete_data", "target", "exclude", "replace"])]
    pub(super) plan: Option<PathBuf>,
    /// Refuse a plan that changes anything but the record: proof that a refactoring is one
    #[arg(long)]
    pub(super) refactor_only: bool,
    #[command(flatten)]
    pub(super) adopt: Adopt,
    #[command(flatten)]
    pub(super) replace: Replace,
    #[command(flatten)]
    pub(super) data: Data,
    #[command(flatten)]
    pub(super) run: Run,
    #[command(flatten)]
    pub(super) part: Part,
}

#[derive(Debug, Args)]
pub(super) struct Destroy {
    /// Carry out exactly this plan, saved by `preview --destroy --out`, or refuse; asks nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["delete_data", "target", "exclude"])]
    pub(super) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(super) data: Data,
    #[command(flatten)]
    pub(super) run: Run,
    #[command(flatten)]
    pub(super) part: Part,
}

#[derive(Debug, Args)]
pub(super) struct Refresh {
    /// Take what is there into the record
    #[arg(long)]
    pub(super) accept: bool,
    /// Do not ask
    #[arg(long, short, requires = "accept")]
    pub(super) yes: bool,
    /// Print the differences as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) part: Part,
}

#[derive(Debug, Args)]
pub(super) struct Drift {
    /// Print the differences as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) part: Part,
}

#[derive(Debug, Subcommand)]
pub(super) enum Stack {
    /// Print what the stack exports
    Output {
        /// Only this one, as it is
        name: Option<String>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
        /// Print secrets in clear
        #[arg(long)]
        show_secrets: bool,
    },
    /// List the stacks on the backend, and how each stands
    Ls {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the completed runs
    History {
        /// Only the last N
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// How they are printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: HistoryFormat,
        /// Print as JSON: short for --format json
        #[arg(long, conflicts_with = "format")]
        json: bool,
    },
    /// Show what a completed run did: who, when, and what it changed in the record
    Show {
        /// The number of the run (see `stack history`) [default: the last]
        version: Option<u64>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove the stack's state, history and keys for good; only where nothing is recorded any more
    Rm {
        /// Also if resources are recorded: they stay in the world, and nobody knows of them any more
        #[arg(long)]
        force: bool,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Give the stack a new key and seal every secret anew; the old key goes
    ///
    /// Without options the new key is wrapped for the means in the environment (IAC_PASSPHRASE, IAC_PASSPHRASE_FILE,
    /// IAC_IDENTITY, or the key file). If it is interrupted, run it once more, with the new means if they were changed.
    Rekey {
        /// Wrap for this age recipient (age1…) from now on; may be repeated
        #[arg(long, value_name = "RECIPIENT")]
        recipient: Vec<String>,
        /// Wrap for the passphrase in this file (its first line) from now on
        #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
        passphrase_file: Option<PathBuf>,
        /// Keep the key, and only wrap it for the means that are given
        #[arg(long)]
        rewrap: bool,
        /// Encrypt everything that is recorded from now on, and not only the secrets
        #[arg(long)]
        encrypt_state: bool,
        /// Encrypt only the secrets from now on
        #[arg(long, conflicts_with = "encrypt_state")]
        clear_state: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Hand the stack over to this program and project, after it belonged to others; asks
    Rebind {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// End another run's claim on the stack; if that run still lives, it stops at its next step
    Unlock,
}

#[derive(Debug, Subcommand)]
pub(super) enum State {
    /// List the recorded resources
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is recorded of a resource
    Show {
        /// Its name in the stack (see `state list`), or an unmistakable part of it
        name: String,
        /// Print secrets in clear
        #[arg(long)]
        show_secrets: bool,
    },
    /// Write the whole state as one document, secrets sealed
    Export {
        /// The file [default: standard output]
        file: Option<PathBuf>,
    },
    /// Record what such a document says; the objects are not touched
    Import {
        /// The file
        file: PathBuf,
        /// Take the place of what is recorded
        #[arg(long)]
        replace: bool,
        /// Take the state of another stack
        #[arg(long)]
        other_stack: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring the stack to another backend, with its history and keys
    Migrate {
        /// The backend's URL
        to: String,
        /// All stacks of this backend
        #[arg(long)]
        all: bool,
        /// Leave the stack usable here as well
        #[arg(long)]
        copy: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Read every file of the state and say what is wrong with it; changes nothing, exits with 1 on damage
    Check {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a damaged state usable again: shows what it would do, asks, and throws nothing away
    Repair {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Believe what lies there where that was refused: an older state put back, a stack made anew elsewhere, one without
    /// the seal of its key; shows what it would believe, and asks
    Trust {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a resource another name in the record, as the program will; the object stays as it is
    Mv {
        /// Its name
        from: String,
        /// The new one: a name alone, or COMPONENT::TYPE::NAME
        to: String,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Drop resources from the record; the objects stay, and nobody knows of them any more
    Rm {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
        /// Also if others depend on them
        #[arg(long)]
        force: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Let no plan delete or replace these resources
    Protect {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Lift the protection of these resources
    Unprotect {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Have the next `up` replace the objects of these resources
    Taint {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a taint back
    Untaint {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Graph {
    /// The notation
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    pub(super) format: GraphFormat,
}

/// The format of the printed history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HistoryFormat {
    /// For a terminal
    Text,
    /// For programs
    Json,
    /// A page for a browser, in one file that needs no network
    Html,
}

/// A notation for graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    /// Graphviz
    Dot,
    /// Mermaid flowchart
    Mermaid,
    /// A drawing
    Svg,
}

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Write a value into the stack's file, stacks/PROGRAM.STACK.toml
    Set {
        /// The key, such as api.replicas
        key: String,
        /// The value; read from standard input when left out, without echo on a terminal
        value: Option<String>,
        /// Encrypt it
        #[arg(long)]
        secret: bool,
    },
    /// List what the program takes, with the values that are set
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Allow what the stack's file says about where to connect, until it changes
    Trust {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Seal the secrets of the stack's file under a new key
    Rekey {
        /// Wrap the key for this age recipient (age1…); may be repeated
        #[arg(long, value_name = "RECIPIENT")]
        recipient: Vec<String>,
        /// Wrap the key for the passphrase in this file (its first line)
        #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
        passphrase_file: Option<PathBuf>,
    },
    /// Print a value, or all of them with where they come from
    Get {
        /// The key
        key: Option<String>,
        /// Print secrets in clear
        #[arg(long)]
        show_secrets: bool,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Moves every `--config` behind the rest, in order: clap would take those before the verb or those behind it, not both,
/// and drop the others without a word.
pub(super) fn gather_config(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let (mut others, mut config, mut last) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.to_string_lossy().as_ref() {
            "--" => last = std::iter::once(argument).chain(arguments.by_ref()).collect(),
            "--config" => {
                config.push(argument);
                config.extend(arguments.next());
            }
            text if text.starts_with("--config=") => config.push(argument),
            _ => others.push(argument),
        }
    }
    others.into_iter().chain(config).chain(last).collect()
}

/// A time in which something has to be done.
fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("nothing can be done in no time".to_owned()),
        time => Ok(time),
    }
}

/// Reads `90`, `90s`, `5m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("{text:?} is no time such as 30s or 5m"))?;
    Duration::try_from(duration).map_err(|_| "a time cannot be negative".to_owned())
}

fn parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one operation has to run".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("{text:?} is no number")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::state::BackendScheme;

    #[test]
    fn help_names_the_backends() {
        let scratch = BackendScheme {
            names: &["scratch"],
            example: "scratch://NAME",
            open: |url| crate::state::open_backend(url),
        };
        let help = command("shop", &Backends::new([scratch])).render_help().to_string();
        let help: Vec<&str> = help.split_whitespace().collect();
        assert!(
            help.join(" ")
                .contains("a folder, file:///path or scratch://NAME [default")
        );
    }

    #[test]
    fn configuration_adds_up_wherever_it_stands() {
        let lines = [
            ("prod --config a=1 preview --config b=2 --json", vec!["a=1", "b=2"]),
            ("prod --config=a=1 stack output url --config b=2", vec!["a=1", "b=2"]),
            ("prod config set --config a=1 -- --config b=2", vec!["a=1"]),
            ("prod preview", vec![]),
        ];
        for (line, expected) in lines {
            let arguments = gather_config(line.split(' ').map(OsString::from));
            let cli = Cli::try_parse_from(arguments);
            assert_eq!(cli.map(|cli| cli.global.config).unwrap(), expected, "{line}");
        }
        let missing = gather_config(["prod", "preview", "--config"].map(OsString::from));
        assert!(Cli::try_parse_from(missing).is_err());
    }
}
