//! `state list|show`.

use serde_json::{Value as Json, json};

use crate::cli::args::State as Args;
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::similar;
use crate::render::sanitize;
use crate::state::State;
use crate::urn::Key;
use crate::value::Value;

/// What stands for a secret.
const SECRET: &str = "(secret)";

pub(super) async fn state(session: &Session, args: &Args) -> Result<u8, Failure> {
    let store = session.store()?;
    let state = store.load().await?;
    match args {
        Args::List { json } => list(session, &state, *json)?,
        Args::Show { name, show_secrets } => {
            let key = find(session, &state, name)?;
            let mut record = json!(state.records[&key]);
            if *show_secrets {
                let opened = state.open(&*session.vault(&store, &state).await?)?;
                if let Some(entry) = opened.get(&key) {
                    let clear = |value: &Value| value.expose().unwrap_or(Json::Null);
                    record["inputs"] = clear(&entry.recorded.inputs);
                    record["outputs"] = clear(&entry.recorded.outputs);
                    for (place, former) in entry.formers.iter().enumerate() {
                        record["formers"][place]["inputs"] = clear(&former.recorded.inputs);
                    }
                }
            } else {
                mask(&mut record);
            }
            record["urn"] = key.in_stack(&session.stack).to_string().into();
            session.ui.data(&format!("{record:#}\n"))?;
        }
    }
    Ok(exit::DONE)
}

fn list(session: &Session, state: &State, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let records = state.records.iter().map(|(key, record)| {
            json!({
                "key": key,
                "identity": record.identity,
                "uid": record.uid,
                "ready": record.ready,
                "source": record.source,
            })
        });
        session.ui.json(&Json::Array(records.collect()))?;
        return Ok(());
    }
    let mut text = String::new();
    for (key, record) in &state.records {
        let ready = if record.ready { "" } else { "  (not ready)" };
        text.push_str(&format!(
            "{}  {}{ready}\n",
            sanitize(key.as_str()),
            sanitize(&record.identity)
        ));
    }
    for pending in &state.pending {
        text.push_str(&format!(
            "{}  (interrupted: {})\n",
            sanitize(pending.key.as_str()),
            pending.kind
        ));
    }
    session.ui.data(&text)?;
    Ok(())
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

/// Replaces sealed secrets, which are of no use to people.
fn mask(json: &mut Json) {
    match json {
        Json::Object(map) if map.len() == 1 && map.contains_key("$secret") => *json = SECRET.into(),
        Json::Object(map) => map.values_mut().for_each(mask),
        Json::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
