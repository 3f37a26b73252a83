//! Changes of the record alone that a person asks for: all of one call, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Change;
use super::{Record, State, StateError, Writer, sealed};
use crate::declare::Options;
use crate::urn::Key;

impl Writer {
    /// Gives a recorded resource another key; what depends on it follows. The object is not touched. `identity` is what
    /// it is called in the outside world from now on, where that follows from the key (a generated value).
    ///
    /// # Errors
    /// [`StateError::UnknownKey`]; [`StateError::Refused`] when the new key is taken, is of another type, or an
    /// interrupted run has left an operation on it; as [`begin_op`](Self::begin_op).
    pub async fn rename(&self, from: &Key, to: &Key, identity: Option<String>) -> Result<(), StateError> {
        let state = self.state();
        let record = state
            .records
            .get(from)
            .ok_or_else(|| StateError::UnknownKey(from.clone()))?;
        if state.records.contains_key(to) {
            return Err(refused(to, "a resource of this name is recorded already"));
        }
        if from.kind() != to.kind() {
            return Err(refused(
                from,
                &format!("its type stays {}; {to} is of another one", from.kind()),
            ));
        }
        not_pending(state, from)?;
        not_pending(state, to)?;
        let mut moved = self.sealed_for(from, to, record).await?;
        if let Some(identity) = identity {
            moved.identity = identity;
        }
        let keys = BTreeMap::from([(from.clone(), Some(to.clone()))]);
        let mut changes = vec![Change::Forget { key: from.clone() }, put(to, rewired(&moved, &keys))];
        changes.extend(rewired_others(state, &keys));
        self.change(changes).await
    }

    /// Drops records; the objects stay. With `force` also those that others depend on, which then no longer do.
    ///
    /// # Errors
    /// [`StateError::UnknownKey`]; [`StateError::Refused`] when another record depends on one of them, or an interrupted
    /// run has left an operation on it; as [`begin_op`](Self::begin_op).
    pub async fn forget_all(&self, keys: &BTreeSet<Key>, force: bool) -> Result<(), StateError> {
        let state = self.state();
        for key in keys {
            if !state.records.contains_key(key) {
                return Err(StateError::UnknownKey(key.clone()));
            }
            not_pending(state, key)?;
        }
        let gone: BTreeMap<Key, Option<Key>> = keys.iter().map(|key| (key.clone(), None)).collect();
        let others: Vec<Change> = rewired_others(state, &gone).collect();
        if let (false, Some(other)) = (force, others.iter().find_map(Change::key)) {
            let needed = keys.iter().find(|key| depends_on(state, other, key));
            let needed = needed.or_else(|| keys.first()).unwrap_or(other);
            return Err(refused(needed, &format!("{other} depends on it")));
        }
        let mut changes: Vec<Change> = keys.iter().map(|key| Change::Forget { key: key.clone() }).collect();
        changes.extend(others);
        self.change(changes).await
    }

    /// Protects records or lifts their protection; gives those that were changed by it.
    ///
    /// # Errors
    /// [`StateError::UnknownKey`]; as [`begin_op`](Self::begin_op).
    pub async fn protect(&self, keys: &BTreeSet<Key>, protect: bool) -> Result<Vec<Key>, StateError> {
        self.set_option(keys, protect, |options| &mut options.protect).await
    }

    /// Has the next run replace the objects of these records, or no longer; gives those that were changed by it.
    ///
    /// # Errors
    /// [`StateError::UnknownKey`]; as [`begin_op`](Self::begin_op).
    pub async fn taint(&self, keys: &BTreeSet<Key>, tainted: bool) -> Result<Vec<Key>, StateError> {
        self.set_option(keys, tainted, |options| &mut options.tainted).await
    }

    async fn set_option(
        &self,
        keys: &BTreeSet<Key>,
        value: bool,
        option: fn(&mut Options) -> &mut bool,
    ) -> Result<Vec<Key>, StateError> {
        let state = self.state();
        let mut changed = Vec::new();
        let mut changes = Vec::new();
        for key in keys {
            let record = state
                .records
                .get(key)
                .ok_or_else(|| StateError::UnknownKey(key.clone()))?;
            let mut record = record.clone();
            let old = std::mem::replace(option(&mut record.options), value);
            if old != value {
                changes.push(put(key, record));
                changed.push(key.clone());
            }
        }
        if !changes.is_empty() {
            self.change(changes).await?;
        }
        Ok(changed)
    }

    /// A record with its secrets sealed for another place; untouched where it holds none.
    async fn sealed_for(&self, from: &Key, to: &Key, record: &Record) -> Result<Record, StateError> {
        if !record.values().any(sealed::has_secret) {
            return Ok(record.clone());
        }
        let vault = self.vault().await?;
        let mut opened = sealed::open_record(&vault, from, record)?;
        opened.recorded.key = to.clone();
        sealed::seal_record(Some(&vault), opened)
    }
}

fn put(key: &Key, record: Record) -> Change {
    Change::Put {
        key: key.clone(),
        record: Box::new(record),
    }
}

pub(super) fn refused(key: &Key, why: &str) -> StateError {
    StateError::Refused {
        key: key.clone(),
        why: why.to_owned(),
    }
}

fn not_pending(state: &State, key: &Key) -> Result<(), StateError> {
    match state.pending.iter().find(|pending| pending.key == *key) {
        Some(pending) => Err(refused(
            key,
            &format!(
                "an interrupted run has left its {} of {} open; `up` settles it",
                pending.kind, pending.identity
            ),
        )),
        None => Ok(()),
    }
}

fn depends_on(state: &State, key: &Key, on: &Key) -> bool {
    let record = state.records.get(key);
    record.is_some_and(|record| record.dependency_keys().any(|needed| needed == on))
}

/// The other records that depend on these keys, with each key replaced by another one, or by nothing.
fn rewired_others(state: &State, keys: &BTreeMap<Key, Option<Key>>) -> impl Iterator<Item = Change> {
    let others = state.records.iter().filter(|(key, record)| {
        !keys.contains_key(*key) && record.dependency_keys().any(|needed| keys.contains_key(needed))
    });
    others.map(|(key, record)| put(key, rewired(record, keys)))
}

fn rewired(record: &Record, keys: &BTreeMap<Key, Option<Key>>) -> Record {
    let mut record = record.clone();
    let formers = record.formers.iter_mut().map(|former| &mut former.dependencies);
    for dependencies in formers.chain([&mut record.dependencies]) {
        dependencies.retain_mut(|(needed, _)| match keys.get(needed) {
            Some(Some(other)) => {
                *needed = other.clone();
                true
            }
            Some(None) => false,
            None => true,
        });
    }
    record
}
