//! Which layer each box of a connected part stands in, and through which layers its lines pass.

/// A part in layers. Vertices are its boxes, by their numbers, and behind them the places at which lines pass a layer.
pub(super) struct Layered {
    /// The vertices of each layer, from top to bottom.
    pub(super) layers: Vec<Vec<usize>>,
    /// The layer of each vertex.
    pub(super) layer_of: Vec<usize>,
    /// The neighbours of each vertex in the layer before.
    pub(super) before: Vec<Vec<usize>>,
    /// The neighbours of each vertex in the layer after.
    pub(super) after: Vec<Vec<usize>>,
    /// The vertices that each line passes, with the boxes at its ends.
    pub(super) routes: Vec<Vec<usize>>,
}

impl Layered {
    /// The layers of a part of `count` boxes.
    pub(super) fn new(count: usize, edges: &[(usize, usize)]) -> Self {
        let mut forward: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut back = Vec::new();
        for (from, to) in edges {
            match from < to {
                true => forward[*from].push(*to),
                false => back.push((*from, *to)),
            }
        }
        needed_only(&mut forward);
        back.sort_unstable();
        back.dedup();
        let mut layered = Self {
            layers: Vec::new(),
            layer_of: layer_of(&forward),
            before: vec![Vec::new(); count],
            after: vec![Vec::new(); count],
            routes: Vec::new(),
        };
        let last = layered.layer_of.iter().max().map_or(0, |last| last + 1);
        layered.layers = vec![Vec::new(); last];
        for vertex in 0..count {
            layered.layers[layered.layer_of[vertex]].push(vertex);
        }
        for (from, targets) in forward.iter().enumerate() {
            for to in targets {
                layered.connect(from, *to);
            }
        }
        // A line that leads back in the order moves nothing.
        layered.routes.extend(
            back.into_iter()
                .filter(|(from, to)| from != to)
                .map(|(from, to)| vec![from, to]),
        );
        layered
    }

    /// Draws a line from layer to layer.
    fn connect(&mut self, from: usize, to: usize) {
        let mut route = vec![from];
        for layer in self.layer_of[from] + 1..self.layer_of[to] {
            let passing = self.layer_of.len();
            self.layer_of.push(layer);
            self.layers[layer].push(passing);
            self.before.push(Vec::new());
            self.after.push(Vec::new());
            route.push(passing);
        }
        route.push(to);
        for pair in route.windows(2) {
            self.after[pair[0]].push(pair[1]);
            self.before[pair[1]].push(pair[0]);
        }
        self.routes.push(route);
    }
}

/// Drops the edges that follow from others: where A is needed by B and B by C, the line from A to C tells nothing new.
fn needed_only(forward: &mut [Vec<usize>]) {
    let count = forward.len();
    let words = count.div_ceil(64);
    let mut reached = vec![0u64; count * words];
    for from in (0..count).rev() {
        let targets = &mut forward[from];
        targets.sort_unstable();
        targets.dedup();
        let mut own = vec![0u64; words];
        targets.retain(|to| {
            let (word, bit) = (to / 64, 1 << (to % 64));
            if own[word] & bit != 0 {
                return false;
            }
            let theirs = &reached[to * words..(to + 1) * words];
            own.iter_mut().zip(theirs).for_each(|(own, theirs)| *own |= theirs);
            own[word] |= bit;
            true
        });
        reached[from * words..(from + 1) * words].copy_from_slice(&own);
    }
}

/// Each box one layer behind the last one that it needs; one that needs nothing stands just before the first that needs it.
fn layer_of(forward: &[Vec<usize>]) -> Vec<usize> {
    let mut layers = vec![0; forward.len()];
    let mut is_needy = vec![false; forward.len()];
    for (from, targets) in forward.iter().enumerate() {
        for to in targets {
            layers[*to] = layers[*to].max(layers[from] + 1);
            is_needy[*to] = true;
        }
    }
    for (from, targets) in forward.iter().enumerate().filter(|(from, _)| !is_needy[*from]) {
        if let Some(first) = targets.iter().map(|to| layers[*to]).min() {
            layers[from] = first - 1;
        }
    }
    layers
}
