//! `cargo xtask upstream`: what real projects publish, taken by `manifests preview` as by kubectl.
//!
//! The manifests are fetched from their public repositories when the task runs, and are never part of this one. A set that
//! could not be fetched is an error of the run, like one on which the two sides differ.

mod compare;
mod fetch;
mod paths;
mod run;
mod sets;
mod table;
mod upgrade;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use iac_testbed::{Needs, Progress, TestBed};

use self::fetch::Source;
use self::run::Bench;
use self::table::Table;
use crate::{Outcome, say};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only these sets or upgrades
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Upgrades between two releases, and how long their plans are, instead of the comparison with kubectl
    #[arg(long)]
    upgrades: bool,
    /// Take the repositories from this folder instead of fetching them: OWNER+NAME/repo for each, a git directory
    #[arg(long, value_name = "FOLDER")]
    mirrors: Option<PathBuf>,
    /// Leave the manifests, both sides' answers and the plans in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let progress = Progress::start();
    TestBed::own(Needs {
        kubernetes: true,
        ..Needs::default()
    })?;
    let temporary = std::env::temp_dir().join(format!("iac-upstream-{}", std::process::id()));
    let folder = arguments.keep.clone().unwrap_or_else(|| temporary.clone());
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let source = match &arguments.mirrors {
        Some(mirrors) => Source::Mirrors(mirrors.canonicalize()?),
        None => Source::public(folder.join("repositories")),
    };
    let bench = Bench::build(folder, &progress)?;
    let table = match arguments.upgrades {
        true => upgrade::all(&bench, &source, &arguments.names, &progress),
        false => compare::all(&bench, &source, &arguments.names, &progress),
    };
    if arguments.keep.is_none() {
        std::fs::remove_dir_all(&temporary)?;
    }
    let table: Table = table?;
    say::data(&table.text())?;
    Ok(if table.failures() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The entries that are asked for, or all of them.
fn chosen<'a, T>(all: &'a [T], names: &[String], name: impl Fn(&T) -> &str) -> Result<Vec<&'a T>, String> {
    if let Some(unknown) = names
        .iter()
        .find(|wanted| !all.iter().any(|entry| name(entry) == *wanted))
    {
        let known: Vec<&str> = all.iter().map(name).collect();
        return Err(format!("there is no {unknown:?}; there are {}", known.join(", ")));
    }
    let wanted = |entry: &&T| names.is_empty() || names.iter().any(|wanted| wanted == name(entry));
    Ok(all.iter().filter(wanted).collect())
}
