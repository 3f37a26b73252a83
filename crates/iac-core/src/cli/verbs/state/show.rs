//! `state list|show`.

use serde_json::{Value as Json, json};

use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::render::sanitize;
use crate::value::Value;

/// The placeholder for a secret.
const SECRET: &str = "(secret)";

/// The remark on a former object of a resource.
const FORMER: &str = "  (what it was before: kept for its data, or still to be deleted)";

pub(super) async fn show(session: &Session, name: &str, show_secrets: bool) -> Result<u8, Failure> {
    let store = session.store_to_show()?;
    let state = store.load().await?;
    let key = super::find(session, &state, name)?;
    let mut record = json!(state.records[&key]);
    if show_secrets {
        let opened = state.open(&*session.vault(&store, &state).await?)?;
        if let Some(opened) = opened.get(&key) {
            let clear = |value: &Value| value.expose().unwrap_or(Json::Null);
            record["inputs"] = clear(&opened.recorded.inputs);
            record["outputs"] = clear(&opened.recorded.outputs);
        }
    } else {
        mask(&mut record);
    }
    record["urn"] = key.in_stack(&session.stack).to_string().into();
    session.ui.data(&format!("{record:#}\n"))?;
    Ok(exit::DONE)
}

pub(super) async fn list(session: &Session, as_json: bool) -> Result<u8, Failure> {
    let state = session.store_to_show()?.load().await?;
    if as_json {
        let records = state.records.iter().map(|(key, record)| {
            json!({
                "key": key,
                "identity": record.identity,
                "uid": record.uid,
                "ready": record.ready,
                "source": record.source,
                "gone": record.gone,
                "formers": record.formers.iter().map(|former| &former.identity).collect::<Vec<_>>(),
            })
        });
        session.ui.json(&Json::Array(records.collect()))?;
        return Ok(exit::DONE);
    }
    let mut text = String::new();
    for (key, record) in &state.records {
        let ready = if record.ready { "" } else { "  (not ready)" };
        let own = (!record.gone).then_some((&record.identity, ready));
        let formers = record.formers.iter().map(|former| (&former.identity, FORMER));
        for (identity, remark) in own.into_iter().chain(formers) {
            text.push_str(&format!("{}  {}{remark}\n", sanitize(key.as_str()), sanitize(identity)));
        }
    }
    for pending in &state.pending {
        text.push_str(&format!(
            "{}  (interrupted: {})\n",
            sanitize(pending.key.as_str()),
            pending.kind
        ));
    }
    session.ui.data(&text)?;
    Ok(exit::DONE)
}

/// Replaces sealed secrets, which are of no use to people.
pub(in crate::cli::verbs) fn mask(json: &mut Json) {
    match json {
        Json::Object(map) if map.len() == 1 && map.contains_key("$secret") => {
            let shown = map["$secret"].get("shown").and_then(Json::as_str).unwrap_or(SECRET);
            *json = shown.into();
        }
        Json::Object(map) => map.values_mut().for_each(mask),
        Json::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
