//! The engine: declaration, state and providers brought together into plans, and plans carried out.
//!
//! The pure parts live in [`plan`](crate::plan) and [`graph`](crate::graph); this is the driver that asks providers what
//! those need to know.

mod check;
mod connect;
mod effects;
mod error;
mod give_way;
mod look;
mod missing;
mod names;
mod open;
mod options;
mod predict;
mod recover;
mod succession;
mod unmarked;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::apply::{Basis, Cancel, Claims, EventSink, Outcome, Recovery, Report, Run, Timeouts};
use crate::config::Config;
use crate::declare::Declaration;
use crate::graph::{Graph, settle_waits};
use crate::plan::resolve::wanted_outputs;
use crate::plan::selection::Whole;
use crate::plan::{Action, DeleteData, Mode, ObjectName, Plan, Planner, Predictions, World, WorldEntry};
use crate::provider::{DataItem, Discreet, Provider, RandomProvider, SharedNames, StackKey};
use crate::state::{KeySourceError, NewRecord, StackId, State, StateError, Vault, Writer};
use crate::urn::Key;
use crate::value::KnownSecrets;

pub use error::EngineError;
pub use options::PlanOptions;

/// Whether the outside world is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observe {
    /// It has to be.
    Required,
    /// If it answers; else the record stands in for it.
    Preferred,
    /// Not at all.
    Never,
}

/// A request to [`Engine::plan`].
#[derive(Debug)]
pub struct PlanRequest<'a> {
    /// The program's declaration.
    pub declaration: &'a Declaration,
    /// The recorded state.
    pub state: &'a State,
    /// The vault that opens the record's secrets.
    pub vault: Arc<Vault>,
    /// The configuration; providers get theirs from it.
    pub config: &'a Config,
    /// Which build of the program asks.
    pub build: &'a str,
    /// The options of the user.
    pub options: PlanOptions,
}

/// A plan, with what is needed to carry it out.
#[derive(Debug)]
pub struct Planned {
    /// The plan. Steps may be taken out before it is carried out.
    pub plan: Plan,
    /// The generation of the state that it was made from.
    pub generation: u64,
    /// Why the record stands in for what is really there, a line for each provider that nothing answers.
    pub unreached: Vec<String>,
    basis: Basis,
    /// The key that providers hash with.
    key: StackKey,
    /// The stack's id, where it has none yet.
    new_id: Option<StackId>,
}

impl Planned {
    /// True if an earlier run left operations open, which carrying out the plan settles even if nothing else changes.
    pub fn recovers(&self) -> bool {
        !self.basis.recoveries.is_empty()
    }
}

/// A request to [`Engine::execute`].
pub struct ExecuteRequest<'a> {
    /// The plan.
    pub planned: Planned,
    /// The program's declaration.
    pub declaration: &'a Declaration,
    /// Where it is journaled.
    pub writer: Writer,
    /// The number of operations that may run at the same time.
    pub parallel: usize,
    /// The receiver of the run's events.
    pub events: EventSink,
    /// The signal that stops the run.
    pub cancel: watch::Receiver<Cancel>,
}

/// The engine with its providers.
#[derive(Clone)]
pub struct Engine {
    providers: BTreeMap<String, Arc<dyn Provider>>,
    timeouts: Timeouts,
    fail_fast: bool,
    /// The secrets that providers' texts must not quote.
    known: KnownSecrets,
    /// The names that say that a value is secret.
    names: SharedNames,
    /// The id that is drawn for a stack without one: the same in each plan, whichever of them is carried out.
    drawn: Arc<OnceLock<StackId>>,
}

impl Engine {
    /// An engine with these providers, and the built-in one for generated values.
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self::knowing(providers, KnownSecrets::default())
    }

    /// As [`new`](Self::new), with secrets that others meet as well.
    pub(crate) fn knowing(providers: Vec<Arc<dyn Provider>>, known: KnownSecrets) -> Self {
        let built_in: Arc<dyn Provider> = Arc::new(RandomProvider);
        let all = providers.into_iter().chain([built_in]);
        let names = SharedNames::default();
        let discreet = |provider: Arc<dyn Provider>| -> (String, Arc<dyn Provider>) {
            let (name, known, names) = (provider.name().to_owned(), known.clone(), Arc::clone(&names));
            let discreet = Discreet { provider, known, names };
            (name, Arc::new(discreet))
        };
        Self {
            providers: all.map(discreet).collect(),
            timeouts: Timeouts::default(),
            fail_fast: false,
            known,
            names,
            drawn: Arc::default(),
        }
    }

    /// Sets how long things may take where the program does not say.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets whether runs start nothing more after the first failure. Else a failure stops only what needs it.
    #[must_use]
    pub fn with_fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// The graph of a declaration.
    ///
    /// # Errors
    /// A cycle, or a dependency on something that is not declared.
    pub fn graph(&self, declaration: &Declaration) -> Result<Graph, EngineError> {
        Ok(Graph::build(declaration, &self.references(declaration)?)?)
    }

    /// Makes a plan.
    ///
    /// # Errors
    /// When there can be none: see [`EngineError`]. What is wrong with single resources is in [`Plan::problems`].
    pub async fn plan(&self, request: PlanRequest<'_>) -> Result<Planned, EngineError> {
        let nothing = Declaration {
            stack: request.declaration.stack.clone(),
            ..Declaration::default()
        };
        let PlanOptions {
            mode,
            delete_data,
            selection,
            ..
        } = &request.options;
        let mode = *mode;
        let declaration = if mode == Mode::Up {
            request.declaration
        } else {
            &nothing
        };
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = request.config.secret_names();
        for secret in request.declaration.secrets.values() {
            self.known.learn_secret(secret);
        }
        let mut recorded = request.open_records(declaration)?;
        let mut problems = self.validate(declaration);
        let references = self.references(declaration)?;
        let graph = Graph::build(declaration, &references)?;
        let selected = selection.resolve(&Whole {
            mode,
            declaration,
            graph: &graph,
            recorded: &recorded,
            pending: &request.state.pending,
        })?;
        let declaration = &*settle_waits(&graph, declaration);
        let mut pending = request.state.pending.clone();
        let key = StackKey::of(Arc::clone(&request.vault));
        let id = match &request.state.id {
            Some(id) => id.clone(),
            None => self.drawn_id()?,
        };
        let connections = self
            .connect(&request, declaration, &recorded, &pending, (&id, &key))
            .await?;
        let looked = connections.looked;
        if looked {
            self.learn_names(declaration, &recorded, &pending).await?;
        }
        self.spell_names(&mut recorded, &mut pending);
        let mut identities = self.identities(declaration, &mut problems);
        // A part that is left out stops nobody.
        problems.retain(|problem| selected.concerns(problem));
        selected.hold(&mut identities, &recorded);
        // An operation left open there is settled by the run that is about it.
        pending.retain(|operation| selected.has(&operation.key));
        let interrupted = recover::interrupted(&pending);
        crate::plan::objects::match_names(&mut recorded, &identities);
        let mut sight = if looked {
            let part = look::Part {
                declaration,
                identities: &identities,
                recorded: &recorded,
                interrupted: &interrupted,
                selected: &selected,
            };
            self.observe(&part).await?
        } else {
            look::unseen(&recorded)
        };
        look::leave_ignored(&mut sight, declaration, &recorded);
        if mode != Mode::Refresh {
            crate::plan::objects::take_in(&mut recorded, &identities, &interrupted, |name| sight.of(name));
            crate::plan::objects::settle_shared(&mut recorded, &identities, |name| sight.of(name));
        }
        let rules = unmarked::Rules {
            sealed: request.state.sealed,
            delete_data,
        };
        let mut ending = look::ending(mode, declaration, &recorded, &selected);
        let mut data = match looked {
            true => self.at_stake(&ending, &sight, &rules).await?,
            false => BTreeMap::new(),
        };
        let mut predicted = Predictions::new();
        let mut plan = loop {
            let world = World {
                mode,
                build: request.build,
                targets: &connections.targets,
                looked,
                declaration,
                graph: &graph,
                identities: &identities,
                recorded: &recorded,
                interrupted: &interrupted,
                observed: &sight.observed,
                others: &sight.others,
                data: &data,
                delete_data,
                sealed: rules.sealed,
                selection,
                selected: &selected,
            };
            let mut planner = Planner::new(&world, std::mem::take(&mut predicted));
            let replaced = self.settle(&mut planner, looked, &identities).await?;
            if !replaced.is_empty() {
                // All together: what goes anyway is nobody else's.
                ending.extend(replaced);
                let at_stake = self.at_stake(&ending, &sight, &rules).await?;
                if at_stake != data {
                    predicted = planner.into_predictions();
                    data = at_stake;
                    continue;
                }
            }
            let (plan, all) = planner.finish();
            predicted = all;
            break plan;
        };
        give_way::give_way(&mut plan, &self.providers, declaration, &recorded, &selected);
        problems.append(&mut plan.problems);
        if looked {
            let missing = self.missing(&mut plan, declaration, &references).await?.into_iter();
            problems.extend(missing.filter(|problem| selected.concerns(problem)));
        }
        plan.problems = problems;
        let renamed = effects::rename::find(&plan.steps, &recorded);
        succession::wait(&mut plan.steps, &renamed, &self.providers, &recorded, declaration);
        effects::tell(
            &mut plan,
            &self.providers,
            &effects::Known {
                recorded: &recorded,
                observed: &sight.observed,
                predicted: &predicted,
                times: &request.state.times,
            },
            &renamed,
        );
        let recoveries = match plan.mode {
            // It settles nothing.
            Mode::Refresh => Vec::new(),
            _ => recover::recoveries(&pending, &plan, &identities, &recorded, &sight),
        };
        let mut basis = basis(&plan, recorded, &sight.observed, recoveries);
        basis.left = left(&data, delete_data);
        basis.claims = Claims::new(rules.sealed, unmarked::named(&data, delete_data));
        Ok(Planned {
            plan,
            generation: request.state.generation,
            unreached: connections.unreached,
            basis,
            key,
            new_id: request.state.id.is_none().then_some(id),
        })
    }

    /// Carries out a plan, and records it as a version of the state.
    ///
    /// # Errors
    /// When the plan has problems, the state moved meanwhile, or the journal cannot be written. Failures of single
    /// steps are in the [`Report`].
    pub async fn execute(&self, request: ExecuteRequest<'_>) -> Result<Report, EngineError> {
        let ExecuteRequest {
            mut planned,
            declaration,
            writer,
            parallel,
            events,
            cancel,
        } = request;
        if let Err(error) = check(&planned, &writer) {
            writer.abandon().await;
            return Err(error);
        }
        let plan = planned.plan;
        if plan.mode == Mode::Refresh {
            return accept(&plan, planned.basis, writer).await;
        }
        // Before anything is made that bears it.
        if let Some(id) = planned.new_id {
            writer.identify(id).await?;
        }
        writer.targets(plan.targets.clone()).await?;
        if !planned.key.is_there() && self.needs_key(declaration) {
            planned.key.set(writer.vault().await?);
        }
        let shared = crate::apply::Shared::new(
            self.providers.clone(),
            writer.clone(),
            events,
            self.timeouts,
            wanted_outputs(declaration),
            plan.delete_data.clone(),
            &mut planned.basis,
        );
        let run = Run::new(&plan, declaration, planned.basis, Arc::new(shared), parallel);
        let run = run.fail_fast(self.fail_fast);
        let mut report = run.finish(&plan, cancel).await?;
        report.version = Some(writer.finish_timed(report.summary(), report.took()).await?);
        Ok(report)
    }

    /// The id for a stack that has none yet.
    fn drawn_id(&self) -> Result<StackId, StateError> {
        match self.drawn.get() {
            Some(id) => Ok(id.clone()),
            None => {
                let id = StackId::draw().map_err(KeySourceError::from)?;
                Ok(self.drawn.get_or_init(|| id).clone())
            }
        }
    }

    /// True if somebody uses an output that is a hash under the key of the stack.
    fn needs_key(&self, declaration: &Declaration) -> bool {
        let wanted = wanted_outputs(declaration);
        declaration.resources.iter().any(|resource| {
            let provider = self.providers.get(resource.key.provider());
            let mut pointers = wanted.get(&resource.key).into_iter().flatten();
            provider.is_some_and(|provider| pointers.any(|pointer| provider.keyed_output(resource, pointer)))
        })
    }
}

fn check(planned: &Planned, writer: &Writer) -> Result<(), EngineError> {
    if !planned.plan.problems.is_empty() {
        return Err(EngineError::Problems(planned.plan.problems.clone()));
    }
    if writer.state().generation != planned.generation {
        return Err(EngineError::Moved);
    }
    Ok(())
}

/// Brings the record up to date with the world.
async fn accept(plan: &Plan, basis: Basis, writer: Writer) -> Result<Report, EngineError> {
    let mut report = Report::default();
    for step in plan.changes() {
        match (step.action, basis.recorded.get(&step.key), &step.inputs) {
            (Action::Update, Some(entry), Some(inputs)) => {
                let mut record = entry.to_record();
                record.recorded.inputs = inputs.clone();
                writer.put(record).await?;
            }
            // An earlier replacement left objects that are still to be deleted.
            (_, Some(entry), _) if !entry.formers.is_empty() => {
                let record = NewRecord {
                    gone: true,
                    ..entry.to_record()
                };
                writer.put(record).await?;
            }
            _ => writer.forget(&step.key).await?,
        }
        report.outcomes.insert(step.key.clone(), Outcome::Done(step.action));
        report.done.insert(step.key.clone(), step.action);
    }
    report.version = Some(writer.finish(report.summary()).await?);
    Ok(report)
}

fn basis(
    plan: &Plan,
    recorded: BTreeMap<Key, WorldEntry>,
    observed: &BTreeMap<Key, crate::provider::Observed>,
    recoveries: Vec<Recovery>,
) -> Basis {
    let unchanged = plan.steps.iter().filter(|step| is_left_as_it_is(step.action));
    let outputs = unchanged.map(|step| {
        let entry = recorded.get(&step.key).filter(|entry| !entry.gone);
        let outputs = crate::plan::present_outputs(entry, observed.get(&step.key));
        (step.key.clone(), outputs)
    });
    let outputs = outputs.collect();
    Basis {
        recorded,
        outputs,
        recoveries,
        ..Basis::default()
    }
}

/// The data that stays when its object is deleted.
fn left(data: &BTreeMap<ObjectName, Vec<DataItem>>, allowed: &DeleteData) -> BTreeMap<ObjectName, Vec<DataItem>> {
    let stays = |item: &&DataItem| item.outlives && !allowed.allows(item);
    let left = data.iter().map(|(name, items)| {
        let items: Vec<DataItem> = items.iter().filter(stays).cloned().collect();
        (name.clone(), items)
    });
    left.filter(|(_, items)| !items.is_empty()).collect()
}

/// True if the object stays as it is, so that its outputs are known before the run.
fn is_left_as_it_is(action: Action) -> bool {
    matches!(
        action,
        Action::Same | Action::Wait | Action::Keep | Action::Record | Action::Cleanup
    )
}

/// The resources' keys, by the provider that holds them.
fn by_provider<'a>(keys: impl IntoIterator<Item = &'a Key>) -> BTreeMap<&'a str, BTreeSet<&'a Key>> {
    let mut by_provider: BTreeMap<&str, BTreeSet<&Key>> = BTreeMap::new();
    for key in keys {
        by_provider.entry(key.provider()).or_default().insert(key);
    }
    by_provider
}
