//! Deletions that wait until a successor works.
//!
//! A resource that gets another key is a deletion and a creation for the plan, and neither waits for the other. Where both
//! can work at once, the old one goes only once the new one is ready, as in a replacement under another name. So a new one that
//! never works leaves the old one as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::effects::rename::Renamed;
use super::give_way::reaches;
use crate::declare::Declaration;
use crate::plan::{Action, Step, WorldEntry};
use crate::provider::{Phase, Provider};
use crate::urn::Key;

/// Lets the deletions of renamed resources wait for the new ones.
pub(super) fn wait(
    steps: &mut [Step],
    renamed: &[Renamed],
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    recorded: &BTreeMap<Key, WorldEntry>,
    declaration: &Declaration,
) {
    for Renamed { new, old } in renamed {
        if steps[*old].action != Action::Delete {
            continue;
        }
        let (new, gone) = (steps[*new].key.clone(), steps[*old].key.clone());
        let declared = declaration.resources.iter().find(|resource| resource.key == new);
        let entry = recorded.get(&gone).filter(|entry| !entry.gone);
        let (Some(declared), Some(entry), Some(provider)) = (declared, entry, providers.get(new.provider())) else {
            continue;
        };
        if provider.work_side_by_side(&entry.recorded, declared) && !waits_for(steps, &new, &gone) {
            steps[*old].after.push((new, Phase::Ready));
        }
    }
}

/// True if a step waits for another one, also with the deletion of its former objects.
fn waits_for(steps: &[Step], waiter: &Key, other: &Key) -> bool {
    reaches(steps, waiter, other, |step| {
        let phases = step.after.iter().chain(&step.ready_after).map(|(key, _)| key);
        phases.chain(step.deletes_after.iter().map(|(key, _)| key)).collect()
    })
}
