//! A resource that goes and one that comes, and that are nearly the same: somebody gave it another name.

use std::collections::{BTreeMap, HashSet};

use crate::plan::{Action, Step, WorldEntry};
use crate::provider::Effect;
use crate::provider::effect::Rename;
use crate::review::short_name;
use crate::urn::Key;
use crate::value::{Value, canonical};

/// The least share of equal leaves of two resources that are recognised as one, in percent.
const ALIKE: usize = 70;
/// The least number of leaves of a resource that is recognised: two small ones are alike by chance.
const LEAVES: usize = 4;
/// The largest number of pairs of one type that are compared. In a plan that moves thousands of objects nobody looks for names.
const PAIRS: usize = 250_000;

/// The leaves of a resource: where, and what.
type Leaves = HashSet<(String, String)>;

/// A resource under its new name, and the same under its old one, by the places of their steps.
pub(in crate::engine) struct Renamed {
    pub(in crate::engine) new: usize,
    pub(in crate::engine) old: usize,
}

/// For each recognised pair, an effect on both steps.
pub(super) fn told(steps: &[Step], renamed: &[Renamed]) -> Vec<(usize, Effect)> {
    let effect = |other: usize, is_new: bool| {
        let other = short_name(&steps[other].key, &steps[other].identity);
        Effect::Rename(Rename {
            other,
            is_new,
            advice: None,
        })
    };
    let both = renamed.iter();
    both.flat_map(|Renamed { new, old }| [(*new, effect(*old, true)), (*old, effect(*new, false))])
        .collect()
}

/// The recognised pairs.
pub(in crate::engine) fn find(steps: &[Step], recorded: &BTreeMap<Key, WorldEntry>) -> Vec<Renamed> {
    let mut types: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (place, step) in steps.iter().enumerate() {
        let (made, gone) = types.entry(step.key.kind()).or_default();
        match step.action {
            Action::Create => made.push(place),
            Action::Delete | Action::Keep => gone.push(place),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (made, gone) in types.into_values() {
        if made.is_empty() || gone.is_empty() || made.len() * gone.len() > PAIRS {
            continue;
        }
        let made = leaves(made, |place| steps[place].inputs.as_ref());
        let gone = leaves(gone, |place| {
            let entry = recorded.get(&steps[place].key)?;
            Some(&entry.until_now()?.inputs)
        });
        found.extend(pairs(&made, &gone).into_iter().map(|(new, old)| Renamed { new, old }));
    }
    found
}

fn leaves<'a>(places: Vec<usize>, inputs: impl Fn(usize) -> Option<&'a Value>) -> Vec<(usize, Leaves)> {
    let of = |place: usize| {
        let mut leaves = Leaves::new();
        inputs(place)?.walk(&mut |trail, leaf| {
            let text = match leaf {
                // Not looked into: that both have a secret there is likeness enough.
                Value::Secret(_) => String::new(),
                leaf => canonical::to_string(&leaf.to_json(&mut |_, _| serde_json::Value::Null)),
            };
            leaves.insert((trail.path().to_string(), text));
        });
        (leaves.len() >= LEAVES).then_some((place, leaves))
    };
    places.into_iter().filter_map(of).collect()
}

/// Pairs of which each is the other's nearest.
fn pairs(made: &[(usize, Leaves)], gone: &[(usize, Leaves)]) -> Vec<(usize, usize)> {
    let nearest = |one: &Leaves, others: &[(usize, Leaves)]| -> Option<usize> {
        let alike = others.iter().map(|(place, other)| (likeness(one, other), *place));
        let (most, place) = alike.max_by_key(|(likeness, place)| (*likeness, std::cmp::Reverse(*place)))?;
        (most >= ALIKE).then_some(place)
    };
    let pair = |(new, leaves): &(usize, Leaves)| {
        let old = nearest(leaves, gone)?;
        let (_, back) = gone.iter().find(|(place, _)| *place == old)?;
        (nearest(back, made) == Some(*new)).then_some((*new, old))
    };
    made.iter().filter_map(pair).collect()
}

/// Returns the share of equal leaves of two resources, in percent.
fn likeness(one: &Leaves, other: &Leaves) -> usize {
    let same = one.intersection(other).count();
    200 * same / (one.len() + other.len()).max(1)
}
