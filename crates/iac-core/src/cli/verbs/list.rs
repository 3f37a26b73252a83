//! `stack ls`: every stack of the backend, and how it stands.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::json;

use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::render::sanitize;
use crate::state::{Holder, StateError, Store};

/// How many stacks are read at the same time.
const AT_ONCE: usize = 8;

/// How a stack stands.
#[derive(Serialize)]
struct Standing {
    stack: String,
    #[serde(flatten)]
    read: Option<Read>,
    /// Why it can not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What reading it tells.
#[derive(Serialize)]
struct Read {
    resources: usize,
    version: u64,
    /// Operations that a run left open.
    interrupted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_by: Option<Holder>,
}

/// Lists the stacks. One that can not be read does not hide the others.
pub(super) async fn list(session: &Session, as_json: bool) -> Result<u8, Failure> {
    let backend = session.backend()?;
    let stacks = Store::stacks(&*backend).await?;
    let standing = |stack: String| {
        let store = session.store_of(Arc::clone(&backend), &stack);
        async move {
            let (read, error) = match read(&store).await {
                Ok(read) => (Some(read), None),
                Err(error) => (None, Some(error.to_string())),
            };
            Standing { stack, read, error }
        }
    };
    let standings: Vec<Standing> = stream::iter(stacks.into_iter().map(standing))
        .buffered(AT_ONCE)
        .collect()
        .await;
    if as_json {
        session.ui.json(&json!(standings))?;
    } else {
        let width = standings.iter().map(|standing| standing.stack.len()).max();
        let line = |standing| line(standing, width.unwrap_or_default());
        session.ui.data(&standings.iter().map(line).collect::<String>())?;
    }
    Ok(exit::DONE)
}

async fn read(store: &Store) -> Result<Read, StateError> {
    let state = store.load().await?;
    Ok(Read {
        resources: state.records.len(),
        version: state.version,
        interrupted: state.pending.len(),
        claimed_by: store.holder().await?,
    })
}

fn line(standing: &Standing, width: usize) -> String {
    let stack = sanitize(&standing.stack);
    let Some(read) = &standing.read else {
        let why = standing.error.as_deref().unwrap_or_default();
        return format!("{stack:<width$}  can not be read: {}\n", sanitize(why));
    };
    let mut line = format!(
        "{stack:<width$}  {:>5} resources  version {}",
        read.resources, read.version
    );
    if read.interrupted > 0 {
        line.push_str(&format!("  {} interrupted", read.interrupted));
    }
    if let Some(holder) = &read.claimed_by {
        line.push_str(&format!("  claimed by {}", sanitize(&holder.to_string())));
    }
    line.push('\n');
    line
}
