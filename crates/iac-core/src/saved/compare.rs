//! Whether a saved plan still is what would be done.
//!
//! `up --plan` plans again with the program and the world of now. The saved plan holds as long as that gives the same steps:
//! the same actions on the same objects, with the same inputs, the same values before and the same risks. A step that is not
//! in the saved plan is a difference like any other: somebody may have taken it out. Nothing else counts: source lines,
//! fields that no step touches, resources that stay as they are.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::Value as Json;

use super::read::{SavedChange, SavedPlan, SavedStep};
use super::secret;
use super::write::{HashSecret, changes_json, value_json};
use crate::declare::SourceLine;
use crate::plan::{Action, KeptData, Order, Plan, Precondition, Step};
use crate::provider::Risk;
use crate::urn::Key;
use crate::value::canonical;

/// Something that is no longer as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The resource; none where it is the plan as a whole.
    pub key: Option<Key>,
    /// Its name in the outside world.
    pub identity: String,
    /// Where it is declared now, or was.
    pub source: Option<SourceLine>,
    /// The thing that moved: a field's path, or "action", "object", "target".
    pub what: String,
    /// The value in the plan.
    pub planned: String,
    /// The value now.
    pub now: String,
}

/// The result of comparing a saved plan with a fresh one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The things that moved; the plan is refused if there are any.
    pub moved: Vec<Moved>,
    /// Steps of the saved plan that need nothing any more: the resource is as it was to be.
    pub done: Vec<Key>,
}

/// Compares a saved plan with what would be done now; `hash` as in [`plan_json`](super::plan_json).
pub fn compare(saved: &SavedPlan, fresh: &Plan, hash: &dyn Fn(&str) -> String) -> Comparison {
    let mut comparison = Comparison::default();
    comparison.moved.extend(whole_plan(saved, fresh));
    let fresh_steps: BTreeMap<&Key, &Step> = fresh.steps.iter().map(|step| (&step.key, step)).collect();
    for step in &saved.steps {
        match fresh_steps.get(&step.key) {
            Some(now) => compare_step(step, now, hash, &mut comparison),
            None => comparison
                .moved
                .push(step.moved("action", word(step.action), "neither declared nor recorded")),
        }
    }
    let planned: BTreeSet<&Key> = saved.steps.iter().map(|step| &step.key).collect();
    let new = fresh
        .steps
        .iter()
        .filter(|step| step.action != Action::Same && !planned.contains(&step.key));
    comparison.moved.extend(new.map(|step| Moved {
        key: Some(step.key.clone()),
        identity: step.identity.clone(),
        source: step.source.clone(),
        what: "action".to_owned(),
        planned: "nothing, or it was taken out of the plan".to_owned(),
        now: word(step.action),
    }));
    comparison
}

fn whole_plan(saved: &SavedPlan, fresh: &Plan) -> Vec<Moved> {
    let moved = |what: &str, planned: String, now: String| Moved {
        key: None,
        identity: String::new(),
        source: None,
        what: what.to_owned(),
        planned,
        now,
    };
    let mut found = Vec::new();
    if saved.stack != fresh.stack {
        found.push(moved("stack", saved.stack.clone(), fresh.stack.clone()));
    }
    if !saved.observed {
        found.push(moved("world", "not looked at".to_owned(), "looked at".to_owned()));
    }
    let kept = |all: &[KeptData]| -> BTreeSet<String> {
        let items = all
            .iter()
            .flat_map(|kept| kept.items.iter().map(|item| (&kept.key, item)));
        items
            .map(|(key, item)| format!("{} {} of {key}", item.kind, item.name))
            .collect()
    };
    let (was_kept, is_kept) = (kept(&saved.kept), kept(&fresh.kept));
    if was_kept != is_kept {
        found.push(moved("data that stays", listed(&was_kept), listed(&is_kept)));
    }
    for (name, now) in fresh
        .targets
        .iter()
        .filter(|(name, _)| !saved.targets.contains_key(*name))
    {
        found.push(moved(
            &format!("target {name}"),
            "not named".to_owned(),
            now.description.clone(),
        ));
    }
    for (name, target) in &saved.targets {
        match fresh.targets.get(name) {
            Some(now) if now.is(target) => {}
            Some(now) => found.push(moved(
                &format!("target {name}"),
                target.description.clone(),
                now.description.clone(),
            )),
            None => found.push(moved(
                &format!("target {name}"),
                target.description.clone(),
                "not used".to_owned(),
            )),
        }
    }
    found
}

fn compare_step(saved: &SavedStep, fresh: &Step, hash: HashSecret<'_>, comparison: &mut Comparison) {
    let inputs = fresh
        .inputs
        .as_ref()
        .map_or(Json::Null, |inputs| value_json(inputs, hash));
    let same_inputs = same(&saved.inputs, &inputs);
    let waited = saved.action == Action::Wait || saved.action == Action::Keep;
    if fresh.action == Action::Same
        && saved.action != Action::Same
        && (waited || same_inputs && !saved.inputs.is_null())
    {
        comparison.done.push(saved.key.clone());
        return;
    }
    let mut report = |what: String, planned: String, now: String| {
        let source = fresh.source.clone().or_else(|| saved.source.clone());
        comparison.moved.push(Moved {
            source,
            ..saved.moved(&what, planned, now)
        });
    };
    if saved.action != fresh.action {
        report("action".into(), word(saved.action), word(fresh.action));
    }
    if saved.order != fresh.order {
        report("order".into(), order_word(saved.order), order_word(fresh.order));
    }
    let leftovers = serde_json::json!(fresh.leftovers);
    if saved.leftovers != leftovers && !(saved.leftovers.is_null() && fresh.leftovers.is_empty()) {
        report("old objects".into(), shown(&saved.leftovers), shown(&leftovers));
    }
    if saved.identity != fresh.identity {
        report("name".into(), saved.identity.clone(), fresh.identity.clone());
    }
    if saved.precondition != fresh.precondition {
        report(
            "object".into(),
            object(&saved.precondition),
            object(&fresh.precondition),
        );
    }
    let changed = moved_fields(saved, fresh, hash);
    if changed.is_empty() && !same_inputs {
        for (path, planned, now) in differing("", &saved.inputs, &inputs) {
            report(path, planned, now);
        }
    }
    changed
        .into_iter()
        .for_each(|(path, planned, now)| report(path, planned, now));
    let kinds = |risks: &[Risk]| risks.iter().map(|risk| risk.kind).collect::<BTreeSet<_>>();
    if kinds(&saved.risks) != kinds(&fresh.risks) {
        report("risks".into(), risk_words(&saved.risks), risk_words(&fresh.risks));
    }
    if saved.options != serde_json::json!(fresh.options) {
        report(
            "options".into(),
            canonical::to_string(&saved.options),
            canonical::to_string(&serde_json::json!(fresh.options)),
        );
    }
}

/// Which object a step was made for.
fn object(condition: &Precondition) -> String {
    match (&condition.uid, condition.exists) {
        (Some(uid), _) => format!("the object {uid}"),
        (None, true) => "an object".to_owned(),
        (None, false) => "none there".to_owned(),
    }
}

/// The fields whose planned change is another one now.
fn moved_fields(saved: &SavedStep, fresh: &Step, hash: HashSecret<'_>) -> Vec<(String, String, String)> {
    let fresh_changes: Vec<SavedChange> = Vec::deserialize(changes_json(&fresh.changes, hash)).unwrap_or_default();
    // A removed and an added item of a list may have the same position.
    let index = |changes: &'_ [SavedChange]| -> BTreeMap<(String, bool, bool), SavedChange> {
        let sides = |change: &SavedChange| (change.path.clone(), change.before.is_none(), change.after.is_none());
        changes.iter().map(|change| (sides(change), change.clone())).collect()
    };
    let (before, now) = (index(&saved.changes), index(&fresh_changes));
    let places: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    let text = |change: Option<&SavedChange>| change.map_or_else(|| "no change".to_owned(), SavedChange::text);
    places
        .into_iter()
        .filter(|place| !same_change(before.get(*place), now.get(*place)))
        .map(|place| (place.0.clone(), text(before.get(place)), text(now.get(place))))
        .collect()
}

fn same_change(saved: Option<&SavedChange>, fresh: Option<&SavedChange>) -> bool {
    let side = |a: &Option<Json>, b: &Option<Json>| match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    };
    match (saved, fresh) {
        (Some(a), Some(b)) => side(&a.before, &b.before) && side(&a.after, &b.after),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// True if two trees are the same, whatever may be seen of their secrets.
fn same(saved: &Json, fresh: &Json) -> bool {
    alike(&secret::only_hashes(saved), &secret::only_hashes(fresh))
}

/// True if two trees are the same. A secret's hash that was made before the stack had a key cannot be compared and
/// fits any.
fn alike(saved: &Json, fresh: &Json) -> bool {
    match (saved, fresh) {
        (Json::Object(a), Json::Object(b)) => {
            let unkeyed = a.len() == 1 && a.get("$secret").is_some_and(|hash| hash == "");
            if unkeyed && b.len() == 1 && b.contains_key("$secret") {
                return true;
            }
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| alike(value, other)))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (a, b) => a == b,
    }
}

/// The leaves of two trees that differ, by their dotted paths.
fn differing(path: &str, saved: &Json, fresh: &Json) -> Vec<(String, String, String)> {
    let (Json::Object(a), Json::Object(b)) = (saved, fresh) else {
        let name = if path.is_empty() { "inputs" } else { path };
        return vec![(name.to_owned(), shown(saved), shown(fresh))];
    };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let none = Json::Null;
    keys.into_iter()
        .map(|key| (key, a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none)))
        .filter(|(_, a, b)| !same(a, b))
        .flat_map(|(key, a, b)| {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            differing(&path, a, b)
        })
        .collect()
}

/// A tree for people; a secret's hash is of no use to them.
fn shown(json: &Json) -> String {
    secret::shown(json).map_or_else(|| canonical::to_string(json), str::to_owned)
}

fn listed(names: &BTreeSet<String>) -> String {
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn risk_words(risks: &[Risk]) -> String {
    let word = |risk: &Risk| serde_json::json!(risk.kind).as_str().unwrap_or_default().to_owned();
    listed(&risks.iter().map(word).collect())
}

fn order_word(order: Option<Order>) -> String {
    match order {
        Some(Order::CreateFirst) => "the new one first".to_owned(),
        Some(Order::DeleteFirst) => "the old one first".to_owned(),
        None => "no replacement".to_owned(),
    }
}

fn word(action: Action) -> String {
    crate::review::words::verb(action).to_owned()
}

impl SavedChange {
    fn text(&self) -> String {
        let side = |value: &Option<Json>| value.as_ref().map_or_else(|| "(none)".to_owned(), shown);
        format!("{} -> {}", side(&self.before), side(&self.after))
    }
}

impl SavedStep {
    fn moved(&self, what: &str, planned: impl Into<String>, now: impl Into<String>) -> Moved {
        Moved {
            key: Some(self.key.clone()),
            identity: self.identity.clone(),
            source: self.source.clone(),
            what: what.to_owned(),
            planned: planned.into(),
            now: now.into(),
        }
    }
}
