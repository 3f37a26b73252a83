//! The effects of a plan's steps: those that providers tell, and those that follow from the plan alone.
//!
//! Nobody is asked who is not in this process. A plan that changes nothing has no effects.

pub(super) mod rename;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::apply::estimate;
use crate::plan::{Action, Mode, Plan, Predicted, Step, WorldEntry};
use crate::provider::effect::{HoldsUp, HowLong, Restart, SOMEBODY, Scale, Transition, Undo, Unit};
use crate::provider::{Effect, Live, Observed, Phase, PlanItem, Provider, Risk, RiskKind, is_by_itself};
use crate::state::Times;
use crate::urn::Key;
use crate::value::{FieldPath, Value};

/// The shortest time of a step that is worth a line, in milliseconds.
const NOTABLE: u64 = 1000;

/// Records, live objects and predictions of a plan's resources.
pub(super) struct Known<'a> {
    pub(super) recorded: &'a BTreeMap<Key, WorldEntry>,
    pub(super) observed: &'a BTreeMap<Key, Observed>,
    pub(super) predicted: &'a BTreeMap<Key, Vec<Predicted>>,
    /// The times that the steps of earlier runs took.
    pub(super) times: &'a BTreeMap<Key, Times>,
}

impl<'a> Known<'a> {
    fn live(&self, key: &Key) -> Option<&'a Live> {
        match self.observed.get(key) {
            Some(Observed::Present(live)) => Some(live),
            _ => None,
        }
    }

    fn item(&self, step: &'a Step) -> PlanItem<'a> {
        let entry = self.recorded.get(&step.key);
        let predicted = self.predicted.get(&step.key).and_then(|all| all.last());
        PlanItem {
            key: &step.key,
            identity: &step.identity,
            transition: transition(step.action),
            recorded: entry.and_then(WorldEntry::until_now),
            after: step.inputs.as_ref(),
            live: self.live(&step.key),
            predicted: predicted.map_or(&Value::Null, |predicted| &predicted.prediction.outputs),
            changes: &step.changes,
            told: &step.effects,
            waits_for: &step.after,
        }
    }
}

fn transition(action: Action) -> Transition {
    match action {
        Action::Create => Transition::Create,
        Action::Update | Action::Adopt => Transition::Update,
        Action::Replace => Transition::Replace,
        Action::Delete => Transition::Delete,
        Action::Same | Action::Wait | Action::Keep | Action::Record | Action::Cleanup | Action::Forget => {
            Transition::Stays
        }
    }
}

/// Adds to each step what it does to the running system, and the risks that this is.
pub(super) fn tell(
    plan: &mut Plan,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    known: &Known<'_>,
    renamed: &[rename::Renamed],
) {
    if plan.mode == Mode::Refresh || !plan.steps.iter().any(|step| step.action.touches_world()) {
        return;
    }
    let mut found: Vec<Vec<Effect>> = vec![Vec::new(); plan.steps.len()];
    for (place, effect) in rename::told(&plan.steps, renamed) {
        found[place].push(effect);
    }
    for (name, provider) in providers {
        let places: Vec<usize> = (0..plan.steps.len())
            .filter(|place| plan.steps[*place].key.provider() == name)
            .collect();
        let items: Vec<PlanItem<'_>> = places.iter().map(|place| known.item(&plan.steps[*place])).collect();
        for (item, effect) in provider.effects(&items) {
            let Some(place) = places.get(item) else {
                continue;
            };
            // A provider knows better than the likeness of two resources how to keep what the old one has.
            if let Effect::Rename(better) = &effect {
                let is_it = |one: &Effect| matches!(one, Effect::Rename(rename) if rename.other == better.other);
                found[*place].retain(|one| !is_it(one));
            }
            found[*place].push(effect);
        }
    }
    for (place, effect) in undone(&plan.steps, known) {
        found[place].push(effect);
    }
    for (place, effect) in held_up(&plan.steps) {
        found[place].push(effect);
    }
    for (place, effect) in timed(&plan.steps, known.times) {
        found[place].push(effect);
    }
    plan.estimate = estimate(&plan.steps, known.times);
    // Where the whole stack goes, that everything stops, that nobody gets in, and that nothing guards it is told once.
    let outage = (plan.mode == Mode::Destroy).then(|| outage(&found)).flatten();
    let stops = |effect: &Effect| {
        matches!(
            effect,
            Effect::Scale(Scale { to: 0, .. }) | Effect::Closed(_) | Effect::Exposure(_)
        )
    };
    let is_news = |effect: &Effect| plan.mode != Mode::Destroy || !stops(effect);
    for (step, mut effects) in plan.steps.iter_mut().zip(found) {
        effects.retain(is_news);
        add(step, effects);
    }
    if let Some((place, risk)) = outage {
        plan.steps[place].risks.push(risk);
    }
    tell_once(&mut plan.steps);
}

/// The outage of a whole stack: all that stops, and the ways in that go. It is told by the first step that is a part of it.
fn outage(found: &[Vec<Effect>]) -> Option<(usize, Risk)> {
    let mut stops: Vec<(Unit, u64, Option<u64>)> = Vec::new();
    let (mut closed, mut first) = (Vec::new(), None);
    for (place, effect) in found
        .iter()
        .enumerate()
        .flat_map(|(place, all)| all.iter().map(move |one| (place, one)))
    {
        match effect {
            Effect::Scale(Scale {
                unit,
                from,
                to: 0,
                stop_seconds,
                ..
            }) => match stops.iter_mut().find(|(known, ..)| known == unit) {
                Some((_, count, seconds)) => {
                    *count += from;
                    *seconds = (*seconds).max(*stop_seconds);
                }
                None => stops.push((*unit, *from, *stop_seconds)),
            },
            Effect::Closed(_) => closed.push(effect.text()),
            _ => continue,
        }
        first = first.or(Some(place));
    }
    let each = |seconds: &Option<u64>| seconds.map_or_else(String::new, |seconds| format!(" (up to {seconds} s each)"));
    let counts = stops.iter();
    let counts: Vec<String> = counts
        .map(|(unit, count, seconds)| format!("{}{}", unit.counted(*count), each(seconds)))
        .collect();
    let stops = (!counts.is_empty()).then(|| format!("stops {}, and nothing takes the place", counts.join(" and ")));
    let said: Vec<String> = stops.into_iter().chain(closed).collect();
    let risk = Risk {
        kind: RiskKind::Downtime,
        message: format!("the whole stack: {}", said.join("; ")),
    };
    first.map(|place| (place, risk))
}

/// Where one object makes room for another one, the outage is told where it goes, and not once more where its successor
/// comes.
fn tell_once(steps: &mut [Step]) {
    let is_gap = |effect: &Effect| matches!(effect, Effect::Restart(Restart { gap: Some(_), .. }));
    let makes_room = |step: &&Step| step.action == Action::Delete && step.effects.iter().any(is_gap);
    let told: BTreeSet<Key> = steps.iter().filter(makes_room).map(|step| step.key.clone()).collect();
    if told.is_empty() {
        return;
    }
    let is_outage = |effect: &Effect| effect.risk().is_some_and(|risk| risk.kind == RiskKind::Downtime);
    for step in steps.iter_mut().filter(|step| step.action == Action::Create) {
        if step.after.iter().any(|(key, _)| told.contains(key)) && !step.effects.iter().any(is_outage) {
            step.risks.retain(|risk| risk.kind != RiskKind::Downtime);
        }
    }
}

/// The effects of a step, and those of them that are risks. What a provider says of an outage stands for what the engine
/// can say without knowing the system.
fn add(step: &mut Step, effects: Vec<Effect>) {
    step.effects.extend(effects);
    let risks: Vec<_> = step.effects.iter().filter_map(Effect::risk).collect();
    if risks.iter().any(|risk| risk.kind == RiskKind::Downtime) {
        step.risks.retain(|risk| risk.kind != RiskKind::Downtime);
    }
    for risk in risks {
        if !step.risks.contains(&risk) {
            step.risks.push(risk);
        }
    }
}

/// Changes of others that a step takes back.
fn undone(steps: &[Step], known: &Known<'_>) -> Vec<(usize, Effect)> {
    let mut found = Vec::new();
    let changing = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| matches!(step.action, Action::Update | Action::Replace | Action::Adopt));
    for (place, step) in changing {
        let drift = known.live(&step.key).map_or(&[][..], |live| &live.drift);
        let mut by_whom: BTreeMap<&str, Vec<FieldPath>> = BTreeMap::new();
        for change in drift.iter().filter(|change| !is_by_itself(change)) {
            let who = change.origin.as_deref().unwrap_or(SOMEBODY);
            by_whom.entry(who).or_default().push(change.path.clone());
        }
        found.extend(by_whom.into_iter().map(|(who, paths)| {
            let at = known.live(&step.key).and_then(|live| live.last_write(who));
            let undo = Undo {
                who: who.to_owned(),
                at,
                paths,
            };
            (place, Effect::Undo(undo))
        }));
    }
    found
}

/// Returns the time that the same kind of step took with the same resource, for each step where that was long enough to matter.
fn timed(steps: &[Step], times: &BTreeMap<Key, Times>) -> Vec<(usize, Effect)> {
    let steps = steps.iter().enumerate();
    let found = steps.filter_map(|(place, step)| {
        let kind = step.action.timed()?;
        let took = times.get(&step.key)?.get(kind)?;
        (took.total() >= NOTABLE).then_some((place, Effect::HowLong(HowLong { step: kind, took })))
    });
    found.collect()
}

/// The steps that wait until another one is ready, or is done.
fn held_up(steps: &[Step]) -> Vec<(usize, Effect)> {
    let mut waiting: HashMap<&Key, Vec<String>> = HashMap::new();
    let works = |step: &&Step| step.action.touches_world() && step.action != Action::Delete;
    for step in steps.iter().filter(works) {
        let ready = step.after.iter().filter(|(_, phase)| *phase == Phase::Ready);
        for (key, _) in ready {
            waiting
                .entry(key)
                .or_default()
                .push(crate::review::short_name(&step.key, &step.identity));
        }
    }
    let places = steps.iter().enumerate().filter(|(_, step)| works(step));
    places
        .filter_map(|(place, step)| {
            let steps = waiting.remove(&step.key)?;
            Some((place, Effect::HoldsUp(HoldsUp { steps })))
        })
        .collect()
}
