//! `stack output|ls|history|show|rm|rekey|rebind|unlock`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::rekey::{self, recipients};
use super::state::{confirm, mask};
use super::{list, rebind};
use crate::cli::args::{HistoryFormat, Stack};
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::similar;
use crate::duration::for_people;
use crate::render::sanitize;
use crate::review::{history_html, value_text};
use crate::state::{Record, RekeyOptions, RunInfo, State, StateError, Store, Times, Version};
use crate::urn::Key;
use crate::value::Value;

/// The placeholder for a secret in JSON.
const SECRET: &str = "(secret)";

pub(super) async fn stack(session: &Session, args: &Stack) -> Result<u8, Failure> {
    match args {
        Stack::Output {
            name,
            json,
            show_secrets,
        } => output(session, name.as_deref(), *json, *show_secrets).await,
        Stack::Ls { json } => list::list(session, *json).await,
        Stack::History { limit, format, json } => {
            let format = if *json { HistoryFormat::Json } else { *format };
            history(session, *limit, format).await
        }
        Stack::Show { version, json } => show(session, *version, *json).await,
        Stack::Rm { force, yes } => remove(session, *force, *yes).await,
        Stack::Rekey {
            recipient,
            passphrase_file,
            rewrap,
            encrypt_state,
            clear_state,
            json,
        } => {
            let options = RekeyOptions {
                recipients: recipients(recipient, passphrase_file.as_deref())?,
                only_wrap: *rewrap,
                whole: (*encrypt_state || *clear_state).then_some(*encrypt_state),
            };
            rekey::stack(session, options, *json).await
        }
        Stack::Rebind { yes, json } => rebind::rebind(session, *yes, *json).await,
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

async fn history(session: &Session, limit: Option<usize>, format: HistoryFormat) -> Result<u8, Failure> {
    let mut versions = session.store_to_show()?.history().await?;
    let more = limit.map_or(0, |limit| versions.len().saturating_sub(limit));
    versions.drain(..more);
    match format {
        HistoryFormat::Json => session.ui.json(&json!(versions))?,
        HistoryFormat::Html => session.ui.data(&history_html(&session.stack, &versions))?,
        HistoryFormat::Text => session
            .ui
            .data(&versions.iter().map(version_line).collect::<String>())?,
    }
    Ok(exit::DONE)
}

fn version_line(version: &Version) -> String {
    let summary = &version.summary;
    let ok = if summary.ok { "ok" } else { "incomplete" };
    let run = &version.run;
    let lasted = Duration::try_from(version.finished.duration_since(version.started)).unwrap_or_default();
    format!(
        "{:>4}  {}  {ok:<10}  {:<16}  +{} ~{} ±{} -{}  {} on {}, build {}, took {}\n",
        version.version,
        super::moment(version.started),
        sanitize(&run.command),
        summary.created,
        summary.updated,
        summary.replaced,
        summary.deleted,
        sanitize(&run.who),
        sanitize(&run.host),
        sanitize(&run.build),
        for_people(lasted),
    )
}

async fn show(session: &Session, version: Option<u64>, as_json: bool) -> Result<u8, Failure> {
    let store = session.store_to_show()?;
    let last = match version {
        Some(number) => number,
        None => store.load().await?.version,
    };
    let (version, before, after) = store.version(last).await?;
    let sign = |key: &Key| sign(before.records.get(key), after.records.get(key));
    if as_json {
        let changed = version.changed.iter().map(|key| {
            let mut change = json!({
                "key": key, "before": before.records.get(key), "after": after.records.get(key),
            });
            mask(&mut change);
            change
        });
        let changed: Vec<Json> = changed.collect();
        let mut shown = json!(version);
        shown["changed"] = changed.into();
        shown["resources"] = after.records.len().into();
        shown["images"] = json!(images(&after));
        shown["belongs_to"] = json!({"before": before.binding, "after": after.binding});
        session.ui.json(&shown)?;
        return Ok(exit::DONE);
    }
    let mut text = version_line(&version);
    for key in &version.changed {
        let took = version.took.get(key).map_or_else(String::new, took);
        text.push_str(&format!("      {} {}{took}\n", sign(key), sanitize(key.as_str())));
    }
    if before.exports != after.exports {
        text.push_str("      ~ exports\n");
    }
    if let (Some(before), Some(after)) = (&before.binding, &after.binding)
        && before != after
    {
        let (before, after) = (before.to_string(), after.to_string());
        text.push_str(&format!(
            "      ~ belongs to {} (before: {})\n",
            sanitize(&after),
            sanitize(&before)
        ));
    }
    for (name, digests) in images(&after) {
        let digests = Vec::from_iter(digests).join(", ");
        let line = format!("      image {}: {}\n", sanitize(&name), sanitize(&digests));
        text.push_str(&line);
    }
    session.ui.data(&text)?;
    Ok(exit::DONE)
}

/// Returns the time of the step with a resource, as text behind its name.
fn took(times: &Times) -> String {
    let said = |milliseconds| for_people(Duration::from_millis(milliseconds));
    let steps = times.steps().map(|(_, took)| {
        let ready = took
            .ready
            .map_or_else(String::new, |ready| format!(", ready {} later", said(ready)));
        format!("  in {}{ready}", said(took.there))
    });
    steps.collect()
}

/// Returns the sign for what a run did to a resource, as its record tells.
fn sign(before: Option<&Record>, after: Option<&Record>) -> char {
    let there = |record: Option<&Record>| record.is_some_and(|record| !record.gone);
    match (before, after) {
        _ if !there(before) && there(after) => '+',
        _ if there(before) && !there(after) => '-',
        (Some(before), Some(after)) if before.uid != after.uid || before.identity != after.identity => '±',
        (Some(before), Some(after)) if before != after && before == &as_seen(before, after) => '.',
        _ => '~',
    }
}

/// The record as it was after, but for what is only learned by waiting.
fn as_seen(before: &Record, after: &Record) -> Record {
    Record {
        ready: before.ready,
        outputs: before.outputs.clone(),
        private: before.private.clone(),
        ..after.clone()
    }
}

/// The container images that ran, by the names that were declared. One name may have meant several at one time.
fn images(state: &State) -> BTreeMap<String, BTreeSet<String>> {
    let mut images: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in state.records.values().filter(|record| !record.gone) {
        let private = record.private.json().unwrap_or_default();
        for (name, digest) in private["images"].as_object().into_iter().flatten() {
            let digests = images.entry(name.clone()).or_default();
            digests.extend(digest.as_str().map(str::to_owned));
        }
    }
    images
}

async fn remove(session: &Session, force: bool, yes: bool) -> Result<u8, Failure> {
    let store = session.store()?;
    let stack = &session.stack;
    if !yes {
        let question = "Remove for good, with its history and its keys, all that is remembered of stack";
        let details = "The objects in the world are not touched.\n";
        confirm(session, "stack rm", question, details).await?;
    }
    let run = RunInfo::current("stack rm", session.build());
    let removed = store.remove(run, session.lock_timeout, force).await;
    let removed = removed.map_err(|error| match error {
        StateError::NotEmpty { .. } => Failure::from(error)
            .hint("`destroy` deletes the resources; `stack rm --force` forgets them and leaves them in the world"),
        error => error.into(),
    })?;
    session.ui.say(&if removed {
        format!("Stack {stack} is removed")
    } else {
        format!("There is no stack {stack}")
    });
    Ok(exit::DONE)
}

async fn unlock(session: &Session) -> Result<u8, Failure> {
    let stack = &session.stack;
    match session.store()?.unlock().await? {
        Some(holder) => {
            session.ui.say(&format!(
                "Stack {stack} is no longer claimed by {}",
                sanitize(&holder.to_string())
            ));
            session.ui.say(
                "If that run still lives, it can start nothing more; the next run looks for the calls that it had in flight.",
            );
        }
        None => session.ui.say(&format!("Stack {stack} is claimed by nobody")),
    }
    Ok(exit::DONE)
}
