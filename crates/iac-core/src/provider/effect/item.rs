//! A plan as a provider sees it when it tells the effects.

use crate::provider::{Effect, Live, Phase, Recorded};
use crate::urn::Key;
use crate::value::Value;
use crate::value::diff::FieldChange;

/// The way of a resource through a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It stays as it is.
    Stays,
    /// It is made; there was nothing of its name.
    Create,
    /// It is changed in place, or taken over.
    Update,
    /// It is deleted and created again.
    Replace,
    /// It goes.
    Delete,
}

/// One resource of a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanItem<'a> {
    /// Which resource.
    pub key: &'a Key,
    /// Its name in the outside world.
    pub identity: &'a str,
    /// Its way through the plan.
    pub transition: Transition,
    /// Its record, if there is one.
    pub recorded: Option<&'a Recorded>,
    /// Its inputs from now on; none for what goes. Values that depend on steps before are unresolved.
    pub after: Option<&'a Value>,
    /// The live object. Its outputs are null where nothing has changed since the last run.
    pub live: Option<&'a Live>,
    /// The object as the provider predicted it, null where that is not known.
    pub predicted: &'a Value,
    /// The fields that change.
    pub changes: &'a [FieldChange],
    /// The effects that its prediction told.
    pub told: &'a [Effect],
    /// The resources that come before it, each with the phase that it has to reach.
    pub waits_for: &'a [(Key, Phase)],
}

impl<'a> PlanItem<'a> {
    /// The inputs until now: as recorded, null where nothing is.
    pub fn before(&self) -> &'a Value {
        self.recorded.map_or(&Value::Null, |recorded| &recorded.inputs)
    }

    /// The inputs from now on: those of what stays are what it has.
    pub fn then(&self) -> &'a Value {
        match (self.transition, self.after) {
            (Transition::Delete, _) => &Value::Null,
            (_, Some(after)) => after,
            (_, None) => self.before(),
        }
    }

    /// True if it is there after the run.
    pub fn remains(&self) -> bool {
        self.transition != Transition::Delete
    }
}
