//! The longest chain of a plan's steps: the order in which a run would start them, with all of them at the same time that
//! may be, and no waiting for a free slot.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::schedule::{Node, Schedule};
use crate::plan::{Estimate, Stage, Step};
use crate::state::{Times, Took};
use crate::urn::Key;

/// Estimates the time that a run of these steps will take; none where earlier runs tell of less than half of them, or it is
/// less than a second.
pub(crate) fn estimate(steps: &[Step], times: &BTreeMap<Key, Times>) -> Option<Estimate> {
    let timed = steps.iter().filter_map(|step| Some((&step.key, step.action.timed()?)));
    let (mut count, mut known) = (0, BTreeMap::new());
    for (key, kind) in timed {
        count += 1;
        known.extend(times.get(key).and_then(|times| times.get(kind)).map(|took| (key, took)));
    }
    if known.len() * 2 <= count {
        return None;
    }
    let seconds = longest(steps, &known) / 1000;
    (seconds > 0).then_some(Estimate {
        seconds,
        known: known.len(),
        steps: count,
    })
}

/// The time in milliseconds at which the last stage would be reached.
fn longest(steps: &[Step], known: &BTreeMap<&Key, Took>) -> u64 {
    let mut schedule = Schedule::new(steps, |_| false);
    let mut running: BinaryHeap<Reverse<(u64, Node)>> = BinaryHeap::new();
    let mut now = 0;
    loop {
        while let Some(node) = schedule.next(true) {
            let takes = known.get(&node.0).map_or(0, |took| stage(took, node.1));
            running.push(Reverse((now + takes, node)));
        }
        let Some(Reverse((end, node))) = running.pop() else {
            return now;
        };
        now = end;
        schedule.done(&node);
    }
}

fn stage(took: &Took, stage: Stage) -> u64 {
    match stage {
        Stage::Exists => took.there,
        Stage::Ready => took.ready.unwrap_or(0),
        Stage::Gone => took.gone.unwrap_or(0),
    }
}
