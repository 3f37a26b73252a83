//! Where the boxes and lines of a graph are drawn: layers from left to right, each line from what is needed to what needs it.
//!
//! `rust-sugiyama` was tried: 5,000 boxes take it 18 seconds, and two calls give two drawings. A plan has an order in which
//! it can be carried out, so layers need no network simplex: a box stands one layer behind the last one that it needs.
//! Within a layer the boxes are sorted by the middle of their neighbours, and moved as near to them as the order lets them.

mod heights;
mod layers;
mod order;
#[cfg(test)]
mod tests;

use self::layers::Layered;

/// The distance between two layers.
const LAYER_GAP: i64 = 56;
/// The distance between two boxes of a layer.
const BOX_GAP: i64 = 12;
/// The room that a line takes that passes between boxes.
const LINE_HEIGHT: i64 = 4;
/// The distance of a line that leads back from the middle of its boxes, downwards.
const BACK: i64 = 6;
/// The distance between two parts that no line connects.
const PART_GAP: i64 = 28;
/// The width that a row of parts may get.
const ROW_WIDTH: i64 = 1_150;

/// The size of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// From left to right.
    pub(crate) width: i64,
    /// From top to bottom.
    pub(crate) height: i64,
}

/// A box in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its left edge.
    pub(crate) x: i64,
    /// Its upper edge.
    pub(crate) y: i64,
    /// Its size.
    pub(crate) size: Size,
}

/// A line between two boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The box that it leaves.
    pub(crate) from: usize,
    /// The box that it leads to.
    pub(crate) to: usize,
    /// The stretches that it runs straight from left to right, as left end, right end and height; curves join them.
    pub(crate) straights: Vec<(i64, i64, i64)>,
}

/// A graph in its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    /// The boxes, in the order in which they were given.
    pub(crate) boxes: Vec<Placed>,
    /// The lines; one that follows from others is left out.
    pub(crate) lines: Vec<Line>,
    /// The width of all of it.
    pub(crate) width: i64,
    /// The height of all of it.
    pub(crate) height: i64,
}

/// Places boxes and the lines between them. The boxes stand in an order in which they can be carried out; a line that
/// leads back in it is drawn and moves no box.
pub(crate) fn place(sizes: &[Size], edges: &[(usize, usize)]) -> Layout {
    let mut all = Layout {
        boxes: sizes
            .iter()
            .map(|size| Placed {
                x: 0,
                y: 0,
                size: *size,
            })
            .collect(),
        ..Layout::default()
    };
    let mut row = Row::default();
    for part in parts(sizes.len(), edges) {
        let sizes: Vec<Size> = part.boxes.iter().map(|number| sizes[*number]).collect();
        let placed = place_part(&sizes, &part.edges);
        let (x, y) = row.take(placed.width, placed.height);
        for (number, one) in part.boxes.iter().zip(&placed.boxes) {
            all.boxes[*number] = Placed {
                x: one.x + x,
                y: one.y + y,
                size: one.size,
            };
        }
        all.lines.extend(placed.lines.into_iter().map(|line| {
            Line {
                from: part.boxes[line.from],
                to: part.boxes[line.to],
                straights: line
                    .straights
                    .into_iter()
                    .map(|(left, right, height)| (left + x, right + x, height + y))
                    .collect(),
            }
        }));
        all.width = all.width.max(x + placed.width);
        all.height = all.height.max(y + placed.height);
    }
    all
}

/// Parts beside one another, as many as fit, and the next ones below.
#[derive(Default)]
struct Row {
    x: i64,
    y: i64,
    height: i64,
}

impl Row {
    fn take(&mut self, width: i64, height: i64) -> (i64, i64) {
        if self.x > 0 && self.x + width > ROW_WIDTH {
            self.y += self.height + PART_GAP;
            (self.x, self.height) = (0, 0);
        }
        let x = self.x;
        self.x += width + PART_GAP;
        self.height = self.height.max(height);
        (x, self.y)
    }
}

/// Boxes that lines connect, and those lines by the places of the boxes in the part.
struct Part {
    boxes: Vec<usize>,
    edges: Vec<(usize, usize)>,
}

/// The parts that no line connects, by their first box.
fn parts(count: usize, edges: &[(usize, usize)]) -> Vec<Part> {
    let mut parent: Vec<usize> = (0..count).collect();
    fn root(parent: &mut [usize], mut number: usize) -> usize {
        while parent[number] != number {
            parent[number] = parent[parent[number]];
            number = parent[number];
        }
        number
    }
    for (from, to) in edges {
        let (one, other) = (root(&mut parent, *from), root(&mut parent, *to));
        parent[one.max(other)] = one.min(other);
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut part_of = vec![0; count];
    let mut place_of = vec![0; count];
    for number in 0..count {
        let first = root(&mut parent, number);
        if first == number {
            part_of[number] = parts.len();
            parts.push(Part {
                boxes: Vec::new(),
                edges: Vec::new(),
            });
        }
        part_of[number] = part_of[first];
        let boxes = &mut parts[part_of[number]].boxes;
        place_of[number] = boxes.len();
        boxes.push(number);
    }
    for (from, to) in edges {
        parts[part_of[*from]].edges.push((place_of[*from], place_of[*to]));
    }
    parts
}

/// Places boxes that are all connected.
fn place_part(sizes: &[Size], edges: &[(usize, usize)]) -> Layout {
    let mut layered = Layered::new(sizes.len(), edges);
    order::untangle(&mut layered);
    let room = |vertex: usize| sizes.get(vertex).map_or(LINE_HEIGHT, |size| size.height + BOX_GAP);
    let middles = heights::middles(&layered, room);
    let columns = columns(&layered, sizes);
    let boxes: Vec<Placed> = sizes
        .iter()
        .enumerate()
        .map(|(vertex, size)| Placed {
            x: columns[layered.layer_of[vertex]].0,
            y: middles[vertex] - size.height / 2,
            size: *size,
        })
        .collect();
    let lines = lines(&layered, &boxes, &columns, &middles);
    let lowest = boxes.iter().map(|one| one.y + one.size.height);
    let passing = lines
        .iter()
        .flat_map(|line| &line.straights)
        .map(|(_, _, height)| height + LINE_HEIGHT);
    let height = lowest.chain(passing).max().unwrap_or(0);
    Layout {
        boxes,
        lines,
        width: columns.last().map_or(0, |(left, width)| left + width),
        height,
    }
}

/// The left edge and the width of each layer.
fn columns(layered: &Layered, sizes: &[Size]) -> Vec<(i64, i64)> {
    let mut left = 0;
    let column = |layer: &Vec<usize>| {
        let widths = layer
            .iter()
            .filter_map(|vertex| sizes.get(*vertex))
            .map(|size| size.width);
        let column = (left, widths.max().unwrap_or(0));
        left += column.1 + LAYER_GAP;
        column
    };
    layered.layers.iter().map(column).collect()
}

/// The lines between boxes in their places.
fn lines(layered: &Layered, boxes: &[Placed], columns: &[(i64, i64)], middles: &[i64]) -> Vec<Line> {
    let right = |vertex: usize| boxes[vertex].x + boxes[vertex].size.width;
    let straight = |(place, vertex): (usize, &usize)| {
        let (left, width) = columns[layered.layer_of[*vertex]];
        let (from, to) = match (place, *vertex < boxes.len()) {
            // It runs on to where the widest box of the layer ends, so that no curve touches one.
            (0, true) => (right(*vertex), left + width),
            (_, true) => (left, left),
            (_, false) => (left, left + width),
        };
        (from, to, middles[*vertex])
    };
    let lines = layered.routes.iter().filter_map(|route| {
        let (from, to) = (*route.first()?, *route.last()?);
        let straights = match boxes[from].x > right(to) {
            false => route.iter().enumerate().map(straight).collect(),
            // Back to an earlier layer, beside the line that leads here from there.
            true => vec![
                (boxes[from].x, boxes[from].x, middles[from] + BACK),
                (right(to), right(to), middles[to] + BACK),
            ],
        };
        Some(Line { from, to, straights })
    });
    lines.collect()
}
