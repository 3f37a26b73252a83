//! `plan`: saved plans, shown and compared from their files alone.

use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use crate::cli::args::{DiffFormat, Format, PlanVerb};
use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::files;
use crate::render::sanitize;
use crate::review::{COMMENT, View};
use crate::saved::SavedPlan;

/// The way out where a saved plan is refused.
pub(super) const PREVIEW_AGAIN: &str =
    "make and review a new one with `preview --out FILE`; of a destroy with `preview --destroy --out FILE`";

/// The time that the storage may take to give the key that a seal is checked with.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn plan(session: &Session, verb: &PlanVerb) -> Result<u8, Failure> {
    match verb {
        PlanVerb::Show { file, format } => show(session, file, *format).await,
        PlanVerb::Diff {
            before,
            after,
            format,
            detailed_exitcode,
        } => {
            let is_same = diff(session, before, after, *format).await?;
            Ok(match *detailed_exitcode && !is_same {
                true => exit::CHANGES,
                false => exit::DONE,
            })
        }
    }
}

async fn show(session: &Session, file: &Path, format: Format) -> Result<u8, Failure> {
    let saved = read(file)?;
    check_seal(session, file, &saved).await?;
    let view = |unchanged| saved.view(unchanged).map_err(|error| refused(file, &error));
    print(session, format, view, || Ok(saved.json()?))?;
    Ok(exit::DONE)
}

/// Prints the difference; true if there is none.
async fn diff(session: &Session, before: &Path, after: &Path, format: DiffFormat) -> Result<bool, Failure> {
    let (was, now) = (read(before)?, read(after)?);
    if was.stack != now.stack {
        let message = format!(
            "{} is a plan of stack {:?}, and {} one of stack {:?}: they have nothing to compare",
            before.display(),
            was.stack,
            after.display(),
            now.stack
        );
        return Err(Failure::usage(message));
    }
    check_seal(session, before, &was).await?;
    check_seal(session, after, &now).await?;
    if !was.tells_secrets_apart() || !now.tells_secrets_apart() {
        session
            .ui
            .say("note: secrets are not compared: a plan from before the stack had a key has no hashes of them");
    }
    let diff = was.difference(&now).map_err(|error| refused(after, &error))?;
    match format {
        DiffFormat::Text => session.ui.data(&diff.to_text(&session.ui.text_options()))?,
        DiffFormat::Json => session.ui.json(&serde_json::json!(diff))?,
        DiffFormat::Markdown => session.ui.data(&diff.to_markdown(COMMENT))?,
        DiffFormat::Html => session.ui.data(&diff.to_html())?,
    }
    Ok(diff.is_empty())
}

/// Prints a plan to standard output; `view` is given whether unchanged resources are to be listed.
pub(super) fn print(
    session: &Session,
    format: Format,
    view: impl Fn(bool) -> Result<View, Failure>,
    json: impl Fn() -> Result<Json, Failure>,
) -> Result<(), Failure> {
    match format {
        Format::Text => {
            let options = session.ui.text_options();
            session.ui.data(&view(options.verbose)?.to_text(&options))?;
        }
        Format::Json => session.ui.json(&json()?)?,
        Format::Markdown => session.ui.data(&view(false)?.to_markdown(COMMENT))?,
        Format::Html => session.ui.data(&view(session.ui.text_options().verbose)?.to_html())?,
    }
    Ok(())
}

/// Reads a saved plan.
pub(super) fn read(path: &Path) -> Result<SavedPlan, Failure> {
    let text = files::read_text(path, files::DOCUMENT);
    let text = text.map_err(|error| Failure::failed(format!("{} cannot be read: {error}", path.display())))?;
    let saved = SavedPlan::parse(&text);
    saved.map_err(|error| refused(path, &error).hint(PREVIEW_AGAIN))
}

fn refused(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
}

/// Checks the seal where the key of the plan's stack is at hand, and says whether it was checked. The file may have been
/// made anywhere, so a missing key is no error.
async fn check_seal(session: &Session, path: &Path, saved: &SavedPlan) -> Result<(), Failure> {
    let file = path.display();
    let vault = async {
        let store = session.store_of(session.backend()?, &saved.stack).showing();
        Ok::<_, Failure>(store.kept_vault().await?)
    };
    let why = match tokio::time::timeout(PATIENCE, vault).await {
        Ok(Ok(Some(vault))) => {
            let checked = saved.check_seal(&vault);
            checked.map_err(|error| refused(path, &error).hint(PREVIEW_AGAIN))?;
            session.ui.say(&format!("{file}: the seal of the stack's key is right"));
            return Ok(());
        }
        Ok(Ok(None)) => format!("the key of stack {} is not here", saved.stack),
        Ok(Err(failure)) => {
            let messages = failure.diagnostics.into_iter().map(|diagnostic| diagnostic.message);
            messages.collect::<Vec<_>>().join("; ")
        }
        Err(_) => "the storage of its state does not answer".to_owned(),
    };
    let note = match saved.is_sealed() {
        true => format!("note: {file}: its seal was not checked: {why}"),
        false => format!("note: {file}: it bears no seal: anybody may have changed it"),
    };
    session.ui.say(&sanitize(&note));
    Ok(())
}
