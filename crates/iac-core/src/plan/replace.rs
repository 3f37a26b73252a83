//! Replacements: which of the two objects is there first, and what becomes of the old one.

use super::leftover::RETAINED;
use super::objects::is_vouched;
use super::planner::{Draft, Walk};
use super::world::{Moved, ObjectName, WorldEntry};
use super::{Action, Fate, Order, Reason, Step, deletion};
use crate::declare::{ResourceDecl, Wait};
use crate::provider::{DataItem, Exclusive, Intent, Mark, Observed, Prediction, Problem, Recorded, Risk, RiskKind};
use crate::state::FormerObject;
use crate::urn::Key;
use crate::value::{FieldPath, Value};

impl Walk<'_> {
    /// True if making the resource replaces an object of another name, which is still there as far as is known.
    pub(super) fn replaces_renamed(&self, key: &Key) -> bool {
        let renamed = self.recorded(key).and_then(WorldEntry::renamed);
        renamed.is_some_and(|former| {
            let name = ObjectName::new(key, &former.recorded.identity);
            !matches!(
                self.world.others.get(&name),
                Some(Observed::Absent | Observed::Finished)
            )
        })
    }

    /// A replacement under the same name: the old object has to go first.
    pub(super) fn replace_in_place(&mut self, draft: Draft<'_>, prediction: Prediction, first: InTheWay) {
        let resource = draft.resource;
        let live = match self.observed(&resource.key) {
            Some(Observed::Present(live)) => Some(live),
            _ => None,
        };
        if live.is_some_and(|live| !live.mark.is_ours()) && self.entry(&resource.key).is_none() {
            let message = "it cannot be taken over: it would have to be deleted and made anew, and is not ours";
            let hint = "declare it as it is, give yours another name, or delete it";
            self.problem(resource, with_hint(message, hint));
        }
        let serves = !prediction.unserving;
        let mut step = self.predicted_step(Action::Replace, draft, prediction);
        step.order = Some(Order::DeleteFirst);
        self.make_way(&mut step, resource, first);
        let options = self.recorded(&resource.key).map(|entry| &entry.options);
        let retains = options.is_some_and(|recorded| recorded.retain_on_delete) || resource.options.retain_on_delete;
        let identity = step.identity.clone();
        self.old_one_goes(&mut step, resource, retains, serves, &identity);
        self.steps.push(step);
    }

    /// A replacement of an object that has failed for good by one that is declared as it was, or otherwise.
    pub(super) fn recreate(&mut self, draft: Draft<'_>) {
        let resource = draft.resource;
        self.set_changing(&resource.key);
        let Some(prediction) = self.prediction(resource, Intent::Replace, &draft.inputs) else {
            return self.put_off(resource);
        };
        let Some(first) = self.in_the_way(resource, &draft.inputs) else {
            return self.put_off(resource);
        };
        self.replace_in_place(draft, prediction, first);
    }

    /// A replacement under another name: both objects can be there, unless something says otherwise.
    pub(super) fn rename(&mut self, mut draft: Draft<'_>) {
        let resource = draft.resource;
        let key = &resource.key;
        self.set_changing(key);
        let Some(mut prediction) = self.prediction(resource, Intent::Replace, &draft.inputs) else {
            return self.put_off(resource);
        };
        let Some(first) = self.in_the_way(resource, &draft.inputs) else {
            return self.put_off(resource);
        };
        let renamed = self.recorded(key).and_then(WorldEntry::renamed);
        let from = renamed.map_or_else(String::new, |former| former.recorded.identity.clone());
        draft.reasons.retain(|reason| *reason != Reason::New);
        draft.reasons.insert(0, Reason::Renamed { from: from.clone() });
        // The provider's changes may leave out the name, which is the one that changes here.
        prediction.changes = draft.changes.clone();
        let exclusive = std::mem::take(&mut prediction.exclusive);
        let serves = !prediction.unserving;
        let mut step = self.predicted_step(Action::Replace, draft, prediction);
        step.order = Some(Order::CreateFirst);
        self.make_way(&mut step, resource, first);
        let fate = step.leftovers.last().map(|leftover| leftover.fate.clone());
        // An object that is kept for its data stays beside the new one, unless both cannot exist at once.
        if resource.options.delete_before_replace && fate != Some(Fate::Keep) {
            step.order = Some(Order::DeleteFirst);
            step.reasons.push(Reason::Option("delete_before_replace".to_owned()));
        } else if !exclusive.is_empty() {
            step.order = Some(Order::DeleteFirst);
            step.reasons
                .extend(exclusive.into_iter().map(|exclusive| Reason::Exclusive {
                    path: exclusive.path,
                    what: exclusive.what,
                }));
        }
        let retained = matches!(&fate, Some(Fate::Forget { because }) if because == RETAINED);
        match (step.order, fate) {
            (Some(Order::DeleteFirst), Some(fate)) if retained || matches!(fate, Fate::Delete | Fate::Keep) => {
                if let Some(old) = step.leftovers.last_mut() {
                    old.first = true;
                }
                self.old_one_goes(&mut step, resource, retained, serves, &from);
            }
            (_, Some(Fate::Delete)) => {
                step.order = Some(Order::CreateFirst);
                step.risks.retain(|risk| risk.kind != RiskKind::Downtime);
                if serves && resource.options.wait == Wait::No {
                    step.risks.push(Risk {
                        kind: RiskKind::Downtime,
                        message: "the new object is not waited for: the old one is deleted, whether the new one is ready or not".to_owned(),
                    });
                }
                let lost = deletion::data_risks(deletion::lost(self.world, &step));
                step.risks.extend(lost);
                self.check_protection(resource);
            }
            (_, Some(Fate::Keep)) => {
                step.order = Some(Order::CreateFirst);
                step.risks
                    .retain(|risk| !matches!(risk.kind, RiskKind::Downtime | RiskKind::DataLoss));
                let why = deletion::why_kept(self.world, key, &ObjectName::new(key, &from));
                step.notes.push(format!("the new one starts empty; of {from}: {why}"));
            }
            // It stays where it is, as another resource's or nobody's.
            _ => step.order = Some(Order::CreateFirst),
        }
        self.steps.push(step);
    }

    /// Which objects that earlier replacements left hold something that the resource is to hold now. Of an object that an
    /// interrupted run made and nobody recorded, only its provider can tell; it matters where it stays.
    pub(super) fn in_the_way(&mut self, resource: &ResourceDecl, inputs: &Value) -> Option<InTheWay> {
        let entry = self.recorded(&resource.key);
        let left_before = entry.map_or(&[][..], |entry| match entry.renamed() {
            Some(_) => &entry.formers[..entry.formers.len() - 1],
            None => &entry.formers,
        });
        let is_recorded = |former: &&FormerObject| former.recorded.inputs != Value::Null;
        let own = left_before.iter().filter(is_recorded).map(|former| &former.recorded);
        let stay = self.unrecorded_that_stay();
        let same_kind = |object: &&Recorded| {
            (object.key.provider(), object.key.kind()) == (resource.key.provider(), resource.key.kind())
        };
        let candidates: Vec<&Recorded> = own.chain(stay.iter().copied().filter(same_kind)).collect();
        let mut found = InTheWay::default();
        for object in candidates {
            let prediction = self.prediction_for(resource, Intent::Replace, inputs, Some(object))?;
            let held = prediction.exclusive.into_iter();
            found.0.extend(held.map(|held| (object.identity.clone(), held)));
        }
        Some(found)
    }

    /// Lets a step begin with the objects that have to go before its own is made.
    pub(super) fn make_way(&mut self, step: &mut Step, resource: &ResourceDecl, InTheWay(found): InTheWay) {
        for (identity, held) in found {
            let mut kept = self.kept.contains(&ObjectName::new(&resource.key, &identity));
            for leftover in step.leftovers.iter_mut().filter(|left| left.identity == identity) {
                kept |= leftover.fate == Fate::Keep;
                leftover.first |= leftover.fate == Fate::Delete;
            }
            if kept {
                self.check_data(resource, &identity, &format!("it still holds {}", held.what));
            }
            step.reasons.push(Reason::Exclusive {
                path: held.path,
                what: held.what,
            });
        }
    }

    /// An object of the resource has to be deleted, which its data forbids unless `--delete-data` names it.
    fn check_data(&mut self, resource: &ResourceDecl, identity: &str, because: &str) {
        let name = ObjectName::new(&resource.key, identity);
        let mut kept: Vec<&DataItem> = self.world.withheld(&name).filter(|item| !item.outlives).collect();
        let mut whose = "its data with it";
        if kept.is_empty() && self.kept.contains(&name) {
            whose = "data that is kept needs it";
            let all = self.kept.iter().flat_map(|name| self.world.withheld(name));
            kept = all.filter(|item| !item.outlives).collect();
        }
        if kept.is_empty() {
            return;
        }
        if kept.iter().any(|item| item.unmarked) {
            whose = "that needs more than a record that names it";
        }
        let message = format!(
            "{identity} has to be deleted for this ({because}), and {whose}: {}",
            deletion::list(&kept)
        );
        let hint = format!("take the change back, or let it go with {}", deletion::option(&kept));
        self.problem(resource, with_hint(&message, &hint));
    }

    /// The old object, of this name, is deleted before the new one is there.
    fn old_one_goes(&mut self, step: &mut Step, resource: &ResourceDecl, retains: bool, serves: bool, identity: &str) {
        if retains {
            let message = "it is to be retained, and this change can only be made by deleting it first";
            let hint =
                "lift .retain_on_delete() with an `up` that changes nothing else, or give the new one another name";
            self.problem(resource, with_hint(message, hint));
        }
        if serves && step.risks.iter().all(|risk| risk.kind != RiskKind::Downtime) {
            step.risks.push(Risk {
                kind: RiskKind::Downtime,
                message: "nothing takes its place from the deletion of the old object until the new one is ready"
                    .to_owned(),
            });
        }
        let items = self.world.items_of(&resource.key, identity).iter();
        step.risks
            .extend(deletion::data_risks(items.filter(|item| !item.outlives)));
        self.check_data(resource, identity, "the change can only be made by making it anew");
        self.check_protection(resource);
    }

    /// A program that takes a new name back has what was made under it deleted.
    pub(super) fn check_undone(&mut self, resource: &ResourceDecl) {
        let entry = self.recorded(&resource.key);
        if entry.is_some_and(|entry| entry.moved == Moved::Back) {
            self.check_protection(resource);
        }
    }

    /// A change in place of an object that does not bear the stack's mark needs more than a record that names it. One that
    /// only others' hands took the mark off gets it back by the change.
    pub(super) fn check_mark(&mut self, resource: &ResourceDecl) {
        let key = &resource.key;
        let (Some(entry), Some(Observed::Present(live))) = (self.entry(key), self.world.observed.get(key)) else {
            return;
        };
        let is_known = is_vouched(live, &entry.recorded, self.world.sealed) || matches!(live.mark, Mark::Lost(_));
        let Some(seen) = live.mark.seen().filter(|_| !is_known && !resource.options.adopt) else {
            return;
        };
        let message = format!(
            "{} does not bear this stack's mark ({seen}), and that a record names it is not enough to change it",
            entry.recorded.identity
        );
        let hint = format!("{}, or give yours another name", live.mark.ways_out(key));
        self.problem(resource, with_hint(&message, &hint));
    }

    fn check_protection(&mut self, resource: &ResourceDecl) {
        let recorded = self
            .world
            .recorded
            .get(&resource.key)
            .is_some_and(|entry| entry.options.protect);
        if recorded || resource.options.protect {
            let message = "it is protected, and this change can only be made by deleting it and making it anew";
            let hint = "take the change back, or lift the protection first with an `up` that only removes .protect()";
            self.problem(resource, with_hint(message, hint));
        }
    }
}

/// Objects that have to go before a resource's own is made, each with what it holds.
#[derive(Debug, Default)]
pub(super) struct InTheWay(pub(super) Vec<(String, Exclusive)>);

fn with_hint(message: &str, hint: &str) -> Problem {
    Problem {
        hint: Some(hint.to_owned()),
        ..Problem::new(FieldPath::root(), message)
    }
}
