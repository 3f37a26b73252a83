//! The schedule of a run: a pure bookkeeping of stages that are done, failed or waited for.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::plan::{Action, Stage, Step};
use crate::provider::Phase;
use crate::urn::Key;

/// A stage of a resource's step.
pub(super) type Node = (Key, Stage);

/// The stages of a plan's steps and what each still waits for.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// For each stage that is not done: the stages that it waits for.
    waiting: BTreeMap<Node, Needs>,
    /// The stages that wait for a stage.
    waiters: BTreeMap<Node, Vec<Node>>,
    /// Waits that may start, first come first served.
    waits: VecDeque<Node>,
    /// Stages that may start and touch the world; in a queue of their own, since they may be many and stand for long.
    operations: VecDeque<Node>,
    /// The resource that a stage waited for last.
    last: BTreeMap<Node, Key>,
    /// Resources whose stages wait for others than before.
    held: BTreeSet<Key>,
    /// The resources that can be made ahead, with the stages that each still waits for.
    early: BTreeMap<Key, BTreeSet<Node>>,
    /// The resources among these that wait for a stage.
    early_waiters: BTreeMap<Node, Vec<Key>>,
    /// The resources that may be made ahead now.
    preparations: VecDeque<Key>,
    /// The resources that are being made ahead; their own stages wait for the end of that.
    preparing: BTreeSet<Key>,
}

/// The stages that a stage waits for, by their resources. So the number of resources is known without counting: a namespace
/// waits for all that is in it, and is told of each.
#[derive(Debug, Default)]
struct Needs(BTreeMap<Key, BTreeSet<Stage>>);

impl Needs {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn remove(&mut self, (key, stage): &Node) {
        if let Some(stages) = self.0.get_mut(key) {
            stages.remove(stage);
            if stages.is_empty() {
                self.0.remove(key);
            }
        }
    }
}

impl FromIterator<Node> for Needs {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        let mut needs = Self::default();
        for (key, stage) in nodes {
            needs.0.entry(key).or_default().insert(stage);
        }
        needs
    }
}

/// A resource that waits for others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) key: Key,
    /// The first of the resources that its next stage needs.
    pub(super) needs: Vec<Key>,
    /// The number of the others.
    pub(super) more: usize,
}

/// A stage of a resource that is not reached, and what it needed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) key: Key,
    pub(super) stage: Stage,
    pub(super) because: Key,
}

impl Schedule {
    /// A schedule of the steps that change something; stages of all others count as done. `prepares` says what can be made
    /// ahead.
    pub(super) fn new(steps: &[Step], prepares: impl Fn(&Step) -> bool) -> Self {
        let mut schedule = Self::default();
        let changing: BTreeMap<&Key, &Step> = steps
            .iter()
            .filter(|step| step.action.is_change())
            .map(|step| (&step.key, step))
            .collect();
        let has = |(key, stage): &Node| {
            let step = changing.get(key);
            step.is_some_and(|step| *stage != Stage::Gone || step.has_gone_stage())
        };
        let phases = |needs: &[(Key, Phase)]| -> BTreeSet<Node> {
            let nodes = needs.iter().map(|(key, phase)| (key.clone(), Stage::from(*phase)));
            nodes.filter(has).collect()
        };
        for step in steps.iter().filter(|step| step.action.is_change()) {
            let node = |stage| (step.key.clone(), stage);
            let mut deletes_after: BTreeSet<Node> =
                step.deletes_after.iter().filter(|node| has(node)).cloned().collect();
            let mut exists_after = phases(&step.after);
            if matches!(step.action, Action::Delete | Action::Forget) {
                exists_after.extend(std::mem::take(&mut deletes_after));
            }
            let order_only = phases(&step.order_only);
            if !order_only.is_empty() && prepares(step) {
                let needs = exists_after.difference(&order_only).cloned().collect();
                schedule.add_early(&step.key, needs);
            }
            let mut ready_after = phases(&step.ready_after);
            ready_after.insert(node(Stage::Exists));
            schedule.add(node(Stage::Exists), exists_after);
            schedule.add(node(Stage::Ready), ready_after);
            if step.has_gone_stage() {
                deletes_after.insert(node(Stage::Ready));
                schedule.add(node(Stage::Gone), deletes_after);
            }
        }
        schedule
    }

    fn add(&mut self, node: Node, needs: BTreeSet<Node>) {
        for need in &needs {
            self.waiters.entry(need.clone()).or_default().push(node.clone());
        }
        if needs.is_empty() {
            self.may_start(node.clone());
        } else {
            self.held.insert(node.0.clone());
        }
        self.waiting.insert(node, needs.into_iter().collect());
    }

    fn add_early(&mut self, key: &Key, needs: BTreeSet<Node>) {
        if needs.is_empty() {
            self.preparations.push_back(key.clone());
            return;
        }
        for need in &needs {
            self.early_waiters.entry(need.clone()).or_default().push(key.clone());
        }
        self.early.insert(key.clone(), needs);
    }

    fn may_start(&mut self, node: Node) {
        match node.1 {
            Stage::Exists if self.preparing.contains(&node.0) => {}
            Stage::Ready => self.waits.push_back(node),
            Stage::Exists | Stage::Gone => self.operations.push_back(node),
        }
    }

    /// A stage that may start now; one that touches the world only if `operate` says so.
    pub(super) fn next(&mut self, operate: bool) -> Option<Node> {
        let (waits, operations) = (&mut self.waits, operate.then_some(&mut self.operations));
        // Stages that will not be reached, since something failed, stay in their queue until here.
        let mut all = std::iter::from_fn(|| waits.pop_front()).chain(
            operations
                .into_iter()
                .flat_map(|queue| std::iter::from_fn(|| queue.pop_front())),
        );
        all.find(|node| self.waiting.contains_key(node))
    }

    /// Returns the next resource that may be made ahead now, while something that decides when it begins to work is outstanding.
    pub(super) fn next_preparation(&mut self) -> Option<Key> {
        while let Some(key) = self.preparations.pop_front() {
            let needs = self.waiting.get(&(key.clone(), Stage::Exists));
            if needs.is_some_and(|needs| !needs.is_empty()) {
                self.preparing.insert(key.clone());
                return Some(key);
            }
        }
        None
    }

    /// Marks what was being made ahead as made as far as it goes.
    pub(super) fn prepared(&mut self, key: &Key) {
        self.preparing.remove(key);
        let node = (key.clone(), Stage::Exists);
        if self.waiting.get(&node).is_some_and(Needs::is_empty) {
            self.may_start(node);
        }
    }

    /// Marks a stage as done.
    pub(super) fn done(&mut self, node: &Node) {
        self.waiting.remove(node);
        for key in self.early_waiters.remove(node).unwrap_or_default() {
            if let Entry::Occupied(mut needs) = self.early.entry(key) {
                needs.get_mut().remove(node);
                if needs.get().is_empty() {
                    self.preparations.push_back(needs.remove_entry().0);
                }
            }
        }
        for waiter in self.waiters.remove(node).unwrap_or_default() {
            if let Some(needs) = self.waiting.get_mut(&waiter) {
                needs.remove(node);
                if !needs.is_empty() {
                    self.held.insert(waiter.0);
                } else {
                    if waiter.0 != node.0 {
                        self.last.insert(waiter.clone(), node.0.clone());
                    }
                    self.may_start(waiter);
                }
            }
        }
    }

    /// The resource that a stage waited for last; none where it could begin at once.
    pub(super) fn waited_for(&self, node: &Node) -> Option<&Key> {
        self.last.get(node)
    }

    /// The resources that wait for others than at the last call, each with at most so many of those that its next stage needs.
    pub(super) fn take_held(&mut self, named: usize) -> Vec<Held> {
        let held = std::mem::take(&mut self.held).into_iter();
        let needs = held.filter_map(|key| {
            let exists = (key, Stage::Exists);
            let needs = match self.waiting.get(&exists) {
                Some(needs) => needs,
                None => self.waiting.get(&(exists.0.clone(), Stage::Ready))?,
            };
            (!needs.is_empty()).then(|| Held {
                key: exists.0,
                needs: needs.0.keys().take(named).cloned().collect(),
                more: needs.0.len().saturating_sub(named),
            })
        });
        needs.collect()
    }

    /// Marks a stage as failed; returns the stages of other resources that will not be reached for that, the first of each.
    pub(super) fn failed(&mut self, node: &Node) -> Vec<Blocked> {
        let mut blocked = Vec::new();
        let mut queue = vec![node.clone()];
        while let Some(failed) = queue.pop() {
            self.waiting.remove(&failed);
            for waiter in self.waiters.remove(&failed).unwrap_or_default() {
                if self.waiting.remove(&waiter).is_some() {
                    if waiter.0 != failed.0 {
                        blocked.push(Blocked {
                            key: waiter.0.clone(),
                            stage: waiter.1,
                            because: failed.0.clone(),
                        });
                    }
                    queue.push(waiter);
                }
            }
        }
        blocked
    }

    /// The resources of which a stage is not reached, each with the first one.
    pub(super) fn left(&self) -> BTreeMap<Key, Stage> {
        let mut left = BTreeMap::new();
        for (key, stage) in self.waiting.keys() {
            left.entry(key.clone()).or_insert(*stage);
        }
        left
    }
}
