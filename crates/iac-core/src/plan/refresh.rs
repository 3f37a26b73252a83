//! Steps that only bring the record up to date with the world.

use super::world::World;
use super::{Action, Precondition, Reason, Step};
use crate::provider::{Checked, Observed};

pub(super) fn steps(world: &World<'_>) -> Vec<Step> {
    let steps = world.recorded.iter().map(|(key, entry)| {
        let (action, reasons, changes) = match world.observed.get(key) {
            Some(Observed::Absent) if !entry.gone => (Action::Forget, vec![Reason::Gone], Vec::new()),
            Some(Observed::Present(live)) if !live.drift.is_empty() && !entry.gone => {
                let paths = live.drift.iter().map(|change| change.path.clone()).collect();
                (Action::Update, vec![Reason::Drift(paths)], live.drift.clone())
            }
            _ => (Action::Same, Vec::new(), Vec::new()),
        };
        let mut inputs = entry.recorded.inputs.clone();
        for change in &changes {
            inputs.set_at(&change.path, change.after.clone());
        }
        Step {
            key: key.clone(),
            identity: entry.recorded.identity.clone(),
            action,
            order: None,
            reasons,
            source: entry.source.clone(),
            changes,
            minor: None,
            risks: Vec::new(),
            checked: Checked::ByServer,
            notes: Vec::new(),
            after: Vec::new(),
            ready_after: Vec::new(),
            leftovers: Vec::new(),
            deletes_after: Vec::new(),
            inputs: Some(inputs),
            options: entry.options.clone(),
            precondition: Precondition {
                exists: true,
                uid: entry.recorded.uid.clone(),
            },
        }
    });
    steps.collect()
}
