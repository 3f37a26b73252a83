//! The effect of each entry on a state: a pure function, the same when writing and when reading back.

use super::entry::{Entry, Keyed};
use super::{OpId, Pending, Record, State, StateError};
use crate::urn::Key;

impl State {
    /// Applies an entry, or says why it does not fit and leaves the state as it is.
    pub(super) fn apply(&mut self, entry: Entry) -> Result<(), StateError> {
        match entry {
            Entry::Run { .. } => {}
            Entry::Begin(pending) => {
                if self.pending.iter().any(|other| other.op == pending.op) {
                    return Err(StateError::UnknownOp(pending.op));
                }
                self.pending.push(pending);
            }
            Entry::Applied { op, key, record } => {
                self.settle_on(op, &key)?;
                self.records.insert(key, *record);
            }
            Entry::Deleted { op } => {
                let pending = self.settle(op)?;
                if let Some(record) = self.records.get_mut(&pending.key)
                    && record.lose(&pending)
                {
                    self.records.remove(&pending.key);
                }
            }
            Entry::Failed { op, partial: None, .. } => {
                self.settle(op)?;
            }
            Entry::Failed {
                op,
                partial: Some(Keyed { key, record }),
                ..
            } => {
                self.settle_on(op, &key)?;
                self.records.insert(key, *record);
            }
            Entry::Resolved { op } => {
                self.settle(op)?;
            }
            Entry::Ready { key, outputs, private } => {
                let record = self.record_mut(&key)?;
                record.ready = true;
                if let Some(outputs) = outputs {
                    record.outputs = outputs;
                }
                if let Some(private) = private {
                    record.private = private;
                }
            }
            Entry::Put { key, record } => {
                self.records.insert(key, *record);
            }
            Entry::Forget { key } => {
                self.record_mut(&key)?;
                self.records.remove(&key);
            }
            Entry::Exports { exports } => self.exports = exports,
            Entry::Targets { targets } => self.targets = targets,
            Entry::Binding { binding } => self.binding = Some(*binding),
            Entry::Id { id } => self.id = Some(id),
            Entry::Edit { changes } => {
                // On a copy, so that all of it happens or nothing; people ask for this, and seldom.
                let mut edited = self.clone();
                for change in changes {
                    edited.apply(change.into())?;
                }
                *self = edited;
            }
            Entry::Close {
                version, took, commit, ..
            } => {
                self.version = version;
                self.remember(took);
                if let Some(commit) = commit {
                    self.commit = Some(commit).filter(|commit| !commit.is_empty());
                }
            }
        }
        Ok(())
    }

    fn position(&self, op: OpId) -> Result<usize, StateError> {
        let position = self.pending.iter().position(|pending| pending.op == op);
        position.ok_or(StateError::UnknownOp(op))
    }

    fn settle(&mut self, op: OpId) -> Result<Pending, StateError> {
        self.position(op).map(|position| self.pending.remove(position))
    }

    /// Settles an operation, which has to be one on this resource.
    fn settle_on(&mut self, op: OpId, key: &Key) -> Result<(), StateError> {
        let position = self.position(op)?;
        let of = &self.pending[position].key;
        if of != key {
            return Err(StateError::Form {
                key: key.to_string(),
                message: format!("operation {op} is one on {of}"),
            });
        }
        self.pending.remove(position);
        Ok(())
    }

    fn record_mut(&mut self, key: &Key) -> Result<&mut Record, StateError> {
        self.records
            .get_mut(key)
            .ok_or_else(|| StateError::UnknownKey(key.clone()))
    }
}

impl Record {
    /// Takes the object of a deletion out, and says whether nothing is left. A replacement that was made first bears the
    /// key already: it is another object, and stays.
    fn lose(&mut self, deleted: &Pending) -> bool {
        if !self.gone && is_object_of(&self.identity, self.uid.as_ref(), deleted) {
            self.gone = true;
            self.ready = false;
        } else {
            self.formers
                .retain(|former| !is_object_of(&former.identity, former.uid.as_ref(), deleted));
        }
        self.gone && self.formers.is_empty()
    }
}

/// True if an operation was on this object: the same name, and the same object of that name as far as is known.
fn is_object_of(identity: &str, uid: Option<&String>, pending: &Pending) -> bool {
    let same_uid = match (uid, &pending.uid) {
        (Some(recorded), Some(deleted)) => recorded == deleted,
        _ => true,
    };
    identity == pending.identity && same_uid
}
