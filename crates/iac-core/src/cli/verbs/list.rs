//! `stack ls`: every stack of the backend, and how it stands.

use std::fmt;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::render::sanitize;
use crate::state::{Binding, Holder, StateError, Store};

/// The number of stacks that are read at the same time.
const AT_ONCE: usize = 8;

/// The standing of a stack.
#[derive(Serialize)]
struct Standing {
    stack: String,
    #[serde(flatten)]
    read: Option<Read>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_by: Option<Holder>,
    /// True if the run that claims it still goes on, as far as is known; asked once, so that all that is said agrees.
    #[serde(skip)]
    is_held: bool,
}

/// The part of a stack's standing that its state tells.
#[derive(Serialize)]
struct Read {
    /// The program and project that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    belongs_to: Option<Binding>,
    resources: usize,
    version: u64,
    /// When its last run ended, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Last>,
    /// Operations that a run left open.
    interrupted: usize,
    /// Operations of the run that claims the stack.
    under_way: usize,
}

#[derive(Serialize)]
struct Last {
    command: String,
    ok: bool,
    finished: Timestamp,
}

/// Lists the stacks. One that cannot be read does not hide the others.
pub(super) async fn list(session: &Session, as_json: bool) -> Result<u8, Failure> {
    let backend = session.backend()?;
    let stacks = Store::stacks(&*backend).await?;
    let stores = stacks
        .iter()
        .map(|stack| session.store_of(Arc::clone(&backend), stack).as_it_lies());
    let standings: Vec<Standing> = stream::iter(stores.map(standing)).buffered(AT_ONCE).collect().await;
    if as_json {
        session.ui.json(&json!(standings))?;
    } else {
        let width = standings.iter().map(|standing| standing.stack.len()).max();
        let line = |standing| line(standing, width.unwrap_or_default());
        session.ui.data(&standings.iter().map(line).collect::<String>())?;
    }
    Ok(exit::DONE)
}

async fn standing(store: Store) -> Standing {
    let holder = store.holder().await;
    let is_held = matches!(&holder, Ok(Some(holder)) if !holder.has_ended());
    let read = match &holder {
        Ok(_) => read(&store, is_held).await,
        Err(error) => Err(error.clone()),
    };
    let (read, error) = match read {
        Ok(read) => (Some(read), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Standing {
        stack: store.stack().to_owned(),
        read,
        error,
        claimed_by: holder.ok().flatten(),
        is_held,
    }
}

async fn read(store: &Store, is_held: bool) -> Result<Read, StateError> {
    let state = store.load().await?;
    let last = store.last_version(&state).await?.map(|version| Last {
        command: version.run.command,
        ok: version.summary.ok,
        finished: version.finished,
    });
    let open = state.pending.len();
    let (interrupted, under_way) = if is_held { (0, open) } else { (open, 0) };
    Ok(Read {
        belongs_to: state.binding,
        resources: state.records.len(),
        version: state.version,
        last,
        interrupted,
        under_way,
    })
}

fn line(standing: &Standing, width: usize) -> String {
    let mut line = format!("{:<width$}", sanitize(&standing.stack));
    match &standing.read {
        Some(read) => line.push_str(&read.to_string()),
        None => {
            let why = standing.error.as_deref().unwrap_or_default();
            line.push_str(&format!("  cannot be read: {}", sanitize(why)));
        }
    }
    if let Some(holder) = &standing.claimed_by {
        let ended = if standing.is_held { "" } else { ", which has ended" };
        line.push_str(&format!("  claimed by {}{ended}", sanitize(&holder.to_string())));
    }
    line.push('\n');
    line
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:>5} resources  version {:>4}", self.resources, self.version)?;
        if let Some(last) = &self.last {
            let how = if last.ok { "" } else { " incomplete" };
            let when = super::moment(last.finished);
            write!(f, "  {when}  {}{how}", sanitize(&last.command))?;
        }
        if self.interrupted > 0 {
            write!(f, "  {} interrupted", self.interrupted)?;
        }
        if self.under_way > 0 {
            write!(f, "  {} under way", self.under_way)?;
        }
        Ok(())
    }
}
