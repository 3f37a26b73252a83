//! `config trust`: the user allows what a file of the repository says about connections and about names of secrets.

use super::state::confirm;
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

pub(super) async fn trust(session: &Session, yes: bool) -> Result<u8, Failure> {
    let foreign = session.foreign();
    let open: Vec<_> = foreign.open().collect();
    if open.is_empty() {
        let name = session.config_name();
        session.ui.say(&format!(
            "Nothing in {name} waits to be allowed: no setting in it needs a decision, or all that do are allowed"
        ));
        return Ok(exit::DONE);
    }
    session.ui.say(&format!("{} says:", session.config_name()));
    for line in open.iter().flat_map(|setting| setting.told()) {
        session.ui.say(&format!("  {line}"));
    }
    if !yes {
        let details = "From then on this program does as they say, for as long as these settings stay as they are.\n";
        confirm(session, "config trust", "Allow this for stack", details).await?;
    }
    for setting in open {
        setting.allow()?;
    }
    session.ui.say("Allowed, until one of these settings changes");
    Ok(exit::DONE)
}
