//! `state …`: what is recorded, looked at and changed by hand.

mod check;
mod edit;
mod show;
mod transfer;
mod trust;

use std::collections::BTreeSet;

use crate::cli::args::State as Args;
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::prompt::{Answer, ask};
use crate::cli::session::Session;
use crate::config::similar;
use crate::state::{ImportOptions, State};
use crate::urn::Key;

use edit::{PROTECT, TAINT, UNPROTECT, UNTAINT};
pub(super) use show::mask;

pub(super) async fn state(session: &Session, args: &Args) -> Result<u8, Failure> {
    match args {
        Args::List { json } => show::list(session, *json).await,
        Args::Show { name, show_secrets } => show::show(session, name, *show_secrets).await,
        Args::Check { json } => check::check(session, *json).await,
        Args::Repair { yes, json } => check::repair(session, *yes, *json).await,
        Args::Trust { yes, json } => trust::trust(session, *yes, *json).await,
        Args::Export { file } => transfer::export(session, file.as_deref()).await,
        Args::Import {
            file,
            replace,
            other_stack,
            json,
        } => {
            let options = ImportOptions {
                other_stack: *other_stack,
                replace: *replace,
            };
            transfer::import(session, file, options, *json).await
        }
        Args::Migrate { to, all, copy, json } => transfer::migrate(session, to, *all, *copy, *json).await,
        Args::Mv { from, to, json } => edit::mv(session, from, to, *json).await,
        Args::Rm { names, force, json } => edit::rm(session, names, *force, *json).await,
        Args::Protect { names, json } => edit::mark(session, names, PROTECT, *json).await,
        Args::Unprotect { names, json } => edit::mark(session, names, UNPROTECT, *json).await,
        Args::Taint { names, json } => edit::mark(session, names, TAINT, *json).await,
        Args::Untaint { names, json } => edit::mark(session, names, UNTAINT, *json).await,
    }
}

/// The resources of these names.
fn find_all(session: &Session, state: &State, names: &[String]) -> Result<BTreeSet<Key>, Failure> {
    names.iter().map(|name| find(session, state, name)).collect()
}

/// The resource of this name, or the only one whose name holds it.
fn find(session: &Session, state: &State, name: &str) -> Result<Key, Failure> {
    let prefix = format!("{}::", session.stack);
    let name = name.strip_prefix(&prefix).unwrap_or(name);
    if let Some(key) = state
        .records
        .keys()
        .find(|key| key.as_str() == name || key.short() == name)
    {
        return Ok(key.clone());
    }
    let holds = |key: &&Key| key.as_str().contains(name) || state.records[*key].identity.contains(name);
    let found: Vec<&Key> = state.records.keys().filter(holds).collect();
    match found[..] {
        [key] => Ok(key.clone()),
        [] => {
            let failure = Failure::failed(format!("stack {} has no record of {name:?}", session.stack));
            let shorts: Vec<String> = state.records.keys().map(Key::short).collect();
            Err(match similar(name, shorts.iter().map(String::as_str)) {
                Some(meant) => failure.hint(format!("did you mean {meant:?}?")),
                None => failure.hint("`state list` lists what is recorded"),
            })
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|key| key.as_str()).collect();
            let message = format!("{name:?} names {} resources", found.len());
            Err(Failure::failed(message).hint(format!("one of these:\n{}", names.join("\n"))))
        }
    }
}

/// Asks before something that cannot be taken back; a no, or nobody to ask, ends the command.
pub(super) async fn confirm(session: &Session, verb: &str, question: &str, details: &str) -> Result<(), Failure> {
    if !session.ui.is_interactive() {
        let message = format!("{verb} asks before it acts, and there is no terminal to ask on");
        return Err(Failure::usage(message).hint("--yes goes ahead without asking"));
    }
    let question = format!("{question} {}?", session.stack);
    if ask(session, &question, || session.ui.talk(details)).await? == Answer::Yes {
        return Ok(());
    }
    session.ui.say("Nothing was done.");
    Err(Failure::quiet(exit::FAILED))
}
