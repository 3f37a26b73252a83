//! Variables that several containers share.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use iac_core::declare::SourceLine;

use crate::Text;

/// Variables that several containers share: on Kubernetes the ConfigMap `NAME-config` and, for what is secret, the Secret
/// `NAME-secrets`; on Docker a part of each container's own environment.
///
/// A secret that stands in one, and in a container's own variables as well, is in that Secret only.
#[derive(Clone)]
pub struct Environment(pub(crate) Rc<Shared>);

/// See [`Environment`].
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) source: SourceLine,
    pub(crate) entries: RefCell<Vec<(String, Text)>>,
}

impl Environment {
    pub(crate) fn new(name: &str, source: SourceLine) -> Self {
        Self(Rc::new(Shared {
            name: name.to_owned(),
            source,
            entries: RefCell::default(),
        }))
    }

    /// Sets a variable; the last one of a name counts.
    pub fn env(&self, name: impl Into<String>, value: impl Into<Text>) -> &Self {
        let name = name.into();
        let mut entries = self.0.entries.borrow_mut();
        entries.retain(|(other, _)| *other != name);
        entries.push((name, value.into()));
        drop(entries);
        self
    }

    /// Sets a variable, if there is a value for it.
    pub fn optional(&self, name: impl Into<String>, value: Option<impl Into<Text>>) -> &Self {
        match value {
            Some(value) => self.env(name, value),
            None => self,
        }
    }

    /// The name of its ConfigMap.
    pub fn config_name(&self) -> String {
        format!("{}-config", self.0.name)
    }

    /// The name of its Secret.
    pub fn secret_name(&self) -> String {
        format!("{}-secrets", self.0.name)
    }

    /// The values of its variables.
    pub(crate) fn texts(&self) -> Vec<Text> {
        let entries = self.0.entries.borrow();
        entries.iter().map(|(_, text)| text.clone()).collect()
    }

    /// Its variables, either those that are secret or those that are not.
    pub(crate) fn entries(&self, secret: bool) -> Vec<(String, Text)> {
        let entries = self.0.entries.borrow();
        let kept = entries.iter().filter(|(_, text)| text.is_secret() == secret);
        kept.cloned().collect()
    }

    /// The variable that holds this secret.
    pub(crate) fn key_of(&self, text: &Text) -> Option<String> {
        let entries = self.0.entries.borrow();
        let found = entries.iter().find(|(_, other)| other.text == text.text);
        found.map(|(name, _)| name.clone())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({})", self.0.name)
    }
}
