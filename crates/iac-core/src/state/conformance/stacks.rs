//! The purpose of all of it: stacks that live on the storage.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::client::{Client, Ground, together};
use crate::declare::Options;
use crate::provider::Recorded;
use crate::state::{
    Binding, Etag, KeySource, NewRecord, OpKind, Operation, RunInfo, StateError, Store, Summary, Writer,
};
use crate::{Key, Value};

/// Longer than any check takes: leases run out only where a check says so.
const HOUR: Duration = Duration::from_secs(3600);

fn store(client: &Client, stack: &str) -> Store {
    // No secret is written, so that nobody asks for the key.
    let keys = KeySource::identity_file("no such file");
    Store::new(Arc::clone(&client.0), stack, keys).lease_ttl(HOUR)
}

fn failed(what: &'static str) -> impl FnOnce(StateError) -> String {
    move |error| format!("{what} failed: {error}")
}

async fn begin(store: &Store) -> Result<Writer, String> {
    let run = RunInfo::current("conformance", "");
    store.begin(run, Duration::ZERO).await.map_err(failed("begin of a run"))
}

async fn finish(writer: Writer) -> Result<u64, String> {
    let summary = Summary {
        ok: true,
        ..Summary::default()
    };
    writer.finish(summary).await.map_err(failed("finish of a run"))
}

fn key(name: &str) -> Result<Key, String> {
    Key::new("", "test:conformance/Thing", name).map_err(|error| error.to_string())
}

fn record(name: &str, content: String) -> Result<NewRecord, String> {
    let recorded = Recorded {
        key: key(name)?,
        identity: format!("Thing {name}"),
        uid: None,
        inputs: Value::from(Json::from(content)),
        outputs: Value::Null,
        private: Default::default(),
        dependencies: Vec::new(),
        ready: true,
    };
    Ok(NewRecord::new(recorded, Options::default(), None))
}

fn operation(kind: OpKind, name: &str) -> Result<Operation, String> {
    Ok(Operation {
        kind,
        key: key(name)?,
        identity: format!("Thing {name}"),
        uid: None,
        inputs_digest: String::new(),
    })
}

/// Creates a thing, as far as state is concerned.
async fn create(writer: &Writer, name: &str, content: String) -> Result<(), String> {
    let operation = operation(OpKind::Create, name)?;
    let op = writer
        .begin_op(operation)
        .await
        .map_err(failed("record of an intent"))?;
    let applied = writer.applied(op, record(name, content)?).await;
    applied.map_err(failed("record of an outcome"))
}

/// Returns a client's view of a stack: its version, the names of its records, and the number of pending operations.
async fn seen(client: &Client, stack: &str) -> Result<(u64, Vec<String>, usize), String> {
    let state = store(client, stack).load().await.map_err(failed("load"))?;
    let names = state.records.keys().map(|key| key.name().to_owned()).collect();
    Ok((state.version, names, state.pending.len()))
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what}: {seen:?}; expected {expected:?}"))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) async fn a_stack_lives_and_is_read_by_others(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let stack = &ground.folder;
    expect(
        "a stack before its first run",
        &seen(&one, stack).await?,
        &(0, vec![], 0),
    )?;
    let binding = Binding {
        program: "conformance".to_owned(),
        ..Binding::default()
    };
    // Enough for snapshots to be written, and what lies before them to be removed.
    for run in 1..=4_u64 {
        let writer = begin(&store(if run % 2 == 0 { &one } else { &two }, stack)).await?;
        let tasks = (0..6).map(|n| {
            let writer = writer.clone();
            async move { create(&writer, &format!("thing-{n}"), format!("{run}").repeat(12_000)).await }
        });
        together(tasks).await?;
        if run == 1 {
            let bound = writer.bind(binding.clone()).await;
            bound.map_err(failed("record of what the stack belongs to"))?;
        }
        if run == 3 {
            let removal = operation(OpKind::Delete, "thing-5")?;
            let op = writer.begin_op(removal).await.map_err(failed("record of an intent"))?;
            writer.deleted(op).await.map_err(failed("record of an outcome"))?;
            let during = seen(&one, stack).await?;
            expect("a load by another client during a run", &during.1.len(), &5)?;
        }
        expect("a run's version", &finish(writer).await?, &run)?;
        let names = (0..if run == 3 { 5 } else { 6 }).map(|n| format!("thing-{n}"));
        let expected = (run, names.collect(), 0);
        for client in [&one, &two] {
            expect("a load after a run", &seen(client, stack).await?, &expected)?;
        }
    }
    for client in [&one, &two] {
        let state = store(client, stack).load().await.map_err(failed("load"))?;
        expect("what the stack belongs to", &state.binding.as_ref(), &Some(&binding))?;
    }
    let history = store(&one, stack).history().await.map_err(failed("history"))?;
    let versions: Vec<u64> = history.iter().map(|version| version.version).collect();
    expect("the history's versions", &versions, &vec![1, 2, 3, 4])?;
    let stacks = Store::stacks(&*two.0).await.map_err(failed("list of stacks"))?;
    expect("whether the stack is listed", &stacks.contains(stack), &true)
}

pub(super) async fn one_of_many_runs_gets_the_lease(ground: Ground) -> Result<(), String> {
    let clients: [Client; 4] = ground.clients().await?;
    let attempts = clients.iter().map(|client| {
        let store = store(client, &ground.folder);
        async move {
            let run = RunInfo::current("conformance", "");
            match store.begin(run, Duration::ZERO).await {
                Ok(writer) => Ok(Some(writer)),
                Err(StateError::Locked { .. }) => Ok(None),
                Err(error) => Err(format!("begin of a run failed: {error}")),
            }
        }
    });
    let writers: Vec<Writer> = together(attempts).await?.into_iter().flatten().collect();
    expect("how many of 4 runs got the lease", &writers.len(), &1)?;
    for writer in writers {
        create(&writer, "a", String::new()).await?;
        finish(writer).await?;
    }
    let seen = seen(&clients[3], &ground.folder).await?;
    expect("a load after the run", &seen, &(1, names(&["a"]), 0))
}

pub(super) async fn a_dead_holder_is_taken_over(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let (stack, lease) = (&ground.folder, ground.key("lease.json"));
    let writer = begin(&store(&one, stack)).await?;
    create(&writer, "a", String::new()).await?;
    let intent = writer.begin_op(operation(OpKind::Create, "b")?).await;
    intent.map_err(failed("record of an intent"))?;
    let held = read_json(&one, &lease).await?.0;
    writer.abandon().await;
    // The lease as it would be had the holder died elsewhere.
    let (_, etag) = read_json(&one, &lease).await?;
    let mut dead = held;
    dead["ttl_ms"] = Json::from(200);
    if let Some(holder) = dead.pointer_mut("/claim/held").and_then(Json::as_object_mut) {
        holder.remove("process");
    }
    one.replace(&lease, dead.to_string().as_bytes(), &etag).await?;

    let next = begin(&store(&two, stack)).await?;
    let pending: Vec<String> = (next.state().pending.iter())
        .map(|pending| pending.key.name().to_owned())
        .collect();
    expect("what a dead holder left undone", &pending, &names(&["b"]))?;
    for pending in &next.state().pending {
        next.resolve(pending.op)
            .await
            .map_err(failed("record of what was settled"))?;
    }
    create(&next, "c", String::new()).await?;
    finish(next).await?;
    let expected = (1, names(&["a", "c"]), 0);
    expect("a load after the takeover", &seen(&one, stack).await?, &expected)
}

async fn read_json(client: &Client, key: &str) -> Result<(Json, Etag), String> {
    let object = client.read(key).await?;
    let object = object.ok_or_else(|| format!("{key:?} holds nothing while a run holds the lease"))?;
    let json = serde_json::from_slice(&object.bytes).map_err(|error| format!("{key:?} is no JSON: {error}"))?;
    Ok((json, object.etag))
}

pub(super) async fn a_writer_that_lost_its_lease_is_fenced(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    let stack = &ground.folder;
    let old = begin(&store(&one, stack)).await?;
    create(&old, "a", String::new()).await?;
    let other = store(&two, stack);
    let unlocked = other.unlock().await.map_err(failed("unlock"))?;
    expect("whether unlock found a holder", &unlocked.is_some(), &true)?;
    let new = begin(&other).await?;
    for attempt in ["b", "c"] {
        match old.begin_op(operation(OpKind::Create, attempt)?).await {
            Err(StateError::LeaseLost { .. }) => {}
            Err(error) => {
                return Err(format!(
                    "a run that lost its lease was stopped by another error: {error}"
                ));
            }
            Ok(_) => {
                return Err("a run that lost its lease could still record an intent".to_owned());
            }
        }
    }
    create(&new, "d", String::new()).await?;
    if finish(old).await.is_ok() {
        return Err("a run that lost its lease could still finish".to_owned());
    }
    create(&new, "e", String::new()).await?;
    finish(new).await?;
    let expected = (1, names(&["a", "d", "e"]), 0);
    expect("a load after all", &seen(&one, stack).await?, &expected)
}

pub(super) async fn stacks_live_side_by_side(ground: Ground) -> Result<(), String> {
    let [one, two] = ground.clients().await?;
    // One name begins with the other.
    let stacks = [ground.folder.clone(), format!("{}-b", ground.folder)];
    let lives =
        [(one.clone(), stacks[0].clone()), (two.clone(), stacks[1].clone())].map(|(client, stack)| async move {
            for run in 0..3 {
                let writer = begin(&store(&client, &stack)).await?;
                create(&writer, &format!("{stack}.{run}"), "x".repeat(40_000)).await?;
                finish(writer).await?;
            }
            Ok(())
        });
    together(lives).await?;
    for stack in &stacks {
        let own = (0..3).map(|run| format!("{stack}.{run}")).collect();
        let expected = (3, own, 0);
        for client in [&one, &two] {
            expect(
                "a load with another stack beside it",
                &seen(client, stack).await?,
                &expected,
            )?;
        }
    }
    Ok(())
}
