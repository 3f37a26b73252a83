//! One step's way: which objects are made and deleted, in which order, and what the record holds in between.

use std::time::Instant;

use super::event::Event;
use super::operation::{Change, Failure, Shared};
use super::slots::Slot;
use super::tally::Deed;
use crate::plan::{Action, Fate, Leftover, Moved, Order, Step, WorldEntry};
use crate::provider::{DeleteData, Intent, ProviderError, Recorded};
use crate::state::FormerObject;
use crate::value::Value;

/// The result of a step's *exists* stage: the record as it is then, and all outputs of the object.
pub(super) struct Made {
    pub(super) entry: Option<WorldEntry>,
    pub(super) outputs: Option<Value>,
}

impl Shared {
    /// Carries out the part of a step that ends with the object there (or gone).
    pub(super) async fn reach_exists(
        &self,
        step: &Step,
        inputs: Option<Value>,
        entry: Option<WorldEntry>,
        slot: &Slot,
    ) -> Result<Made, Failure> {
        let entry = match (step.action, inputs, entry) {
            (Action::Create | Action::Update | Action::Replace | Action::Adopt, Some(inputs), entry) => {
                return self.make(step, inputs, entry, slot).await;
            }
            (Action::Delete, _, Some(entry)) => self.unmake(step, entry, slot).await?,
            (Action::Forget, _, Some(entry)) => self.let_go(step, entry, slot).await?,
            (Action::Record | Action::Cleanup | Action::Wait, _, Some(entry)) => {
                Some(self.follow(step, entry, slot).await?)
            }
            (_, _, entry) => entry,
        };
        Ok(Made { entry, outputs: None })
    }

    async fn make(&self, step: &Step, inputs: Value, entry: Option<WorldEntry>, slot: &Slot) -> Result<Made, Failure> {
        let formers = entry
            .as_ref()
            .map(|entry| kept_in_mind(step, entry))
            .unwrap_or_default();
        let mut recorded = entry
            .as_ref()
            .filter(|entry| !entry.gone)
            .map(|entry| entry.recorded.clone());
        if step.order == Some(Order::DeleteFirst)
            && let Some(old) = in_the_way(recorded.take(), found(step, &inputs))
        {
            // The data that it leaves behind by itself (a StatefulSet's claims) is for the new one.
            self.delete(step, old, &DeleteData::None, Some(slot)).await?;
            self.tally.add(&step.key, Deed::Deleted);
        }
        let formers = self.make_room(step, formers, slot).await?;
        let intent = match step.action {
            Action::Update => Intent::Update,
            Action::Adopt => Intent::Adopt,
            _ => Intent::Create,
        };
        let change = Change {
            intent,
            inputs,
            recorded,
        };
        let (record, outputs) = self.apply(step, change, formers, slot).await?;
        Ok(Made {
            entry: Some(record.into()),
            outputs: Some(outputs),
        })
    }

    /// Deletes the former objects that have to go before the resource's own is made; gives the others.
    async fn make_room(
        &self,
        step: &Step,
        formers: Vec<FormerObject>,
        slot: &Slot,
    ) -> Result<Vec<FormerObject>, Failure> {
        let mut left = Vec::new();
        for former in formers {
            let goes = |leftover: &Leftover| leftover.first && leftover.fate == Fate::Delete;
            if !leftover_of(step, &former).is_some_and(goes) {
                left.push(former);
                continue;
            }
            match self.delete_leftover(step, &former, slot).await {
                Ok(()) => {}
                // An object that nobody recorded may not be in the way; it is tried again once the step is through.
                Err(Failure::Provider(_)) if former.recorded.inputs == Value::Null => left.push(former),
                Err(failure) => return Err(failure),
            }
        }
        Ok(left)
    }

    /// Deletes all objects of a resource that is no longer wanted, but those that are kept for their data.
    async fn unmake(&self, step: &Step, mut entry: WorldEntry, slot: &Slot) -> Result<Option<WorldEntry>, Failure> {
        if !entry.gone {
            self.delete_for_good(step, entry.recorded.clone(), slot).await?;
            self.tally.add(&step.key, Deed::Deleted);
            entry.gone = true;
            entry.recorded.ready = false;
            if entry.formers.is_empty() {
                return Ok(None);
            }
        }
        let entry = self.delete_leftovers(step, entry, slot).await?;
        Ok((!entry.formers.is_empty()).then_some(entry))
    }

    /// Drops a resource's own object from the record, and deletes what it was before.
    async fn let_go(&self, step: &Step, entry: WorldEntry, slot: &Slot) -> Result<Option<WorldEntry>, Failure> {
        let mut entry = self.delete_leftovers(step, entry, slot).await?;
        if entry.formers.is_empty() {
            // One that had no object of its own is out of the record with its last former one.
            if !entry.gone {
                self.writer.forget(&step.key).await?;
            }
            self.tally.add(&step.key, Deed::Forgotten);
            return Ok(None);
        }
        entry.gone = true;
        entry.recorded.ready = false;
        self.writer.put(entry.to_record()).await?;
        self.tally.add(&step.key, Deed::Forgotten);
        Ok(Some(entry))
    }

    /// Brings the record in line with the program, without touching the object. What it was before may go for another
    /// resource that needs what it holds.
    async fn follow(&self, step: &Step, mut entry: WorldEntry, slot: &Slot) -> Result<WorldEntry, Failure> {
        let formers = self.make_room(step, kept_in_mind(step, &entry), slot).await?;
        let options = step.options.to_record();
        let is_moved = entry.moved != Moved::No || entry.taken_in;
        if is_moved || entry.options != options || formers != entry.formers {
            (entry.moved, entry.taken_in) = (Moved::No, false);
            entry.options = options;
            entry.formers = formers;
            self.writer.put(entry.to_record()).await?;
            self.tally.add(&step.key, Deed::Recorded);
        }
        Ok(entry)
    }

    /// Carries out the part of a step that ends with nothing left of what the resource was before.
    pub(super) async fn reach_gone(&self, step: &Step, entry: WorldEntry, slot: &Slot) -> Result<WorldEntry, Failure> {
        self.delete_leftovers(step, entry, slot).await
    }

    /// Deletes those former objects that are to be deleted, and drops the others from the record.
    async fn delete_leftovers(&self, step: &Step, mut entry: WorldEntry, slot: &Slot) -> Result<WorldEntry, Failure> {
        let (mut deleted, mut kept) = (Vec::new(), Vec::new());
        let before = entry.formers.len();
        entry
            .formers
            .retain(|former| matches!(fate_of(step, former), None | Some(Fate::Delete | Fate::Keep)));
        for former in &entry.formers {
            match fate_of(step, former) {
                Some(Fate::Keep) => kept.push(former.clone()),
                _ => deleted.push(former.clone()),
            }
        }
        if entry.formers.len() < before || entry.taken_in && !kept.is_empty() {
            if entry.gone && entry.formers.is_empty() {
                self.writer.forget(&step.key).await?;
                self.tally.add(&step.key, Deed::Forgotten);
            } else {
                self.writer.put(entry.to_record()).await?;
                self.tally.add(&step.key, Deed::Recorded);
            }
        }
        entry.formers = kept;
        let mut failed = None;
        for former in deleted {
            // One that cannot be deleted does not keep the others.
            match self.delete_leftover(step, &former, slot).await {
                Ok(()) => {}
                Err(Failure::Provider(error)) => {
                    failed.get_or_insert(error);
                }
                Err(state) => return Err(state),
            }
        }
        failed.map_or(Ok(entry), |error| Err(Failure::Provider(error)))
    }

    async fn delete_leftover(&self, step: &Step, former: &FormerObject, slot: &Slot) -> Result<(), Failure> {
        let identity = &former.recorded.identity;
        (self.events)(Event::Removing {
            key: step.key.clone(),
            identity: identity.clone(),
        });
        let began = Instant::now();
        let deletion = self.delete_for_good(step, former.recorded.clone(), slot).await;
        deletion.map_err(|failure| still_there(failure, identity))?;
        // In the way of the new one is the recorded object under its old name, unless nobody had recorded it.
        let is_own = former.recorded.inputs != Value::Null && leftover_of(step, former).is_some_and(|left| left.first);
        let deed = if is_own { Deed::Deleted } else { Deed::Cleaned };
        self.tally.add(&step.key, deed);
        (self.events)(Event::Removed {
            key: step.key.clone(),
            identity: identity.clone(),
            elapsed: began.elapsed(),
        });
        Ok(())
    }
}

/// The former objects that the record still has to name once the step's own object is there.
fn kept_in_mind(step: &Step, entry: &WorldEntry) -> Vec<FormerObject> {
    let formers = entry.formers.iter();
    formers
        .filter(|former| !matches!(fate_of(step, former), Some(Fate::Forget { .. })))
        .cloned()
        .collect()
}

fn fate_of<'a>(step: &'a Step, former: &FormerObject) -> Option<&'a Fate> {
    leftover_of(step, former).map(|leftover| &leftover.fate)
}

fn leftover_of<'a>(step: &'a Step, former: &FormerObject) -> Option<&'a Leftover> {
    let is_it =
        |leftover: &&Leftover| leftover.identity == former.recorded.identity && leftover.uid == former.recorded.uid;
    step.leftovers.iter().find(is_it)
}

/// Which object has to go before the new one is made: the recorded one, unless it is gone and another has its name.
fn in_the_way(recorded: Option<Recorded>, found: Option<Recorded>) -> Option<Recorded> {
    match (recorded, found) {
        (Some(recorded), Some(found)) => {
            let another = recorded.uid.is_some() && found.uid.is_some() && recorded.uid != found.uid;
            let same_name = recorded.identity == found.identity;
            Some(if same_name && another { found } else { recorded })
        }
        (recorded, found) => recorded.or(found),
    }
}

/// The object of the step's name that was seen there.
fn found(step: &Step, inputs: &Value) -> Option<Recorded> {
    step.precondition.exists.then(|| Recorded {
        key: step.key.clone(),
        identity: step.identity.clone(),
        uid: step.precondition.uid.clone(),
        inputs: inputs.clone(),
        outputs: Value::Null,
        private: Default::default(),
        dependencies: Vec::new(),
        ready: false,
    })
}

/// Says which object could not be deleted: the failure is reported under the resource's present name.
fn still_there(failure: Failure, identity: &str) -> Failure {
    match failure {
        Failure::Provider(error) => Failure::Provider(ProviderError {
            message: format!(
                "the old object {identity} could not be deleted, and the next run tries again: {}",
                error.message
            ),
            ..error
        }),
        state @ Failure::State(_) => state,
    }
}
