//! A process that is killed with SIGKILL while it writes: what it was told is durable is there, and the next run takes
//! over at once.
//!
//! Has a `main` of its own, since it runs itself once more as the process to be killed.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use iac_core::declare::Options;
use iac_core::provider::Recorded;
use iac_core::state::{KeySource, LocalBackend, NewRecord, OpKind, Operation, RunInfo, Store, Writer};
use iac_core::{Key, Value};

/// The number of runs that are killed, each a little later than the one before.
const RUNS: usize = 12;

/// The number of tasks that write at the same time.
const TASKS: usize = 4;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("write-until-killed"), Some(root)) => runtime.block_on(write_until_killed(Path::new(&root))),
        // Whatever else the test runner passes: there is one test.
        _ => runtime.block_on(survive()),
    }
}

fn store(root: &Path) -> Store {
    Store::new(
        Arc::new(LocalBackend::new(root)),
        "prod",
        KeySource::identity_file("none"),
    )
}

fn key(name: &str) -> Key {
    Key::new("", "test:core/Thing", name).unwrap()
}

/// Creates things without end; prints `intent NAME` and `outcome NAME` as soon as each is durable.
async fn write_until_killed(root: &Path) {
    let run = RunInfo::current("up", "test");
    let writer = store(root).begin(run, Duration::ZERO).await.unwrap();
    let run = writer.state().generation;
    let tasks = (0..TASKS).map(|task| tokio::spawn(create_things(writer.clone(), format!("r{run}-t{task}"))));
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn create_things(writer: Writer, prefix: String) {
    for number in 0.. {
        let name = format!("{prefix}-{number}");
        let operation = Operation {
            kind: OpKind::Create,
            key: key(&name),
            identity: name.clone(),
            uid: None,
            inputs_digest: String::new(),
        };
        let op = writer.begin_op(operation).await.unwrap();
        say(&format!("intent {name}"));
        writer.applied(op, thing(&name)).await.unwrap();
        say(&format!("outcome {name}"));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

async fn survive() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = Vec::new();
    for run in 0..RUNS {
        said.extend(killed_after(folder.path(), run * 3 + 1));
        let state = store(folder.path()).load().await.unwrap();
        for line in &said {
            let (what, name) = line.split_once(' ').unwrap();
            let recorded = state.records.contains_key(&key(name));
            let pending = state.pending.iter().any(|pending| pending.identity == name);
            let there = recorded || (what == "intent" && pending);
            assert!(there, "run {run}: {line}");
        }
        // The next run is not kept waiting, and sees exactly what a reader sees.
        let writer = store(folder.path())
            .begin(RunInfo::current("up", "test"), Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(writer.state().records, state.records);
        assert_eq!(writer.state().pending, state.pending);
        for pending in &state.pending {
            writer.put(thing(&pending.identity)).await.unwrap();
            writer.resolve(pending.op).await.unwrap();
        }
        writer.abandon().await;
    }
    println!("{RUNS} runs were killed; {} acknowledged entries are there", said.len());
}

/// Returns the record of a thing.
fn thing(name: &str) -> NewRecord {
    let recorded = Recorded {
        key: key(name),
        identity: name.to_owned(),
        uid: None,
        inputs: Value::from(name),
        outputs: Value::Null,
        private: Default::default(),
        dependencies: Vec::new(),
        ready: false,
    };
    NewRecord::new(recorded, Options::default(), None)
}

/// Runs the writer, kills it when it has said so many lines, and gives all that it said.
fn killed_after(root: &Path, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("write-until-killed")
        .arg(root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said: Vec<String> = output.by_ref().take(lines).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // The lines that were in the pipe when it died were printed as well; a line that was cut off was not.
    said.extend(output.map_while(Result::ok).filter(|line| line.contains("-t")));
    said
}
