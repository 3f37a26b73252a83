//! Random programs, and runs about random parts of them that fail or are killed: what a run leaves out stays as it is, no record
//! loses what it needs, and the next run of the whole stack makes the world as declared.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod support;

use std::collections::BTreeSet;

use iac_core::Key;
use iac_core::engine::{EngineError, PlanOptions};
use iac_core::plan::{DeleteData, Mode, Selection};
use proptest::prelude::*;
use support::harness::Bench;
use support::programs::{Meddling, NAMES, Program, cases, check, declaration, meddle, meddling, name, programs, tell};

/// One run about a part.
#[derive(Debug, Clone)]
struct Part {
    destroy: bool,
    target: BTreeSet<usize>,
    exclude: BTreeSet<usize>,
    target_dependents: bool,
    target_dependencies: bool,
    exclude_dependents: bool,
    replace: BTreeSet<usize>,
    killed_at: Option<usize>,
    failing: BTreeSet<usize>,
}

fn parts() -> impl Strategy<Value = Part> {
    let numbers = |most| prop::collection::btree_set(0..NAMES, 0..most);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    let fate = (prop::option::of(1..12_usize), numbers(2));
    let part = (flags, numbers(4), numbers(3), prop::option::of(numbers(2)), fate);
    part.prop_map(|(flags, target, exclude, replace, (killed_at, failing))| Part {
        destroy: flags.3,
        target,
        exclude,
        target_dependents: flags.0,
        target_dependencies: flags.1,
        exclude_dependents: flags.2,
        replace: replace.unwrap_or_default(),
        killed_at,
        failing,
    })
}

impl Part {
    fn options(&self) -> PlanOptions {
        let names = |numbers: &BTreeSet<usize>| numbers.iter().copied().map(name).collect();
        let selection = Selection {
            target: names(&self.target),
            exclude: names(&self.exclude),
            target_dependents: self.target_dependents,
            target_dependencies: self.target_dependencies,
            exclude_dependents: self.exclude_dependents,
            replace: if self.destroy { Vec::new() } else { names(&self.replace) },
        };
        let mode = if self.destroy { Mode::Destroy } else { Mode::Up };
        PlanOptions::new(mode).delete_data(DeleteData::All).selection(selection)
    }

    /// True if the run is certainly not about it.
    fn leaves_out(&self, object: &str) -> bool {
        let has = |numbers: &BTreeSet<usize>| numbers.iter().any(|number| name(*number) == object);
        let is_no_target = !self.target.is_empty() && !has(&self.target);
        has(&self.exclude) || is_no_target && !self.target_dependents && !self.target_dependencies
    }
}

/// Carries out a run, as far as it comes; nothing where its names mean nothing or its plan is refused.
async fn run(bench: &Bench, program: &Program, part: &Part) {
    let declared = declaration(program);
    let planned = match bench.plan_options(&declared, part.options()).await {
        Ok(planned) => planned,
        Err(EngineError::Selection(_)) => return,
        Err(error) => panic!("{error}"),
    };
    if !planned.plan.problems.is_empty() {
        return;
    }
    let before = bench.world.objects();
    bench.world.take_log();
    let failing: Vec<String> = part.failing.iter().copied().map(name).collect();
    bench
        .world
        .fail(&failing.iter().map(String::as_str).collect::<Vec<_>>());
    let run = async { drop(bench.execute(planned, &declared).await.unwrap()) };
    match part.killed_at {
        Some(boundary) => drop(bench.killed_at(boundary, run).await),
        None => run.await,
    }
    bench.world.fail(&[]);
    let after = bench.world.objects();
    for (object, was) in before.iter().filter(|(object, _)| part.leaves_out(object)) {
        assert_eq!(after.get(object), Some(was), "{object} is left out by {part:?}");
    }
    for entry in bench.world.take_log() {
        let object = entry.rsplit(' ').next().unwrap_or_default();
        assert!(!part.leaves_out(object), "{entry}: {part:?}");
    }
    // A resource that stays does not lose for good what it needs.
    let state = bench.store().load().await.unwrap();
    let declared: BTreeSet<&Key> = declared.resources.iter().map(|resource| &resource.key).collect();
    for (key, record) in state.records.iter().filter(|(key, _)| part.leaves_out(key.name())) {
        for (needed, _) in &record.dependencies {
            let had = before.contains_key(needed.name());
            let has = state.records.contains_key(needed) || declared.contains(needed);
            assert!(has || !had, "{key} needs {needed}, which nobody records: {part:?}");
        }
    }
}

async fn story(first: Program, runs: Vec<(Program, Part, Meddling)>) {
    let bench = Bench::in_memory();
    assert!(bench.up(&declaration(&first)).await.is_ok());
    for (program, part, meddling) in &runs {
        run(&bench, program, part).await;
        meddle(&bench.world, meddling);
    }
    let program = runs.last().map_or(&first, |(program, _, _)| program);
    let declared = declaration(program);
    let report = bench.up(&declared).await;
    assert!(report.is_ok(), "{:?}", report.outcomes);
    check(&bench.world, program);
    let plan = bench.preview(&declared).await;
    let left: Vec<_> = plan.changes().collect();
    assert!(
        left.is_empty() && plan.problems.is_empty(),
        "a second plan is empty: {left:?}"
    );
    assert!(bench.store().load().await.unwrap().pending.is_empty());
    assert!(bench.destroy(DeleteData::All).await.is_ok());
    assert!(bench.world.objects().is_empty());
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn what_a_run_leaves_out_stays_and_the_next_whole_run_converges(
        first in programs(),
        runs in prop::collection::vec((programs(), parts(), meddling()), 1..4),
    ) {
        tell(story(first, runs));
    }
}
