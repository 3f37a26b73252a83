//! An object's keys and values. A map is shared until somebody changes it: the engine, the planner and the providers all
//! hold the same trees, and a stack of ten thousand resources is there once and not once for each of them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use litemap::LiteMap;

use super::Value;

/// Most maps have a few keys, and there are very many: a sorted list takes a third of the memory of a tree's nodes.
type Entries = LiteMap<String, Value>;

/// An object's keys and values, ordered by code point. It is used as the [`LiteMap`] that it holds; a clone costs
/// nothing, and the first change of a clone makes it a map of its own.
#[derive(Clone, Default)]
pub struct Map(Arc<Entries>);

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The values, to be changed, in the order of their keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// True if both are the same map in memory, and so certainly equal.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Map {
    type Target = LiteMap<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Map {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.0 == other.0
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<BTreeMap<String, Value>> for Map {
    fn from(map: BTreeMap<String, Value>) -> Self {
        map.into_iter().collect()
    }
}

impl<const N: usize> From<[(String, Value); N]> for Map {
    fn from(entries: [(String, Value); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl FromIterator<(String, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        let mut entries = Entries::from_iter(entries).into_tuple_vec();
        entries.shrink_to_fit();
        Self(Arc::new(LiteMap::from_sorted_store_unchecked(entries)))
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_tuple_vec().into_iter()
    }
}

impl Extend<(String, Value)> for Map {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, entries: I) {
        (**self).extend(entries);
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a String, &'a Value);
    type IntoIter = <&'a Entries as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&*self.0).into_iter()
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = (&'a String, &'a mut Value);
    type IntoIter = <&'a mut Entries as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        Arc::make_mut(&mut self.0).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_the_same_map_until_it_is_changed() {
        let map = Map::from([("a".to_owned(), "1".into())]);
        let mut clone = map.clone();
        assert!(clone.is_same(&map));
        assert!(
            clone.get("a").is_some() && clone.is_same(&map),
            "reading changes nothing"
        );
        clone.insert("b".to_owned(), "2".into());
        assert!(!clone.is_same(&map));
        assert_eq!((map.len(), clone.len()), (1, 2));
        assert_ne!(map, clone);
        clone.remove("b");
        assert_eq!(map, clone);
    }
}
