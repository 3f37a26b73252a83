//! What is deleted before something else is made, since only one of the two can hold something: a port of the host, a
//! subnet, a name.
//!
//! A resource that gets another key is a deletion and a creation for the plan, and deletions come last. That order fails
//! where both need the same port; so the old one goes first, which is said as a reason and as downtime.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::declare::{Declaration, ResourceDecl};
use crate::plan::{Action, Plan, PlanProblem, Reason, Step, WorldEntry};
use crate::provider::{Exclusive, Phase, Provider, Risk, RiskKind};
use crate::urn::Key;

/// Puts deletions before the steps that need what they free.
pub(super) fn give_way(
    plan: &mut Plan,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    declaration: &Declaration,
    recorded: &BTreeMap<Key, WorldEntry>,
) {
    let declared: BTreeMap<&Key, &ResourceDecl> = declaration.resources.iter().map(|one| (&one.key, one)).collect();
    let unwanted: Vec<(Key, Action)> = plan
        .steps
        .iter()
        .filter(|step| !declared.contains_key(&step.key))
        .map(|step| (step.key.clone(), step.action))
        .collect();
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
                Action::Keep => plan.problems.push(stays(resource, old, &held)),
                // It is gone already, or is let go of on purpose, which the provider looks at.
                _ => {}
            }
        }
    }
    put_first(&mut plan.steps, &first);
}

fn makes(action: Action) -> bool {
    matches!(action, Action::Create | Action::Update | Action::Replace)
}

/// Lets a step begin once the old object is gone.
fn wait_for(step: &mut Step, old: &Key, held: Vec<Exclusive>) {
    step.after.push((old.clone(), Phase::Exists));
    if step.risks.iter().all(|risk| risk.kind != RiskKind::Downtime) {
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

fn stays(resource: &ResourceDecl, old: &Key, held: &[Exclusive]) -> PlanProblem {
    let what: Vec<&str> = held.iter().map(|exclusive| exclusive.what.as_str()).collect();
    PlanProblem {
        key: Some(resource.key.clone()),
        source: Some(resource.source.clone()),
        path: held.first().map(|exclusive| exclusive.path.clone()).unwrap_or_default(),
        message: format!(
            "only one object can hold {}, and {} stays",
            what.join(", "),
            old.short()
        ),
        hint: Some("give this one another, or delete the old one with its data first".to_owned()),
    }
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
