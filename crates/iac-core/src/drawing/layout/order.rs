//! The order within each layer: few lines cross where each vertex stands at the middle of its neighbours.

use super::layers::Layered;

/// The number of times that the layers are sorted, each time from the left and from the right.
const SWEEPS: usize = 6;

/// Sorts each layer, and keeps the order in which the fewest lines cross.
pub(super) fn untangle(layered: &mut Layered) {
    let mut places = places(&layered.layers, layered.layer_of.len());
    let mut best = (crossings(layered, &places), layered.layers.clone());
    for _ in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let count = layered.layers.len();
        for layer in 1..count {
            sort(&mut layered.layers[layer], &layered.before, &mut places);
        }
        for layer in (0..count.saturating_sub(1)).rev() {
            sort(&mut layered.layers[layer], &layered.after, &mut places);
        }
        let crossings = crossings(layered, &places);
        if crossings < best.0 {
            best = (crossings, layered.layers.clone());
        }
    }
    layered.layers = best.1;
}

/// The place of each vertex in its layer.
fn places(layers: &[Vec<usize>], count: usize) -> Vec<usize> {
    let mut places = vec![0; count];
    for layer in layers {
        for (place, vertex) in layer.iter().enumerate() {
            places[*vertex] = place;
        }
    }
    places
}

/// Sorts a layer by the mean place of the neighbours; what has none stays near its place.
fn sort(layer: &mut [usize], neighbours: &[Vec<usize>], places: &mut [usize]) {
    let mean = |vertex: usize| match neighbours[vertex].as_slice() {
        [] => places[vertex] as f64,
        near => near.iter().map(|other| places[*other] as f64).sum::<f64>() / near.len() as f64,
    };
    let mut keyed: Vec<(f64, usize)> = layer.iter().map(|vertex| (mean(*vertex), *vertex)).collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (place, (_, vertex)) in keyed.into_iter().enumerate() {
        layer[place] = vertex;
        places[vertex] = place;
    }
}

/// Counts the lines that cross between all layers.
fn crossings(layered: &Layered, places: &[usize]) -> usize {
    let between = |(left, right): (&Vec<usize>, &Vec<usize>)| {
        // Two lines cross where the one that starts further down ends further up.
        let mut seen = Counter::new(right.len());
        let mut crossings = 0;
        for vertex in left {
            let mut ends: Vec<usize> = layered.after[*vertex].iter().map(|other| places[*other]).collect();
            ends.sort_unstable();
            crossings += ends.iter().map(|end| seen.above(*end)).sum::<usize>();
            ends.iter().for_each(|end| seen.add(*end));
        }
        crossings
    };
    layered
        .layers
        .iter()
        .zip(layered.layers.iter().skip(1))
        .map(between)
        .sum()
}

/// Counts numbers, and tells how many were larger than another one (a Fenwick tree).
struct Counter {
    sums: Vec<usize>,
    total: usize,
}

impl Counter {
    fn new(count: usize) -> Self {
        Self {
            sums: vec![0; count + 1],
            total: 0,
        }
    }

    fn add(&mut self, number: usize) {
        self.total += 1;
        let mut place = number + 1;
        while place < self.sums.len() {
            self.sums[place] += 1;
            place += place & place.wrapping_neg();
        }
    }

    /// Returns the number of earlier numbers that are larger.
    fn above(&self, number: usize) -> usize {
        let (mut place, mut up_to) = (number + 1, 0);
        while place > 0 {
            up_to += self.sums[place];
            place -= place & place.wrapping_neg();
        }
        self.total - up_to
    }
}
