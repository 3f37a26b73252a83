//! The walk over the declared resources that makes a plan, or says what it still needs to know.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Decision, Situation, decide};
use super::deletion;
use super::reasons;
use super::resolve::{Outputs, resolve};
use super::{Action, DeleteData, Mode, Plan, PlanNote, PlanProblem, Precondition, Reason, Step};
use crate::declare::{Declaration, Options, ResourceDecl, SourceLine};
use crate::graph::{Edge, Graph};
use crate::provider::{
    Checked, DataItem, Intent, Observed, Phase, PredictRequest, Prediction, Problem, Recorded, Target,
};
use crate::state::{FormerObject, NewRecord};
use crate::urn::Key;
use crate::value::diff::{FieldChange, diff};
use crate::value::{FieldPath, OutputRef, Source, Value};

/// One recorded resource.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldEntry {
    /// The record, secrets opened.
    pub recorded: Recorded,
    /// Its options as recorded.
    pub options: Options,
    /// Where it was declared.
    pub source: Option<SourceLine>,
    /// What it was before it was replaced and is still to be deleted.
    pub formers: Vec<FormerObject>,
    /// Whether the object itself is deleted, and only its former ones are left.
    pub gone: bool,
}

impl From<NewRecord> for WorldEntry {
    fn from(record: NewRecord) -> Self {
        Self {
            recorded: record.recorded,
            options: record.options,
            source: record.source,
            formers: record.formers,
            gone: record.gone,
        }
    }
}

/// An operation of an earlier run that has no outcome: the run was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// What was being done: `create`.
    pub what: String,
    /// The object's name in the outside world.
    pub identity: String,
}

/// A provider's prediction, with the question that it answers.
#[derive(Debug, Clone)]
pub struct Predicted {
    /// What was intended.
    pub intent: Intent,
    /// The inputs it was made for.
    pub inputs: Value,
    /// The answer.
    pub prediction: Prediction,
}

/// All that a plan is made from.
#[derive(Debug)]
pub struct World<'a> {
    /// What the plan is for.
    pub mode: Mode,
    /// Which build of the program asks.
    pub build: &'a str,
    /// What the providers are connected to.
    pub targets: &'a BTreeMap<String, Target>,
    /// Whether the world was looked at.
    pub looked: bool,
    /// What the program declares; for a destroy, nothing of it is wanted.
    pub declaration: &'a Declaration,
    /// Its graph.
    pub graph: &'a Graph,
    /// What each declared resource is called in the outside world.
    pub identities: &'a BTreeMap<Key, String>,
    /// What is recorded.
    pub recorded: &'a BTreeMap<Key, WorldEntry>,
    /// What an earlier run left open.
    pub interrupted: &'a BTreeMap<Key, Interrupted>,
    /// What is there, of declared, recorded and interrupted resources.
    pub observed: &'a BTreeMap<Key, Observed>,
    /// What was predicted so far.
    pub predicted: &'a BTreeMap<Key, Vec<Predicted>>,
    /// The data that would go with a resource.
    pub data: &'a BTreeMap<Key, Vec<DataItem>>,
    /// Which data may go.
    pub delete_data: &'a DeleteData,
}

/// What came of planning.
#[derive(Debug)]
pub enum Answer {
    /// The plan.
    Plan(Box<Plan>),
    /// These predictions are needed first.
    Ask(Vec<PredictRequest>),
}

/// Makes a plan, or says what is missing for it.
pub fn plan(world: &World<'_>) -> Answer {
    let mut walk = Walk::new(world);
    if world.mode == Mode::Up {
        for key in &world.graph.order {
            if let Some(resource) = walk.declared.get(key).copied() {
                walk.visit(resource);
            }
        }
    }
    if !walk.asks.is_empty() {
        return Answer::Ask(walk.asks);
    }
    Answer::Plan(Box::new(walk.finish()))
}

struct Walk<'a> {
    world: &'a World<'a>,
    declared: BTreeMap<&'a Key, &'a ResourceDecl>,
    edges: BTreeMap<&'a Key, Vec<&'a Edge>>,
    outputs: BTreeMap<Key, Outputs>,
    /// Resources whose outputs may change in this run.
    changing: BTreeSet<Key>,
    /// Resources whose step is not settled in this round, and with it their outputs.
    open: BTreeSet<Key>,
    steps: Vec<Step>,
    problems: Vec<PlanProblem>,
    asks: Vec<PredictRequest>,
}

impl<'a> Walk<'a> {
    fn new(world: &'a World<'a>) -> Self {
        let mut edges: BTreeMap<&Key, Vec<&Edge>> = BTreeMap::new();
        for edge in &world.graph.edges {
            edges.entry(&edge.from.0).or_default().push(edge);
        }
        Self {
            world,
            declared: world
                .declaration
                .resources
                .iter()
                .map(|resource| (&resource.key, resource))
                .collect(),
            edges,
            outputs: BTreeMap::new(),
            changing: BTreeSet::new(),
            open: BTreeSet::new(),
            steps: Vec::new(),
            problems: Vec::new(),
            asks: Vec::new(),
        }
    }

    fn lookup(&self, output: &OutputRef) -> Option<Value> {
        match &output.source {
            Source::Resource(key) => self.outputs.get(key)?.get(&output.path).cloned(),
            other => self.world.declaration.secrets.get(other).cloned().map(Value::Secret),
        }
    }

    fn visit(&mut self, resource: &'a ResourceDecl) {
        let key = &resource.key;
        let entry = self.world.recorded.get(key);
        let Some(inputs) = self.inputs(resource, entry) else {
            self.outputs.insert(key.clone(), Outputs::Unknown);
            return;
        };
        let changes = entry
            .map(|entry| diff(&entry.recorded.inputs, &inputs))
            .unwrap_or_default();
        let input_reasons = entry.map_or_else(Vec::new, |entry| {
            reasons::for_changes(&changes, &entry.recorded.inputs, &resource.inputs, &self.changing)
        });
        let identity = self.world.identities.get(key).map_or("", String::as_str);
        let decision = decide(Situation {
            resource,
            identity,
            entry,
            observed: self.world.observed.get(key).unwrap_or(&Observed::Absent),
            interrupted: self.world.interrupted.get(key),
            changes: &changes,
            input_reasons,
        });
        match decision {
            Decision::Same => self.settle(resource, Action::Same, Vec::new(), inputs),
            Decision::Wait(reasons) => self.settle(resource, Action::Wait, reasons, inputs),
            Decision::Act(intent, reasons) => self.act(resource, intent, reasons, inputs, changes),
            Decision::Blocked(problem) => {
                self.problems.push(problem);
                self.outputs.insert(key.clone(), Outputs::Unknown);
            }
        }
    }

    /// The inputs, resolved as far as can be, with ignored changes taken back.
    fn inputs(&mut self, resource: &ResourceDecl, entry: Option<&WorldEntry>) -> Option<Value> {
        match resolve(&resource.inputs, &|output| self.lookup(output)) {
            Ok(mut inputs) => {
                if let Some(entry) = entry {
                    for path in &resource.options.ignore_changes {
                        inputs.set_at(path, entry.recorded.inputs.at(path).cloned());
                    }
                }
                Some(inputs)
            }
            Err(error) => {
                self.problem(resource, Problem::new(error.path, error.message));
                None
            }
        }
    }

    fn problem(&mut self, resource: &ResourceDecl, problem: Problem) {
        self.problems.push(PlanProblem {
            key: Some(resource.key.clone()),
            source: Some(resource.source.clone()),
            path: problem.path,
            message: problem.message,
            hint: problem.hint,
        });
    }

    /// A step that leaves the object as it is.
    fn settle(&mut self, resource: &ResourceDecl, action: Action, reasons: Vec<Reason>, inputs: Value) {
        let (entry, observed) = (
            self.world.recorded.get(&resource.key),
            self.world.observed.get(&resource.key),
        );
        self.outputs
            .insert(resource.key.clone(), present_outputs(entry, observed));
        let step = self.step(resource, action, reasons, inputs);
        self.steps.push(step);
    }

    fn act(
        &mut self,
        resource: &ResourceDecl,
        intent: Intent,
        mut reasons: Vec<Reason>,
        inputs: Value,
        local_changes: Vec<FieldChange>,
    ) {
        self.changing.insert(resource.key.clone());
        let Some(mut prediction) = self.prediction(resource, intent, &inputs) else {
            self.outputs.insert(resource.key.clone(), Outputs::Unknown);
            return;
        };
        let mut action = action_for(intent);
        if !prediction.replace.is_empty() {
            let immutable = prediction.replace.into_iter();
            reasons.extend(immutable.map(|replacement| Reason::Immutable {
                path: replacement.path,
                why: replacement.why,
            }));
            let Some(anew) = self.prediction(resource, Intent::Replace, &inputs) else {
                self.outputs.insert(resource.key.clone(), Outputs::Unknown);
                return;
            };
            action = Action::Replace;
            prediction = Prediction {
                changes: prediction.changes,
                ..anew
            };
            prediction
                .risks
                .extend(deletion::data_risks(deletion::items_of(self.world, &resource.key)));
            self.check_protection(resource);
        }
        let predicted = std::mem::take(&mut prediction.outputs);
        let known = if predicted == Value::Null {
            Outputs::Unknown
        } else {
            Outputs::Whole(predicted)
        };
        self.outputs.insert(resource.key.clone(), known);
        for problem in std::mem::take(&mut prediction.problems) {
            self.problem(resource, problem);
        }
        let mut step = self.step(resource, action, reasons, inputs);
        step.changes = if prediction.changes.is_empty() && prediction.checked != Checked::ByServer {
            local_changes
        } else {
            prediction.changes
        };
        if step.action == Action::Update && step.changes.is_empty() && prediction.checked == Checked::ByServer {
            step.notes
                .push("no effect on the object; only the record follows the program".to_owned());
        }
        step.risks = prediction.risks;
        step.checked = prediction.checked;
        step.notes.extend(prediction.notes);
        self.steps.push(step);
    }

    fn check_protection(&mut self, resource: &ResourceDecl) {
        let recorded = self
            .world
            .recorded
            .get(&resource.key)
            .is_some_and(|entry| entry.options.protect);
        if recorded || resource.options.protect {
            let hint = "take the change back, or lift the protection first with an `up` that only removes .protect()";
            let message = "it is protected, and this change can only be made by deleting it and making it anew";
            let problem = Problem {
                hint: Some(hint.to_owned()),
                ..Problem::new(FieldPath::root(), message)
            };
            self.problem(resource, problem);
        }
    }

    /// The prediction for exactly these inputs; where there is none yet, it is asked for once all that the inputs use
    /// is settled.
    fn prediction(&mut self, resource: &ResourceDecl, intent: Intent, inputs: &Value) -> Option<Prediction> {
        let key = &resource.key;
        let made = self.world.predicted.get(key).into_iter().flatten();
        let mut made = made.filter(|made| made.intent == intent && made.inputs == *inputs);
        if let Some(made) = made.next() {
            return Some(made.prediction.clone());
        }
        self.open.insert(key.clone());
        let uses_open = resource
            .inputs
            .outputs()
            .iter()
            .any(|(_, output)| match &output.source {
                Source::Resource(on) => self.open.contains(on),
                _ => false,
            });
        if !uses_open {
            let live = match self.world.observed.get(key) {
                Some(Observed::Present(live)) => Some(live.clone()),
                _ => None,
            };
            self.asks.push(PredictRequest {
                key: key.clone(),
                intent,
                inputs: inputs.clone(),
                recorded: self.world.recorded.get(key).map(|entry| entry.recorded.clone()),
                live,
            });
        }
        None
    }

    fn step(&self, resource: &ResourceDecl, action: Action, reasons: Vec<Reason>, inputs: Value) -> Step {
        let key = &resource.key;
        let needs = |phase: Phase| -> Vec<(Key, Phase)> {
            let edges = self.edges.get(key).into_iter().flatten();
            let nodes: BTreeSet<_> = edges
                .filter(|edge| edge.from.1 == phase)
                .map(|edge| edge.to.clone())
                .collect();
            nodes.into_iter().collect()
        };
        let live = match self.world.observed.get(key) {
            Some(Observed::Present(live)) => Some(live),
            _ => None,
        };
        Step {
            key: key.clone(),
            identity: self.world.identities.get(key).cloned().unwrap_or_default(),
            action,
            reasons,
            source: Some(resource.source.clone()),
            changes: Vec::new(),
            risks: Vec::new(),
            checked: Checked::ByServer,
            notes: Vec::new(),
            after: needs(Phase::Exists),
            ready_after: needs(Phase::Ready),
            inputs: Some(inputs),
            options: resource.options.clone(),
            precondition: Precondition {
                exists: live.is_some(),
                uid: live.and_then(|live| live.uid.clone()),
            },
        }
    }

    fn finish(mut self) -> Plan {
        let world = self.world;
        let recorded = world.recorded.keys();
        let unwanted: BTreeSet<Key> = match world.mode {
            Mode::Up => recorded
                .filter(|key| !self.declared.contains_key(key))
                .cloned()
                .collect(),
            Mode::Destroy => recorded.cloned().collect(),
            Mode::Refresh => BTreeSet::new(),
        };
        let deletions = deletion::plan(world, &unwanted, &self.steps);
        self.steps.extend(deletions.steps);
        self.problems.extend(deletions.problems);
        if world.mode == Mode::Refresh {
            self.refresh();
        }
        let exports = world.declaration.exports.iter().map(|(name, value)| {
            let value = resolve(value, &|output| self.lookup(output));
            (
                name.clone(),
                value.unwrap_or_else(|error| Value::String(format!("({error})"))),
            )
        });
        Plan {
            stack: world.declaration.stack.clone(),
            mode: world.mode,
            build: world.build.to_owned(),
            observed: world.looked,
            targets: world.targets.clone(),
            exports: exports.collect(),
            notes: self.notes(),
            steps: self.steps,
            problems: self.problems,
            kept: deletions.kept,
            delete_data: *world.delete_data == DeleteData::All,
        }
    }

    /// Steps that only bring the record up to date with the world.
    fn refresh(&mut self) {
        for (key, entry) in self.world.recorded {
            let (action, reasons, changes) = match self.world.observed.get(key) {
                Some(Observed::Absent) => (Action::Forget, vec![Reason::Gone], Vec::new()),
                Some(Observed::Present(live)) if !live.drift.is_empty() => {
                    let paths = live.drift.iter().map(|change| change.path.clone()).collect();
                    (Action::Update, vec![Reason::Drift(paths)], live.drift.clone())
                }
                _ => (Action::Same, Vec::new(), Vec::new()),
            };
            let mut inputs = entry.recorded.inputs.clone();
            for change in &changes {
                inputs.set_at(&change.path, change.after.clone());
            }
            self.steps.push(Step {
                key: key.clone(),
                identity: entry.recorded.identity.clone(),
                action,
                reasons,
                source: entry.source.clone(),
                changes,
                risks: Vec::new(),
                checked: Checked::ByServer,
                notes: Vec::new(),
                after: Vec::new(),
                ready_after: Vec::new(),
                inputs: Some(inputs),
                options: entry.options.clone(),
                precondition: Precondition {
                    exists: true,
                    uid: entry.recorded.uid.clone(),
                },
            });
        }
    }

    fn notes(&self) -> Vec<PlanNote> {
        let dropped = self.world.graph.dropped.iter().map(|edge| PlanNote {
            key: Some(edge.from.0.clone()),
            source: self.declared.get(&edge.from.0).map(|resource| resource.source.clone()),
            message: format!(
                "it names {}, which waits for it; the order of the two follows the program only",
                edge.to.0
            ),
        });
        let unseen = self.world.observed.iter().filter_map(|(key, observed)| match observed {
            Observed::Unknown(why) if self.world.looked => Some(PlanNote {
                key: Some(key.clone()),
                source: self.declared.get(key).map(|resource| resource.source.clone()),
                message: format!("could not be looked at: {why}"),
            }),
            _ => None,
        });
        let said = self.world.declaration.notes.iter().map(|note| PlanNote {
            key: None,
            source: Some(note.at.clone()),
            message: note.message.clone(),
        });
        said.chain(dropped).chain(unseen).collect()
    }
}

/// The outputs of a resource that is left as it is: read from the object where that was done, else as recorded.
pub(crate) fn present_outputs(entry: Option<&WorldEntry>, observed: Option<&Observed>) -> Outputs {
    match (entry, observed) {
        (_, Some(Observed::Present(live))) if live.outputs != Value::Null => Outputs::Whole(live.outputs.clone()),
        (Some(entry), _) => Outputs::recorded(&entry.recorded.outputs),
        (None, _) => Outputs::Unknown,
    }
}

fn action_for(intent: Intent) -> Action {
    match intent {
        Intent::Create => Action::Create,
        Intent::Update => Action::Update,
        Intent::Adopt => Action::Adopt,
        Intent::Replace => Action::Replace,
    }
}
