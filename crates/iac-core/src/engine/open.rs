//! The record, opened for planning.

use std::collections::{BTreeMap, HashMap};

use super::{EngineError, PlanRequest};
use crate::declare::Declaration;
use crate::plan::WorldEntry;
use crate::state::{NewRecord, StateError};
use crate::urn::Key;
use crate::value::Value;

impl PlanRequest<'_> {
    /// Opens the record. Inputs that are as declared are the same tree in memory: in a stack in which nothing changes those are
    /// most of it.
    pub(super) fn open_records(&self, declaration: &Declaration) -> Result<BTreeMap<Key, WorldEntry>, EngineError> {
        let declared: HashMap<&Key, &Value> = declaration
            .resources
            .iter()
            .map(|resource| (&resource.key, &resource.inputs))
            .collect();
        let entry = |opened: Result<(Key, NewRecord), StateError>| {
            let (key, mut record) = opened?;
            let same = declared.get(&key).filter(|inputs| ***inputs == record.recorded.inputs);
            if let Some(inputs) = same {
                record.recorded.inputs = (*inputs).clone();
            }
            Ok((key, WorldEntry::from(record)))
        };
        self.state.open_each(&self.vault).map(entry).collect()
    }
}
