//! `config set|get|list`; `rekey` is with that of the state, and `trust` by itself.

use serde_json::{Value as Json, json};

use super::{rekey, trust};
use crate::cli::args::Config as Args;
use crate::cli::failure::Failure;
use crate::cli::session::{Session, exposed};
use crate::cli::{Declare, exit, prompt};
use crate::config::{Config, ConfigEditor, ConfigValue, Entry, FileValue, similar};
use crate::declare::Stack;
use crate::render::sanitize;
use crate::secret_names::{NAMES, NOT, SecretNames};
use crate::settings::Setting;
use crate::value::Secret;

/// The placeholder for a secret.
const SECRET: &str = "(secret)";

pub(super) async fn config(session: &Session, args: &Args, declare: Declare<'_>) -> Result<u8, Failure> {
    match args {
        Args::Set { key, value, secret } => set(session, key, value.as_deref(), *secret)?,
        Args::List { json } => takes(session, declare, *json)?,
        Args::Trust { yes } => return trust::trust(session, *yes).await,
        Args::Rekey {
            recipient,
            passphrase_file,
        } => {
            let recipients = rekey::recipients(recipient, passphrase_file.as_deref())?;
            return rekey::config(session, recipients.as_ref());
        }
        Args::Get {
            key: Some(key),
            show_secrets,
            json,
        } => get(session, declare, key, *show_secrets, *json)?,
        Args::Get {
            key: None,
            show_secrets,
            json,
        } => list(session, declare, *show_secrets, *json)?,
    }
    Ok(exit::DONE)
}

fn set(session: &Session, key: &str, value: Option<&str>, secret: bool) -> Result<(), Failure> {
    check_key(key)?;
    let value = match value {
        Some(value) => Secret::from(value),
        None => prompt::value(&session.ui, key, secret)?,
    };
    let mut editor = ConfigEditor::open(&session.config_path())?;
    if secret {
        seal(session, &mut editor, key, &value)?;
    } else {
        editor.set(key, &FileValue::Plain(value.expose().clone()))?;
    }
    editor.save()?;
    session.allow_own(key)?;
    session.ui.say(&format!("Set {key} in {}", session.config_name()));
    Ok(())
}

fn check_key(key: &str) -> Result<(), Failure> {
    if key
        .split('.')
        .any(|part| part.is_empty() || part.chars().any(char::is_whitespace))
    {
        let message = format!("{key:?} is no configuration key");
        return Err(Failure::usage(message).hint("write names with dots between them, such as api.replicas"));
    }
    if key.split('.').next() == Some("encryption") {
        return Err(Failure::usage(
            "the table `encryption` holds the key of the file's secrets and cannot be set",
        ));
    }
    Ok(())
}

/// Sets a secret, sealed under the key of the file, which is made with its first secret.
fn seal(session: &Session, editor: &mut ConfigEditor, key: &str, value: &Secret) -> Result<(), Failure> {
    let (made, vault) = match editor.wrapped_key() {
        Some(wrapped) => (None, session.keys.vault(wrapped)?),
        None => {
            let (wrapped, vault) = session.keys.create()?;
            (Some(wrapped), vault)
        }
    };
    editor.set(key, &FileValue::Sealed(vault.seal_text(key, value)?))?;
    if let Some(wrapped) = made {
        editor.set_wrapped_key(&wrapped);
    }
    Ok(())
}

fn get(session: &Session, declare: Declare<'_>, key: &str, show_secrets: bool, as_json: bool) -> Result<(), Failure> {
    let Some(entry) = session.layers.entries().get(key) else {
        let failure = Failure::failed(format!("configuration {key:?} is not set"));
        return Err(
            match similar(key, session.layers.entries().keys().map(String::as_str)) {
                Some(meant) => failure.hint(format!("did you mean {meant:?}?")),
                None => failure.hint("`config get` lists what is set; what is not has the program's default"),
            },
        );
    };
    let text = if show_secrets {
        let opened = session.layers.value(key, &session.keys)?;
        opened.as_ref().map(exposed).unwrap_or_default().to_owned()
    } else {
        let config = session.open_config_unchecked()?;
        let shown = Shown::new(session, declare, &config);
        config
            .entries()
            .get(key)
            .map(|entry| shown.text(key, entry))
            .unwrap_or_default()
    };
    if as_json {
        session
            .ui
            .json(&json!({"key": key, "value": text, "origin": entry.origin}))?;
    } else {
        session.ui.data(&format!("{text}\n"))?;
    }
    Ok(())
}

fn list(session: &Session, declare: Declare<'_>, show_secrets: bool, as_json: bool) -> Result<(), Failure> {
    let config = if show_secrets {
        session.config_unchecked()?
    } else {
        session.open_config_unchecked()?
    };
    let shown = Shown::new(session, declare, &config);
    let mut text = String::new();
    let mut all = serde_json::Map::new();
    for (key, entry) in config.entries() {
        let value = match show_secrets {
            true => exposed(&entry.value).to_owned(),
            false => shown.text(key, entry),
        };
        text.push_str(&format!(
            "{} = {}  ({})\n",
            sanitize(key),
            sanitize(&value),
            sanitize(&entry.origin)
        ));
        all.insert(key.clone(), json!({"value": value, "origin": entry.origin}));
    }
    if as_json {
        session.ui.json(&Json::Object(all))?;
    } else {
        session.ui.data(&text)?;
    }
    Ok(())
}

/// Lists what the program takes.
fn takes(session: &Session, declare: Declare<'_>, as_json: bool) -> Result<(), Failure> {
    let config = session.open_config_unchecked()?;
    let shown = Shown::new(session, declare, &config);
    let Some(settings) = config.settings() else {
        let hint = "`config get` lists what is set; a program says what it takes by reading `Stack::settings`";
        return Err(Failure::failed("this program does not say what it takes").hint(hint));
    };
    let set = |setting: &Setting| {
        config
            .entry(&setting.key)
            .map(|entry| (shown.text(&setting.key, entry), entry))
    };
    if as_json {
        let settings = settings.iter().map(|setting| {
            let mut json = json!({
                "takes": setting.takes, "required": setting.required, "secret": setting.secret,
                "default": setting.default,
            });
            if let Some((value, entry)) = set(setting) {
                json["value"] = value.into();
                json["origin"] = entry.origin.as_str().into();
            }
            (setting.key.clone(), json)
        });
        session.ui.json(&Json::Object(settings.collect()))?;
        return Ok(());
    }
    let mut text = String::new();
    for setting in &settings {
        let now = match set(setting) {
            Some((value, entry)) => format!("{}  ({})", sanitize(&value), sanitize(&entry.origin)),
            None if setting.required => "not set, and required".to_owned(),
            None => match &setting.default {
                Some(default) => format!("{}  (the default)", sanitize(default)),
                None => "not set".to_owned(),
            },
        };
        text.push_str(&format!("{}: {}\n    {now}\n", setting.key, setting.takes));
    }
    session.ui.data(&text)?;
    Ok(())
}

/// The filter for values that were given in clear: it hides a value that the program reads as a secret, and one that is a
/// secret by its name or form.
struct Shown {
    asked: Vec<String>,
    names: SecretNames,
}

impl Shown {
    /// Only what the program asks for counts here, so whether it succeeds does not matter.
    fn new(session: &Session, declare: Declare<'_>, config: &Config) -> Self {
        let _ = declare(&Stack::new(&session.stack, config.clone()));
        let asked = config.entries().keys().filter(|key| config.is_asked_as_secret(key));
        Self {
            asked: asked.cloned().collect(),
            names: config.secret_names(),
        }
    }

    fn text(&self, key: &str, entry: &Entry) -> String {
        match &entry.value {
            ConfigValue::Secret(_) => SECRET.to_owned(),
            ConfigValue::Plain(_) if self.asked.iter().any(|asked| asked == key) => SECRET.to_owned(),
            // These hold names of secrets.
            ConfigValue::Plain(text) if matches!(key, NAMES | NOT) => text.clone(),
            ConfigValue::Plain(text) => {
                let last = key.rsplit('.').next().unwrap_or(key);
                let shown = self.names.shown(last, text).or_else(|| self.names.shown(key, text));
                shown.unwrap_or_else(|| text.clone())
            }
        }
    }
}
