//! The loop that starts what may start.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::basis::Basis;
use super::event::{Event, Outcome, Report};
use super::limits::Cancel;
use super::operation::{Failure, Ready, Shared};
use super::schedule::{Held, Node, Schedule};
use super::slots::{Holding, Slot, Slots};
use super::step::Made;
use super::timeline::Clock;
use crate::declare::{Declaration, Wait};
use crate::plan::resolve::resolve;
use crate::plan::{Action, Plan, Stage, Step, WorldEntry};
use crate::provider::{ErrorKind, Phase, ProviderError};
use crate::state::{OpId, StateError};
use crate::urn::Key;
use crate::value::{OutputRef, Source, Value};

/// The number of resources that are named of those that a step waits for.
const NAMED: usize = 3;

/// One stage of one step has ended.
pub(super) struct Ended {
    pub(super) node: Node,
    pub(super) result: Result<Reached, Failure>,
    pub(super) elapsed: Duration,
}

pub(super) enum Reached {
    /// As much of the object is there as may be by now.
    Prepared(OpId),
    /// The object is there, or gone.
    Exists(Made),
    /// It is ready.
    Ready(Ready),
    /// Its former objects are gone.
    Gone(WorldEntry),
}

/// A run of a plan.
pub(crate) struct Run<'a> {
    pub(super) shared: Arc<Shared>,
    declaration: &'a Declaration,
    pub(super) steps: BTreeMap<Key, &'a Step>,
    pub(super) schedule: Schedule,
    needed: BTreeSet<Key>,
    /// The intents of what was made ahead.
    pub(super) ahead: BTreeMap<Key, OpId>,
    /// The intents of what was made ahead and is being completed.
    pub(super) completing: BTreeMap<Key, OpId>,
    pub(super) basis: Basis,
    /// The records by now.
    pub(super) records: BTreeMap<Key, WorldEntry>,
    pub(super) report: Report,
    pub(super) clock: Clock,
    tasks: JoinSet<Ended>,
    pub(super) nodes: BTreeMap<Id, Node>,
    slots: Slots,
    /// The number of stages that touch the world and are not through.
    pub(super) operations: usize,
    pub(super) fatal: Option<StateError>,
    /// True if the first failure is to end the run.
    fail_fast: bool,
    /// True if nothing more is to be started.
    pub(super) stops: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        declaration: &'a Declaration,
        mut basis: Basis,
        shared: Arc<Shared>,
        parallel: usize,
    ) -> Self {
        Self {
            declaration,
            steps: plan.steps.iter().map(|step| (step.key.clone(), step)).collect(),
            schedule: Schedule::new(&plan.steps, |step| can_be_prepared(step, &basis, &shared)),
            needed: needed(plan),
            ahead: BTreeMap::new(),
            completing: BTreeMap::new(),
            records: std::mem::take(&mut basis.recorded),
            basis,
            report: Report::default(),
            clock: Clock::start(),
            tasks: JoinSet::new(),
            nodes: BTreeMap::new(),
            slots: Slots::new(parallel),
            operations: 0,
            fatal: None,
            fail_fast: false,
            stops: false,
            shared,
        }
    }

    /// Sets whether the first failure is to end the run.
    pub(crate) fn fail_fast(self, fail_fast: bool) -> Self {
        Self { fail_fast, ..self }
    }

    /// Notes a failure: nothing more is started, where that is wanted.
    pub(super) fn stop_if_asked(&mut self) {
        self.stops |= self.fail_fast;
    }

    /// Runs until nothing more can be done.
    pub(crate) async fn finish(
        mut self,
        plan: &Plan,
        mut cancel: watch::Receiver<Cancel>,
    ) -> Result<Report, StateError> {
        self.recover_settled().await?;
        loop {
            let mut level = *cancel.borrow_and_update();
            if self.stops {
                level = level.max(Cancel::Gently);
            }
            if level == Cancel::AtOnce {
                break;
            }
            if level == Cancel::No && self.fatal.is_none() {
                self.start();
            }
            if self.tasks.is_empty() || (level != Cancel::No && self.operations == 0) {
                break;
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.take_in(ended).await,
                () = self.slots.freed() => {}
                Ok(()) = cancel.changed() => {}
            }
        }
        self.tasks.shutdown().await;
        if let Some(error) = self.fatal.take() {
            return Err(error);
        }
        if *cancel.borrow() != Cancel::AtOnce {
            tokio::select! {
                abandoned = self.abandon() => abandoned?,
                () = given_up(cancel) => {}
            }
        }
        self.conclude();
        let clock = std::mem::replace(&mut self.clock, Clock::start());
        self.report.timelines = clock.finish();
        self.record_exports(plan).await?;
        Ok(self.report)
    }

    fn start(&mut self) {
        self.tell_held();
        while let Some(node) = self.schedule.next(self.slots.are_free(self.operations)) {
            let Some(step) = self.steps.get(&node.0).copied() else {
                continue;
            };
            match node.1 {
                Stage::Exists => self.start_operation(node, step),
                Stage::Ready => self.start_wait(node, step),
                Stage::Gone => self.start_removal(node, step),
            }
        }
        while self.slots.are_free(self.operations)
            && let Some(key) = self.schedule.next_preparation()
        {
            self.start_preparation(key);
        }
    }

    /// Makes ahead what may be, unless its inputs need what is not there yet.
    fn start_preparation(&mut self, key: Key) {
        let step = self.steps.get(&key).copied();
        let inputs = step.and_then(|step| resolve(step.inputs.as_ref()?, &|output| self.lookup(output)).ok());
        let (Some(step), Some(inputs)) = (step, inputs.filter(Value::is_known)) else {
            self.schedule.prepared(&key);
            return;
        };
        self.tell_started(step);
        let (shared, step) = (Arc::clone(&self.shared), step.clone());
        self.spawn_operation((key, Stage::Exists), |slot| async move {
            shared.prepare(&step, inputs, &slot).await.map(Reached::Prepared)
        });
    }

    fn tell_started(&self, step: &Step) {
        let (key, action) = (step.key.clone(), step.action);
        (self.shared.events)(Event::Started { key, action });
    }

    fn tell_held(&mut self) {
        for Held { key, needs, more } in self.schedule.take_held(NAMED) {
            (self.shared.events)(Event::Held { key, needs, more });
        }
    }

    /// Takes away what was made ahead of something that did not come.
    async fn abandon(&mut self) -> Result<(), StateError> {
        let ahead = std::mem::take(&mut self.ahead);
        let abandoned = ahead.into_iter().filter_map(|(key, op)| {
            let step = self.steps.get(&key)?;
            Some(self.shared.abandon(step, op))
        });
        futures::future::try_join_all(abandoned).await.map(drop)
    }

    fn start_operation(&mut self, node: Node, step: &Step) {
        let lookup = |output: &OutputRef| self.lookup(output);
        let inputs = step.inputs.as_ref().filter(|_| !is_passive(step.action));
        let inputs = match inputs.map(|inputs| resolve(inputs, &lookup)) {
            Some(Ok(inputs)) if inputs.is_known() => Some(inputs),
            None => None,
            Some(unresolved) => {
                let why = unresolved.map_or_else(|error| error.to_string(), |inputs| unknown_outputs(&inputs));
                let error = ProviderError::new(ErrorKind::Invalid, format!("an input has no value: {why}"));
                self.fail(&node, error);
                return;
            }
        };
        self.clock.begins(&node.0, self.schedule.waited_for(&node));
        match self.ahead.remove(&node.0) {
            Some(op) => {
                self.completing.insert(node.0.clone(), op);
            }
            None if !is_passive(step.action) => self.tell_started(step),
            None => {}
        }
        let (shared, step, entry) = (
            Arc::clone(&self.shared),
            step.clone(),
            self.records.get(&node.0).cloned(),
        );
        self.spawn_operation(node, |slot| async move {
            let made = shared.reach_exists(&step, inputs, entry, &slot).await;
            made.map(Reached::Exists)
        });
    }

    fn start_wait(&mut self, node: Node, step: &Step) {
        let Some(entry) = self.records.get(&node.0).cloned().filter(|_| waits(step)) else {
            let outcome = Outcome::Done(step.action);
            self.report.outcomes.entry(node.0.clone()).or_insert(outcome);
            self.schedule.done(&node);
            return;
        };
        (self.shared.events)(Event::Waiting { key: node.0.clone() });
        let needed = self.needed.contains(&node.0);
        let (shared, step) = (Arc::clone(&self.shared), step.clone());
        self.spawn(node, async move {
            shared.reach_ready(&step, entry, needed).await.map(Reached::Ready)
        });
    }

    fn start_removal(&mut self, node: Node, step: &Step) {
        let Some(entry) = self.records.get(&node.0).cloned() else {
            self.schedule.done(&node);
            return;
        };
        let (shared, step) = (Arc::clone(&self.shared), step.clone());
        self.spawn_operation(node, |slot| async move {
            shared.reach_gone(&step, entry, &slot).await.map(Reached::Gone)
        });
    }

    /// Starts what takes a slot, if there is one.
    fn spawn_operation<F>(&mut self, node: Node, work: impl FnOnce(Slot) -> F)
    where
        F: Future<Output = Result<Reached, Failure>> + Send + 'static,
    {
        if let Some(slot) = self.slots.take() {
            self.operations += 1;
            let held = Holding(slot.clone());
            let work = work(slot);
            self.spawn(node, async move {
                let _held = held;
                work.await
            });
        }
    }

    fn spawn(&mut self, node: Node, work: impl Future<Output = Result<Reached, Failure>> + Send + 'static) {
        let ended = node.clone();
        let task = self.tasks.spawn(async move {
            let began = Instant::now();
            let result = work.await;
            Ended {
                node: ended,
                result,
                elapsed: began.elapsed(),
            }
        });
        self.nodes.insert(task.id(), node);
    }

    fn lookup(&self, output: &OutputRef) -> Option<Value> {
        match &output.source {
            Source::Resource(key) => self.basis.outputs.get(key)?.get(&output.path).cloned(),
            other => self.declaration.secrets.get(other).cloned().map(Value::Secret),
        }
    }

    /// Records the exports of the stack; where one is not known, since its resource failed, all keep their old values.
    async fn record_exports(&self, plan: &Plan) -> Result<(), StateError> {
        let resolved = plan.exports.iter().filter_map(|(name, value)| {
            let value = resolve(value, &|output| self.lookup(output)).ok()?;
            value.is_known().then(|| (name.clone(), value))
        });
        let exports: BTreeMap<String, Value> = resolved.collect();
        if exports.len() < plan.exports.len() {
            return Ok(());
        }
        self.shared.writer.exports(exports).await
    }
}

/// True if the object of a step can be made ahead: a new one, in whose way nothing is and nothing was.
fn can_be_prepared(step: &Step, basis: &Basis, shared: &Shared) -> bool {
    let is_new = step.action == Action::Create && step.order.is_none() && !step.precondition.exists;
    let is_first = step.leftovers.is_empty() && !basis.recorded.contains_key(&step.key);
    let inputs = step.inputs.as_ref().filter(|_| is_new && is_first);
    inputs.is_some_and(|inputs| {
        let provider = shared.providers.get(step.key.provider());
        provider.is_some_and(|provider| provider.prepares(&step.key, inputs))
    })
}

/// Comes back once the run is to be given up.
async fn given_up(mut cancel: watch::Receiver<Cancel>) {
    if cancel.wait_for(|level| *level == Cancel::AtOnce).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// True if a step's *exists* stage does nothing but record, so that it is not worth telling.
pub(super) fn is_passive(action: Action) -> bool {
    matches!(action, Action::Wait | Action::Record | Action::Cleanup)
}

/// True if a step ends with a wait for readiness.
fn waits(step: &Step) -> bool {
    let is_there = matches!(
        step.action,
        Action::Create | Action::Update | Action::Replace | Action::Adopt | Action::Wait
    );
    is_there && step.options.wait == Wait::Ready
}

/// The resources that something else, or an export, needs ready.
fn needed(plan: &Plan) -> BTreeSet<Key> {
    let steps = plan.steps.iter().flat_map(|step| &step.after);
    let ready = steps.filter(|(_, phase)| *phase == Phase::Ready);
    let exported = plan.exports.values().flat_map(Value::outputs);
    let exported = exported.filter_map(|(_, output)| match output.source {
        Source::Resource(key) if output.phase == Phase::Ready => Some(key),
        _ => None,
    });
    ready.map(|(key, _)| key.clone()).chain(exported).collect()
}

fn unknown_outputs(inputs: &Value) -> String {
    let missing = inputs
        .outputs()
        .into_iter()
        .map(|(path, output)| format!("{path} needs {output}, which is not there"));
    missing.collect::<Vec<_>>().join("; ")
}
