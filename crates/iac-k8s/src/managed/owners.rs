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

/// The elements of a list (`spec.ports`) that others have and `manager` has not, as JSON, with who has them.
pub(crate) fn elements_of_others(object: &Json, list: &str, manager: &str) -> Vec<(String, String)> {
    let names = || list.split('.').filter(|name| !name.is_empty());
    let below = |owners: Owners<'_>| -> Vec<bool> {
        let owners = names().fold(owners, |owners, name| owners.of_field(name));
        items(object, names())
            .iter()
            .map(|item| !owners.of_element(item).0.is_empty())
            .collect()
    };
    let ours = entries(object).filter(|entry| entry["manager"] == manager);
    let ours = below(Owners(ours.map(|entry| (manager, &entry["fieldsV1"])).collect()));
    let others = names().fold(Owners::of(object, manager), |owners, name| owners.of_field(name));
    let all = items(object, names()).into_iter().zip(ours);
    all.filter(|(_, ours)| !ours)
        .filter_map(|(item, _)| Some((item.to_string(), others.of_element(item).names()?)))
        .collect()
}

fn items<'a, 'n>(object: &'a Json, mut names: impl Iterator<Item = &'n str>) -> Vec<&'a Json> {
    let list = names.try_fold(object, |node, name| node.get(name));
    list.and_then(Json::as_array).into_iter().flatten().collect()
}
