//! The configuration by tables: dotted keys, taken apart.

use std::collections::BTreeMap;

use crate::config::{Config, Entry, fold};

/// A place of the configuration. Several layers may make it a value and a table at once.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    /// The value, with its key as it stands there.
    pub(super) value: Option<(&'a str, &'a Entry)>,
    /// The places below it.
    pub(super) children: BTreeMap<&'a str, Self>,
}

impl<'a> Node<'a> {
    /// The whole configuration.
    pub(super) fn of(config: &'a Config) -> Self {
        let mut root = Self::default();
        for (key, entry) in config.entries() {
            let mut node = &mut root;
            for name in key.split('.') {
                node = node.children.entry(name).or_default();
            }
            node.value = Some((key, entry));
        }
        root
    }

    /// The child of a name. One from the environment is found by its folded name, since a variable's name cannot tell
    /// `image-tag` from `image_tag`.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        if let Some(child) = self.children.get(name) {
            return Some(child);
        }
        let folded = fold(name);
        let mut others = self.children.iter();
        let found = others.find(|(other, node)| fold(other) == folded && node.is_loose());
        found.map(|(_, node)| node)
    }

    /// True if all of it comes from variables of the environment.
    pub(super) fn is_loose(&self) -> bool {
        self.entries().iter().all(|(_, entry)| entry.is_loose())
    }

    /// All values, this one's and those below.
    pub(super) fn entries(&self) -> Vec<(&'a str, &'a Entry)> {
        let below = self.children.values().flat_map(Self::entries);
        self.value.into_iter().chain(below).collect()
    }
}
