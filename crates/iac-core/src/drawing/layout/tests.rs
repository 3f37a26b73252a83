//! Properties of every drawing: no two boxes overlap, lines lead from left to right, the same graph gives the same drawing.

use proptest::prelude::*;

use super::*;

type Edges = &'static [(usize, usize)];

const BOX: Size = Size { width: 100, height: 24 };

fn place_all(count: usize, edges: &[(usize, usize)]) -> Layout {
    place(&vec![BOX; count], edges)
}

/// Panics where a rule of drawings is broken.
fn check(layout: &Layout) {
    let mut boxes: Vec<&Placed> = layout.boxes.iter().collect();
    boxes.sort_by_key(|one| (one.x, one.y));
    for (place, one) in boxes.iter().enumerate() {
        assert!(one.x >= 0 && one.y >= 0, "{one:?} is outside");
        assert!(
            one.x + one.size.width <= layout.width && one.y + one.size.height <= layout.height,
            "{one:?} is outside"
        );
        for other in boxes[place + 1..]
            .iter()
            .take_while(|other| other.x < one.x + one.size.width)
        {
            let apart = other.y >= one.y + one.size.height || one.y >= other.y + other.size.height;
            assert!(apart, "{one:?} and {other:?} overlap");
        }
    }
    for line in layout.lines.iter().filter(|line| line.from < line.to) {
        for pair in line.straights.windows(2) {
            assert!(pair[0].1 < pair[1].0, "a line leads back: {line:?}");
        }
    }
}

#[test]
fn boxes_stand_in_layers() {
    let cases: &[(&str, usize, Edges, &[i64])] = &[
        ("nothing", 0, &[], &[]),
        ("a chain", 3, &[(0, 1), (1, 2)], &[0, 1, 2]),
        ("a diamond", 4, &[(0, 1), (0, 2), (1, 3), (2, 3)], &[0, 1, 1, 2]),
        (
            "needed late, and needs nothing",
            5,
            &[(0, 1), (1, 2), (2, 4), (3, 4)],
            &[0, 1, 2, 2, 3],
        ),
        ("a line that leads back", 2, &[(0, 1), (1, 0)], &[0, 1]),
        ("a line to itself", 2, &[(0, 1), (0, 0)], &[0, 1]),
    ];
    for (name, count, edges, layers) in cases {
        let layout = place_all(*count, edges);
        check(&layout);
        let found: Vec<i64> = layout.boxes.iter().map(|one| one.x / (BOX.width + LAYER_GAP)).collect();
        assert_eq!(found, *layers, "{name}");
    }
}

#[test]
fn lines_that_follow_from_others_are_left_out() {
    let cases: &[(Edges, Edges)] = &[
        (&[(0, 1), (1, 2), (0, 2)], &[(0, 1), (1, 2)]),
        (&[(0, 1), (0, 1)], &[(0, 1)]),
        (&[(0, 1), (1, 2), (2, 3), (0, 3), (1, 3)], &[(0, 1), (1, 2), (2, 3)]),
        (&[(0, 1), (1, 0), (1, 1)], &[(0, 1), (1, 0)]),
        (&[(0, 2), (1, 2)], &[(0, 2), (1, 2)]),
    ];
    for (edges, expected) in cases {
        let lines: Vec<(usize, usize)> = place_all(4, edges)
            .lines
            .iter()
            .map(|line| (line.from, line.to))
            .collect();
        assert_eq!(lines, *expected, "of {edges:?}");
    }
}

#[test]
fn lines_cross_only_where_they_must() {
    // Drawn in the order of their numbers, these four lines would cross six times.
    let layout = place_all(8, &[(0, 7), (1, 6), (2, 5), (3, 4), (0, 6), (1, 5), (2, 4)]);
    check(&layout);
    let height = |number: usize| layout.boxes[number].y;
    for (one, other) in [(0, 1), (1, 2), (2, 3)] {
        assert_eq!(height(one) < height(other), height(7 - one) < height(7 - other));
    }
}

#[test]
fn parts_that_nothing_connects_stand_beside_one_another() {
    let layout = place_all(30, &[]);
    check(&layout);
    let rows: std::collections::BTreeSet<i64> = layout.boxes.iter().map(|one| one.y).collect();
    assert_eq!((rows.len(), layout.width <= ROW_WIDTH), (4, true));
}

#[test]
fn thousands_of_boxes_are_placed() {
    let wide: Vec<(usize, usize)> = (1..5_000).map(|number| (0, number)).collect();
    let applications: Vec<(usize, usize)> = (1..5_000)
        .flat_map(|number| {
            let near = (number % 5 != 1).then(|| (number - 1, number));
            let far = (number % 7 == 0 && number > 40).then(|| (number - 37, number));
            [Some((0, number)), near, far].into_iter().flatten()
        })
        .collect();
    let chain: Vec<(usize, usize)> = (1..5_000)
        .flat_map(|number| [(0, number), (number - 1, number)])
        .collect();
    for edges in [wide, applications, chain] {
        check(&place_all(5_000, &edges));
    }
}

proptest! {
    #[test]
    fn every_drawing_keeps_the_rules(
        heights in prop::collection::vec((20i64..300, 16i64..60), 1..60),
        edges in prop::collection::vec((0usize..60, 0usize..60), 0..120),
    ) {
        let sizes: Vec<Size> = heights.iter().map(|(width, height)| Size { width: *width, height: *height }).collect();
        let edges: Vec<(usize, usize)> =
            edges.into_iter().map(|(from, to)| (from % sizes.len(), to % sizes.len())).collect();
        let layout = place(&sizes, &edges);
        check(&layout);
        prop_assert_eq!(layout, place(&sizes, &edges));
    }
}
