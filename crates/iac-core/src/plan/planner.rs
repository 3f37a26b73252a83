//! The walk over the declared resources that makes a plan, or says what it still needs to know.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::decide::{Decision, Situation, decide};
use super::facts::{self, Table, Wanted};
use super::objects::is_vouched;
use super::resolve::{Outputs, resolve};
use super::world::{Interrupted, ObjectName, World, WorldEntry};
use super::{Action, Mode, Plan, PlanProblem, Reason, Step};
use super::{deletion, keep, reasons, refresh, steps};
use crate::declare::ResourceDecl;
use crate::provider::{Checked, Intent, Observed, PredictRequest, Prediction, Problem, Recorded};
use crate::urn::Key;
use crate::value::diff::{FieldChange, diff};
use crate::value::{OutputRef, Source, Value};

/// The result of planning.
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
            if let Some(resource) = walk.declared(key) {
                walk.visit(resource);
            }
        }
    }
    if !walk.asks.is_empty() {
        return Answer::Ask(walk.asks);
    }
    Answer::Plan(Box::new(walk.finish()))
}

pub(super) struct Walk<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) facts: Table<'a>,
    /// Which declared resource each object belongs to.
    pub(super) wanted: Wanted<'a>,
    /// The objects that stay for the data that they hold.
    pub(super) kept: BTreeSet<ObjectName>,
    interrupted: BTreeMap<ObjectName, &'a Interrupted>,
    /// Every recorded object, as far as somebody had to ask.
    recorded_objects: OnceCell<HashMap<ObjectName, Vec<&'a Recorded>>>,
    /// The objects that interrupted runs created, that nobody recorded, and that are kept for their data.
    unrecorded: OnceCell<Rc<[&'a Recorded]>>,
    /// Resources whose outputs may change in this run.
    changing: HashSet<Key>,
    /// Resources whose step is not settled in this round, and with it their outputs.
    open: HashSet<Key>,
    pub(super) steps: Vec<Step>,
    pub(super) problems: Vec<PlanProblem>,
    asks: Vec<PredictRequest>,
}

/// The draft of one resource's step.
pub(super) struct Draft<'a> {
    pub(super) resource: &'a ResourceDecl,
    pub(super) inputs: Value,
    /// Between the inputs that it had until now and the new ones.
    pub(super) changes: Vec<FieldChange>,
    pub(super) reasons: Vec<Reason>,
}

impl<'a> Walk<'a> {
    fn new(world: &'a World<'a>) -> Self {
        let interrupted = world.interrupted.iter();
        let mut walk = Self {
            world,
            facts: Table::of(world),
            wanted: Wanted::of(world),
            kept: BTreeSet::new(),
            interrupted: interrupted
                .map(|operation| (ObjectName::new(&operation.key, &operation.identity), operation))
                .collect(),
            recorded_objects: OnceCell::new(),
            unrecorded: OnceCell::new(),
            changing: HashSet::new(),
            open: HashSet::new(),
            steps: Vec::with_capacity(world.graph.order.len()),
            problems: Vec::new(),
            asks: Vec::new(),
        };
        walk.kept = keep::kept(&walk);
        walk
    }

    fn lookup(&self, output: &OutputRef) -> Option<Value> {
        match &output.source {
            Source::Resource(key) => self.outputs(key)?.get(&output.path).cloned(),
            other => self.world.declaration.secrets.get(other).cloned().map(Value::Secret),
        }
    }

    /// Returns the record of a resource under the name that it has now.
    pub(super) fn entry(&self, key: &Key) -> Option<&'a WorldEntry> {
        self.recorded(key).filter(|entry| !entry.gone)
    }

    /// True if the object of this name is another resource's by the record. Only what does not bear our mark needs this: a
    /// volume that was taken over.
    fn held(&self, key: &Key, identity: &str) -> bool {
        let Some(Observed::Present(live)) = self.observed(key) else {
            return false;
        };
        if live.mark.is_ours() {
            return false;
        }
        let is_it = |object: &&Recorded| is_vouched(live, object, self.world.sealed);
        let recorded = self
            .recorded_objects
            .get_or_init(|| facts::recorded_objects(self.world));
        let of_name = recorded.get(&ObjectName::new(key, identity));
        of_name.into_iter().flatten().any(is_it)
    }

    /// The operation on an object that an earlier run left open.
    fn interruption(&self, key: &Key, identity: &str) -> Option<&'a Interrupted> {
        if self.interrupted.is_empty() {
            return None;
        }
        self.interrupted.get(&ObjectName::new(key, identity)).copied()
    }

    /// Returns the objects that interrupted runs created, that nobody recorded, and that are kept for their data.
    pub(super) fn unrecorded_that_stay(&self) -> Rc<[&'a Recorded]> {
        let stays = |object: &&Recorded| {
            object.inputs == Value::Null && self.kept.contains(&ObjectName::new(&object.key, &object.identity))
        };
        let find = || {
            let formers = self.world.recorded.values().flat_map(|entry| &entry.formers);
            formers.map(|former| &former.recorded).filter(stays).collect()
        };
        Rc::clone(self.unrecorded.get_or_init(find))
    }

    fn visit(&mut self, resource: &'a ResourceDecl) {
        let key = &resource.key;
        self.check_undone(resource);
        let entry = self.entry(key);
        let Some(inputs) = self.inputs(resource, entry) else {
            self.set_outputs(key, Outputs::Unknown);
            return;
        };
        let before = self.recorded(key).and_then(WorldEntry::until_now);
        let changes = before.map(|before| diff(&before.inputs, &inputs)).unwrap_or_default();
        let input_reasons = before.map_or_else(Vec::new, |before| {
            reasons::for_changes(&changes, &before.inputs, &resource.inputs, &self.changing)
        });
        let identity = self.identity(key);
        let decision = decide(Situation {
            resource,
            identity,
            entry,
            observed: self.observed(key).unwrap_or(&Observed::Absent),
            held: self.held(key, identity),
            sealed: self.world.sealed,
            interrupted: self.interruption(key, identity),
            changes: &changes,
            input_reasons,
        });
        let draft = |reasons| Draft {
            resource,
            inputs,
            changes,
            reasons,
        };
        match decision {
            Decision::Same => self.settle(Action::Same, draft(Vec::new())),
            Decision::Wait(reasons) => self.settle(Action::Wait, draft(reasons)),
            Decision::Recreate(reasons) => self.recreate(draft(reasons)),
            Decision::Act(Intent::Create, reasons) if self.replaces_renamed(key) => {
                self.rename(draft(reasons));
            }
            Decision::Act(intent, reasons) => self.act(intent, draft(reasons)),
            Decision::Blocked(problem) => {
                self.problems.push(problem);
                self.set_outputs(key, Outputs::Unknown);
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

    /// A step that leaves the object as it is.
    fn settle(&mut self, action: Action, draft: Draft<'_>) {
        let key = &draft.resource.key;
        let (entry, observed) = (self.entry(key), self.observed(key));
        self.set_outputs(key, present_outputs(entry, observed));
        let mut step = self.step(action, draft);
        self.record_or_clean_up(&mut step);
        self.steps.push(step);
    }

    fn act(&mut self, intent: Intent, mut draft: Draft<'_>) {
        let resource = draft.resource;
        self.changing.insert(resource.key.clone());
        let Some(prediction) = self.prediction(resource, intent, &draft.inputs) else {
            return self.put_off(resource);
        };
        let Some(first) = self.in_the_way(resource, &draft.inputs) else {
            return self.put_off(resource);
        };
        if prediction.replace.is_empty() {
            if intent == Intent::Update {
                self.check_mark(resource);
            }
            let mut step = self.predicted_step(action_for(intent), draft, prediction);
            self.make_way(&mut step, resource, first);
            let takes_over = step.reasons.iter().any(|reason| matches!(reason, Reason::CoOwned(_)));
            if step.action == Action::Update
                && step.changes.is_empty()
                && step.checked == Checked::ByServer
                && !takes_over
            {
                step.notes
                    .push("no effect on the object; only the record follows the program".to_owned());
            }
            if step.has_gone_stage() {
                let lost = deletion::data_risks(deletion::lost(self.world, &step));
                step.risks.extend(lost);
            }
            self.steps.push(step);
            return;
        }
        let Some(anew) = self.prediction(resource, Intent::Replace, &draft.inputs) else {
            return self.put_off(resource);
        };
        let immutable = prediction.replace.into_iter();
        draft.reasons.extend(immutable.map(|replacement| Reason::Immutable {
            path: replacement.path,
            why: replacement.why,
        }));
        let anew = Prediction {
            changes: prediction.changes,
            ..anew
        };
        self.replace_in_place(draft, anew, first);
    }

    /// Waits for a prediction: until then nothing is known of its outputs.
    pub(super) fn put_off(&mut self, resource: &ResourceDecl) {
        self.set_outputs(&resource.key, Outputs::Unknown);
    }

    pub(super) fn set_changing(&mut self, key: &Key) {
        self.changing.insert(key.clone());
    }

    /// A step with what was predicted for it.
    pub(super) fn predicted_step(&mut self, action: Action, draft: Draft<'_>, mut prediction: Prediction) -> Step {
        let resource = draft.resource;
        let predicted = std::mem::take(&mut prediction.outputs);
        let known = if predicted == Value::Null {
            Outputs::Unknown
        } else {
            Outputs::Whole(predicted)
        };
        self.set_outputs(&resource.key, known);
        for problem in prediction.problems {
            self.problem(resource, problem);
        }
        let changes = if prediction.changes.is_empty() && prediction.checked != Checked::ByServer {
            draft.changes.clone()
        } else {
            prediction.changes
        };
        let mut step = self.step(action, draft);
        step.changes = changes;
        step.lines = steps::lines(resource, &step);
        step.minor = prediction.minor;
        step.risks = prediction.risks;
        step.effects = prediction.effects;
        let allowed = prediction.leaves.iter();
        let allowed = allowed.filter(|item| self.world.delete_data.allows(item));
        step.risks.extend(deletion::data_risks(allowed));
        step.leaves = prediction.leaves;
        step.checked = prediction.checked;
        step.notes.extend(prediction.notes);
        step
    }

    /// Returns the prediction for the resource as it is recorded.
    pub(super) fn prediction(&mut self, resource: &ResourceDecl, intent: Intent, inputs: &Value) -> Option<Prediction> {
        let recorded = match intent {
            Intent::Replace => self.recorded(&resource.key).and_then(WorldEntry::until_now),
            _ => self.entry(&resource.key).map(|entry| &entry.recorded),
        };
        self.prediction_for(resource, intent, inputs, recorded)
    }

    /// The prediction for exactly these inputs and this object; where there is none yet, it is asked for once all that
    /// the inputs use is settled.
    pub(super) fn prediction_for(
        &mut self,
        resource: &ResourceDecl,
        intent: Intent,
        inputs: &Value,
        recorded: Option<&Recorded>,
    ) -> Option<Prediction> {
        let key = &resource.key;
        let object = recorded.map(|recorded| &recorded.identity);
        let made = self.world.predicted.get(key).into_iter().flatten();
        let mut made =
            made.filter(|made| made.intent == intent && made.object.as_ref() == object && made.inputs == *inputs);
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
            let live = match self.observed(key) {
                Some(Observed::Present(live)) => Some(live.clone()),
                _ => None,
            };
            self.asks.push(PredictRequest {
                key: key.clone(),
                intent,
                inputs: inputs.clone(),
                recorded: recorded.cloned(),
                live,
                adopt: resource.options.adopt,
            });
        }
        None
    }

    fn finish(mut self) -> Plan {
        let world = self.world;
        let recorded = world.recorded.keys();
        let unwanted: BTreeSet<Key> = match world.mode {
            Mode::Up => recorded.filter(|key| self.declared(key).is_none()).cloned().collect(),
            Mode::Destroy => recorded.cloned().collect(),
            Mode::Refresh => BTreeSet::new(),
        };
        let kept = deletion::plan(&mut self, &unwanted);
        if world.mode == Mode::Refresh {
            self.steps.extend(refresh::steps(world));
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
            kept,
            delete_data: world.delete_data.clone(),
            estimate: None,
            commits: None,
        }
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
