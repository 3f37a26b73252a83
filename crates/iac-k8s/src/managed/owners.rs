//! Which managers have a field, on the way down an object.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::{entries, has_key, key_of};

/// The managers that have a field, or something below it, each with its part of the managed fields.
#[derive(Debug, Default)]
pub(super) struct Owners<'a>(Vec<(&'a str, &'a Json)>);

impl<'a> Owners<'a> {
    /// Of a whole object; without `except`.
    pub(super) fn of(object: &'a Json, except: &str) -> Self {
        let named = entries(object).filter_map(|entry| Some((entry["manager"].as_str()?, &entry["fieldsV1"])));
        Self(named.filter(|(manager, _)| *manager != except).collect())
    }

    fn narrow(&self, below: impl Fn(&'a Map<String, Json>) -> Option<&'a Json>) -> Self {
        let narrow = |(manager, fields): &(&'a str, &'a Json)| {
            let map = fields.as_object()?;
            // A field without parts in the set is owned as a whole.
            let part = if map.is_empty() { fields } else { below(map)? };
            Some((*manager, part))
        };
        Self(self.0.iter().filter_map(narrow).collect())
    }

    /// Of a field of it.
    pub(super) fn of_field(&self, name: &str) -> Self {
        let name = format!("f:{name}");
        self.narrow(|fields| fields.get(&name))
    }

    /// Of an element of a list.
    pub(super) fn of_element(&self, item: &Json) -> Self {
        self.narrow(|fields| {
            let mut named = fields.iter();
            let found = named.find(|(name, _)| key_of(name).is_some_and(|key| has_key(item, &key, false)));
            found.map(|(_, below)| below)
        })
    }

    /// Their names.
    pub(super) fn names(&self) -> Option<String> {
        let names: BTreeSet<&str> = self.0.iter().map(|(manager, _)| *manager).collect();
        (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(", "))
    }
}
