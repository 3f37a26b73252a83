//! What a step waits for its intent and its outcome, when many steps are taken at the same time and share their writes.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures::future::join_all;
use iac_core::state::Writer;

use crate::counting::SYNCS;
use crate::records::{begin, operation, record, store};

/// How many steps each task takes.
const STEPS: usize = 40;

pub(crate) async fn table() -> String {
    let mut text = "What recording adds to a step, with steps at the same time sharing their writes

| at the same time | median | 99 % within | entries a write | syncs a step |
|---:|---:|---:|---:|---:|
"
    .to_owned();
    for tasks in [1, 10, 100] {
        eprintln!("{tasks} steps at the same time");
        let folder = tempfile::tempdir().unwrap();
        let (store, counting) = store(folder.path());
        let writer = begin(&store).await;
        writer.put(record(usize::MAX)).await.unwrap();
        let before = counting.counts().writes;
        let mut waits: Vec<Duration> = join_all((0..tasks).map(|task| steps(writer.clone(), task)))
            .await
            .concat();
        let writes = counting.counts().writes - before;
        writer.abandon().await;
        waits.sort();
        let at = |part: usize| waits[(waits.len() - 1) * part / 100].as_secs_f64() * 1000.0;
        writeln!(
            text,
            "| {tasks} | {:.2} ms | {:.2} ms | {:.1} | {:.2} |",
            at(50),
            at(99),
            (2 * tasks * STEPS) as f64 / writes as f64,
            (writes * SYNCS) as f64 / (tasks * STEPS) as f64,
        )
        .unwrap();
    }
    text
}

/// Takes some steps one after the other; gives what each of them waited.
async fn steps(writer: Writer, task: usize) -> Vec<Duration> {
    let mut waits = Vec::new();
    for step in 0..STEPS {
        let number = task * STEPS + step;
        let began = Instant::now();
        let op = writer.begin_op(operation(number)).await.unwrap();
        writer.applied(op, record(number)).await.unwrap();
        waits.push(began.elapsed());
    }
    waits
}
