//! Lists whose elements have no key: which element of the old one is which of the new one.
//!
//! Equal elements are matched first, in order. Of the rest, those that are much alike are one element that changed; whatever
//! then is left was removed or added.

use crate::value::{Map, Value};

/// An element of either list, by its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// It is in both, and changed.
    Changed(usize, usize),
    /// It is only in the old list.
    Removed(usize),
    /// It is only in the new list.
    Added(usize),
}

/// Beyond so many comparisons, elements are matched by their positions.
const LIMIT: usize = 1 << 20;
/// Elements that are at least so much alike are one that changed.
const ALIKE: f64 = 0.5;

/// The elements that are not the same in both lists, in the order of the new list; what was removed comes where it stood.
pub(super) fn matches(old: &[Value], new: &[Value]) -> Vec<Match> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let pairs = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = pairs.take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old_rest[..old_rest.len() - end], &new_rest[..new_rest.len() - end]);
    let (removed, added) = match old_rest.len().saturating_mul(new_rest.len()) {
        product if product <= LIMIT => unequal(old_rest, new_rest),
        _ => ((0..old_rest.len()).collect(), (0..new_rest.len()).collect()),
    };
    let shift = |positions: Vec<usize>| positions.into_iter().map(|at| at + start).collect::<Vec<_>>();
    in_order(pair(old, new, &shift(removed), &shift(added)))
}

/// The positions of the elements that are not in a longest common subsequence.
fn unequal(old: &[Value], new: &[Value]) -> (Vec<usize>, Vec<usize>) {
    // The number of elements that the rests of both lists have in common.
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i * width + j] = match a == b {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            removed.push(i);
            i += 1;
        } else {
            added.push(j);
            j += 1;
        }
    }
    removed.extend(i..old.len());
    added.extend(j..new.len());
    (removed, added)
}

/// Makes pairs of what is alike, the most alike first.
fn pair(old: &[Value], new: &[Value], removed: &[usize], added: &[usize]) -> Vec<Match> {
    // One element in place of one other is that one, changed.
    if let ([i], [j]) = (removed, added)
        && i == j
        && !matches!((&old[*i], &new[*j]), (Value::Object(_), Value::Object(_)))
    {
        return vec![Match::Changed(*i, *j)];
    }
    let mut scores = Vec::new();
    if removed.len().saturating_mul(added.len()) <= LIMIT / 16 {
        let all = removed.iter().flat_map(|i| added.iter().map(move |j| (*i, *j)));
        scores.extend(all.map(|(i, j)| (alike(&old[i], &new[j]), i, j)));
        scores.retain(|(score, _, _)| *score >= ALIKE);
    } else {
        scores.extend(removed.iter().zip(added).map(|(i, j)| (1.0, *i, *j)));
    }
    scores.sort_by(|a, b| {
        b.0.total_cmp(&a.0)
            .then((a.1.abs_diff(a.2), a.1).cmp(&(b.1.abs_diff(b.2), b.1)))
    });
    let mut found = Vec::new();
    let (mut old_left, mut new_left) = (removed.to_vec(), added.to_vec());
    for (_, i, j) in scores {
        if let (Ok(at), Ok(to)) = (old_left.binary_search(&i), new_left.binary_search(&j)) {
            old_left.remove(at);
            new_left.remove(to);
            found.push(Match::Changed(i, j));
        }
    }
    found.extend(old_left.into_iter().map(Match::Removed));
    found.extend(new_left.into_iter().map(Match::Added));
    found
}

fn in_order(mut found: Vec<Match>) -> Vec<Match> {
    found.sort_by_key(|found| match found {
        Match::Removed(at) => (*at, 0),
        Match::Changed(_, at) => (*at, 1),
        Match::Added(at) => (*at, 2),
    });
    found
}

/// Returns the likeness of two values: 1 when they are equal, 0 when nothing in them is.
fn alike(a: &Value, b: &Value) -> f64 {
    match (a, b) {
        (a, b) if a == b => 1.0,
        (Value::Object(a), Value::Object(b)) => alike_maps(a, b),
        (Value::Array(a), Value::Array(b)) => {
            let common = a.iter().filter(|item| b.contains(item)).count();
            ratio(2 * common, a.len() + b.len())
        }
        (Value::String(a), Value::String(b)) => {
            let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            ratio(common, a.chars().count().max(b.chars().count()))
        }
        _ => 0.0,
    }
}

fn alike_maps(a: &Map, b: &Map) -> f64 {
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let scores = keys.iter().map(|key| match (a.get(*key), b.get(*key)) {
        (Some(a), Some(b)) => alike(a, b),
        _ => 0.0,
    });
    let sum: f64 = scores.sum();
    if keys.is_empty() { 0.0 } else { sum / keys.len() as f64 }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
