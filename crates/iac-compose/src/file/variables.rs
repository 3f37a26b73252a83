//! The variables that a compose file can use, and their replacement in its texts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use iac_core::Stack;
use iac_core::secret_names::SecretNames;
use serde_json::Value as Json;

use super::FileError;
use crate::parse::{dotenv, interpolate};

/// The environment, and `.env` beside the file, which the environment beats.
pub(super) struct Variables<'a> {
    stack: &'a Stack,
    project: &'a str,
    file: BTreeMap<String, String>,
    unset: RefCell<BTreeSet<String>>,
    names: SecretNames,
}

impl<'a> Variables<'a> {
    pub(super) fn read(stack: &'a Stack, project: &'a str, folder: &Path) -> Result<Self, FileError> {
        let path = folder.join(".env");
        let mut file = BTreeMap::new();
        if path.is_file() {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(&path).map_err(|error| FileError::Read {
                path: shown.clone(),
                error,
            })?;
            let variables = dotenv::parse(&text, &|name| std::env::var(name).ok());
            file.extend(variables.map_err(|error| FileError::Dotenv { path: shown, error })?);
        }
        Ok(Self {
            stack,
            project,
            file,
            unset: RefCell::default(),
            names: stack.secret_names(),
        })
    }

    /// A variable's value; a token of it where its name says that it is a secret.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = std::env::var(name).ok().or_else(|| self.file.get(name).cloned())?;
        let label = format!("{}/variables/{name}", self.project);
        Some(self.stack.conceal(&self.names, &label, name, &value))
    }

    /// Replaces the variables in all texts of a tree.
    pub(super) fn replace(&self, tree: &mut Json, path: &str) -> Result<(), FileError> {
        match tree {
            Json::String(text) if text.contains('$') => {
                let result = interpolate::interpolate(text, &|name| self.get(name));
                let result = result.map_err(|error| FileError::Key {
                    path: path.to_owned(),
                    message: error.to_string(),
                })?;
                self.unset.borrow_mut().extend(result.unset);
                *text = result.text;
            }
            Json::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.replace(item, &format!("{path}[{index}]"))?;
                }
            }
            Json::Object(map) => {
                for (key, value) in map {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    self.replace(value, &path)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The variables that were used, are not set and have no default.
    pub(super) fn unset(&self) -> Vec<String> {
        self.unset.borrow().iter().cloned().collect()
    }
}
