//! Steps that only bring the record up to date with the world.

use super::objects::is_another;
use super::reasons::for_drift;
use super::world::{World, WorldEntry};
use super::{Action, Precondition, Reason, Step};
use crate::provider::Observed;
use crate::value::diff::{FieldChange, by_element};

pub(super) fn steps(world: &World<'_>) -> Vec<Step> {
    let part = world.recorded.iter().filter(|(key, _)| world.selected.has(key));
    let steps = part.map(|(key, entry)| {
        let (action, reasons, drift) = difference(entry, world.observed.get(key));
        let mut inputs = entry.recorded.inputs.clone();
        for change in &drift {
            inputs.set_at(&change.path, change.after.clone());
        }
        Step {
            reasons,
            source: entry.source.clone(),
            changes: drift.into_iter().flat_map(by_element).collect(),
            inputs: Some(inputs),
            options: entry.options.clone(),
            precondition: Precondition {
                exists: true,
                uid: entry.recorded.uid.clone(),
            },
            ..Step::bare(key, &entry.recorded.identity, action)
        }
    });
    steps.collect()
}

/// Returns the difference between the record and the world, as the action that would bring the record in line.
fn difference(entry: &WorldEntry, observed: Option<&Observed>) -> (Action, Vec<Reason>, Vec<FieldChange>) {
    let same = (Action::Same, Vec::new(), Vec::new());
    let gone = |reason| (Action::Forget, vec![reason], Vec::new());
    match observed {
        _ if entry.gone => same,
        Some(Observed::Absent) => gone(Reason::Gone),
        Some(there) if is_another(&entry.recorded, there) => gone(Reason::Another),
        Some(Observed::Present(live)) => match &live.leaving {
            Some(why) => gone(Reason::Leaving(why.clone())),
            None if live.drift.is_empty() => same,
            None => {
                let reasons = for_drift(live, entry.recorded.ready);
                (Action::Update, reasons, live.dated_drift().collect())
            }
        },
        _ => same,
    }
}
