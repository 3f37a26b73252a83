//! The walk over the declared resources that makes a plan, and asks for the predictions that it needs.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::decide::{Decision, Situation, decide};
use super::facts::{self, Table, Wanted};
use super::ignored::{self, Ignored};
use super::objects::is_vouched;
use super::resolve::{Outputs, resolve};
use super::world::{Interrupted, ObjectName, Predicted, World, WorldEntry};
use super::{Action, Mode, Plan, PlanProblem, Reason, Step};
use super::{deletion, keep, reasons, refresh, steps};
use crate::declare::ResourceDecl;
use crate::provider::{Checked, Intent, Observed, PredictRequest, Prediction, Problem, Recorded};
use crate::urn::Key;
use crate::value::diff::{FieldChange, diff};
use crate::value::{OutputRef, Source, Value};

/// The predictions by resource. A resource may have several: as an update, and as the replacement that it turned out to be.
pub type Predictions = BTreeMap<Key, Vec<Predicted>>;

/// A plan in the making. It asks for predictions until all steps are settled:
///
/// ```text
/// let mut planner = Planner::new(&world, Predictions::new());
/// loop {
///     let asks = planner.asks();
///     if asks.is_empty() { break planner.finish(); }
///     planner.learn(…);
/// }
/// ```
///
/// A resource that uses outputs of one whose step is not settled waits for it. So each is looked at a few times, however long
/// the chain is that it stands in.
pub struct Planner<'a> {
    walk: Walk<'a>,
    /// The declared resources in the order of the graph.
    order: Vec<&'a ResourceDecl>,
    /// The places in the order of those that can be visited now.
    next: BTreeSet<usize>,
    /// Those that wait for a resource whose step is not settled.
    behind: HashMap<Key, Vec<usize>>,
    /// Those that asked, and go on once they have an answer.
    asking: Vec<usize>,
    /// For each step and each problem of the walk, the place of its resource in the order.
    places: [Vec<usize>; 2],
}

impl<'a> Planner<'a> {
    /// A planner of a world, with the predictions that are known already.
    pub fn new(world: &'a World<'a>, predicted: Predictions) -> Self {
        let walk = Walk::new(world, predicted);
        let order: Vec<&ResourceDecl> = match world.mode {
            Mode::Up => world.graph.order.iter().filter_map(|key| walk.declared(key)).collect(),
            Mode::Destroy | Mode::Refresh => Vec::new(),
        };
        Self {
            walk,
            next: (0..order.len()).collect(),
            order,
            behind: HashMap::new(),
            asking: Vec::new(),
            places: [Vec::new(), Vec::new()],
        }
    }

    /// Goes on as far as it can, and returns the predictions that it needs then. None are needed once all steps are settled.
    pub fn asks(&mut self) -> Vec<PredictRequest> {
        self.next.extend(std::mem::take(&mut self.asking));
        while let Some(place) = self.next.pop_first() {
            self.go(place);
        }
        std::mem::take(&mut self.walk.asks)
    }

    fn go(&mut self, place: usize) {
        let resource = self.order[place];
        if let Some(open) = self.walk.open_use(resource) {
            self.behind.entry(open).or_default().push(place);
            self.walk.open.insert(resource.key.clone());
            return self.walk.put_off(resource);
        }
        let problems = self.walk.problems.len();
        self.walk.open.remove(&resource.key);
        self.walk.visit(resource);
        if self.walk.open.contains(&resource.key) {
            // It is visited again, and says the same then.
            self.walk.problems.truncate(problems);
            return self.asking.push(place);
        }
        let [steps, problems] = &mut self.places;
        steps.resize(self.walk.steps.len(), place);
        problems.resize(self.walk.problems.len(), place);
        self.next.extend(self.behind.remove(&resource.key).unwrap_or_default());
    }

    /// Takes in the answers to what was asked.
    pub fn learn(&mut self, answers: impl IntoIterator<Item = (Key, Predicted)>) {
        for (key, predicted) in answers {
            self.walk.predicted.entry(key).or_default().push(predicted);
        }
    }

    /// Returns the predictions alone, for a planner of a world that has changed.
    pub fn into_predictions(self) -> Predictions {
        self.walk.predicted
    }

    /// Returns the plan, and the predictions that it was made with.
    pub fn finish(mut self) -> (Plan, Predictions) {
        let [steps, problems] = &self.places;
        in_order(&mut self.walk.steps, steps);
        in_order(&mut self.walk.problems, problems);
        let predicted = std::mem::take(&mut self.walk.predicted);
        (self.walk.finish(), predicted)
    }
}

/// Sorts items by their places; those of one place keep their order.
fn in_order<T>(items: &mut Vec<T>, places: &[usize]) {
    if places.is_sorted() {
        return;
    }
    let mut placed: Vec<(usize, T)> = places.iter().copied().zip(std::mem::take(items)).collect();
    placed.sort_by_key(|(place, _)| *place);
    items.extend(placed.into_iter().map(|(_, item)| item));
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
    unrecorded: OnceCell<Arc<[&'a Recorded]>>,
    /// Resources whose outputs may change in this run.
    changing: HashSet<Key>,
    /// Left-out resources that are not as declared.
    pub(super) differing: HashSet<Key>,
    /// The left-out resources by their objects, as far as somebody had to ask.
    pub(super) left_out_objects: OnceCell<HashMap<ObjectName, &'a Key>>,
    predicted: Predictions,
    /// Resources whose step is not settled yet, and with it their outputs.
    open: HashSet<Key>,
    pub(super) steps: Vec<Step>,
    pub(super) problems: Vec<PlanProblem>,
    asks: Vec<PredictRequest>,
}

/// The draft of one resource's step.
pub(super) struct Draft<'a> {
    pub(super) resource: &'a ResourceDecl,
    /// The inputs, with ignored fields as recorded.
    pub(super) inputs: Value,
    /// Those of a change of the object that is there, and of a new object, where they differ.
    pub(super) ignored: Ignored,
    /// Between the inputs that it had until now and the new ones.
    pub(super) changes: Vec<FieldChange>,
    pub(super) reasons: Vec<Reason>,
    /// Further words for whoever reads the plan.
    pub(super) notes: Vec<String>,
}

impl Draft<'_> {
    /// The draft for a new object, which has nothing that others did and could be kept.
    pub(super) fn anew(mut self, before: Option<&Recorded>) -> Self {
        let mut differs = self.ignored.live.take().is_some();
        if let Some(declared) = self.ignored.declared.take() {
            self.changes = before.map(|before| diff(&before.inputs, &declared)).unwrap_or_default();
            self.inputs = declared;
            differs = true;
        }
        if differs {
            let note = "a new object is made as declared, with the fields of ignore_changes as well";
            self.notes.push(note.to_owned());
        }
        self
    }
}

impl<'a> Walk<'a> {
    fn new(world: &'a World<'a>, predicted: Predictions) -> Self {
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
            differing: HashSet::new(),
            left_out_objects: OnceCell::new(),
            predicted,
            open: HashSet::new(),
            steps: Vec::with_capacity(world.graph.order.len()),
            problems: Vec::new(),
            asks: Vec::new(),
        };
        walk.kept = keep::kept(&walk);
        walk
    }

    pub(super) fn lookup(&self, output: &OutputRef) -> Option<Value> {
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
    pub(super) fn unrecorded_that_stay(&self) -> Arc<[&'a Recorded]> {
        let stays = |object: &&Recorded| {
            object.inputs == Value::Null && self.kept.contains(&ObjectName::new(&object.key, &object.identity))
        };
        let find = || {
            let formers = self.world.recorded.values().flat_map(|entry| &entry.formers);
            formers.map(|former| &former.recorded).filter(stays).collect()
        };
        Arc::clone(self.unrecorded.get_or_init(find))
    }

    /// The first resource that this one uses an output of and whose step is not settled.
    fn open_use(&self, resource: &ResourceDecl) -> Option<Key> {
        if self.open.is_empty() {
            return None;
        }
        let outputs = resource.inputs.outputs();
        outputs.iter().find_map(|(_, output)| match &output.source {
            Source::Resource(on) => self.open.contains(on).then(|| on.clone()),
            _ => None,
        })
    }

    fn visit(&mut self, resource: &'a ResourceDecl) {
        let key = &resource.key;
        if !self.world.selected.has(key) {
            return self.leave(resource);
        }
        self.check_undone(resource);
        let entry = self.entry(key);
        let Some((inputs, ignored)) = self.inputs(resource, entry) else {
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
        let decision = match self.asked(resource, entry) {
            Some(asked) => decision.replaced_because(asked),
            None => decision,
        };
        let draft = |reasons| Draft {
            resource,
            inputs,
            ignored,
            changes,
            reasons,
            notes: Vec::new(),
        };
        match decision {
            Decision::Same => self.settle(Action::Same, draft(Vec::new())),
            Decision::Wait(reasons) => self.settle(Action::Wait, draft(reasons)),
            Decision::Recreate(reasons) => self.recreate(draft(reasons).anew(before)),
            Decision::Act(Intent::Create, reasons) if self.replaces_renamed(key) => {
                self.rename(draft(reasons).anew(before));
            }
            Decision::Act(Intent::Create, reasons) => self.act(Intent::Create, draft(reasons).anew(before)),
            Decision::Act(intent, reasons) => self.act(intent, draft(reasons)),
            Decision::Blocked(problem) => {
                self.problems.push(problem);
                self.set_outputs(key, Outputs::Unknown);
            }
        }
    }

    /// Why the user wants a new object, whatever the one that is there is like.
    fn asked(&self, resource: &ResourceDecl, entry: Option<&WorldEntry>) -> Option<Reason> {
        let entry = entry?;
        if self.world.selected.replaces(&resource.key) {
            return Some(Reason::Asked("--replace".to_owned()));
        }
        let tainted = entry.options.tainted;
        tainted.then(|| Reason::Asked("state taint".to_owned()))
    }

    /// The inputs, resolved as far as can be, with ignored fields as recorded.
    fn inputs(&mut self, resource: &ResourceDecl, entry: Option<&WorldEntry>) -> Option<(Value, Ignored)> {
        match resolve(&resource.inputs, &|output| self.lookup(output)) {
            Ok(declared) => {
                let live = match self.observed(&resource.key) {
                    Some(Observed::Present(live)) => live.ignored.as_slice(),
                    _ => &[],
                };
                let recorded = entry.map(|entry| &entry.recorded.inputs);
                let problems = ignored::unknown(&resource.options, &declared, recorded);
                let inputs = ignored::kept(&resource.options, declared, recorded, live);
                problems.into_iter().for_each(|problem| self.problem(resource, problem));
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
        if let Some(live) = draft.ignored.live.take() {
            let inputs = std::mem::replace(&mut draft.inputs, live);
            draft.ignored.declared.get_or_insert(inputs);
        }
        let Some(prediction) = self.prediction(resource, intent, &draft.inputs) else {
            return self.put_off(resource);
        };
        if !prediction.replace.is_empty() {
            draft = draft.anew(self.recorded(&resource.key).and_then(WorldEntry::until_now));
        }
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
        let overridden = draft.changes.iter().filter(|change| {
            let mut patterns = resource.options.ignore_changes.iter();
            patterns.any(|pattern| pattern.covers(&change.path, &draft.inputs))
        });
        let anew = Prediction {
            changes: prediction.changes.into_iter().chain(overridden.cloned()).collect(),
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

    /// The prediction for exactly these inputs and this object; where there is none yet, it is asked for.
    pub(super) fn prediction_for(
        &mut self,
        resource: &ResourceDecl,
        intent: Intent,
        inputs: &Value,
        recorded: Option<&Recorded>,
    ) -> Option<Prediction> {
        let key = &resource.key;
        let object = recorded.map(|recorded| &recorded.identity);
        let made = self.predicted.get(key).into_iter().flatten();
        let mut made =
            made.filter(|made| made.intent == intent && made.object.as_ref() == object && made.inputs == *inputs);
        if let Some(made) = made.next() {
            return Some(made.prediction.clone());
        }
        self.open.insert(key.clone());
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
        None
    }

    fn finish(mut self) -> Plan {
        let world = self.world;
        let recorded = world.recorded.keys().filter(|key| world.selected.has(key));
        let unwanted: BTreeSet<Key> = match world.mode {
            Mode::Up => recorded.filter(|key| self.declared(key).is_none()).cloned().collect(),
            Mode::Destroy => recorded.cloned().collect(),
            Mode::Refresh => BTreeSet::new(),
        };
        let kept = deletion::plan(&mut self, &unwanted);
        if world.mode == Mode::Refresh {
            self.steps.extend(refresh::steps(world));
        }
        let left_out = self.check_selection();
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
            notes: self.notes().into_iter().chain(left_out).collect(),
            steps: self.steps,
            problems: self.problems,
            kept,
            delete_data: world.delete_data.clone(),
            selection: world.selection.clone(),
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
