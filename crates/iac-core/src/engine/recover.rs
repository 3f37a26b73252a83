//! Recovery of the operations that an earlier run left open: each names an object, and what is found of that object decides.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Sight;
use crate::apply::{Recovery, Settled};
use crate::plan::objects::is_another;
use crate::plan::{Action, Fate, Interrupted, ObjectName, Plan, Stage, Step, WorldEntry};
use crate::provider::{Observed, Recorded};
use crate::state::{OpKind, Pending};
use crate::urn::Key;

/// The operations as the planner needs them.
pub(super) fn interrupted(pending: &[Pending]) -> Vec<Interrupted> {
    let interrupted = pending.iter().map(|pending| Interrupted {
        key: pending.key.clone(),
        what: pending.kind.to_string(),
        identity: pending.identity.clone(),
    });
    interrupted.collect()
}

/// Decides how the plan settles each operation. An operation whose object could not be looked at stays open.
pub(super) fn recoveries(
    pending: &[Pending],
    plan: &Plan,
    identities: &BTreeMap<Key, String>,
    recorded: &BTreeMap<Key, WorldEntry>,
    sight: &Sight,
) -> Vec<Recovery> {
    let index = Index::new(plan, identities, recorded, sight);
    let recovery = |pending: &Pending| {
        let name = ObjectName::new(&pending.key, &pending.identity);
        let owner = index.own.get(&name);
        let seen = sight.of(&name)?;
        let found = match seen {
            Observed::Unknown(_) => return None,
            Observed::Absent => "nothing of the name is there",
            Observed::Finished => "it did its work and is gone",
            Observed::Present(live) if live.mark.is_ours() => "it is there",
            Observed::Present(_) => "an object of the name is there that this stack did not make",
        };
        let settled = match (owner, index.former.get(&name)) {
            (Some(key), _) => index.by_step(key, Stage::Exists),
            (None, Some(key)) => index.by_step(key, Stage::Gone),
            (None, None) => Settled::Already("nothing was to be done"),
        };
        let is_kept = match (owner, index.former.get(&name)) {
            (Some(key), _) => index.is_kept(key),
            (None, Some(key)) => index.keeps(key, &pending.identity),
            (None, None) => false,
        };
        Some(Recovery {
            op: pending.op,
            key: owner.map_or_else(|| pending.key.clone(), |key| (*key).clone()),
            text: format!("its {} as {} was interrupted; {found}", pending.kind, pending.identity),
            settled,
            // The fate of a declared object shows when it is looked at; and a deletion creates nothing.
            may_come: pending.kind != OpKind::Delete && !index.wanted.contains(&name) && !is_kept,
        })
    };
    pending.iter().filter_map(recovery).collect()
}

/// The resource that each object belongs to, and the plan's step for each resource.
struct Index<'a> {
    /// The objects that the program declares.
    wanted: BTreeSet<ObjectName>,
    own: BTreeMap<ObjectName, &'a Key>,
    former: BTreeMap<ObjectName, &'a Key>,
    steps: BTreeMap<&'a Key, &'a Step>,
}

impl<'a> Index<'a> {
    fn new(
        plan: &'a Plan,
        identities: &'a BTreeMap<Key, String>,
        recorded: &'a BTreeMap<Key, WorldEntry>,
        sight: &Sight,
    ) -> Self {
        // An object that was recreated under a recorded name is not the recorded object.
        let is_there = |key: &'a Key, object: &Recorded| {
            let name = ObjectName::new(key, &object.identity);
            let another = sight.of(&name).is_some_and(|there| is_another(object, there));
            (!another).then_some((name, key))
        };
        let held = recorded.iter().filter(|(_, entry)| !entry.gone);
        let held = held.filter_map(|(key, entry)| is_there(key, &entry.recorded));
        let wanted = identities
            .iter()
            .map(|(key, identity)| (ObjectName::new(key, identity), key));
        let wanted: BTreeMap<ObjectName, &Key> = wanted.collect();
        let formers = recorded.iter().flat_map(|(key, entry)| {
            let formers = entry.formers.iter();
            formers.filter_map(move |former| is_there(key, &former.recorded))
        });
        Self {
            wanted: wanted.keys().cloned().collect(),
            // The program's declaration goes before the record.
            own: held.chain(wanted).collect(),
            former: formers.collect(),
            steps: plan.steps.iter().map(|step| (&step.key, step)).collect(),
        }
    }

    fn is_kept(&self, key: &Key) -> bool {
        self.steps.get(key).is_some_and(|step| step.action == Action::Keep)
    }

    /// True if a former object of the resource is kept, and so is in the record.
    fn keeps(&self, key: &Key, identity: &str) -> bool {
        let left = self.steps.get(key).into_iter().flat_map(|step| &step.leftovers);
        left.into_iter()
            .any(|left| left.identity == identity && left.fate == Fate::Keep)
    }

    /// Settled with a step's stage, as far as it has one.
    fn by_step(&self, key: &Key, stage: Stage) -> Settled {
        match self.steps.get(key) {
            Some(step) if step.action == Action::Keep => Settled::Already("it is kept"),
            Some(step) if !step.action.is_change() => Settled::Already("nothing was left to do"),
            Some(step) if stage == Stage::Gone && step.has_gone_stage() => Settled::With(key.clone(), Stage::Gone),
            _ => Settled::With(key.clone(), Stage::Exists),
        }
    }
}
