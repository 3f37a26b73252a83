//! `state mv|rm|protect|unprotect|taint|untaint`: changes of the record that touch no object.

use serde_json::{Value as Json, json};

use super::{find, find_all};
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::provider::{Provider as _, RandomProvider};
use crate::render::sanitize;
use crate::state::{RunInfo, StateError, Summary, Writer};
use crate::urn::Key;

pub(super) async fn mv(session: &Session, from: &str, to: &str, as_json: bool) -> Result<u8, Failure> {
    let writer = begin(session, "state mv").await?;
    let renamed = async {
        let from = find(session, writer.state(), from)?;
        let to = new_key(session, &from, to)?;
        let generated = from.provider() == RandomProvider.name();
        let identity = generated.then(|| RandomProvider::identity_of(&to));
        writer.rename(&from, &to, identity).await?;
        Ok((from, to))
    };
    let (writer, (from, to)) = keep(&writer, renamed.await).await?;
    let summary = Summary {
        updated: 1,
        ok: true,
        ..Summary::default()
    };
    let version = writer.finish(summary).await?;
    if as_json {
        session.ui.json(&json!({"version": version, "from": from, "to": to}))?;
    } else {
        session.ui.say(&format!(
            "{} is now {} in the record (version {version})",
            shown(&from),
            shown(&to)
        ));
    }
    Ok(exit::DONE)
}

pub(super) async fn rm(session: &Session, names: &[String], force: bool, as_json: bool) -> Result<u8, Failure> {
    let writer = begin(session, "state rm").await?;
    let state = writer.state();
    let removed = async {
        let keys = find_all(session, state, names)?;
        let removed = writer.forget_all(&keys, force).await;
        removed.map_err(|error| match error {
            StateError::Refused { .. } if !force => Failure::from(error).hint("--force drops it all the same"),
            error => error.into(),
        })?;
        Ok(keys)
    };
    let (writer, keys) = keep(&writer, removed.await).await?;
    let summary = Summary {
        deleted: keys.len() as u64,
        ok: true,
        ..Summary::default()
    };
    let version = writer.finish(summary).await?;
    if as_json {
        let removed: Vec<Json> = keys
            .iter()
            .map(|key| json!({"key": key, "identity": state.records[key].identity, "uid": state.records[key].uid}))
            .collect();
        session.ui.json(&json!({"version": version, "removed": removed}))?;
        return Ok(exit::DONE);
    }
    for key in &keys {
        let record = &state.records[key];
        let objects = record.formers.iter().map(|former| former.identity.as_str());
        let own = (!record.gone).then_some(record.identity.as_str());
        let left: Vec<String> = own.into_iter().chain(objects).map(sanitize).map(Into::into).collect();
        let left = if key.provider() == RandomProvider.name() {
            "its value is lost".to_owned()
        } else {
            format!("left in the world: {}", left.join(", "))
        };
        session.ui.say(&format!(
            "{} is no longer recorded (version {version}); {left}",
            shown(key)
        ));
    }
    Ok(exit::DONE)
}

/// The option of a record that a mark sets.
#[derive(Clone, Copy)]
enum Marked {
    Protect,
    Taint,
}

/// A mark of recorded resources that is set or taken away by hand.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    verb: &'static str,
    option: Marked,
    on: bool,
    /// The state of a resource from then on.
    now: &'static str,
    /// Advice that is given afterwards.
    advice: &'static str,
}

pub(super) const PROTECT: Mark = Mark {
    verb: "state protect",
    option: Marked::Protect,
    on: true,
    now: "protected",
    advice: "",
};
pub(super) const UNPROTECT: Mark = Mark {
    verb: "state unprotect",
    option: Marked::Protect,
    on: false,
    now: "no longer protected",
    advice: "A program that declares it with .protect() protects it again with its next `up`.",
};
pub(super) const TAINT: Mark = Mark {
    verb: "state taint",
    option: Marked::Taint,
    on: true,
    now: "tainted",
    advice: "The next `up` deletes the object and creates it again; `preview` shows what that means. `state untaint` takes it back.",
};
pub(super) const UNTAINT: Mark = Mark {
    verb: "state untaint",
    option: Marked::Taint,
    on: false,
    now: "no longer tainted",
    advice: "",
};

pub(super) async fn mark(session: &Session, names: &[String], mark: Mark, as_json: bool) -> Result<u8, Failure> {
    let writer = begin(session, mark.verb).await?;
    let changed = async {
        let keys = find_all(session, writer.state(), names)?;
        Ok(match mark.option {
            Marked::Protect => writer.protect(&keys, mark.on).await?,
            Marked::Taint => writer.taint(&keys, mark.on).await?,
        })
    };
    let (writer, changed) = keep(&writer, changed.await).await?;
    let version = if changed.is_empty() {
        writer.abandon().await;
        None
    } else {
        let summary = Summary {
            updated: changed.len() as u64,
            ok: true,
            ..Summary::default()
        };
        Some(writer.finish(summary).await?)
    };
    if as_json {
        let field = match mark.option {
            Marked::Protect => "protect",
            Marked::Taint => "taint",
        };
        session
            .ui
            .json(&json!({"version": version, field: mark.on, "changed": changed}))?;
        return Ok(exit::DONE);
    }
    for key in &changed {
        session.ui.say(&format!("{} is {}", shown(key), mark.now));
    }
    if changed.is_empty() {
        session.ui.say("Nothing to change.");
    } else if !mark.advice.is_empty() {
        session.ui.say(mark.advice);
    }
    Ok(exit::DONE)
}

/// Takes the lease for a change by hand.
async fn begin(session: &Session, command: &str) -> Result<Writer, Failure> {
    let run = RunInfo::current(command, session.build());
    let store = session.store()?;
    store.must_exist().await?;
    Ok(store.begin(run, session.lock_timeout).await?)
}

/// Goes on with what was done, or gives the lease back.
async fn keep<T>(writer: &Writer, result: Result<T, Failure>) -> Result<(Writer, T), Failure> {
    match result {
        Ok(value) => Ok((writer.clone(), value)),
        Err(failure) => {
            writer.clone().abandon().await;
            Err(failure)
        }
    }
}

/// The key that a text names: a whole one, or another name beside the old one.
fn new_key(session: &Session, from: &Key, to: &str) -> Result<Key, Failure> {
    let prefix = format!("{}::", session.stack);
    let whole = to.strip_prefix(&prefix).unwrap_or(to);
    let key = if whole.contains("::") {
        whole.parse()
    } else {
        // Where a resource is shown as `Kind/name`, people write its new name like that.
        let kind = from.kind().rsplit(['/', ':']).next().unwrap_or_default();
        let name = whole.strip_prefix(&format!("{kind}/")).unwrap_or(whole);
        Key::new(from.component(), from.kind(), name)
    };
    key.map_err(|error| Failure::usage(error.to_string()))
}

fn shown(key: &Key) -> String {
    sanitize(key.as_str()).into()
}
