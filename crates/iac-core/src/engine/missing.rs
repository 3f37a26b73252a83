//! Names that lead nowhere: what steps name, and neither the stack nor the target has once the plan is carried out.
//!
//! Only what a step creates or changes is asked about: what runs keeps running without a word from us, whatever somebody
//! did to the things that it names.

use std::collections::{BTreeMap, BTreeSet};

use super::look::check_count;
use super::{Engine, EngineError, check};
use crate::declare::{Declaration, ResourceDecl};
use crate::plan::{Action, Fate, Plan, PlanProblem, Step};
use crate::provider::effect::BrokenReference;
use crate::provider::{Effect, Existence, ExternalRef, Need, Problem, Reference, Referent};
use crate::review::short_name;
use crate::urn::Key;

/// A name that a step gives, outside of the stack.
struct Named<'a> {
    reference: &'a Reference,
    name: &'a ExternalRef,
    /// True if a missing one stops the step.
    stops: bool,
}

/// Why a name leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// There is no such thing.
    Missing,
    /// This run deletes it.
    Deleted,
}

/// The names that lead nowhere, by provider.
type Absent = BTreeMap<(String, ExternalRef), Absence>;

impl Engine {
    /// Problems for names that have to lead to something at once and do not. Those that may wait are notes on the steps.
    pub(super) async fn missing(
        &self,
        plan: &mut Plan,
        declaration: &Declaration,
        references: &[Reference],
    ) -> Result<Vec<PlanProblem>, EngineError> {
        let deleted = deleted(&plan.steps);
        tell_on_deletions(&mut plan.steps, &deleted, references);
        let actions: BTreeMap<&Key, Action> = plan.steps.iter().map(|step| (&step.key, step.action)).collect();
        let named = references.iter().filter_map(|reference| {
            let action = *actions.get(&reference.from)?;
            asks(action).then_some(Named {
                reference,
                name: needed(reference)?,
                stops: action != Action::Wait,
            })
        });
        let named: Vec<Named<'_>> = named.collect();
        let absent = self.absent(&named, &deleted).await?;
        let absence = |named: &Named<'_>| absent.get(&of_provider(named.reference, named.name)).copied();
        let mut problems: BTreeMap<&ExternalRef, (&Reference, Absence, BTreeSet<&Key>)> = BTreeMap::new();
        let mut notes: BTreeMap<(&Key, &ExternalRef), String> = BTreeMap::new();
        for named in &named {
            let (Some(absence), Named { reference, name, stops }) = (absence(named), named) else {
                continue;
            };
            if name.need == Need::AtOnce && *stops {
                let problem = problems.entry(name);
                let (.., all) = problem.or_insert_with(|| (reference, absence, BTreeSet::new()));
                all.insert(&reference.from);
            } else {
                let note = || format!("{} names {}, {}", reference.path, thing(name), why(absence));
                notes.entry((&reference.from, name)).or_insert_with(note);
            }
        }
        let declared = declaration.resources.iter().map(|resource| (&resource.key, resource));
        let declared: BTreeMap<&Key, &ResourceDecl> = declared.collect();
        let problems = problems.into_iter().filter_map(|(name, (reference, absence, all))| {
            let resource = declared.get(&reference.from)?;
            Some(dangling(resource, reference, name, absence, all.len() - 1))
        });
        let problems = problems.collect();
        let mut by_step: BTreeMap<Key, Vec<String>> = BTreeMap::new();
        for ((key, _), note) in notes {
            by_step.entry(key.clone()).or_default().push(note);
        }
        for step in &mut plan.steps {
            step.notes.extend(by_step.remove(&step.key).unwrap_or_default());
        }
        Ok(problems)
    }

    /// Which of these names lead nowhere.
    async fn absent(&self, named: &[Named<'_>], deleted: &BTreeMap<String, usize>) -> Result<Absent, EngineError> {
        let mut absent = Absent::new();
        let mut asked: BTreeMap<&str, BTreeSet<&ExternalRef>> = BTreeMap::new();
        for Named { reference, name, .. } in named {
            if deleted.contains_key(&identity(reference, name)) {
                absent.insert(of_provider(reference, name), Absence::Deleted);
            } else {
                asked.entry(reference.from.provider()).or_default().insert(name);
            }
        }
        for (name, names) in asked {
            let Some(provider) = self.providers.get(name) else {
                continue;
            };
            let names: Vec<ExternalRef> = names.into_iter().cloned().collect();
            let answers = provider.exists(&names).await;
            let answers = answers.map_err(|error| EngineError::Provider {
                provider: name.to_owned(),
                error,
            })?;
            check_count(name, names.len(), answers.len())?;
            let answered = names.into_iter().zip(answers);
            let missing = answered.filter(|(_, answer)| *answer == Existence::No);
            absent.extend(missing.map(|(missing, _)| ((name.to_owned(), missing), Absence::Missing)));
        }
        Ok(absent)
    }
}

/// True if a step with this action cares for what its inputs name.
fn asks(action: Action) -> bool {
    matches!(
        action,
        Action::Create | Action::Update | Action::Replace | Action::Adopt | Action::Wait
    )
}

/// Returns the thing outside of the stack that a reference names, unless the resource can do without it.
fn needed(reference: &Reference) -> Option<&ExternalRef> {
    match &reference.to {
        Referent::External(name) if name.need != Need::Optional => Some(name),
        _ => None,
    }
}

fn of_provider(reference: &Reference, name: &ExternalRef) -> (String, ExternalRef) {
    (reference.from.provider().to_owned(), name.clone())
}

/// The name of a thing among those of all providers.
fn identity(reference: &Reference, name: &ExternalRef) -> String {
    format!("{} {} {}", reference.from.provider(), name.kind, name.name)
}

/// Returns the objects that the steps delete, each with the place of its step.
fn deleted(steps: &[Step]) -> BTreeMap<String, usize> {
    let of_step = |(place, step): (usize, &Step)| {
        let own = (step.action == Action::Delete).then_some(&step.identity);
        let left = step.leftovers.iter().filter(|leftover| leftover.fate == Fate::Delete);
        let names = own.into_iter().chain(left.map(|leftover| &leftover.identity));
        let full = names.map(|identity| (format!("{} {identity}", step.key.provider()), place));
        full.collect::<Vec<_>>()
    };
    steps.iter().enumerate().flat_map(of_step).collect()
}

/// Says at each deletion who still names what goes.
fn tell_on_deletions(steps: &mut [Step], deleted: &BTreeMap<String, usize>, references: &[Reference]) {
    if deleted.is_empty() {
        return;
    }
    let holders: BTreeMap<Key, String> = steps
        .iter()
        .map(|step| (step.key.clone(), short_name(&step.key, &step.identity)))
        .collect();
    for reference in references {
        let place = needed(reference).and_then(|name| deleted.get(&identity(reference, name)));
        let Some(place) = place else {
            continue;
        };
        let holder = holders.get(&reference.from).cloned();
        let holder = holder.unwrap_or_else(|| reference.from.short());
        let Some(step) = steps.get_mut(*place) else {
            continue;
        };
        let broken = Effect::BrokenReference(BrokenReference {
            holder,
            path: reference.path.clone(),
            names: short_name(&step.key, &step.identity),
        });
        if !step.effects.contains(&broken) {
            step.effects.push(broken);
        }
    }
}

/// `Secret codelab/db`.
fn thing(name: &ExternalRef) -> String {
    let kind = name.kind.rsplit('/').next().unwrap_or(&name.kind);
    format!("{kind} {}", name.name)
}

fn why(absence: Absence) -> &'static str {
    match absence {
        Absence::Missing => "which neither this stack declares nor the target has",
        Absence::Deleted => "which this run deletes",
    }
}

/// One problem for a name, however many resources give it.
fn dangling(
    resource: &ResourceDecl,
    reference: &Reference,
    name: &ExternalRef,
    absence: Absence,
    others: usize,
) -> PlanProblem {
    let others = match others {
        0 => String::new(),
        1 => "; one other resource names it too".to_owned(),
        others => format!("; {others} other resources name it too"),
    };
    let hint = match absence {
        Absence::Missing => "declare it, correct the name, or create it first",
        Absence::Deleted => "keep it in the stack, or name another one",
    };
    let problem = Problem {
        path: reference.path.clone(),
        message: format!("it names {}, {}{others}", thing(name), why(absence)),
        hint: Some(hint.to_owned()),
    };
    check::of(resource, problem)
}
