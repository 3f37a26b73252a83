//! The common parts of steps: order, condition, leftovers, and the plan's notes.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::{Draft, Walk};
use super::world::{Moved, WorldEntry};
use super::{
    Action, DeleteData, Fate, Leftover, PlanNote, PlanProblem, Precondition, Reason, Step, deletion, leftover,
};
use crate::declare::{Options, ResourceDecl, SourceLine, Wait};
use crate::graph::EdgeKind;
use crate::provider::{Checked, Observed, Phase, Problem};
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, Segment};

/// Says so where the program ends a protection that is recorded.
fn lifted(entry: Option<&WorldEntry>, options: &Options) -> Option<String> {
    let lifts = entry.is_some_and(|entry| entry.options.protect) && !options.protect;
    lifts.then(|| "its protection is lifted: the program declares it without .protect()".to_owned())
}

/// Says so where the run does not wait for what it makes, unless that is so already.
fn not_waited_for(action: Action, entry: Option<&WorldEntry>, options: &Options) -> Option<String> {
    let known = action == Action::Update && entry.is_some_and(|entry| entry.options.wait == Wait::No);
    let makes = matches!(
        action,
        Action::Create | Action::Update | Action::Replace | Action::Adopt
    );
    (makes && !known && options.wait == Wait::No)
        .then(|| "not waited for: it counts as done once it is there".to_owned())
}

/// The lines of the values that a step gives to fields of an object that is there. All of a new one is new.
pub(super) fn lines(resource: &ResourceDecl, step: &Step) -> BTreeMap<FieldPath, SourceLine> {
    if step.action == Action::Create || resource.lines.is_none() {
        return BTreeMap::new();
    }
    // A position counts in the list as it will be, in which others may have put something before it.
    let is_position = |segment: &Segment| matches!(segment, Segment::Index(_));
    let is_declared = |change: &&FieldChange| {
        let declared = step.inputs.as_ref().and_then(|inputs| inputs.at(&change.path));
        !change.path.segments().iter().any(is_position) || declared == change.after.as_ref()
    };
    let stay = step.changes.iter().filter(|change| change.after.is_some());
    let lines = stay
        .filter(is_declared)
        .filter_map(|change| Some((change.path.clone(), resource.field_line(&change.path)?)));
    lines.collect()
}

impl Walk<'_> {
    /// A step that nothing is predicted of yet.
    pub(super) fn step(&self, action: Action, draft: Draft<'_>) -> Step {
        let resource = draft.resource;
        let key = &resource.key;
        let needs = |phase: Phase| -> Vec<(Key, Phase)> {
            let nodes: BTreeSet<_> = self
                .edges(key)
                .filter(|edge| edge.from.1 == phase)
                .map(|edge| edge.to.clone())
                .collect();
            nodes.into_iter().collect()
        };
        let live = match self.observed(key) {
            Some(Observed::Present(live)) => Some(live),
            _ => None,
        };
        let entry = self.recorded(key);
        let notes =
            lifted(entry, &resource.options)
                .into_iter()
                .chain(not_waited_for(action, entry, &resource.options));
        let leftovers = entry.map(|entry| {
            leftover::of(
                self.world,
                &self.wanted,
                key,
                entry,
                Some(&resource.options),
                &self.kept,
            )
        });
        Step {
            key: key.clone(),
            identity: self.identity(key).to_owned(),
            action,
            order: None,
            reasons: draft.reasons,
            source: Some(resource.source.clone()),
            changes: Vec::new(),
            lines: BTreeMap::new(),
            minor: None,
            risks: Vec::new(),
            effects: Vec::new(),
            checked: Checked::ByServer,
            notes: notes.chain(draft.notes).collect(),
            after: needs(Phase::Exists),
            order_only: self.order_only(key),
            ready_after: needs(Phase::Ready),
            leftovers: leftovers.unwrap_or_default(),
            leaves: Vec::new(),
            deletes_after: Vec::new(),
            inputs: Some(draft.inputs),
            options: resource.options.clone(),
            precondition: Precondition {
                exists: live.is_some(),
                uid: live.and_then(|live| live.uid.clone()),
            },
        }
    }

    /// Returns the needs of a resource that follow from nothing but an order that its inputs ask for.
    fn order_only(&self, key: &Key) -> Vec<(Key, Phase)> {
        let nodes = |is_ordered: bool| -> BTreeSet<&(Key, Phase)> {
            let edges = self.edges(key).filter(|edge| edge.from.1 == Phase::Exists);
            let edges = edges.filter(|edge| matches!(edge.kind, EdgeKind::Ordered(_)) == is_ordered);
            edges.map(|edge| &edge.to).collect()
        };
        let (ordered, firm) = (nodes(true), nodes(false));
        ordered.difference(&firm).map(|node| (*node).clone()).collect()
    }

    /// Gives a step that leaves the object as it is something to do, where the record does not follow the program or an
    /// earlier replacement left something.
    pub(super) fn record_or_clean_up(&mut self, step: &mut Step) {
        let Some(entry) = self.recorded(&step.key) else {
            return;
        };
        let deleted = step.deleted_leftovers();
        if !deleted.is_empty() {
            step.reasons.push(Reason::Leftover(deleted));
        }
        let other_options = entry.options.to_record() != step.options.to_record();
        if other_options && step.notes.is_empty() {
            step.notes
                .push("its options in the program are not those recorded".to_owned());
        }
        if step.action != Action::Same {
            return;
        }
        let forgets = |leftover: &Leftover| matches!(leftover.fate, Fate::Forget { .. });
        let is_news = other_options || entry.moved != Moved::No || entry.taken_in;
        if step.leftovers.iter().any(Leftover::is_work) {
            step.action = Action::Cleanup;
            step.risks = deletion::data_risks(deletion::lost(self.world, step));
        } else if is_news || step.leftovers.iter().any(forgets) {
            step.action = Action::Record;
        }
    }

    pub(super) fn problem(&mut self, resource: &ResourceDecl, problem: Problem) {
        self.problems.push(PlanProblem {
            key: Some(resource.key.clone()),
            source: Some(resource.nearest_line(&problem.path)),
            path: problem.path,
            message: problem.message,
            hint: problem.hint,
        });
    }

    pub(super) fn notes(&self) -> Vec<PlanNote> {
        let dropped = self.world.graph.dropped.iter().map(|edge| PlanNote {
            key: Some(edge.from.0.clone()),
            source: self.declared(&edge.from.0).map(|resource| resource.source.clone()),
            message: format!(
                "it names {}, which waits for it; the order of the two follows the program only",
                edge.to.0
            ),
        });
        let unseen = self.world.observed.iter().filter_map(|(key, observed)| match observed {
            Observed::Unknown(why) if self.world.looked => Some(PlanNote {
                key: Some(key.clone()),
                source: self.declared(key).map(|resource| resource.source.clone()),
                message: format!("could not be looked at: {why}"),
            }),
            _ => None,
        });
        let others = self.world.others.iter().filter_map(|(name, observed)| match observed {
            Observed::Unknown(why) if self.world.looked => Some(PlanNote {
                key: None,
                source: None,
                message: format!("{} could not be looked at: {why}", name.identity),
            }),
            _ => None,
        });
        let said = self.world.declaration.notes.iter().map(|note| PlanNote {
            key: None,
            source: Some(note.at.clone()),
            message: note.message.clone(),
        });
        let data = self.data_notes().into_iter().map(|message| PlanNote {
            key: None,
            source: None,
            message,
        });
        said.chain(data).chain(dropped).chain(unseen).chain(others).collect()
    }

    /// Returns the notes about data, besides its fate.
    fn data_notes(&self) -> Vec<String> {
        let world = self.world;
        let mut notes = Vec::new();
        let deletes = |step: &Step| step.action == Action::Delete || !step.deleted_leftovers().is_empty();
        if !world.looked && self.steps.iter().any(deletes) {
            notes.push(
                "nobody looked which of these objects hold data; what does is kept unless --delete-data names it"
                    .to_owned(),
            );
        }
        if let (true, DeleteData::Names(names)) = (world.looked, world.delete_data) {
            let left = self.steps.iter().flat_map(|step| &step.leaves);
            let data = world.data.values().flatten().chain(left);
            let known: BTreeSet<&str> = data.map(|item| item.name.as_str()).collect();
            let is_unknown = |name: &&String| *name != DeleteData::ALL && !known.contains(name.as_str());
            let unknown = names.iter().filter(is_unknown);
            notes.extend(unknown.map(|name| format!("--delete-data {name}: no data of this name would go")));
        }
        notes
    }
}
