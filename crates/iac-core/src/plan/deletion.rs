//! Steps for what is recorded and no longer wanted, and the order in which objects go.

use std::collections::{BTreeMap, BTreeSet};

use super::leftover::RETAINED;
use super::objects::is_another;
use super::planner::Walk;
use super::world::{ObjectName, World, WorldEntry};
use super::{Action, Fate, KeptData, Mode, PlanProblem, Precondition, Reason, Stage, Step, leftover};
use crate::provider::{Checked, DataItem, Observed, Phase, Risk, RiskKind};
use crate::urn::Key;
use crate::value::FieldPath;

/// Resources of this provider are values that kept data may depend on (a database's password), so they stay with it.
const GENERATED: &str = "random";

/// Plans the end of every recorded resource in `unwanted`, and says of the steps before after what their old objects may
/// go. Gives the data that stays.
pub(super) fn plan(walk: &mut Walk<'_>, unwanted: &BTreeSet<Key>) -> Vec<KeptData> {
    let world = walk.world;
    let kept = kept(world, unwanted);
    let dependents = dependents(world);
    let changing: BTreeSet<Key> = walk
        .steps
        .iter()
        .filter(|step| step.action.is_change())
        .map(|step| step.key.clone())
        .collect();
    let leaving: BTreeMap<Key, usize> = walk
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.has_gone_stage())
        .map(|(place, step)| (step.key.clone(), place))
        .collect();
    let going: BTreeSet<Key> = unwanted.iter().chain(leaving.keys()).cloned().collect();
    let mut all_kept = Vec::new();
    let mut placed = BTreeSet::new();
    let mut told = BTreeSet::new();
    for key in order(&going, &dependents) {
        // Only for what comes earlier in the order: records of different runs may need one another in a circle.
        let mut before: BTreeSet<(Key, Stage)> = BTreeSet::new();
        for other in dependents
            .get(&key)
            .into_iter()
            .flatten()
            .filter(|other| **other != key)
        {
            let is_placed = placed.contains(other);
            if changing.contains(other) || is_placed && unwanted.contains(other) {
                before.insert((other.clone(), Stage::Exists));
            }
            if is_placed && leaving.contains_key(other) {
                before.insert((other.clone(), Stage::Gone));
            }
        }
        placed.insert(key.clone());
        if let Some(step) = leaving.get(&key).and_then(|place| walk.steps.get_mut(*place)) {
            before.extend(handovers(step));
            step.deletes_after = before.into_iter().collect();
            continue;
        }
        let Some(entry) = world.recorded.get(&key) else {
            continue;
        };
        let (action, reasons, notes) = action(walk, &key, entry, &kept);
        if action == Action::Delete && entry.options.protect {
            walk.problems.push(protected(&key, entry));
        }
        // A claim is its own data and its namespace's: it is told once, by what goes first.
        let items: Vec<DataItem> = world
            .items_of(&key)
            .filter(|item| told.insert((*item).clone()))
            .cloned()
            .collect();
        let mut step = unwanted_step(walk, &key, entry);
        let loses = action == Action::Delete || step.leftovers.iter().any(|left| left.fate == Fate::Delete);
        if action == Action::Keep && !items.is_empty() {
            all_kept.push(KeptData { key, items });
        } else if action != Action::Keep && loses {
            step.risks = data_risks(&items);
        }
        let handed = walk.wanted.get(&ObjectName::new(&step.key, &step.identity));
        before.extend(handed.map(|to| ((*to).clone(), Stage::Exists)));
        before.extend(handovers(&step));
        let is_plain =
            |(other, stage): &(Key, Stage)| (*stage == Stage::Exists).then(|| (other.clone(), Phase::Exists));
        step.after = before.iter().filter_map(is_plain).collect();
        step.deletes_after = before.into_iter().collect();
        walk.steps.push(Step {
            action,
            reasons,
            notes,
            ..step
        });
    }
    all_kept
}

/// Who has to have taken over what a step lets go of.
fn handovers(step: &Step) -> impl Iterator<Item = (Key, Stage)> {
    step.leftovers.iter().filter_map(|leftover| match &leftover.fate {
        Fate::Handover { to } => Some((to.clone(), Stage::Exists)),
        _ => None,
    })
}

/// The step of a resource that is no longer wanted; what is done is still to be said.
fn unwanted_step(walk: &Walk<'_>, key: &Key, entry: &WorldEntry) -> Step {
    Step {
        key: key.clone(),
        identity: entry.recorded.identity.clone(),
        action: Action::Delete,
        order: None,
        reasons: Vec::new(),
        source: entry.source.clone(),
        changes: Vec::new(),
        minor: None,
        risks: Vec::new(),
        checked: Checked::ByServer,
        notes: Vec::new(),
        after: Vec::new(),
        ready_after: Vec::new(),
        leftovers: leftover::of(walk.world, &walk.wanted, key, entry, None),
        deletes_after: Vec::new(),
        inputs: None,
        options: entry.options.clone(),
        precondition: Precondition {
            exists: !entry.gone,
            uid: entry.recorded.uid.clone(),
        },
    }
}

/// What a step destroys for good.
pub(super) fn data_risks<'a>(items: impl IntoIterator<Item = &'a DataItem>) -> Vec<Risk> {
    let risk = |item: &DataItem| Risk {
        kind: RiskKind::DataLoss,
        message: format!("the data in {} {} is deleted", item.kind, item.name),
    };
    items.into_iter().map(risk).collect()
}

/// What is done with the resource's own object; its former ones have their own fates.
fn action(walk: &Walk<'_>, key: &Key, entry: &WorldEntry, kept: &BTreeSet<Key>) -> (Action, Vec<Reason>, Vec<String>) {
    let world = walk.world;
    let why = if world.mode == Mode::Destroy {
        Reason::Destroy
    } else {
        Reason::NotDeclared
    };
    let name = ObjectName::new(key, &entry.recorded.identity);
    if let Some(new) = walk.wanted.get(&name).filter(|_| !entry.gone) {
        let reason = Reason::Option(format!("now declared as {new}"));
        return (Action::Forget, vec![reason], Vec::new());
    }
    if entry.options.retain_on_delete && !entry.gone {
        let reason = Reason::Option(RETAINED.to_owned());
        return (Action::Forget, vec![why, reason], Vec::new());
    }
    if kept.contains(key) {
        return (Action::Keep, vec![why], keep_notes(world, key));
    }
    if entry.gone {
        let names = entry.objects().map(|object| object.identity.clone()).collect();
        return (Action::Delete, vec![why, Reason::Leftover(names)], Vec::new());
    }
    match world.observed.get(key) {
        Some(Observed::Absent | Observed::Finished) => (Action::Forget, vec![why, Reason::Gone], Vec::new()),
        Some(there) if is_another(&entry.recorded, there) => (Action::Forget, vec![why, Reason::Gone], Vec::new()),
        _ => (Action::Delete, vec![why], Vec::new()),
    }
}

fn keep_notes(world: &World<'_>, key: &Key) -> Vec<String> {
    let items = world.items_of(key);
    let names: Vec<String> = items.map(|item| format!("{} {}", item.kind, item.name)).collect();
    if names.is_empty() {
        return vec!["kept with the data that needs it".to_owned()];
    }
    vec![format!(
        "holds data: {}; --delete-data NAME or all deletes it",
        names.join(", ")
    )]
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

/// What stays in a destroy: what holds data that may not go, and whatever that needs.
fn kept(world: &World<'_>, unwanted: &BTreeSet<Key>) -> BTreeSet<Key> {
    if world.mode != Mode::Destroy {
        return BTreeSet::new();
    }
    let holds = |key: &&Key| {
        world
            .data
            .get(*key)
            .is_some_and(|items| items.iter().any(|item| !world.delete_data.allows(item)))
    };
    let mut kept: BTreeSet<Key> = unwanted.iter().filter(holds).cloned().collect();
    let mut queue: Vec<Key> = kept.iter().cloned().collect();
    while let Some(key) = queue.pop() {
        let needs = world
            .recorded
            .get(&key)
            .into_iter()
            .flat_map(WorldEntry::objects)
            .flat_map(|object| &object.dependencies);
        for (needed, _) in needs {
            if unwanted.contains(needed) && kept.insert(needed.clone()) {
                queue.push(needed.clone());
            }
        }
    }
    if !kept.is_empty() {
        kept.extend(unwanted.iter().filter(|key| key.provider() == GENERATED).cloned());
    }
    kept
}

/// Who needs whom, turned round.
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
