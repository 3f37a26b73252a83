//! Whole runs: how much of an `up` that creates everything goes to state.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iac_core::declare::Declaration;
use iac_core::plan::Mode;
use iac_core::state::LocalBackend;

use crate::counting::{Counting, Counts};
use crate::records::inputs;
use crate::support::gate::{Gate, Watcher};
use crate::support::harness::{Bench, declare, thing};
use crate::support::memory::World;
use crate::support::storage::Memory;
use crate::whole::Whole;

/// The number of operations at the same time unless a row says otherwise.
const PARALLEL: usize = 10;

/// As many as suits a provider that takes next to nothing.
const MANY: usize = 100;

/// The time of a provider call: a creation and a look whether it is ready.
const CALL: Duration = Duration::from_millis(10);

/// The same where a container or a pod is to start.
const LONG_CALL: Duration = Duration::from_millis(50);

/// The number of measurements of each, in turn; the fastest counts, for the reason given where loading is measured.
const TIMES: usize = 3;

pub(crate) async fn table() -> String {
    let mut text = format!(
        "An up that creates everything, with a provider in memory, the fastest of {TIMES} (bars: 1,000 creates in 0.5 s; 10,000 with less than 10 % in state)

| resources | at a time | a provider's call takes | up | the same without storage | in state | storage busy | writes |
|---:|---:|---:|---:|---:|---:|---:|---:|
"
    );
    for (resources, parallel, call) in [
        (1_000, PARALLEL, Duration::ZERO),
        (10_000, PARALLEL, Duration::ZERO),
        (10_000, MANY, Duration::ZERO),
        (10_000, PARALLEL, CALL),
        (1_000, PARALLEL, LONG_CALL),
    ] {
        eprintln!("up of {resources}, {parallel} at a time, {call:?} a call");
        let declaration = declare(|stack| {
            for number in 0..resources {
                thing(stack, &format!("thing-{number}"), inputs(number));
            }
        });
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            with.push(on_files(&declaration, parallel, call).await);
            without.push(in_memory(&declaration, parallel, call).await);
        }
        let (time, counts) = with.into_iter().min_by_key(|(time, _)| *time).unwrap();
        let without = without.into_iter().min().unwrap();
        writeln!(
            text,
            "| {resources} | {parallel} | {} ms | {:.2} s | {:.2} s | {:.0} % | {:.0} % | {} |",
            call.as_millis(),
            time.as_secs_f64(),
            without.as_secs_f64(),
            100.0 * (1.0 - without.as_secs_f64() / time.as_secs_f64()).max(0.0),
            100.0 * counts.busy.as_secs_f64() / time.as_secs_f64(),
            counts.writes,
        )
        .unwrap();
    }
    writeln!(text, "\n{}", whole(1_000)).unwrap();
    text
}

/// A world whose provider takes its time.
fn world(call: Duration) -> World {
    let world = World::default();
    match call.is_zero() {
        true => world,
        // There and back.
        false => world.through(Gate::new(0, call / 2, Watcher::default())),
    }
}

async fn on_files(declaration: &Declaration, parallel: usize, call: Duration) -> (Duration, Counts) {
    let folder = tempfile::tempdir().unwrap();
    let counting = Counting::new(Arc::new(LocalBackend::new(folder.path())));
    let bench = Bench::new()
        .elsewhere(world(call), Arc::clone(&counting) as _)
        .parallel(parallel);
    (up(&bench, declaration).await, counting.counts())
}

async fn in_memory(declaration: &Declaration, parallel: usize, call: Duration) -> Duration {
    let bench = Bench::new().elsewhere(world(call), Memory::new()).parallel(parallel);
    up(&bench, declaration).await
}

async fn up(bench: &Bench, declaration: &Declaration) -> Duration {
    // The key is made once in the life of a stack.
    bench.store().vault().await.unwrap();
    let began = Instant::now();
    assert!(bench.run(Mode::Up, declaration).await.unwrap().is_ok());
    began.elapsed()
}

/// The reference: nothing but the snapshots of as many creations.
fn whole(resources: usize) -> String {
    eprintln!("the whole snapshot at each of {resources} creations");
    let folder = tempfile::tempdir().unwrap();
    let mut whole = Whole::new(folder.path(), 0);
    let began = Instant::now();
    for number in 0..resources {
        whole.step(number);
    }
    format!(
        "The whole snapshot before and after each of {resources} creations, and nothing else: {:.1} s, {} MiB written.",
        began.elapsed().as_secs_f64(),
        whole.bytes / (1024 * 1024),
    )
}
