//! Deletions that come before something else is created, since only one of the two objects can hold something: a port of the
//! host, a subnet, a name.
//!
//! A resource that gets another key is a deletion and a creation for the plan, and deletions come last. That order fails
//! where both need the same port; so the old one goes first, which is said as a reason and as downtime.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::predict::found;
use crate::declare::{Declaration, ResourceDecl};
use crate::plan::deletion;
use crate::plan::{Action, Fate, Plan, PlanProblem, Reason, Selected, Step, WorldEntry};
use crate::provider::{DataItem, Exclusive, Phase, Provider, Recorded, Risk, RiskKind};
use crate::review::short_name;
use crate::urn::Key;
use crate::value::Value;

/// The way out where two resources wait for one another.
const IN_TWO_RUNS: &str = "make the change in two runs: first let one of them go without it";

/// Puts deletions before the steps that need what they free.
pub(super) fn give_way(
    plan: &mut Plan,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    declaration: &Declaration,
    recorded: &BTreeMap<Key, WorldEntry>,
    selected: &Selected,
) {
    let declared: BTreeMap<&Key, &ResourceDecl> = declaration.resources.iter().map(|one| (&one.key, one)).collect();
    let held = held_by_left_out(plan, providers, &declared, recorded, selected);
    plan.problems.extend(held);
    let unwanted: Vec<(Key, Action)> = plan
        .steps
        .iter()
        .filter(|step| !declared.contains_key(&step.key))
        .filter(|step| {
            let entry = recorded.get(&step.key).filter(|entry| !entry.gone);
            entry.is_some_and(|entry| holds_anything(&entry.recorded, providers, declaration))
        })
        .map(|step| (step.key.clone(), step.action))
        .collect();
    let kept = plan
        .kept
        .iter()
        .flat_map(|kept| kept.items.iter().map(|item| (&kept.key, item)));
    let withheld = kept.filter(|(_, item)| !plan.delete_data.allows(item));
    let withheld: Vec<(Key, DataItem)> = withheld.map(|(key, item)| (key.clone(), item.clone())).collect();
    let mut first: BTreeSet<Key> = BTreeSet::new();
    for step in plan.steps.iter_mut().filter(|step| makes(step.action)) {
        let Some(resource) = declared.get(&step.key) else {
            continue;
        };
        for (old, action) in &unwanted {
            let entry = recorded
                .get(old)
                .filter(|entry| !entry.gone && old.provider() == step.key.provider());
            let (Some(entry), Some(provider)) = (entry, providers.get(old.provider())) else {
                continue;
            };
            let held = provider.exclusive(&entry.recorded, resource);
            if held.is_empty() {
                continue;
            }
            match action {
                Action::Delete => {
                    wait_for(step, old, held);
                    first.insert(old.clone());
                }
                Action::Keep | Action::Cleanup | Action::Record => {
                    plan.problems.push(stays(resource, old, &held, &withheld));
                }
                // It is gone already, or is let go of on purpose, which the provider looks at.
                _ => {}
            }
        }
    }
    let is_new_order = leftovers_first(plan, providers, &declared, recorded, &withheld, &mut first);
    put_first(&mut plan.steps, &first);
    if is_new_order {
        sort(&mut plan.steps);
    }
    hand_on(plan, providers, &declared, recorded);
}

/// The problems of steps that need something that a left-out object holds.
fn held_by_left_out(
    plan: &Plan,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    declared: &BTreeMap<&Key, &ResourceDecl>,
    recorded: &BTreeMap<Key, WorldEntry>,
    selected: &Selected,
) -> Vec<PlanProblem> {
    let mut problems = Vec::new();
    let making = plan.steps.iter().filter(|step| makes(step.action));
    let making: Vec<&ResourceDecl> = making.filter_map(|step| declared.get(&step.key).copied()).collect();
    for (old, _) in selected.left_out() {
        let entry = recorded.get(old).filter(|entry| !entry.gone);
        let (Some(entry), Some(provider)) = (entry, providers.get(old.provider())) else {
            continue;
        };
        for resource in making.iter().filter(|one| one.key.provider() == old.provider()) {
            let held = provider.exclusive(&entry.recorded, resource);
            if held.is_empty() {
                continue;
            }
            let message = |what: &str| {
                format!(
                    "only one object can hold {what}, and this run leaves {} as it is",
                    old.short()
                )
            };
            let hint = format!("add --target {}, or run it for the whole stack", old.short());
            problems.push(in_the_way(resource, &held, message, &hint));
        }
    }
    problems
}

/// Lets steps wait for former objects of other resources that hold what they need; true if the order is another one now.
fn leftovers_first(
    plan: &mut Plan,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    declared: &BTreeMap<&Key, &ResourceDecl>,
    recorded: &BTreeMap<Key, WorldEntry>,
    withheld: &[(Key, DataItem)],
    first: &mut BTreeSet<Key>,
) -> bool {
    let mut is_new_order = false;
    for InTheWay {
        new,
        old,
        identity,
        held,
    } in leftovers_in_the_way(plan, providers, declared, recorded)
    {
        let Some(resource) = declared.get(&new) else { continue };
        let mut owner = plan.steps.iter_mut().filter(|step| step.key == old);
        let left = owner.find_map(|step| step.leftovers.iter_mut().find(|left| left.identity == identity));
        match left {
            Some(left) if left.fate == Fate::Delete => left.first = true,
            // Of what nobody recorded it is asked what it holds, where it stays.
            Some(left) if left.fate == Fate::Keep && !held.is_empty() => {
                plan.problems.push(stays(resource, &old, &held, withheld));
                continue;
            }
            _ => continue,
        }
        if waits_for(&plan.steps, &old, &new) {
            match held.is_empty() {
                false => plan.problems.push(crossed(resource, &old, &held)),
                true => plan.problems.extend(may_cross(resource, &old, &identity, providers)),
            }
            continue;
        }
        for step in plan.steps.iter_mut().filter(|step| step.key == new) {
            wait_for(step, &old, held.clone());
        }
        if !declared.contains_key(&old) {
            first.insert(old);
        }
        is_new_order = true;
    }
    is_new_order
}

/// A former object of another resource that has to go before a resource is created.
struct InTheWay {
    new: Key,
    old: Key,
    identity: String,
    /// Nothing where nobody recorded what the object was, so that it may hold anything.
    held: Vec<Exclusive>,
}

fn leftovers_in_the_way(
    plan: &Plan,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    declared: &BTreeMap<&Key, &ResourceDecl>,
    recorded: &BTreeMap<Key, WorldEntry>,
) -> Vec<InTheWay> {
    let mut found = Vec::new();
    let formers = plan.steps.iter().filter_map(|step| {
        let entry = recorded.get(&step.key).filter(|entry| !entry.formers.is_empty())?;
        Some((&step.key, entry))
    });
    for (old, former) in formers.flat_map(|(key, entry)| entry.formers.iter().map(move |former| (key, former))) {
        let Some(provider) = providers.get(old.provider()) else {
            continue;
        };
        let is_unknown = former.recorded.inputs == Value::Null;
        if !is_unknown && !as_itself(&former.recorded, &**provider, declared.values().next().copied()) {
            continue;
        }
        let others = plan.steps.iter().filter(|step| makes(step.action) && step.key != *old);
        for step in others.filter(|step| step.key.provider() == old.provider()) {
            let Some(resource) = declared.get(&step.key) else {
                continue;
            };
            let held = match is_unknown {
                true => Vec::new(),
                false => provider.exclusive(&former.recorded, resource),
            };
            if !held.is_empty() || is_unknown && step.key.kind() == old.kind() {
                found.push(InTheWay {
                    new: step.key.clone(),
                    old: old.clone(),
                    identity: former.recorded.identity.clone(),
                    held,
                });
            }
        }
    }
    found
}

/// Lets steps wait for others that give up what they need: a port that one service leaves and another one takes.
fn hand_on(
    plan: &mut Plan,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    declared: &BTreeMap<&Key, &ResourceDecl>,
    recorded: &BTreeMap<Key, WorldEntry>,
) {
    let making: Vec<Key> = plan
        .steps
        .iter()
        .filter(|step| makes(step.action))
        .map(|step| step.key.clone())
        .collect();
    let mut is_new_order = false;
    for old in making
        .iter()
        .filter(|key| recorded.get(key).is_some_and(|entry| !entry.gone))
    {
        let (Some(before), Some(provider), Some(now)) =
            (recorded.get(old), providers.get(old.provider()), declared.get(old))
        else {
            continue;
        };
        if !as_itself(&before.recorded, &**provider, Some(now)) {
            continue;
        }
        for new in making
            .iter()
            .filter(|new| *new != old && new.provider() == old.provider())
        {
            let Some(resource) = declared.get(new) else { continue };
            let held = provider.exclusive(&before.recorded, resource);
            if held.is_empty() {
                continue;
            }
            if waits_for(&plan.steps, old, new) {
                plan.problems.push(crossed(resource, old, &held));
                continue;
            }
            for step in plan.steps.iter_mut().filter(|step| step.key == *new) {
                step.after.push((old.clone(), Phase::Exists));
                is_new_order = true;
            }
        }
    }
    if is_new_order {
        sort(&mut plan.steps);
    }
}

/// True if an object holds something that only one can hold. Mostly this is all that is asked: one that holds nothing of that
/// sort would not be in its own way.
fn holds_anything(
    object: &Recorded,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    declaration: &Declaration,
) -> bool {
    let provider = providers.get(object.key.provider());
    provider.is_some_and(|provider| as_itself(object, &**provider, declaration.resources.first()))
}

/// As [`holds_anything`]; the declaration is that of any resource. Without one nothing is made that could need it.
fn as_itself(object: &Recorded, provider: &dyn Provider, any: Option<&ResourceDecl>) -> bool {
    any.is_some_and(|any| {
        let as_recorded = ResourceDecl {
            key: object.key.clone(),
            inputs: object.inputs.clone(),
            ..any.clone()
        };
        !provider.exclusive(object, &as_recorded).is_empty()
    })
}

/// True if a step waits for another one, directly or through others.
fn waits_for(steps: &[Step], waiter: &Key, other: &Key) -> bool {
    reaches(steps, waiter, other, |step| {
        step.after.iter().chain(&step.ready_after).map(|(key, _)| key).collect()
    })
}

/// True if one step leads to another one by the keys that each names, directly or through others.
pub(super) fn reaches<'a>(steps: &'a [Step], from: &'a Key, to: &Key, next: impl Fn(&'a Step) -> Vec<&'a Key>) -> bool {
    let by_key: BTreeMap<&Key, &Step> = steps.iter().map(|step| (&step.key, step)).collect();
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(key) = open.pop() {
        if key == to {
            return true;
        }
        if let Some(step) = by_key.get(key).filter(|_| seen.insert(key)) {
            open.extend(next(step));
        }
    }
    false
}

/// Puts each step after those that it waits for, and changes the order no more than that.
fn sort(steps: &mut Vec<Step>) {
    let places: BTreeMap<&Key, usize> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| (&step.key, place))
        .collect();
    let mut needs: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (place, step) in steps.iter().enumerate() {
        let on = step.after.iter().filter_map(|(key, _)| places.get(key).copied());
        let on: BTreeSet<usize> = on.filter(|on| *on != place).collect();
        on.iter().for_each(|on| waiters[*on].push(place));
        needs.push(on);
    }
    let mut left: BTreeSet<usize> = (0..steps.len()).collect();
    let mut free: BTreeSet<usize> = left.iter().copied().filter(|place| needs[*place].is_empty()).collect();
    let mut order = Vec::with_capacity(steps.len());
    // Where steps wait for one another in a circle, the first of them begins.
    while let Some(next) = free.pop_first().or_else(|| left.first().copied()) {
        left.remove(&next);
        order.push(next);
        for waiter in &waiters[next] {
            needs[*waiter].remove(&next);
            if needs[*waiter].is_empty() && left.contains(waiter) {
                free.insert(*waiter);
            }
        }
    }
    let mut unsorted: Vec<Option<Step>> = std::mem::take(steps).into_iter().map(Some).collect();
    steps.extend(order.into_iter().filter_map(|place| unsorted[place].take()));
}

fn crossed(resource: &ResourceDecl, old: &Key, held: &[Exclusive]) -> PlanProblem {
    let message = |what: &str| {
        format!(
            "{} has {what} until it is changed, and waits for this one at that",
            old.short()
        )
    };
    in_the_way(resource, held, message, IN_TWO_RUNS)
}

/// The problem of a resource that something may be in the way of which nobody recorded; none where the resource holds nothing
/// that only one object can hold.
fn may_cross(
    resource: &ResourceDecl,
    old: &Key,
    identity: &str,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
) -> Option<PlanProblem> {
    let as_it_is = Recorded {
        inputs: resource.inputs.clone(),
        ..found(&resource.key, identity.to_owned(), None)
    };
    let held = providers.get(old.provider())?.exclusive(&as_it_is, resource);
    let message = |what: &str| {
        format!(
            "an interrupted run made {} for {}, which may hold {what}, and goes only after this one is there",
            short_name(old, identity),
            old.short()
        )
    };
    (!held.is_empty()).then(|| in_the_way(resource, &held, message, IN_TWO_RUNS))
}

fn stays(resource: &ResourceDecl, old: &Key, held: &[Exclusive], withheld: &[(Key, DataItem)]) -> PlanProblem {
    let message = |what: &str| format!("only one object can hold {what}, and {} stays", old.short());
    let own = withheld.iter().filter(|(key, _)| key == old);
    let mut items: Vec<&DataItem> = own.map(|(_, item)| item).collect();
    if items.is_empty() {
        // It stays for the data of others that need it.
        items = withheld.iter().map(|(_, item)| item).collect();
    }
    let hint = format!(
        "give this one another, or let the data go with {}",
        deletion::option(&items)
    );
    in_the_way(resource, held, message, &hint)
}

/// The problem of a resource that cannot have what another object holds.
fn in_the_way(
    resource: &ResourceDecl,
    held: &[Exclusive],
    message: impl FnOnce(&str) -> String,
    hint: &str,
) -> PlanProblem {
    let what: Vec<&str> = held.iter().map(|exclusive| exclusive.what.as_str()).collect();
    let path = held.first().map(|exclusive| exclusive.path.clone()).unwrap_or_default();
    PlanProblem {
        key: Some(resource.key.clone()),
        source: Some(resource.nearest_line(&path)),
        path,
        message: message(&what.join(", ")),
        hint: Some(hint.to_owned()),
    }
}

fn makes(action: Action) -> bool {
    matches!(action, Action::Create | Action::Update | Action::Replace)
}

/// Lets a step begin once the old object is gone.
fn wait_for(step: &mut Step, old: &Key, held: Vec<Exclusive>) {
    step.after.push((old.clone(), Phase::Exists));
    if !held.is_empty() && step.risks.iter().all(|risk| risk.kind != RiskKind::Downtime) {
        step.risks.push(Risk {
            kind: RiskKind::Downtime,
            message: format!("{} is deleted before this is there", old.short()),
        });
    }
    let reasons = held.into_iter().map(|exclusive| Reason::Exclusive {
        path: exclusive.path,
        what: exclusive.what,
    });
    step.reasons.extend(reasons);
}

/// Moves deletions before everything else; they wait for nobody, since what used the old objects follows later.
fn put_first(steps: &mut Vec<Step>, first: &BTreeSet<Key>) {
    if first.is_empty() {
        return;
    }
    let (mut early, late): (Vec<Step>, Vec<Step>) = std::mem::take(steps)
        .into_iter()
        .partition(|step| first.contains(&step.key));
    for step in &mut early {
        step.after.clear();
        step.deletes_after.clear();
        step.notes
            .push("goes first: what is made in its place needs what it holds".to_owned());
    }
    steps.extend(early.into_iter().chain(late));
}
