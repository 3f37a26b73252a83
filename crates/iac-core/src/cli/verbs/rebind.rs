//! `stack rebind`: hands a stack over to another program or project.

use serde_json::json;

use super::state::confirm;
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::render::sanitize;
use crate::state::{Binding, RunInfo, State, Summary, Writer};

pub(super) async fn rebind(session: &Session, yes: bool, as_json: bool) -> Result<u8, Failure> {
    if session.deploys_nothing()? {
        let message =
            "the configuration does not say what this program deploys, so there is nothing to hand the stack over to";
        return Err(Failure::usage(message).hint("say it, as in --config path=…"));
    }
    let store = session.store()?;
    store.must_exist().await?;
    let state = store.load().await?;
    let now = session.binding(None).await?;
    let stack = &session.stack;
    if is_same(&state, &now) {
        session
            .ui
            .say(&format!("Stack {stack} belongs to {} already", name(Some(&now))));
        return done(session, &state, &now, state.version, as_json);
    }
    session
        .ui
        .say(&format!("Stack {stack} belongs to {}", name(state.binding.as_ref())));
    if !yes {
        let question = format!("Hand over to {}: stack", name(Some(&now)));
        let details =
            "From then on its resources are this program's to change and to delete, and the other one is refused.\n";
        confirm(session, "stack rebind", &question, details).await?;
    }
    let run = RunInfo::current("stack rebind", session.build());
    let writer = store.begin(run, session.lock_timeout).await?;
    let version = hand_over(writer, &state, &now).await?;
    session.ui.say(&format!(
        "It belongs to {} from now on (version {version})",
        name(Some(&now))
    ));
    done(session, &state, &now, version, as_json)
}

fn is_same(state: &State, now: &Binding) -> bool {
    state
        .binding
        .as_ref()
        .is_some_and(|recorded| recorded.differs(now).is_none())
}

/// Records it, unless somebody else was quicker.
async fn hand_over(writer: Writer, seen: &State, now: &Binding) -> Result<u64, Failure> {
    if writer.state().binding != seen.binding {
        writer.abandon().await;
        return Err(Failure::failed(
            "somebody else has handed the stack over meanwhile; nothing was done",
        ));
    }
    writer.bind(now.clone()).await?;
    let summary = Summary {
        ok: true,
        ..Summary::default()
    };
    Ok(writer.finish(summary).await?)
}

fn name(binding: Option<&Binding>) -> String {
    match binding {
        Some(binding) => sanitize(&binding.to_string()).into_owned(),
        None => "nobody yet".to_owned(),
    }
}

fn done(session: &Session, before: &State, now: &Binding, version: u64, as_json: bool) -> Result<u8, Failure> {
    if as_json {
        let json = json!({"stack": session.stack, "before": before.binding, "after": now, "version": version});
        session.ui.json(&json)?;
    }
    Ok(exit::DONE)
}
