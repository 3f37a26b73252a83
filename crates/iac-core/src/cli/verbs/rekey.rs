//! `stack rekey` and `config rekey`: other keys, for a state and for a configuration file.

use std::path::Path;

use serde_json::json;

use crate::cli::exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::{ConfigEditor, ConfigFile, FileValue};
use crate::state::{KeySource, Recipients, RekeyOptions, RunInfo};

/// Whom the command line wants keys to be wrapped for, if it says so.
pub(super) fn recipients(age: &[String], passphrase_file: Option<&Path>) -> Result<Option<Recipients>, Failure> {
    match passphrase_file {
        Some(path) => Ok(Some(KeySource::passphrase_file(path).recipients()?)),
        None if age.is_empty() => Ok(None),
        None => Ok(Some(Recipients::Age(age.to_vec()))),
    }
}

pub(super) async fn stack(session: &Session, options: RekeyOptions, as_json: bool) -> Result<u8, Failure> {
    let run = RunInfo::current("stack rekey", session.build());
    let only_wrap = options.only_wrap;
    let rekeyed = session.store()?.rekey(run, session.lock_timeout, options).await?;
    if as_json {
        session.ui.json(&json!(rekeyed))?;
        return Ok(exit::DONE);
    }
    let finished = if rekeyed.resumed {
        ", which finishes what was interrupted"
    } else {
        ""
    };
    session.ui.say(&format!(
        "Stack {} has key {}{finished}; sealed anew: {} of records and exports, {} of the history",
        session.stack, rekeyed.key, rekeyed.sealed, rekeyed.versions
    ));
    let copies = if only_wrap {
        "Copies of the state from before (exports, backups) open for those for whom they were wrapped."
    } else {
        "Copies of the state from before (exports, backups) open with the old key only."
    };
    session.ui.say(copies);
    Ok(exit::DONE)
}

/// Seals the secrets of the stack's configuration file under a new key.
pub(super) fn config(session: &Session, recipients: Option<&Recipients>) -> Result<u8, Failure> {
    let path = session.config_path();
    let mut editor = ConfigEditor::open(&path)?;
    let (Some(file), Some(old)) = (ConfigFile::read(&path)?, editor.wrapped_key().map(str::to_owned)) else {
        session.ui.say(&format!("{} holds no secrets", session.config_name()));
        return Ok(exit::DONE);
    };
    let theirs = session.keys.vault(&old)?;
    let (wrapped, ours) = session.keys.create_for(recipients)?;
    let mut count = 0;
    for (key, entry) in &file.entries {
        if let FileValue::Sealed(sealed) = &entry.value {
            let secret = theirs.open_text(key, sealed)?;
            editor.set(key, &FileValue::Sealed(ours.seal_text(key, &secret)?))?;
            count += 1;
        }
    }
    editor.set_wrapped_key(&wrapped);
    editor.save()?;
    session.ui.say(&format!(
        "The secrets in {} are sealed under a new key ({count})",
        session.config_name()
    ));
    Ok(exit::DONE)
}
