//! What may start: a pure bookkeeping of phases that are done, failed or waited for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::graph::Node;
use crate::plan::Step;
use crate::provider::Phase;
use crate::urn::Key;

/// The phases of a plan's steps and what each still waits for.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// For each phase that is not done: what it waits for.
    waiting: BTreeMap<Node, BTreeSet<Node>>,
    /// Who waits for a phase.
    waiters: BTreeMap<Node, Vec<Node>>,
    /// Phases that may start, first come first served.
    startable: VecDeque<Node>,
}

/// A resource that is not tried, and what it needed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) key: Key,
    pub(super) because: Key,
}

impl Schedule {
    /// A schedule of the steps that change something; phases of all others count as done.
    pub(super) fn new(steps: &[Step]) -> Self {
        let mut schedule = Self::default();
        let changing: BTreeSet<&Key> = steps
            .iter()
            .filter(|step| step.action.is_change())
            .map(|step| &step.key)
            .collect();
        for step in steps.iter().filter(|step| step.action.is_change()) {
            let open = |needs: &[Node]| -> BTreeSet<Node> {
                needs
                    .iter()
                    .filter(|(key, _)| changing.contains(key))
                    .cloned()
                    .collect()
            };
            let exists = (step.key.clone(), Phase::Exists);
            let mut ready_needs = open(&step.ready_after);
            ready_needs.insert(exists.clone());
            schedule.add(exists, open(&step.after));
            schedule.add((step.key.clone(), Phase::Ready), ready_needs);
        }
        schedule
    }

    fn add(&mut self, node: Node, needs: BTreeSet<Node>) {
        for need in &needs {
            self.waiters.entry(need.clone()).or_default().push(node.clone());
        }
        if needs.is_empty() {
            self.startable.push_back(node.clone());
        }
        self.waiting.insert(node, needs);
    }

    /// A phase that may start now, of those that `may` allows.
    pub(super) fn next(&mut self, may: impl Fn(Phase) -> bool) -> Option<Node> {
        let position = self.startable.iter().position(|(_, phase)| may(*phase))?;
        self.startable.remove(position)
    }

    /// Marks a phase as done.
    pub(super) fn done(&mut self, node: &Node) {
        self.waiting.remove(node);
        for waiter in self.waiters.remove(node).unwrap_or_default() {
            if let Some(needs) = self.waiting.get_mut(&waiter) {
                needs.remove(node);
                if needs.is_empty() {
                    self.startable.push_back(waiter);
                }
            }
        }
    }

    /// Marks a phase as failed; returns the resources whose *exists* phase will not be reached for that.
    pub(super) fn failed(&mut self, node: &Node) -> Vec<Blocked> {
        let mut blocked = Vec::new();
        let mut queue = vec![node.clone()];
        while let Some(failed) = queue.pop() {
            self.waiting.remove(&failed);
            for waiter in self.waiters.remove(&failed).unwrap_or_default() {
                if self.waiting.remove(&waiter).is_some() {
                    if waiter.1 == Phase::Exists {
                        blocked.push(Blocked {
                            key: waiter.0.clone(),
                            because: failed.0.clone(),
                        });
                    }
                    queue.push(waiter);
                }
            }
        }
        self.startable.retain(|node| self.waiting.contains_key(node));
        blocked
    }

    /// The resources whose *exists* phase is still waited for.
    pub(super) fn unstarted(&self) -> Vec<Key> {
        self.waiting
            .keys()
            .filter(|(_, phase)| *phase == Phase::Exists)
            .map(|(key, _)| key.clone())
            .collect()
    }
}
