//! The variables that a compose file can use, and their replacement in its texts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use iac_core::Stack;
use iac_core::secret_names::{SecretNames, can_be_secret};

use super::problem::Findings;
use super::tree::{Data, Node, Path};
use super::{cast, withheld};
use crate::parse::interpolate;

/// Where a text is handed on as it is, so that a secret in it can stay one. Anywhere else compose files have numbers, names
/// and paths, which have to be read here.
const HANDED_ON: [&str; 20] = [
    "configs.*.content",
    "networks.*.driver_opts.*",
    "services.*.annotations",
    "services.*.annotations.*",
    "services.*.build.args",
    "services.*.build.args.*",
    "services.*.build.labels",
    "services.*.build.labels.*",
    "services.*.command",
    "services.*.command.*",
    "services.*.entrypoint",
    "services.*.entrypoint.*",
    "services.*.environment",
    "services.*.environment.*",
    "services.*.healthcheck.test",
    "services.*.healthcheck.test.*",
    "services.*.labels",
    "services.*.labels.*",
    "services.*.logging.options.*",
    "volumes.*.driver_opts.*",
];

/// The environment of a file: that of the process, and `.env`.
#[derive(Debug, Clone)]
pub(super) struct Variables<'a> {
    stack: &'a Stack,
    project: &'a str,
    values: BTreeMap<String, String>,
    names: SecretNames,
}

impl<'a> Variables<'a> {
    pub(super) fn new(stack: &'a Stack, project: &'a str, values: BTreeMap<String, String>) -> Self {
        Self {
            stack,
            project,
            values,
            names: stack.secret_names(),
        }
    }

    /// The same with more variables, which count where none of their name is there.
    pub(super) fn with(&self, more: BTreeMap<String, String>) -> Self {
        let mut all = self.clone();
        for (name, value) in more {
            all.values.entry(name).or_insert(value);
        }
        all
    }

    /// All of them, as they are.
    pub(super) fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// A variable's value; what of it is secret by its name or its form stands in it as an output.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = self.values.get(name)?;
        if withheld::check(value).is_err() {
            return Some(value.clone());
        }
        let label = format!("{}/variables/{name}", self.project);
        Some(self.stack.conceal(&self.names, &label, name, value))
    }

    /// Replaces the variables in all texts of a tree, and reads numbers and booleans where compose files have them.
    pub(super) fn replace(&self, node: &mut Node, path: &Path, found: &Findings) {
        match &mut node.data {
            _ if found.is_full() => {}
            Data::Text(text) => {
                let handed_on = HANDED_ON.iter().any(|pattern| path.matches(pattern));
                let replaced = self.text(text, handed_on).and_then(|(replaced, used)| {
                    let is_new = text.contains('$');
                    is_new.then(|| found.made(&replaced)).transpose()?;
                    Ok((replaced, used))
                });
                match replaced {
                    Ok((replaced, used)) => {
                        for name in used.unset {
                            let message = format!("the variable {name} is not set; it is taken as empty");
                            found.note(node.at, message);
                        }
                        for name in used.in_clear {
                            let message = format!(
                                "the variable {name} is a secret by its name, and {path} needs it in clear, where plans and the record show it; secrets.not={name} says that it is none"
                            );
                            found.note(node.at, message);
                        }
                        match cast::cast(&replaced, path) {
                            Ok(data) => node.data = data.unwrap_or(Data::Text(replaced)),
                            Err(message) => found.problem(node.at, path, message),
                        }
                    }
                    Err(message) => found.problem(node.at, path, message),
                }
            }
            Data::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.replace(item, &path.item(index), found);
                }
            }
            Data::Map(map) => {
                for (key, value) in map {
                    self.replace(value, &path.key(key), found);
                }
            }
            _ => {}
        }
    }

    /// A text with its variables replaced.
    fn text(&self, text: &str, handed_on: bool) -> Result<(String, Used), String> {
        if !text.contains('$') {
            return Ok((text.to_owned(), Used::default()));
        }
        let (in_clear, own) = (RefCell::new(BTreeSet::new()), RefCell::new(None));
        let lookup = |name: &str| match handed_on {
            true => self.get(name),
            false => {
                let value = self.values.get(name)?;
                if self.names.is_own(value) {
                    own.replace(Some(name.to_owned()));
                }
                if self.names.is_secret(name) && can_be_secret(value) {
                    self.stack.keep_quiet(&value.as_str().into());
                    in_clear.borrow_mut().insert(name.to_owned());
                }
                Some(value.clone())
            }
        };
        let result = interpolate::interpolate(text, &lookup).map_err(|error| error.to_string())?;
        withheld::check(&result.text)?;
        if let Some(name) = own.take() {
            return Err(format!(
                "the variable {name} is a credential that this program itself connects with; it may stand in environment, command and the like, not here, where plans and the record would show it"
            ));
        }
        let used = Used {
            unset: result.unset,
            in_clear: in_clear.into_inner(),
        };
        Ok((result.text, used))
    }
}

/// The variables in a text that a message has to name.
#[derive(Debug, Default)]
struct Used {
    /// Those that are not set and have no default.
    unset: Vec<String>,
    /// Secrets that stand in clear in what came of it.
    in_clear: BTreeSet<String>,
}
