//! The loop that starts what may start, and takes in what has ended.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use super::event::{Event, Outcome, Report};
use super::operation::{Failure, Shared};
use super::schedule::Schedule;
use crate::declare::Declaration;
use crate::graph::Node;
use crate::plan::resolve::{Outputs, resolve};
use crate::plan::{Action, Plan, Step, WorldEntry};
use crate::provider::{ErrorKind, Phase, ProviderError, Recorded};
use crate::state::{OpId, StateError};
use crate::urn::Key;
use crate::value::{Map, OutputRef, Source, Value};

/// How many operations run at the same time unless asked otherwise; waits for readiness do not count.
pub const DEFAULT_PARALLEL: usize = 10;

/// How far a run is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cancel {
    /// It goes on.
    No,
    /// Nothing new is started.
    Gently,
    /// What runs is given up.
    AtOnce,
}

/// How long things may take where the program does not say.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// One operation.
    pub operation: Duration,
    /// The wait for one resource's readiness.
    pub ready: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            operation: Duration::from_mins(5),
            ready: Duration::from_mins(10),
        }
    }
}

/// What a plan was made from, as far as carrying it out needs it.
#[derive(Debug, Default)]
pub(crate) struct Basis {
    /// What is recorded.
    pub(crate) recorded: BTreeMap<Key, WorldEntry>,
    /// The outputs of what is left as it is.
    pub(crate) outputs: BTreeMap<Key, Outputs>,
    /// Operations that an earlier run left open.
    pub(crate) interrupted: BTreeMap<Key, Vec<OpId>>,
}

/// One phase of one step has ended.
struct Ended {
    node: Node,
    result: Result<Reached, Failure>,
    elapsed: Duration,
}

enum Reached {
    /// The object is there, with its record and all its outputs; or gone.
    Exists(Option<(Recorded, Value)>),
    /// It is ready; with its outputs if there are new ones.
    Ready(Option<Value>),
}

/// A run of a plan.
pub(crate) struct Run<'a> {
    shared: Arc<Shared>,
    declaration: &'a Declaration,
    steps: BTreeMap<Key, &'a Step>,
    schedule: Schedule,
    basis: Basis,
    records: BTreeMap<Key, Recorded>,
    report: Report,
    tasks: JoinSet<Ended>,
    nodes: BTreeMap<Id, Node>,
    operations: usize,
    fatal: Option<StateError>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(plan: &'a Plan, declaration: &'a Declaration, basis: Basis, shared: Arc<Shared>) -> Self {
        let records = basis
            .recorded
            .iter()
            .map(|(key, entry)| (key.clone(), entry.recorded.clone()))
            .collect();
        Self {
            shared,
            declaration,
            steps: plan.steps.iter().map(|step| (step.key.clone(), step)).collect(),
            schedule: Schedule::new(&plan.steps),
            basis,
            records,
            report: Report::default(),
            tasks: JoinSet::new(),
            nodes: BTreeMap::new(),
            operations: 0,
            fatal: None,
        }
    }

    /// Runs until nothing more can be done.
    pub(crate) async fn finish(
        mut self,
        plan: &Plan,
        parallel: usize,
        mut cancel: watch::Receiver<Cancel>,
    ) -> Result<Report, StateError> {
        self.settle_recovered().await?;
        loop {
            let level = *cancel.borrow_and_update();
            if level == Cancel::AtOnce {
                break;
            }
            if level == Cancel::No && self.fatal.is_none() {
                self.start(parallel.max(1));
            }
            if self.tasks.is_empty() || (level != Cancel::No && self.operations == 0) {
                break;
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.take_in(ended).await,
                Ok(()) = cancel.changed() => {}
            }
        }
        self.tasks.shutdown().await;
        if let Some(error) = self.fatal.take() {
            return Err(error);
        }
        for key in self.schedule.unstarted() {
            self.report.outcomes.entry(key).or_insert(Outcome::Cancelled);
        }
        self.record_exports(plan).await?;
        Ok(self.report)
    }

    /// Closes the open intents of what turned out to be as it should, or is not there.
    async fn settle_recovered(&mut self) -> Result<(), StateError> {
        let changing = |key: &Key| self.steps.get(key).is_some_and(|step| step.action.is_change());
        let settled: Vec<Key> = self
            .basis
            .interrupted
            .keys()
            .filter(|key| !changing(key))
            .cloned()
            .collect();
        for key in settled {
            self.resolve_interrupted(&key, "nothing was left to do").await?;
        }
        Ok(())
    }

    async fn resolve_interrupted(&mut self, key: &Key, message: &str) -> Result<(), StateError> {
        let ops = self.basis.interrupted.remove(key).unwrap_or_default();
        if !ops.is_empty() {
            (self.shared.events)(Event::Recovered {
                key: key.clone(),
                message: message.to_owned(),
            });
        }
        for op in ops {
            self.shared.writer.resolve(op).await?;
        }
        Ok(())
    }

    fn start(&mut self, parallel: usize) {
        while let Some(node) = self
            .schedule
            .next(|phase| phase == Phase::Ready || self.operations < parallel)
        {
            let Some(step) = self.steps.get(&node.0).copied() else {
                continue;
            };
            match node.1 {
                Phase::Exists => self.start_operation(node, step),
                Phase::Ready => self.start_wait(node, step),
            }
        }
    }

    fn start_operation(&mut self, node: Node, step: &Step) {
        if step.action == Action::Wait {
            self.schedule.done(&node);
            return;
        }
        let lookup = |output: &OutputRef| self.lookup(output);
        let inputs = step.inputs.as_ref().map(|inputs| resolve(inputs, &lookup));
        let inputs = match inputs {
            Some(Ok(inputs)) if inputs.is_known() => Some(inputs),
            None => None,
            Some(unresolved) => {
                let why = unresolved.map_or_else(|error| error.to_string(), |inputs| unknown_outputs(&inputs));
                let error = ProviderError::new(ErrorKind::Invalid, format!("an input has no value: {why}"));
                self.fail(&node, error);
                return;
            }
        };
        (self.shared.events)(Event::Started {
            key: node.0.clone(),
            action: step.action,
        });
        self.operations += 1;
        let (shared, step, recorded) = (
            Arc::clone(&self.shared),
            step.clone(),
            self.records.get(&node.0).cloned(),
        );
        self.spawn(node, async move {
            shared.reach_exists(&step, inputs, recorded).await.map(Reached::Exists)
        });
    }

    fn start_wait(&mut self, node: Node, step: &Step) {
        let Some(recorded) = self.records.get(&node.0).cloned().filter(|_| waits(step.action)) else {
            self.report.outcomes.insert(node.0.clone(), Outcome::Done(step.action));
            self.schedule.done(&node);
            return;
        };
        (self.shared.events)(Event::Waiting { key: node.0.clone() });
        let (shared, step) = (Arc::clone(&self.shared), step.clone());
        self.spawn(node, async move {
            shared.reach_ready(&step, recorded).await.map(Reached::Ready)
        });
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

    async fn take_in(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let ended = match ended {
            Ok((id, ended)) => {
                self.nodes.remove(&id);
                ended
            }
            // A task of ours ends early only by a panic, which is a bug; its intent stays open for the next run.
            Err(error) => {
                let Some(node) = self.nodes.remove(&error.id()) else {
                    return;
                };
                let error = ProviderError::new(
                    ErrorKind::Internal,
                    format!("the operation ended without an answer: {error}"),
                );
                Ended {
                    node,
                    result: Err(Failure::Provider(error)),
                    elapsed: Duration::ZERO,
                }
            }
        };
        if ended.node.1 == Phase::Exists {
            self.operations -= 1;
        }
        match ended.result {
            Ok(reached) => self.reached(ended.node, reached, ended.elapsed).await,
            Err(Failure::Provider(error)) => self.fail(&ended.node, error),
            Err(Failure::State(error)) => self.fatal = Some(error),
        }
    }

    async fn reached(&mut self, node: Node, reached: Reached, elapsed: Duration) {
        let key = node.0.clone();
        match reached {
            Reached::Exists(made) => {
                match made {
                    Some((recorded, outputs)) => {
                        self.records.insert(key.clone(), recorded);
                        self.basis.outputs.insert(key.clone(), Outputs::Whole(outputs));
                    }
                    None => {
                        self.records.remove(&key);
                    }
                }
                if let Err(error) = self.resolve_interrupted(&key, "finished").await {
                    self.fatal = Some(error);
                }
                let action = self.steps.get(&key).map_or(Action::Same, |step| step.action);
                (self.shared.events)(Event::Applied { key, action, elapsed });
            }
            Reached::Ready(news) => {
                let action = self.steps.get(&key).map_or(Action::Same, |step| step.action);
                self.report.outcomes.insert(key.clone(), Outcome::Done(action));
                if let Some(outputs) = news {
                    self.basis.outputs.insert(key, Outputs::Whole(outputs));
                }
            }
        }
        self.schedule.done(&node);
    }

    fn fail(&mut self, node: &Node, error: ProviderError) {
        let key = &node.0;
        let source = self.steps.get(key).and_then(|step| step.source.clone());
        (self.shared.events)(Event::Failed {
            key: key.clone(),
            source,
            error: error.clone(),
        });
        let outcome = if node.1 == Phase::Ready {
            Outcome::NotReady(error)
        } else {
            Outcome::Failed(error)
        };
        self.report.outcomes.insert(key.clone(), outcome);
        for blocked in self.schedule.failed(node) {
            (self.shared.events)(Event::Skipped {
                key: blocked.key.clone(),
                because: blocked.because.clone(),
            });
            self.report
                .outcomes
                .insert(blocked.key, Outcome::Skipped(blocked.because));
        }
    }

    fn lookup(&self, output: &OutputRef) -> Option<Value> {
        match &output.source {
            Source::Resource(key) => self.basis.outputs.get(key)?.get(&output.path).cloned(),
            other => self.declaration.secrets.get(other).cloned().map(Value::Secret),
        }
    }

    /// Records what the stack exports; where one could not be had, since its resource failed, all keep their old values.
    async fn record_exports(&self, plan: &Plan) -> Result<(), StateError> {
        let resolved = plan.exports.iter().filter_map(|(name, value)| {
            let value = resolve(value, &|output| self.lookup(output)).ok()?;
            value.is_known().then(|| (name.clone(), value))
        });
        let exports: Map = resolved.collect();
        if exports.len() < plan.exports.len() {
            return Ok(());
        }
        self.shared.writer.exports(exports).await
    }
}

/// Whether a step ends with a wait for readiness.
fn waits(action: Action) -> bool {
    matches!(
        action,
        Action::Create | Action::Update | Action::Replace | Action::Adopt | Action::Wait
    )
}

fn unknown_outputs(inputs: &Value) -> String {
    let missing = inputs
        .outputs()
        .into_iter()
        .map(|(path, output)| format!("{path} needs {output}, which is not there"));
    missing.collect::<Vec<_>>().join("; ")
}
