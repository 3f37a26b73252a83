//! The part of a stack that a run leaves out: planned as unchanged, told in one note, and needed by nothing that the run makes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ignored;
use super::names::first_few;
use super::planner::{Walk, present_outputs};
use super::resolve::{Outputs, resolve};
use super::world::{ObjectName, WorldEntry};
use super::{Action, Fate, Mode, PlanNote, PlanProblem, Precondition, Step};
use crate::declare::ResourceDecl;
use crate::graph::EdgeKind;
use crate::provider::{Observed, Problem, Readiness};
use crate::urn::Key;
use crate::value::{FieldPath, Source};

/// The number of left-out resources that the note names.
const NAMED: usize = 5;

impl<'a> Walk<'a> {
    /// Leaves a declared resource as it is. Others use the outputs that it has now.
    pub(super) fn leave(&mut self, resource: &'a ResourceDecl) {
        let key = &resource.key;
        let entry = self.entry(key);
        let outputs = match entry {
            Some(_) => present_outputs(entry, self.observed(key)),
            None => Outputs::Unknown,
        };
        let differs = self.differs(resource, entry);
        self.set_outputs(key, outputs);
        if differs {
            self.differing.insert(key.clone());
        }
        if let Some(entry) = entry {
            let step = Step {
                source: Some(resource.source.clone()),
                ..unchanged(key, entry)
            };
            self.steps.push(step);
        }
    }

    /// True if the resource is not as it is declared.
    fn differs(&self, resource: &ResourceDecl, entry: Option<&WorldEntry>) -> bool {
        let drifted = match self.observed(&resource.key) {
            None | Some(Observed::Absent) => true,
            Some(Observed::Present(live)) => !live.drift.is_empty(),
            Some(Observed::Finished | Observed::Unknown(_)) => false,
        };
        let declared = resolve(&resource.inputs, &|output| self.lookup(output));
        let is_as_recorded = entry.is_some_and(|entry| {
            let recorded = &entry.recorded.inputs;
            declared
                .is_ok_and(|declared| ignored::kept(&resource.options, declared, Some(recorded), &[]).0 == *recorded)
        });
        drifted || !is_as_recorded
    }

    /// Checks that nothing that the run makes needs what it leaves out and what is not there. Returns the note about what is
    /// left out.
    pub(super) fn check_selection(&mut self) -> Option<PlanNote> {
        let world = self.world;
        if world.selected.is_all() {
            return None;
        }
        let not_walked = world.selected.left_out().map(|(key, _)| key);
        let not_walked = not_walked.filter(|key| self.declared(key).is_none() && world.mode != Mode::Refresh);
        let unchanged = not_walked.filter_map(|key| Some(unchanged(key, world.recorded.get(key)?)));
        let unchanged: Vec<Step> = unchanged.collect();
        let problems: Vec<PlanProblem> = self.steps.iter().flat_map(|step| self.unmet(step)).collect();
        self.problems.extend(problems);
        self.steps.extend(unchanged);
        Some(self.note_of_left_out())
    }

    /// The problems of one step with what is left out.
    fn unmet(&self, step: &Step) -> Vec<PlanProblem> {
        if !step.action.is_change() {
            return Vec::new();
        }
        let selected = self.world.selected;
        let mut problems = Vec::new();
        if let (Action::Delete, Some(user)) = (step.action, selected.blocked().get(&step.key)) {
            let message = format!(
                "it cannot be deleted: {}, which this run leaves out, needs it",
                user.short()
            );
            let hint = format!("add --target {}, or --target-dependents", user.short());
            problems.push(of_step(step, Problem::new(FieldPath::root(), message), hint));
        }
        let deletes = step.leftovers.iter().any(|left| left.fate == Fate::Delete);
        if let Some(user) = selected.user(&step.key).filter(|_| deletes) {
            let message = format!(
                "an object that it was before is to be deleted, and {}, which this run leaves out, may still use that",
                user.short()
            );
            let hint = format!("add --target {}, or --target-dependents", user.short());
            problems.push(of_step(step, Problem::new(FieldPath::root(), message), hint));
        }
        if step.action.touches_world() && step.action != Action::Delete {
            problems.extend(self.missing_needs(step));
            problems.extend(self.taken_name(step));
        }
        problems
    }

    /// The needs of a step that are left out and not there, and the outputs of such that nobody knows.
    fn missing_needs(&self, step: &Step) -> Vec<PlanProblem> {
        let selected = self.world.selected;
        let edges = self.edges(&step.key).filter(|edge| edge.kind != EdgeKind::Order);
        let needed: BTreeSet<&Key> = edges.map(|edge| &edge.to.0).filter(|key| !selected.has(key)).collect();
        let is_there = |key: &Key| self.entry(key).is_some() && self.observed(key) != Some(&Observed::Absent);
        let (there, missing): (Vec<&Key>, Vec<&Key>) = needed.into_iter().partition(|key| is_there(key));
        let hint = |key: &Key| match self.world.selection.target.is_empty() {
            true => format!("do not exclude {}, or add --exclude-dependents", key.short()),
            false => format!("add --target {}, or --target-dependencies", key.short()),
        };
        let mut problems: Vec<PlanProblem> = Vec::new();
        for key in missing {
            let message = format!(
                "it needs {}, which is not there and which this run leaves out",
                key.short()
            );
            problems.push(of_step(step, Problem::new(FieldPath::root(), message), hint(key)));
        }
        let outputs = step.inputs.iter().flat_map(|inputs| inputs.outputs());
        for (path, output) in outputs {
            if let Source::Resource(key) = &output.source
                && there.contains(&key)
            {
                let message = format!("it needs {output}, which is not known and which this run leaves out");
                problems.push(of_step(step, Problem::new(path, message), hint(key)));
            }
        }
        problems
    }

    /// The problem of a step whose object is recorded as that of a left-out resource.
    fn taken_name(&self, step: &Step) -> Option<PlanProblem> {
        let name = ObjectName::new(&step.key, &step.identity);
        let holder = self.holders().get(&name).copied()?;
        let message = format!(
            "{} is recorded as {}, which this run leaves out",
            step.identity,
            holder.short()
        );
        let hint = format!(
            "add --target {}, or change both in one run of the whole stack",
            holder.short()
        );
        Some(of_step(step, Problem::new(FieldPath::root(), message), hint))
    }

    /// The left-out resources by the objects that they are recorded with.
    fn holders(&self) -> &HashMap<ObjectName, &'a Key> {
        self.left_out_objects.get_or_init(|| {
            let world = self.world;
            let left_out = world.recorded.iter().filter(|(key, _)| !world.selected.has(key));
            let objects = left_out.flat_map(|(key, entry)| entry.objects().map(move |object| (key, object)));
            let named = objects.map(|(key, object)| (ObjectName::new(key, &object.identity), key));
            named.collect()
        })
    }

    /// The note about what this run leaves out.
    fn note_of_left_out(&self) -> PlanNote {
        let world = self.world;
        let mut kept_back: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let (mut differing, mut going) = (Vec::new(), Vec::new());
        let mut count = 0;
        for (key, because) in world.selected.left_out() {
            count += 1;
            if let Some(because) = because {
                kept_back.entry(because).or_default().push(key.short());
            } else if self.differing.contains(key) {
                differing.push(key.short());
            } else if self.declared(key).is_none() && world.mode != Mode::Refresh {
                going.push(key.short());
            }
        }
        let not_ready = self.needed_and_not_ready();
        let mut message = format!(
            "left out by {}: {count} {}",
            world.selection.arguments(),
            if count == 1 { "resource" } else { "resources" }
        );
        let mut tell = |what: &str, names: &[String]| {
            if !names.is_empty() {
                message += &format!("; {what}: {}", first_few(names.iter().cloned(), NAMED));
            }
        };
        tell("not as declared", &differing);
        tell("would be deleted", &going);
        for (because, names) in &kept_back {
            tell(&format!("would be deleted, and stay since {because}"), names);
        }
        tell("not ready, and not waited for", &not_ready);
        PlanNote {
            key: None,
            source: None,
            message,
        }
    }

    /// The left-out resources that a step needs, that are there, and that are not ready.
    fn needed_and_not_ready(&self) -> Vec<String> {
        let changing = self.steps.iter().filter(|step| step.action.touches_world());
        let needed = changing.flat_map(|step| self.edges(&step.key)).map(|edge| &edge.to.0);
        let needed: BTreeSet<&Key> = needed.filter(|key| !self.world.selected.has(key)).collect();
        let not_ready = needed.into_iter().filter(|key| match self.observed(key) {
            Some(Observed::Present(live)) => !matches!(live.readiness, Readiness::Ready),
            _ => false,
        });
        not_ready.map(Key::short).collect()
    }
}

/// The step of a left-out resource.
fn unchanged(key: &Key, entry: &WorldEntry) -> Step {
    Step {
        source: entry.source.clone(),
        inputs: Some(entry.recorded.inputs.clone()),
        options: entry.options.clone(),
        precondition: Precondition {
            exists: !entry.gone,
            uid: entry.recorded.uid.clone(),
        },
        ..Step::bare(key, &entry.recorded.identity, Action::Same)
    }
}

fn of_step(step: &Step, problem: Problem, hint: String) -> PlanProblem {
    PlanProblem {
        key: Some(step.key.clone()),
        source: step.source.clone(),
        path: problem.path,
        message: problem.message,
        hint: Some(hint),
    }
}
