//! Objects that would go and do not bear the stack's mark: they are kept as data is, until somebody gives their names.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Sight;
use super::{Engine, EngineError};
use crate::plan::objects::{is_another, is_vouched};
use crate::plan::{DeleteData, ObjectName};
use crate::provider::{DataItem, Observed, Recorded};

/// The rules for objects that do not bear the stack's mark.
pub(super) struct Rules<'a> {
    /// True if the records bear the seal of the stack's key.
    pub(super) sealed: bool,
    /// The data that a person named for deletion.
    pub(super) delete_data: &'a DeleteData,
}

impl Engine {
    /// All that must not go unasked with these objects: their data, what is there of others, and those of them that do not
    /// bear the stack's mark.
    pub(super) async fn at_stake(
        &self,
        ending: &[Recorded],
        sight: &Sight,
        rules: &Rules<'_>,
    ) -> Result<BTreeMap<ObjectName, Vec<DataItem>>, EngineError> {
        let mut unmarked = BTreeMap::new();
        let (mut going, mut staying) = (Vec::new(), Vec::new());
        for object in ending {
            let item = unmarked_item(object, sight, rules.sealed);
            let goes = item.as_ref().is_none_or(|item| rules.delete_data.allows(item));
            let name = ObjectName::new(&object.key, &object.identity);
            unmarked.extend(item.map(|item| (name, item)));
            if goes { &mut going } else { &mut staying }.push(object.clone());
        }
        // Apart: what stays counts as somebody else's wherever it is.
        let mut items = self.data_of(going).await?;
        items.extend(self.data_of(staying).await?);
        for (name, item) in unmarked {
            merge(items.entry(name).or_default(), item);
        }
        Ok(items)
    }
}

/// Returns an item for an object that would go, where it does not bear the stack's mark, and nobody vouches for it.
fn unmarked_item(object: &Recorded, sight: &Sight, sealed: bool) -> Option<DataItem> {
    let there = sight.of(&ObjectName::new(&object.key, &object.identity))?;
    let Observed::Present(live) = there else {
        return None;
    };
    // Another object of the name is not the one that would go.
    if is_another(object, there) || is_vouched(live, object, sealed) {
        return None;
    }
    let (kind, name) = object.identity.rsplit_once(' ').unwrap_or(("object", &object.identity));
    let kind = kind.rsplit('/').next().unwrap_or(kind);
    let seen = live.mark.seen().unwrap_or_default();
    Some(DataItem {
        unmarked: true,
        ..DataItem::new(kind, name).amount(format!("it does not bear this stack's mark: {seen}"))
    })
}

/// Adds an object to what goes with it. A volume is data by itself, and told once.
fn merge(items: &mut Vec<DataItem>, object: DataItem) {
    let is_it = |item: &&mut DataItem| !item.outlives && item.name == object.name;
    match items.iter_mut().find(is_it) {
        Some(item) => {
            item.unmarked = true;
            item.amount = match item.amount.as_str() {
                "" => object.amount,
                amount => format!("{amount}; {}", object.amount),
            };
        }
        None => items.push(object),
    }
}

/// The objects without the stack's mark that somebody named, so that they go.
pub(super) fn named(data: &BTreeMap<ObjectName, Vec<DataItem>>, allowed: &DeleteData) -> BTreeSet<ObjectName> {
    let is_named = |items: &Vec<DataItem>| items.iter().any(|item| item.unmarked && allowed.allows(item));
    let named = data.iter().filter(|(_, items)| is_named(items));
    named.map(|(name, _)| name.clone()).collect()
}
