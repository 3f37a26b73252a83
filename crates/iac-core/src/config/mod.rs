//! A stack's configuration: what a program reads instead of hard-coding it.
//!
//! A value is looked for in this order, and the first place that has it wins:
//!
//! 1. `--config key=value`,
//! 2. the environment: `IAC_CONFIG_API__REPLICAS` is `api.replicas` (see [`Layers::environment`]),
//! 3. the TOML file that `IAC_CONFIG_FILE` names,
//! 4. `stacks/<program>.<stack>.toml`,
//! 5. the default that the program gives.
//!
//! [`ConfigFile`] reads a file, [`ConfigEditor`] changes one, [`Layers`] puts them together.

mod edit;
mod file;
mod layers;
mod trust;
mod usage;

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::secret_names::{NAMES, NOT, SecretNames, can_be_secret};
use crate::settings::Setting;
use crate::value::{KnownSecrets, Secret};

pub use edit::ConfigEditor;
pub use file::{ConfigFile, FileEntry, FileError, FileValue};
pub(crate) use layers::fold;
pub use layers::{LayerEntry, LayerError, Layers, OpenSecret};
pub(crate) use trust::Trusted;
use usage::Usage;
pub use usage::{Unused, similar};

/// The configuration of a stack, with where each value comes from.
///
/// It remembers which keys were asked for, so that one that nobody reads can be reported; clones share that memory.
#[derive(Debug, Clone, Default)]
pub struct Config {
    entries: BTreeMap<String, Entry>,
    usage: Usage,
    /// The secrets that were asked for: what is said may not quote them.
    known: KnownSecrets,
    /// Which names the program says are secret, or not.
    secret_names: SecretNames,
}

/// One value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The value.
    pub value: ConfigValue,
    /// Where it comes from, for messages: `--config`, `IAC_CONFIG_…`, a file's name.
    pub origin: String,
    /// True if only the folded form of its key is known, because it comes from an environment variable.
    loose: bool,
    /// True if it is from a file that several programs may share.
    shared: bool,
    /// True if it is from the stack's own file.
    own_file: bool,
    /// True if a file holds it as a list; the text is JSON then.
    list: bool,
}

impl Entry {
    pub(crate) fn is_loose(&self) -> bool {
        self.loose
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    pub(crate) fn is_own_file(&self) -> bool {
        self.own_file
    }

    pub(crate) fn is_list(&self) -> bool {
        self.list
    }

    /// True if it comes from a single variable of the environment.
    pub(crate) fn is_variable(&self) -> bool {
        !self.shared && !self.own_file && self.origin.starts_with(layers::VARIABLE_PREFIX)
    }
}

/// A value in clear, or a secret.
#[derive(Debug, Clone)]
pub enum ConfigValue {
    /// In clear.
    Plain(String),
    /// A secret.
    Secret(Secret),
}

/// An error in one configuration value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is required, and not set.
    #[error(
        "configuration {key:?} is required; set it with `config set {key} VALUE{flag}`, --config {key}=VALUE, or in the file that IAC_CONFIG_FILE names"
    )]
    Missing {
        /// Its key.
        key: String,
        /// ` --secret` for a secret.
        flag: &'static str,
    },
    /// It is not of the type asked for.
    #[error("configuration {key:?} (from {origin}) is {value:?}: {message}")]
    Type {
        /// Its key.
        key: String,
        /// The value that was found.
        value: String,
        /// Where it was found.
        origin: String,
        /// The message of the type's parser.
        message: String,
    },
    /// A list is asked for as a single value.
    #[error(
        "configuration {key:?} (from {origin}) is a list, and the program asks for one value; lists are for fields of a `Stack::settings`"
    )]
    IsList {
        /// Its key.
        key: String,
        /// Where it was found.
        origin: String,
    },
    /// A secret is asked for as a plain value.
    #[error("configuration {key:?} is a secret; the program has to ask for it as one")]
    IsSecret {
        /// Its key.
        key: String,
    },
}

impl Config {
    /// Sets a value, replacing what was there.
    pub fn set(&mut self, key: impl Into<String>, value: ConfigValue, origin: impl Into<String>) {
        self.entries.insert(
            key.into(),
            Entry {
                value,
                origin: origin.into(),
                loose: false,
                shared: false,
                own_file: false,
                list: false,
            },
        );
    }

    /// All values, by key.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// True if a key is set.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The plain values below a prefix, by the rest of their keys: with `kubernetes`, the value of
    /// `kubernetes.context` is at `context`. All of them count as read.
    pub fn section(&self, prefix: &str) -> BTreeMap<String, String> {
        let below = |key: &str| Some(key.strip_prefix(prefix)?.strip_prefix('.')?.to_owned());
        let mut found = BTreeMap::new();
        for (key, entry) in &self.entries {
            if let (Some(rest), ConfigValue::Plain(text)) = (below(key), &entry.value) {
                self.usage.note(key, false);
                found.insert(rest, text.clone());
            }
        }
        found
    }

    /// The values that nobody asked for so far, with what may have been meant.
    pub fn unused(&self) -> Vec<Unused> {
        self.usage.unused(&self.entries)
    }

    /// True if the program asked for this key as a secret.
    pub fn is_asked_as_secret(&self, key: &str) -> bool {
        self.usage.is_secret(key)
    }

    /// The entry of a key. One from the environment is found by its folded name, since a variable's name cannot tell
    /// `image-tag` from `image_tag`.
    fn find(&self, key: &str) -> Option<&Entry> {
        self.usage.note(key, false);
        self.entries.get(key).or_else(|| {
            let folded = layers::fold(key);
            let mut loose = self.entries.iter().filter(|(_, entry)| entry.loose);
            let (name, entry) = loose.find(|(name, _)| layers::fold(name) == folded)?;
            self.usage.note(name, false);
            Some(entry)
        })
    }

    /// A value, if it is set.
    ///
    /// # Errors
    /// When it does not parse as `T`, or is a secret.
    pub fn get<T: FromStr<Err: std::fmt::Display>>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        let Some(entry) = self.find(key) else {
            return Ok(None);
        };
        let ConfigValue::Plain(text) = &entry.value else {
            return Err(ConfigError::IsSecret { key: key.to_owned() });
        };
        if entry.list {
            return Err(ConfigError::IsList {
                key: key.to_owned(),
                origin: entry.origin.clone(),
            });
        }
        self.learn_by_name(key, text);
        text.parse().map(Some).map_err(|error: T::Err| ConfigError::Type {
            key: key.to_owned(),
            // Parsers quote what they refuse as well.
            message: self.without_value(key, text, error.to_string()),
            value: self.secret_names().shown(key, text).unwrap_or_else(|| text.clone()),
            origin: entry.origin.clone(),
        })
    }

    /// Keeps a text out of what is said where its key's name says that it is a secret.
    pub(crate) fn learn_by_name(&self, key: &str, text: &str) {
        // These say themselves which names are secret.
        let is_rule = matches!(key, NAMES | NOT);
        if !is_rule && can_be_secret(text) && self.secret_names().is_secret(key) {
            self.known.learn_secret(&Secret::from(text));
        }
    }

    /// A message without the value that it is about, where that may not be shown.
    pub(crate) fn without_value(&self, key: &str, text: &str, message: String) -> String {
        match self.secret_names().shown(key, text) {
            Some(shown) if !text.is_empty() => message.replace(text, &shown),
            _ => message,
        }
    }

    /// The entry of a key, as a program would find it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.find(key)
    }

    /// Counts a key as asked for.
    pub(crate) fn note_used(&self, key: &str, secret: bool) {
        self.usage.note(key, secret);
    }

    /// Records what the program takes: from then on, a key of the stack's file that nobody asks for is an error.
    pub(crate) fn declare_settings(&self, settings: &[Setting]) {
        self.usage.declare(settings);
    }

    /// Returns the settings that the program takes by [`Stack::settings`](crate::Stack::settings), by key; none if it does not
    /// use that.
    pub fn settings(&self) -> Option<Vec<Setting>> {
        self.usage.settings()
    }

    /// A value, or a default.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_or<T: FromStr<Err: std::fmt::Display>>(&self, key: &str, default: T) -> Result<T, ConfigError> {
        Ok(self.get(key)?.unwrap_or(default))
    }

    /// A text, or a default.
    ///
    /// # Errors
    /// When it is a secret.
    pub fn text(&self, key: &str, default: &str) -> Result<String, ConfigError> {
        self.get_or(key, default.to_owned())
    }

    /// A required value.
    ///
    /// # Errors
    /// As [`get`](Self::get), and when it is not set.
    pub fn require<T: FromStr<Err: std::fmt::Display>>(&self, key: &str) -> Result<T, ConfigError> {
        self.get(key)?.ok_or(ConfigError::Missing {
            key: key.to_owned(),
            flag: "",
        })
    }

    /// A secret; one that was given in clear counts as well.
    ///
    /// # Errors
    /// When it is not set.
    pub fn secret(&self, key: &str) -> Result<Secret, ConfigError> {
        self.usage.note(key, true);
        let secret = match self.find(key).map(|entry| &entry.value) {
            Some(ConfigValue::Secret(secret)) => secret.clone(),
            Some(ConfigValue::Plain(text)) => Secret::from(text.as_str()),
            None => {
                return Err(ConfigError::Missing {
                    key: key.to_owned(),
                    flag: " --secret",
                });
            }
        };
        self.known.learn_secret(&secret);
        Ok(secret)
    }

    /// Tells those who know secrets of all that are in here, and of those that will be asked for.
    pub(crate) fn known_to(mut self, known: &KnownSecrets) -> Self {
        self.known = known.clone();
        for entry in self.entries.values() {
            if let ConfigValue::Secret(secret) = &entry.value {
                known.learn_secret(secret);
            }
        }
        self
    }

    /// Lays down which names the program itself says are secret, or not.
    #[must_use]
    pub fn with_secret_names(mut self, names: SecretNames) -> Self {
        self.secret_names = names;
        self
    }

    /// Which names say that a value is a secret: the program's word, and that of `secrets.names` and `secrets.not`.
    pub fn secret_names(&self) -> SecretNames {
        self.secret_names.clone().configured(self)
    }

    /// The secrets that were asked for.
    pub(crate) fn known(&self) -> &KnownSecrets {
        &self.known
    }
}
