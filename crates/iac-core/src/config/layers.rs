//! The places that configuration comes from, laid over one another.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{Config, ConfigFile, ConfigValue, Entry, FileError, FileValue};
use crate::value::Secret;

/// The prefix of environment variables that set configuration.
pub(super) const VARIABLE_PREFIX: &str = "IAC_CONFIG_";
/// The variable that names a configuration file; so no key can be called `file` in the environment.
const FILE_VARIABLE: &str = "IAC_CONFIG_FILE";

/// Opens a sealed secret of a configuration file.
pub trait OpenSecret {
    /// Opens what is sealed in the file of this wrapped data key; `key` is the configuration key.
    ///
    /// # Errors
    /// Why it cannot be opened and what to do, in one sentence.
    fn open(&self, wrapped_key: &str, key: &str, sealed: &str) -> Result<Secret, String>;
}

/// Values from several places, the later ones over the earlier; secrets are opened only by [`Layers::open`].
#[derive(Debug, Clone, Default)]
pub struct Layers {
    entries: BTreeMap<String, LayerEntry>,
}

/// The value that won, and where it comes from.
#[derive(Debug, Clone)]
pub struct LayerEntry {
    /// The value.
    pub value: FileValue,
    /// Where it comes from.
    pub origin: String,
    wrapped_key: Option<String>,
    loose: bool,
    /// True if it is from a file that several programs may share.
    shared: bool,
    /// True if a file holds it as a list.
    list: bool,
    /// The file of the workspace that it stands in: not the user's own word where somebody else wrote the workspace.
    pub(crate) repository: Option<PathBuf>,
}

/// An error in the configuration as a whole.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that a variable names is not there.
    #[error("{FILE_VARIABLE} names {path}, and there is no such file")]
    NoFile {
        /// The file.
        path: String,
    },
    /// An argument is not of the form `key=value`.
    #[error("--config {argument:?} is not of the form key=value")]
    Argument {
        /// The argument, without what may be a value.
        argument: String,
    },
    /// A secret cannot be opened.
    #[error("configuration {key:?} (from {origin}): {message}")]
    Secret {
        /// Its key.
        key: String,
        /// Where it stands.
        origin: String,
        /// Why.
        message: String,
    },
}

impl fmt::Display for LayerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            FileValue::Plain(text) => f.write_str(text),
            FileValue::Sealed(_) => f.write_str("(secret)"),
        }
    }
}

/// The form of a key that an environment variable can spell: `api.image-tag` is `API__IMAGE_TAG`.
pub(crate) fn fold(key: &str) -> String {
    key.replace('.', "__").replace('-', "_").to_ascii_uppercase()
}

impl Layers {
    /// Lays a file of the workspace over what is there; a file that is not there adds nothing.
    ///
    /// # Errors
    /// When it is there and cannot be used.
    pub fn file(&mut self, path: &Path, shown_as: &str) -> Result<bool, LayerError> {
        self.lay(path, shown_as, false)
    }

    fn lay(&mut self, path: &Path, shown_as: &str, shared: bool) -> Result<bool, LayerError> {
        let Some(file) = ConfigFile::read(path)? else {
            return Ok(false);
        };
        for (key, entry) in file.entries {
            let entry = LayerEntry {
                value: entry.value,
                origin: format!("{shown_as}:{}", entry.line),
                wrapped_key: file.wrapped_key.clone(),
                loose: false,
                shared,
                list: entry.list,
                repository: (!shared).then(|| path.to_owned()),
            };
            self.entries.insert(key, entry);
        }
        Ok(true)
    }

    /// Lays the environment over what is there, first the file that `IAC_CONFIG_FILE` names, then single variables.
    ///
    /// `IAC_CONFIG_API__IMAGE_TAG` sets `api.image-tag`: two underscores stand for a dot, one for an underscore or a
    /// hyphen, and case does not count. `relative_to` is the folder that a relative file name starts from.
    ///
    /// # Errors
    /// When the file is not there or cannot be used.
    pub fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        relative_to: &Path,
    ) -> Result<(), LayerError> {
        let mut single = Vec::new();
        for (name, value) in variables {
            if name == FILE_VARIABLE && !value.is_empty() {
                if !self.lay(&relative_to.join(&value), &value, true)? {
                    return Err(LayerError::NoFile { path: value });
                }
            } else if let Some(key) = name.strip_prefix(VARIABLE_PREFIX)
                && name != FILE_VARIABLE
                && !key.is_empty()
            {
                single.push((key.to_owned(), name, value));
            }
        }
        for (key, name, value) in single {
            self.variable(&key, name, value);
        }
        Ok(())
    }

    fn variable(&mut self, key: &str, origin: String, value: String) {
        let folded = key.to_ascii_uppercase();
        let known = self.entries.keys().find(|known| fold(known) == folded).cloned();
        let loose = known.is_none();
        let key = known.unwrap_or_else(|| folded.replace("__", ".").to_ascii_lowercase());
        let entry = LayerEntry {
            value: FileValue::Plain(value),
            origin,
            wrapped_key: None,
            loose,
            shared: false,
            list: false,
            repository: None,
        };
        self.entries.insert(key, entry);
    }

    /// Lays arguments of the form `key=value` over what is there.
    ///
    /// # Errors
    /// When one is not of that form.
    pub fn arguments(&mut self, arguments: &[String]) -> Result<(), LayerError> {
        for argument in arguments {
            let (key, value) = match argument.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => (key.trim(), value),
                Some(_) => {
                    return Err(LayerError::Argument {
                        argument: "=…".into()
                    });
                }
                None => {
                    return Err(LayerError::Argument {
                        argument: argument.clone(),
                    });
                }
            };
            let folded = fold(key);
            self.entries
                .retain(|known, entry| !(entry.loose && fold(known) == folded));
            let entry = LayerEntry {
                value: FileValue::Plain(value.to_owned()),
                origin: "--config".to_owned(),
                wrapped_key: None,
                loose: false,
                shared: false,
                list: false,
                repository: None,
            };
            self.entries.insert(key.to_owned(), entry);
        }
        Ok(())
    }

    /// Those that are the user's own word: not from a file of the workspace.
    pub(crate) fn own(&self) -> Self {
        let own = self.entries.iter().filter(|(_, entry)| entry.repository.is_none());
        Self {
            entries: own.map(|(key, entry)| (key.clone(), entry.clone())).collect(),
        }
    }

    /// The values by key; secrets stay sealed.
    pub fn entries(&self) -> &BTreeMap<String, LayerEntry> {
        &self.entries
    }

    /// One value, its secret opened.
    ///
    /// # Errors
    /// When it is a secret that cannot be opened.
    pub fn value(&self, key: &str, opener: &dyn OpenSecret) -> Result<Option<ConfigValue>, LayerError> {
        let entry = self.entries.get(key);
        entry.map(|entry| entry.open(key, opener)).transpose()
    }

    /// The configuration, all its secrets opened.
    ///
    /// # Errors
    /// When a secret cannot be opened.
    pub fn open(&self, opener: &dyn OpenSecret) -> Result<Config, LayerError> {
        let mut config = Config::default();
        for (key, entry) in &self.entries {
            let opened = Entry {
                value: entry.open(key, opener)?,
                origin: entry.origin.clone(),
                loose: entry.loose,
                shared: entry.shared,
                own_file: entry.repository.is_some(),
                list: entry.list,
            };
            config.entries.insert(key.clone(), opened);
        }
        Ok(config)
    }
}

impl LayerEntry {
    fn open(&self, key: &str, opener: &dyn OpenSecret) -> Result<ConfigValue, LayerError> {
        let sealed = match &self.value {
            FileValue::Plain(text) => return Ok(ConfigValue::Plain(text.clone())),
            FileValue::Sealed(sealed) => sealed,
        };
        let fail = |message: String| LayerError::Secret {
            key: key.to_owned(),
            origin: self.origin.clone(),
            message,
        };
        let wrapped = self.wrapped_key.as_deref();
        let wrapped = wrapped.ok_or_else(|| fail("the file has no [encryption] key to open it with".to_owned()))?;
        opener.open(wrapped, key, sealed).map(ConfigValue::Secret).map_err(fail)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// "Opens" a secret by turning it around.
    struct Mirror;

    impl OpenSecret for Mirror {
        fn open(&self, wrapped_key: &str, key: &str, sealed: &str) -> Result<Secret, String> {
            if wrapped_key != "good" {
                return Err(format!("no key opens {key}"));
            }
            Ok(Secret::from(sealed.chars().rev().collect::<String>()))
        }
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_a_shared_file_says_to_other_programs_is_no_mistake() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("all.toml"), "other = 1\nreplica = 1\n").unwrap();
        let mut layers = Layers::default();
        layers
            .environment(variables(&[("IAC_CONFIG_FILE", "all.toml")]), folder.path())
            .unwrap();
        let config = layers.open(&Mirror).unwrap();
        assert_eq!(config.get_or("replicas", 2), Ok(2));
        let unused: Vec<_> = config.unused().into_iter().map(|unused| unused.key).collect();
        assert_eq!(unused, ["replica"]);
    }

    #[test]
    fn the_nearest_place_wins() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("stack.toml", "a = 1\nb = 1\nc = 1\nd = 1\n");
        write("extra.toml", "b = 2\nc = 2\nd = 2\n");
        let mut layers = Layers::default();
        assert!(layers.file(&folder.path().join("stack.toml"), "stack.toml").unwrap());
        assert!(!layers.file(&folder.path().join("none.toml"), "none.toml").unwrap());
        let environment = variables(&[
            ("IAC_CONFIG_C", "3"),
            ("IAC_CONFIG_D", "3"),
            ("IAC_CONFIG_FILE", "extra.toml"),
            ("HOME", "/"),
        ]);
        layers.environment(environment, folder.path()).unwrap();
        layers.arguments(&["d=4".into(), "e==5".into()]).unwrap();
        let seen: Vec<String> = layers
            .entries()
            .iter()
            .map(|(key, entry)| format!("{key}={entry} {}", entry.origin))
            .collect();
        assert_eq!(
            seen,
            [
                "a=1 stack.toml:1",
                "b=2 extra.toml:1",
                "c=3 IAC_CONFIG_C",
                "d=4 --config",
                "e==5 --config"
            ]
        );
    }

    #[test]
    fn a_variable_finds_its_key_however_that_is_spelled() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("s.toml"), "[api]\nimage-tag = \"1\"\n").unwrap();
        let mut layers = Layers::default();
        layers.file(&folder.path().join("s.toml"), "s.toml").unwrap();
        let environment = variables(&[
            ("IAC_CONFIG_API__IMAGE_TAG", "2"),
            ("IAC_CONFIG_Db__Storage_Class", "fast"),
            ("IAC_CONFIG_HOST_NAME", "old"),
        ]);
        layers.environment(environment, folder.path()).unwrap();
        layers.arguments(&["host-name=new".into()]).unwrap();
        let config = layers.open(&Mirror).unwrap();
        assert_eq!(config.text("api.image-tag", ""), Ok("2".into()));
        assert_eq!(config.text("db.storage-class", ""), Ok("fast".into()));
        assert_eq!(config.text("host-name", ""), Ok("new".into()));
        assert_eq!(config.unused(), []);
    }

    #[test]
    fn secrets_are_opened_with_the_key_of_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        std::fs::write(&path, "p = { secret = \"2retnuh\" }\n[encryption]\nkey = \"good\"\n").unwrap();
        let mut layers = Layers::default();
        layers.file(&path, "s.toml").unwrap();
        assert_eq!(layers.entries()["p"].to_string(), "(secret)");
        let config = layers.open(&Mirror).unwrap();
        assert_eq!(config.secret("p").unwrap().expose(), "hunter2");

        std::fs::write(&path, "p = { secret = \"2retnuh\" }\n").unwrap();
        let mut layers = Layers::default();
        layers.file(&path, "s.toml").unwrap();
        let message = layers.open(&Mirror).unwrap_err().to_string();
        assert_eq!(
            message,
            "configuration \"p\" (from s.toml:1): the file has no [encryption] key to open it with"
        );
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let mut layers = Layers::default();
        let environment = variables(&[("IAC_CONFIG_FILE", "gone.toml")]);
        let error = layers.environment(environment, Path::new("/nonexistent")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "IAC_CONFIG_FILE names gone.toml, and there is no such file"
        );
        let error = layers.arguments(&["replicas".into()]).unwrap_err();
        assert_eq!(error.to_string(), "--config \"replicas\" is not of the form key=value");
        assert!(
            layers
                .arguments(&["=hunter2".into()])
                .unwrap_err()
                .to_string()
                .contains("=…")
        );
    }
}
