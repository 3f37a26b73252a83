//! Steps for what is recorded and no longer wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::{World, WorldEntry};
use super::{Action, KeptData, Mode, PlanProblem, Precondition, Reason, Step};
use crate::provider::{Checked, DataItem, Observed, Phase, Risk, RiskKind};
use crate::urn::Key;
use crate::value::FieldPath;

/// Resources of this provider are values that kept data may depend on (a database's password), so they stay with it.
const GENERATED: &str = "random";

/// What comes of the resources that are to go.
pub(super) struct Deletions {
    pub(super) steps: Vec<Step>,
    pub(super) kept: Vec<KeptData>,
    pub(super) problems: Vec<PlanProblem>,
}

/// Plans the end of every recorded resource in `unwanted`; `before` are steps of wanted resources that used to need
/// them, which have to be done first.
pub(super) fn plan(world: &World<'_>, unwanted: &BTreeSet<Key>, steps_before: &[Step]) -> Deletions {
    let kept = kept(world, unwanted);
    let mut deletions = Deletions {
        steps: Vec::new(),
        kept: Vec::new(),
        problems: Vec::new(),
    };
    let dependents = dependents(world);
    let moved = moved(world, unwanted);
    let changing: BTreeSet<&Key> = steps_before
        .iter()
        .filter(|step| step.action.is_change())
        .map(|step| &step.key)
        .collect();
    let mut placed = BTreeSet::new();
    let mut told = BTreeSet::new();
    for key in order(unwanted, &dependents) {
        let Some(entry) = world.recorded.get(&key) else {
            continue;
        };
        let (action, reasons, notes) = action(world, &key, entry, &kept, &moved);
        if action == Action::Delete && entry.options.protect {
            deletions.problems.push(protected(&key, entry));
        }
        // A claim is its own data and its namespace's: it is told once, by what goes first.
        let items: Vec<DataItem> = items_of(world, &key)
            .filter(|item| told.insert((*item).clone()))
            .cloned()
            .collect();
        let risks = if action == Action::Delete {
            data_risks(&items)
        } else {
            Vec::new()
        };
        if action == Action::Keep && !items.is_empty() {
            deletions.kept.push(KeptData {
                key: key.clone(),
                items,
            });
        }
        // Only for what comes earlier in the order: records of different runs may need one another in a circle.
        let waits_for = dependents.get(&key).into_iter().flatten();
        let waits_for = waits_for.filter(|other| placed.contains(*other) || changing.contains(other));
        let after = waits_for.map(|other| (other.clone(), Phase::Exists)).collect();
        placed.insert(key.clone());
        deletions.steps.push(Step {
            identity: entry.recorded.identity.clone(),
            action,
            reasons,
            source: entry.source.clone(),
            changes: Vec::new(),
            risks,
            checked: Checked::ByServer,
            notes,
            after,
            ready_after: Vec::new(),
            inputs: None,
            options: entry.options.clone(),
            precondition: Precondition {
                exists: true,
                uid: entry.recorded.uid.clone(),
            },
            key,
        });
    }
    deletions
}

/// The data that goes with a resource.
pub(super) fn items_of<'a>(world: &World<'a>, key: &Key) -> impl Iterator<Item = &'a DataItem> {
    world.data.get(key).into_iter().flatten()
}

/// What a step destroys for good.
pub(super) fn data_risks<'a>(items: impl IntoIterator<Item = &'a DataItem>) -> Vec<Risk> {
    let risk = |item: &DataItem| Risk {
        kind: RiskKind::DataLoss,
        message: format!("the data in {} {} is deleted", item.kind, item.name),
    };
    items.into_iter().map(risk).collect()
}

/// Keys that were renamed: the object of an unwanted key is declared under another one, so it must not be deleted.
fn moved(world: &World<'_>, unwanted: &BTreeSet<Key>) -> BTreeMap<Key, Key> {
    let wanted: BTreeMap<&str, &Key> = world
        .identities
        .iter()
        .map(|(key, identity)| (identity.as_str(), key))
        .collect();
    let to = |key: &Key| {
        let identity = &world.recorded.get(key)?.recorded.identity;
        wanted
            .get(identity.as_str())
            .filter(|new| **new != key)
            .map(|new| (key.clone(), (*new).clone()))
    };
    unwanted.iter().filter_map(to).collect()
}

fn action(
    world: &World<'_>,
    key: &Key,
    entry: &WorldEntry,
    kept: &BTreeSet<Key>,
    moved: &BTreeMap<Key, Key>,
) -> (Action, Vec<Reason>, Vec<String>) {
    let why = if world.mode == Mode::Destroy {
        Reason::Destroy
    } else {
        Reason::NotDeclared
    };
    if let Some(new) = moved.get(key) {
        return (
            Action::Forget,
            vec![Reason::Option(format!("now declared as {new}"))],
            Vec::new(),
        );
    }
    if entry.options.retain_on_delete {
        return (
            Action::Forget,
            vec![why, Reason::Option("retain_on_delete".to_owned())],
            Vec::new(),
        );
    }
    if kept.contains(key) {
        return (Action::Keep, vec![why], keep_notes(world, key));
    }
    match world.observed.get(key) {
        Some(Observed::Absent | Observed::Finished) => (Action::Forget, vec![why, Reason::Gone], Vec::new()),
        _ => (Action::Delete, vec![why], Vec::new()),
    }
}

fn keep_notes(world: &World<'_>, key: &Key) -> Vec<String> {
    let items = items_of(world, key);
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
            .flat_map(|entry| &entry.recorded.dependencies);
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
        for (needed, _) in &entry.recorded.dependencies {
            dependents.entry(needed.clone()).or_default().insert(key.clone());
        }
    }
    dependents
}

/// The unwanted resources, each after all that depend on it.
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
