//! The cost of one creation, an intent and an outcome, in stacks of all sizes.

use std::fmt::Write as _;
use std::time::Instant;

use crate::counting::SYNCS;
use crate::records::{begin, fill, operation, record, store};
use crate::whole::Whole;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];

/// The number of steps that are measured; of the reference fewer where it writes much.
const STEPS: usize = 50;

pub(crate) async fn table() -> String {
    let mut text = "A step (one after the other), beside the whole snapshot twice a step

| resources | bytes | syncs | time | whole: bytes | syncs | time | ratio of time |
|---:|---:|---:|---:|---:|---:|---:|---:|
"
    .to_owned();
    for resources in SIZES {
        eprintln!("steps in a stack of {resources}");
        let (bytes, syncs, time) = ours(resources).await;
        let (whole_bytes, whole_time) = theirs(resources);
        writeln!(
            text,
            "| {resources} | {bytes} | {syncs:.1} | {time:.2} ms | {whole_bytes} | {} | {whole_time:.1} ms | {:.0}x |",
            2 * SYNCS,
            whole_time / time,
        )
        .unwrap();
    }
    text
}

async fn ours(resources: usize) -> (usize, f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let (store, counting) = store(folder.path());
    fill(&store, resources).await;
    let writer = begin(&store).await;
    writer.put(record(resources)).await.unwrap();
    let (before, began) = (counting.counts(), Instant::now());
    for number in 0..STEPS {
        let number = resources + 1 + number;
        let op = writer.begin_op(operation(number)).await.unwrap();
        writer.applied(op, record(number)).await.unwrap();
    }
    let (after, time) = (counting.counts(), began.elapsed());
    writer.abandon().await;
    let writes = (after.writes - before.writes) as f64 / STEPS as f64;
    (
        (after.bytes - before.bytes) / STEPS,
        writes * SYNCS as f64,
        time.as_secs_f64() * 1000.0 / STEPS as f64,
    )
}

fn theirs(resources: usize) -> (usize, f64) {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = Whole::new(folder.path(), resources);
    let steps = (STEPS * 1_000 / resources).clamp(2, STEPS);
    let began = Instant::now();
    for number in 0..steps {
        whole.step(resources + number);
    }
    let time = began.elapsed().as_secs_f64() * 1000.0 / steps as f64;
    (whole.bytes / steps, time)
}
