//! The heights of the vertices: each as near to the middle of its neighbours as the order of its layer lets it.

use super::layers::Layered;

/// The number of times that the layers are moved, each time from the left and from the right.
const SWEEPS: usize = 6;

/// The height of each vertex's middle. `room` is the room that a vertex takes in its layer.
pub(super) fn middles(layered: &Layered, room: impl Fn(usize) -> i64) -> Vec<i64> {
    let mut middles = vec![0.0; layered.layer_of.len()];
    for layer in &layered.layers {
        for (vertex, offset) in layer.iter().zip(offsets(layer, &room)) {
            middles[*vertex] = offset as f64;
        }
    }
    let count = layered.layers.len();
    for _ in 0..SWEEPS {
        for layer in 1..count {
            settle(&layered.layers[layer], &layered.before, &room, &mut middles);
        }
        for layer in (0..count.saturating_sub(1)).rev() {
            settle(&layered.layers[layer], &layered.after, &room, &mut middles);
        }
    }
    whole(layered, &room, &middles)
}

/// The middles of a layer's vertices if they are stacked without gaps.
fn offsets(layer: &[usize], room: &impl Fn(usize) -> i64) -> Vec<i64> {
    let mut top = 0;
    let middle = |vertex: &usize| {
        let middle = top + room(*vertex) / 2;
        top += room(*vertex);
        middle
    };
    layer.iter().map(middle).collect()
}

/// Moves the vertices of a layer to their neighbours: the order and the room between them stay, and the squares of the ways
/// that are left are least. Less its place in the stack, a vertex may be anywhere below the one before it, so this is an
/// isotonic regression.
fn settle(layer: &[usize], neighbours: &[Vec<usize>], room: &impl Fn(usize) -> i64, middles: &mut [f64]) {
    let offsets = offsets(layer, room);
    // Runs of vertices that touch: the mean of what they want, and how many they are.
    let mut runs: Vec<(f64, f64)> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    for (vertex, offset) in layer.iter().zip(&offsets) {
        let near = &neighbours[*vertex];
        let (wanted, weight) = match near.len() {
            // A vertex without neighbours here gives way to one that has some.
            0 => (middles[*vertex], 0.01),
            count => (
                near.iter().map(|other| middles[*other]).sum::<f64>() / count as f64,
                1.0,
            ),
        };
        let (mut wanted, mut weight, mut count) = (wanted - *offset as f64, weight, 1);
        while let Some((above, above_weight)) = runs.pop_if(|(above, _)| *above > wanted) {
            wanted = (above * above_weight + wanted * weight) / (above_weight + weight);
            weight += above_weight;
            count += counts.pop().unwrap_or_default();
        }
        runs.push((wanted, weight));
        counts.push(count);
    }
    let shifts = runs
        .iter()
        .zip(&counts)
        .flat_map(|((shift, _), count)| std::iter::repeat_n(*shift, *count));
    for ((vertex, offset), shift) in layer.iter().zip(offsets).zip(shifts) {
        middles[*vertex] = offset as f64 + shift;
    }
}

/// The middles as whole numbers, from 0 on. Rounding what is left of them above the stack brings no two nearer.
fn whole(layered: &Layered, room: &impl Fn(usize) -> i64, middles: &[f64]) -> Vec<i64> {
    let mut rounded = vec![0; middles.len()];
    let mut top = i64::MAX;
    for layer in &layered.layers {
        for (vertex, offset) in layer.iter().zip(offsets(layer, room)) {
            rounded[*vertex] = offset + (middles[*vertex] - offset as f64).round() as i64;
            top = top.min(rounded[*vertex] - room(*vertex) / 2);
        }
    }
    rounded.iter_mut().for_each(|middle| *middle -= top);
    rounded
}
