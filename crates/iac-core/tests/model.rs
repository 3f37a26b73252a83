//! Random programs, failures, kills and meddlers: whatever happened, the next `up` makes the world as declared, and a
//! destroy leaves nothing.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

mod support;

use std::collections::BTreeSet;

use iac_core::plan::DeleteData;
use proptest::prelude::*;
use support::harness::Bench;
use support::programs::{Meddling, NAMES, Program, cases, check, declaration, meddle, meddling, name, programs, tell};

/// The fate of one run.
#[derive(Debug, Clone)]
enum Fate {
    Well,
    KilledAt(usize),
    Failing(BTreeSet<usize>),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Fate::Well),
        3 => (1..16_usize).prop_map(Fate::KilledAt),
        2 => prop::collection::btree_set(0..NAMES, 1..3).prop_map(Fate::Failing),
    ]
}

async fn run(bench: &Bench, program: &Program, fate: &Fate) {
    let declaration = declaration(program);
    match fate {
        Fate::Well => drop(bench.up(&declaration).await),
        Fate::KilledAt(boundary) => drop(bench.up_killed_at(*boundary, &declaration).await),
        Fate::Failing(names) => {
            let names: Vec<String> = names.iter().copied().map(name).collect();
            bench.world.fail(&names.iter().map(String::as_str).collect::<Vec<_>>());
            drop(bench.up(&declaration).await);
            bench.world.fail(&[]);
        }
    }
}

async fn story(runs: Vec<(Program, Fate, Meddling)>) {
    let bench = Bench::in_memory();
    for (program, fate, meddling) in &runs {
        run(&bench, program, fate).await;
        meddle(&bench.world, meddling);
    }
    let (program, _, _) = &runs[runs.len() - 1];
    let declaration = declaration(program);
    let report = bench.up(&declaration).await;
    assert!(report.is_ok(), "{:?}", report.outcomes);
    check(&bench.world, program);
    let plan = bench.preview(&declaration).await;
    assert!(
        plan.is_empty(),
        "a second plan is empty: {:?}",
        plan.changes().collect::<Vec<_>>()
    );
    let state = bench.store().load().await.unwrap();
    assert!(state.pending.is_empty());
    assert!(bench.destroy(DeleteData::All).await.is_ok());
    assert!(bench.world.objects().is_empty());
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn whatever_happened_the_next_run_converges(
        runs in prop::collection::vec((programs(), fate(), meddling()), 1..4),
    ) {
        tell(story(runs));
    }
}
