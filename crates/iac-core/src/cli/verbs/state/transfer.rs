//! `state export|import|migrate`: a state's way elsewhere.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::files;
use crate::redact;
use crate::state::{Backend, ImportOptions, RunInfo, StateError, Store};

pub(super) async fn export(session: &Session, file: Option<&Path>) -> Result<u8, Failure> {
    let text = session.store()?.export().await?;
    match file {
        None => session.ui.data(&text)?,
        Some(path) => {
            write(path, &text).map_err(|error| unusable(path, &error))?;
            session.ui.say(&format!(
                "The state of stack {} is in {}",
                session.stack,
                path.display()
            ));
        }
    }
    Ok(exit::DONE)
}

/// Writes a file whole or not at all, for its owner's eyes.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", path.display()))
}

pub(super) async fn import(
    session: &Session,
    file: &Path,
    options: ImportOptions,
    as_json: bool,
) -> Result<u8, Failure> {
    let document = files::read(file, files::STATE).map_err(|error| unusable(file, &error))?;
    let run = RunInfo::current("state import", session.build());
    let imported = session
        .store()?
        .import(&document, run, session.lock_timeout, options)
        .await;
    let imported = imported.map_err(|error| match error {
        StateError::Import(_) => Failure::from(error)
            .hint("--replace takes the place of what is recorded, --other-stack takes the state of another stack"),
        error => error.into(),
    })?;
    if as_json {
        session.ui.json(&json!(imported))?;
        return Ok(exit::DONE);
    }
    session.ui.say(&format!(
        "Stack {} has {} recorded resources now (version {}){}",
        session.stack,
        imported.records,
        imported.version,
        match imported.replaced {
            0 => String::new(),
            replaced => format!("; {replaced} are no longer recorded, `stack show` lists them"),
        }
    ));
    Ok(exit::DONE)
}

pub(super) async fn migrate(session: &Session, to: &str, all: bool, copy: bool, as_json: bool) -> Result<u8, Failure> {
    let source = session.backend()?;
    let target = session.open_backend(to)?;
    let stacks = if all {
        Store::stacks(&*source).await?
    } else {
        vec![session.stack.clone()]
    };
    let mut done = Vec::new();
    for stack in stacks {
        done.extend(migrate_one(session, &source, &target, &redact::url(to), &stack, copy).await?);
    }
    if as_json {
        session.ui.json(&Json::Array(done))?;
    }
    Ok(exit::DONE)
}

async fn migrate_one(
    session: &Session,
    source: &Arc<dyn Backend>,
    target: &Arc<dyn Backend>,
    to: &str,
    stack: &str,
    copy: bool,
) -> Result<Option<Json>, Failure> {
    let store = session.store_of(Arc::clone(source), stack).encrypt_new(false);
    let run = RunInfo::current("state migrate", session.build());
    let migrated = store.migrate(target, to, run, session.lock_timeout, copy).await;
    let migrated = match migrated {
        Err(StateError::Moved { stack, to }) => {
            session.ui.say(&format!("Stack {stack} was moved to {to} before"));
            return Ok(None);
        }
        migrated => migrated?,
    };
    let what = if copy { "copied to" } else { "moved to" };
    session.ui.say(&format!(
        "Stack {stack} is {what} {to}: {} files, {} recorded resources, read back and compared",
        migrated.files, migrated.records
    ));
    if !copy {
        session
            .ui
            .say("From now on it is there: --backend or IAC_BACKEND names it. What lies here is a copy; `stack rm` removes it.");
    }
    Ok(Some(
        json!({"stack": stack, "to": to, "copy": copy, "migrated": migrated}),
    ))
}
