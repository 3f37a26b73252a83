//! Steps for what is recorded and no longer wanted, and the order in which objects go.

use std::collections::{BTreeMap, BTreeSet};

use super::keep::{self, End};
use super::names::first_few;
use super::planner::Walk;
use super::world::{ObjectName, World, WorldEntry};
use super::{Action, Fate, KeptData, Leftover, PlanProblem, Precondition, Reason, Stage, Step, leftover};
use crate::provider::{DataItem, DeleteData, Phase, Recorded, Risk, RiskKind};
use crate::urn::Key;
use crate::value::FieldPath;

/// The number of data items that a sentence names before it counts the rest.
const SHOWN: usize = 3;

/// Plans the end of every recorded resource in `unwanted`, and says of the steps before after what their old objects may
/// go. Gives the data that stays.
pub(super) fn plan(walk: &mut Walk<'_>, unwanted: &BTreeSet<Key>) -> Vec<KeptData> {
    let world = walk.world;
    let leaving: BTreeMap<Key, usize> = walk
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.has_gone_stage())
        .map(|(place, step)| (step.key.clone(), place))
        .collect();
    let going: BTreeSet<Key> = unwanted.iter().chain(leaving.keys()).cloned().collect();
    if going.is_empty() {
        return keep::told(walk, &[]);
    }
    let dependents = dependents(world);
    let changing: BTreeSet<Key> = walk
        .steps
        .iter()
        .filter(|step| step.action.is_change())
        .map(|step| step.key.clone())
        .collect();
    let order = order(&going, &dependents);
    let (mut placed, mut cleaned) = (BTreeSet::new(), BTreeSet::new());
    let mut told = BTreeSet::new();
    for key in &order {
        // Only for what comes earlier in the order: records of different runs may need one another in a circle.
        let mut before: BTreeSet<(Key, Stage)> = BTreeSet::new();
        let others = dependents.get(key).into_iter().flatten();
        for other in others.filter(|other| *other != key) {
            let is_placed = placed.contains(other);
            if changing.contains(other) || is_placed && unwanted.contains(other) {
                before.insert((other.clone(), Stage::Exists));
            }
            if is_placed && (leaving.contains_key(other) || cleaned.contains(other)) {
                before.insert((other.clone(), Stage::Gone));
            }
        }
        placed.insert(key.clone());
        if let Some(step) = leaving.get(key).and_then(|place| walk.steps.get_mut(*place)) {
            before.extend(handovers(step));
            step.deletes_after = before.into_iter().collect();
            continue;
        }
        let Some(entry) = walk.recorded(key) else {
            continue;
        };
        let mut step = unwanted_step(walk, key, entry);
        if step.has_gone_stage() {
            cleaned.insert(key.clone());
        }
        if step.action == Action::Delete && entry.options.protect {
            walk.problems.push(protected(key, entry));
        }
        // A claim is its own data and its namespace's: it is told once, by what goes first.
        let lost = lost(world, &step).into_iter().filter(|item| told.insert(*item));
        let lost: Vec<&DataItem> = lost.collect();
        step.notes.extend(let_go(&step, &lost));
        step.risks = data_risks(lost);
        let handed = walk.wanted.get(&ObjectName::new(key, &step.identity));
        before.extend(handed.map(|to| (to.clone(), Stage::Exists)));
        before.extend(handovers(&step));
        let is_plain =
            |(other, stage): &(Key, Stage)| (*stage == Stage::Exists).then(|| (other.clone(), Phase::Exists));
        step.after = before.iter().filter_map(is_plain).collect();
        step.deletes_after = before.into_iter().collect();
        walk.steps.push(step);
    }
    keep::told(walk, &order)
}

/// Says that data goes since that was asked for, where it would be kept otherwise.
fn let_go(step: &Step, lost: &[&DataItem]) -> Option<String> {
    let is_asked = step.action == Action::Delete && !lost.is_empty();
    is_asked.then(|| format!("its data would be kept, but {} lets it go", option(lost)))
}

/// The data of the objects that a step deletes.
pub(super) fn lost<'a>(world: &'a World<'a>, step: &Step) -> Vec<&'a DataItem> {
    let own = (step.action == Action::Delete && step.precondition.exists).then_some(&step.identity);
    let left = step.leftovers.iter().filter(|left| left.fate == Fate::Delete);
    let names = own.into_iter().chain(left.map(|left| &left.identity));
    let items = names.flat_map(|identity| world.items_of(&step.key, identity));
    items
        .filter(|item| !item.outlives || world.delete_data.allows(item))
        .collect()
}

/// Returns the resources that must have taken over the objects that a step hands over.
fn handovers(step: &Step) -> impl Iterator<Item = (Key, Stage)> {
    step.leftovers.iter().filter_map(|leftover| match &leftover.fate {
        Fate::Handover { to } => Some((to.clone(), Stage::Exists)),
        _ => None,
    })
}

/// The step of a resource that is no longer wanted.
fn unwanted_step(walk: &Walk<'_>, key: &Key, entry: &WorldEntry) -> Step {
    let leftovers = leftover::of(walk.world, &walk.wanted, key, entry, None, &walk.kept);
    let mut step = Step {
        source: entry.source.clone(),
        leftovers,
        options: entry.options.clone(),
        precondition: Precondition {
            exists: !entry.gone,
            uid: entry.recorded.uid.clone(),
        },
        ..Step::bare(key, &entry.recorded.identity, Action::Delete)
    };
    let names = entry.objects().map(|object| object.identity.clone()).collect();
    let stays = walk.kept.contains(&ObjectName::new(key, &entry.recorded.identity));
    (step.action, step.reasons) = match keep::end(walk, key, entry) {
        Some(End::Forget(reasons)) => (Action::Forget, reasons),
        Some(End::Delete) if !stays => (Action::Delete, vec![keep::why(walk.world)]),
        None if !step.leftovers.iter().any(|left| left.fate == Fate::Keep) => {
            (Action::Delete, vec![keep::why(walk.world), Reason::Leftover(names)])
        }
        _ => (kept_action(&step, entry), vec![keep::why(walk.world)]),
    };
    if step.action == Action::Cleanup {
        step.reasons.push(Reason::Leftover(step.deleted_leftovers()));
    }
    step.notes = keep_notes(walk, entry);
    step
}

/// Returns the action on a resource of which something stays, and whose own object is not deleted.
fn kept_action(step: &Step, entry: &WorldEntry) -> Action {
    let forgets = |left: &Leftover| matches!(left.fate, Fate::Forget { .. });
    if step.leftovers.iter().any(Leftover::is_work) {
        // A resource whose own object is gone goes with its leftovers.
        return if entry.gone { Action::Delete } else { Action::Cleanup };
    }
    if entry.taken_in || step.leftovers.iter().any(forgets) {
        return Action::Record;
    }
    Action::Keep
}

/// Returns the risks of losing data for good, one for each item that a step deletes.
pub(super) fn data_risks<'a>(items: impl IntoIterator<Item = &'a DataItem>) -> Vec<Risk> {
    let risk = |item: &DataItem| Risk {
        kind: RiskKind::DataLoss,
        message: match item.unmarked {
            true => format!("{} is deleted, with all that is in it", described(item)),
            false => format!("the data in {} is deleted", described(item)),
        },
    };
    items.into_iter().map(risk).collect()
}

/// Data for people: `volume shop_data`, `PersistentVolumeClaim shop/files (10Gi)`.
pub(super) fn described(item: &DataItem) -> String {
    let amount = if item.amount.is_empty() {
        String::new()
    } else {
        format!(" ({})", item.amount)
    };
    format!("{} {}{amount}", item.kind, item.name)
}

/// Why objects of a resource that is no longer wanted stay, and what can be done about it.
fn keep_notes(walk: &Walk<'_>, entry: &WorldEntry) -> Vec<String> {
    let note = |object: &Recorded| {
        let name = ObjectName::new(&object.key, &object.identity);
        walk.kept
            .contains(&name)
            .then(|| why_kept(walk.world, &object.key, &name))
    };
    entry.objects().filter_map(note).collect()
}

/// Why an object stays.
pub(super) fn why_kept(world: &World<'_>, key: &Key, name: &ObjectName) -> String {
    let items: Vec<&DataItem> = world.withheld(name).collect();
    if items.is_empty() {
        return "it is kept for the data that needs it".to_owned();
    }
    if items.iter().any(|item| item.unmarked) {
        return format!(
            "that a record names it is not enough to delete it: {}; {} deletes it, `state rm {}` drops it from the record",
            list(&items),
            option(&items),
            key.short(),
        );
    }
    format!(
        "it holds data and is kept: {}; whatever is declared with its name takes it over, and {} deletes it with all that it holds",
        list(&items),
        option(&items),
    )
}

/// The first few of some items for people, and how many more there are.
pub(super) fn list(items: &[&DataItem]) -> String {
    first_few(items.iter().map(|item| described(item)), SHOWN)
}

/// Returns the option of a verb with which these items may go.
pub(crate) fn option(items: &[&DataItem]) -> String {
    let names: BTreeSet<&str> = items.iter().map(|item| item.name.as_str()).collect();
    // An item that does not bear the mark may go only by its name.
    if names.len() > SHOWN && items.iter().all(|item| !item.unmarked) {
        return format!("--delete-data {}", DeleteData::ALL);
    }
    let options: Vec<String> = names.iter().map(|name| format!("--delete-data {name}")).collect();
    options.join(" ")
}

fn protected(key: &Key, entry: &WorldEntry) -> PlanProblem {
    PlanProblem {
        key: Some(key.clone()),
        source: entry.source.clone(),
        path: FieldPath::root(),
        message: "it is protected, and this plan would delete it".to_owned(),
        hint: Some("keep it in the program, or lift the protection: `state unprotect NAME`, or an `up` of a program that declares it without .protect()".to_owned()),
    }
}

/// Returns the dependents of each resource: the recorded dependencies, turned round.
fn dependents(world: &World<'_>) -> BTreeMap<Key, BTreeSet<Key>> {
    let mut dependents: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for (key, entry) in world.recorded {
        let needs = entry.objects().flat_map(|object| &object.dependencies);
        for (needed, _) in needs {
            dependents.entry(needed.clone()).or_default().insert(key.clone());
        }
    }
    dependents
}

/// The resources of which objects go, each after all that depend on it.
fn order(unwanted: &BTreeSet<Key>, dependents: &BTreeMap<Key, BTreeSet<Key>>) -> Vec<Key> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for key in unwanted {
        visit(key, unwanted, dependents, &mut seen, &mut order);
    }
    order
}

fn visit(
    start: &Key,
    unwanted: &BTreeSet<Key>,
    dependents: &BTreeMap<Key, BTreeSet<Key>>,
    seen: &mut BTreeSet<Key>,
    order: &mut Vec<Key>,
) {
    // Depth first without recursion: a chain may be as long as the stack is large.
    let mut path = vec![(start.clone(), false)];
    while let Some((key, left)) = path.pop() {
        if left {
            order.push(key);
            continue;
        }
        if !seen.insert(key.clone()) {
            continue;
        }
        path.push((key.clone(), true));
        let before = dependents.get(&key).into_iter().flatten();
        path.extend(
            before
                .filter(|other| unwanted.contains(*other) && !seen.contains(*other))
                .map(|other| (other.clone(), false)),
        );
    }
}
