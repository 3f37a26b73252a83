//! The time that a step waits for its intent and its outcome, when many steps are taken at the same time and share their writes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use iac_core::state::{Backend, RunInfo, Writer};

use crate::records::{begin, operation, record, store_on};

/// The number of steps of each task.
const STEPS: usize = 40;

/// `open` gives an empty place on each backend, by its name.
pub(crate) async fn table(backends: &[&str], open: impl Fn(&str) -> Arc<dyn Backend>) -> String {
    let mut text = "What recording adds to a step, an intent and an outcome; steps at the same time share their writes

| backend | at the same time | median | 99 % within | entries a write | writes a step |
|---|---:|---:|---:|---:|---:|
"
    .to_owned();
    for (backend, tasks) in backends
        .iter()
        .flat_map(|backend| [1, 10, 100].map(|tasks| (backend, tasks)))
    {
        eprintln!("{backend}: {tasks} steps at the same time");
        let (store, counting) = store_on(open(backend));
        let writer = begin(&store).await;
        writer.put(record(usize::MAX)).await.unwrap();
        let before = counting.counts().writes;
        let mut waits: Vec<Duration> = join_all((0..tasks).map(|task| steps(writer.clone(), task)))
            .await
            .concat();
        let writes = (counting.counts().writes - before) as f64;
        writer.abandon().await;
        let run = RunInfo::current("rm", "bench");
        store.remove(run, Duration::ZERO, true).await.unwrap();
        waits.sort();
        let at = |part: usize| waits[(waits.len() - 1) * part / 100].as_secs_f64() * 1000.0;
        let steps = (tasks * STEPS) as f64;
        writeln!(
            text,
            "| {backend} | {tasks} | {:.2} ms | {:.2} ms | {:.1} | {:.2} |",
            at(50),
            at(99),
            2.0 * steps / writes,
            writes / steps,
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
