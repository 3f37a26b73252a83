//! `state trust`.

use serde_json::json;

use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::render::sanitize;
use crate::state::{RunInfo, Trusted};

pub(super) async fn trust(session: &Session, yes: bool, as_json: bool) -> Result<u8, Failure> {
    let store = session.store()?;
    store.must_exist().await?;
    let text = text(session, &store.look_at_trust().await?);
    if as_json {
        session.ui.talk(&text);
    } else {
        session.ui.data(&text)?;
    }
    if !yes {
        super::confirm(session, "state trust", "Go on from this state of stack", &text).await?;
    }
    let run = RunInfo::current("state trust", session.build());
    let trusted = store.trust(run, session.lock_timeout).await?;
    if as_json {
        session.ui.json(&json!({"stack": session.stack, "trusted": trusted}))?;
    } else {
        session.ui.say(&format!(
            "Stack {} is believed as it lies there. `preview` shows how that fits the world.",
            session.stack
        ));
    }
    Ok(exit::DONE)
}

fn text(session: &Session, trusted: &Trusted) -> String {
    let key = trusted.key.as_deref().unwrap_or("none");
    let mut text = format!(
        "Stack {}: key {key}, version {}, batch {}, {} resources recorded\n",
        session.stack, trusted.version, trusted.batch, trusted.records
    );
    for change in &trusted.changes {
        text.push_str(&format!("    {}\n", sanitize(change)));
    }
    text
}
