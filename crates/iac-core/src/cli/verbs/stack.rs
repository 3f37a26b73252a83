//! `stack output|ls|history|unlock`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::cli::args::Stack;
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::similar;
use crate::render::{sanitize, value_text};
use crate::state::{Store, Version};
use crate::value::Value;

/// What stands for a secret in JSON.
const SECRET: &str = "(secret)";

pub(super) async fn stack(session: &Session, args: &Stack) -> Result<u8, Failure> {
    match args {
        Stack::Output {
            name,
            json,
            show_secrets,
        } => output(session, name.as_deref(), *json, *show_secrets).await,
        Stack::Ls { json } => list(session, *json).await,
        Stack::History { json } => history(session, *json).await,
        Stack::Unlock => unlock(session).await,
    }
}

async fn exports(session: &Session, store: &Store) -> Result<BTreeMap<String, Value>, Failure> {
    let state = store.load().await?;
    let vault = session.vault(store, &state).await?;
    Ok(state.open_exports(&vault)?)
}

/// Prints the recorded exports, if there are any, after a run.
pub(super) async fn print_exports(session: &Session, store: &Store) -> Result<(), Failure> {
    let exports = exports(session, store).await?;
    if !exports.is_empty() {
        session
            .ui
            .data(&format!("\nExports:\n{}", lines(&exports, false, "  ")))?;
    }
    Ok(())
}

fn lines(exports: &BTreeMap<String, Value>, show_secrets: bool, indent: &str) -> String {
    let line =
        |(name, value): (&String, &Value)| format!("{indent}{} = {}\n", sanitize(name), text(value, show_secrets));
    exports.iter().map(line).collect()
}

fn text(value: &Value, show_secrets: bool) -> String {
    match value {
        Value::Secret(secret) if show_secrets => value_text(&Value::from(secret.expose().as_str())),
        value => value_text(value),
    }
}

fn to_json(value: &Value, show_secrets: bool) -> Json {
    value.to_json(&mut |_, leaf| match leaf {
        Value::Secret(secret) if show_secrets => secret.expose().as_str().into(),
        _ => SECRET.into(),
    })
}

async fn output(session: &Session, name: Option<&str>, json: bool, show_secrets: bool) -> Result<u8, Failure> {
    let exports = exports(session, &*session.store()?).await?;
    let Some(name) = name else {
        if json {
            let all = exports
                .iter()
                .map(|(name, value)| (name.clone(), to_json(value, show_secrets)));
            session.ui.json(&Json::Object(all.collect()))?;
        } else {
            session.ui.data(&lines(&exports, show_secrets, ""))?;
        }
        return Ok(exit::DONE);
    };
    let value = exports.get(name).ok_or_else(|| unknown(session, name, &exports))?;
    match (json, value) {
        (true, value) => session.ui.json(&to_json(value, show_secrets))?,
        // By itself, for scripts: as it is, without quotes.
        (false, Value::String(text)) => session.ui.data(&format!("{text}\n"))?,
        (false, Value::Secret(secret)) if show_secrets => session.ui.data(&format!("{}\n", secret.expose()))?,
        (false, value) => session.ui.data(&format!("{}\n", value_text(value)))?,
    }
    Ok(exit::DONE)
}

fn unknown(session: &Session, name: &str, exports: &BTreeMap<String, Value>) -> Failure {
    let failure = Failure::failed(format!("stack {} exports no {name:?}", session.stack));
    match similar(name, exports.keys().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean {meant:?}?")),
        None => failure.hint("`stack output` lists what it exports"),
    }
}

async fn list(session: &Session, json: bool) -> Result<u8, Failure> {
    let stacks = Store::stacks(&*session.backend()?).await?;
    if json {
        session.ui.json(&json!(stacks))?;
    } else {
        session
            .ui
            .data(&stacks.iter().map(|stack| format!("{stack}\n")).collect::<String>())?;
    }
    Ok(exit::DONE)
}

async fn history(session: &Session, json: bool) -> Result<u8, Failure> {
    let versions = session.store()?.history().await?;
    if json {
        session.ui.json(&json!(versions))?;
    } else {
        session
            .ui
            .data(&versions.iter().map(version_line).collect::<String>())?;
    }
    Ok(exit::DONE)
}

fn version_line(version: &Version) -> String {
    let summary = &version.summary;
    let ok = if summary.ok { "ok" } else { "incomplete" };
    let run = &version.run;
    format!(
        "{:>4}  {}  {ok:<10}  {:<16}  +{} ~{} ±{} -{}  {} on {}, build {}\n",
        version.version,
        version.finished.strftime("%Y-%m-%d %H:%M:%S UTC"),
        sanitize(&run.command),
        summary.created,
        summary.updated,
        summary.replaced,
        summary.deleted,
        sanitize(&run.who),
        sanitize(&run.host),
        sanitize(&run.build),
    )
}

async fn unlock(session: &Session) -> Result<u8, Failure> {
    let stack = &session.stack;
    match session.store()?.unlock().await? {
        Some(holder) => {
            session.ui.say(&format!(
                "Stack {stack} is no longer claimed by {}",
                sanitize(&holder.to_string())
            ));
        }
        None => session.ui.say(&format!("Stack {stack} is claimed by nobody")),
    }
    Ok(exit::DONE)
}
