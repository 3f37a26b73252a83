//! The keys by which the server tells the elements of lists apart, as the managed fields of an object show them.
//!
//! A list of which single elements are owned is one whose schema has keys (`k:{"name":"api"}`) or one that is a set
//! (`v:"a"`); any other list is owned, and changed, as a whole. The names in an entry come from the server's own schema,
//! custom resources included, and hold the defaults of keys (a port's protocol), so that nothing has to be guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{entries, key_of};

/// The knowledge about a field: about the fields below it, and about a list's elements.
#[derive(Debug, Default)]
pub(super) struct Shape {
    fields: BTreeMap<String, Self>,
    element: Option<Box<Self>>,
    /// The fields that together tell a list's elements apart; none for a list that has no keys.
    keys: BTreeSet<String>,
}

impl Shape {
    /// Reads off the managed fields of these states of an object.
    pub(super) fn of<'a>(states: impl IntoIterator<Item = &'a Json>) -> Self {
        let mut shape = Self::default();
        for entry in states.into_iter().flat_map(entries) {
            shape.learn(&entry["fieldsV1"]);
        }
        shape
    }

    fn learn(&mut self, fields: &Json) {
        for (name, below) in fields.as_object().into_iter().flatten() {
            if let Some(field) = name.strip_prefix("f:") {
                self.fields.entry(field.to_owned()).or_default().learn(below);
            } else if let Some(key) = key_of(name) {
                self.keys
                    .extend(key.as_object().into_iter().flat_map(|key| key.keys().cloned()));
                self.element.get_or_insert_default().learn(below);
            }
        }
    }

    /// Returns the shape of the field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.fields.get(name)
    }

    /// Returns the shape of a list's elements, with the fields that tell them apart; `None` if nothing does.
    pub(super) fn keyed(&self) -> Option<(&Self, &BTreeSet<String>)> {
        self.element.as_deref().map(|element| (element, &self.keys))
    }
}
