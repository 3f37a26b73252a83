//! The inputs of a plan, as far as carrying it out needs them.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::resolve::Outputs;
use crate::plan::{ObjectName, Stage, WorldEntry};
use crate::provider::{Claim, DataItem};
use crate::state::OpId;
use crate::urn::Key;
use crate::value::Value;

/// The inputs of a plan, as far as carrying it out needs them: records, outputs and claims.
#[derive(Debug, Default)]
pub(crate) struct Basis {
    /// The records, each under the name that the program gives the resource now.
    pub(crate) recorded: BTreeMap<Key, WorldEntry>,
    /// The outputs of what is left as it is.
    pub(crate) outputs: BTreeMap<Key, Outputs>,
    /// Operations that an earlier run left open.
    pub(crate) recoveries: Vec<Recovery>,
    /// The data that stays when its object is deleted.
    pub(crate) left: BTreeMap<ObjectName, Vec<DataItem>>,
    /// The grounds on which objects that do not bear the stack's mark are ours.
    pub(crate) claims: Claims,
}

/// The grounds on which a run takes objects that do not bear the stack's mark for its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    sealed: bool,
    named: BTreeSet<ObjectName>,
}

impl Claims {
    /// `sealed`: the records bear the seal of the stack's key; `named`: the objects that a person named.
    pub(crate) fn new(sealed: bool, named: BTreeSet<ObjectName>) -> Self {
        Self { sealed, named }
    }

    /// Returns the claim to an object. An object that an interrupted run created is in no record (`inputs` are null): only its
    /// mark tells that it is ours.
    pub(super) fn of(&self, name: &ObjectName, inputs: &Value) -> Claim {
        match (self.named.contains(name), self.sealed && *inputs != Value::Null) {
            (true, _) => Claim::Named,
            (_, true) => Claim::Sealed,
            _ => Claim::MarkOnly,
        }
    }
}

/// An operation that an earlier run left open, and how it is settled.
#[derive(Debug, Clone)]
pub(crate) struct Recovery {
    /// The operation.
    pub(crate) op: OpId,
    /// The resource that its object belongs to.
    pub(crate) key: Key,
    /// The operation that was interrupted, and the finding.
    pub(crate) text: String,
    /// The way it is settled.
    pub(crate) settled: Settled,
    /// True if nobody would know of its object if its call had yet to go through: it is not wanted.
    pub(crate) may_come: bool,
}

/// The way an open operation is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It is, because of this.
    Already(&'static str),
    /// Once a stage of a resource's step is reached.
    With(Key, Stage),
}
