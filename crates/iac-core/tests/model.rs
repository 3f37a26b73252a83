//! Random programs, failures, kills and meddlers: whatever happened, the next `up` makes the world as declared, and a
//! destroy leaves nothing.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;
use iac_core::declare::{Declaration, Handle};
use iac_core::plan::DeleteData;
use proptest::prelude::*;
use serde_json::json;
use support::harness::{Bench, declare, thing};

/// How many different names a program draws from.
const NAMES: usize = 6;

/// One resource of a random program.
#[derive(Debug, Clone)]
struct Thing {
    value: u8,
    fixed: u8,
    /// Lower-numbered resources whose output it uses.
    uses: BTreeSet<usize>,
    /// Lower-numbered resources that it waits for.
    after: BTreeSet<usize>,
}

type Program = BTreeMap<usize, Thing>;

/// What happens in one run.
#[derive(Debug, Clone)]
enum Fate {
    Well,
    KilledAt(usize),
    Failing(BTreeSet<usize>),
}

/// What somebody else does between two runs.
#[derive(Debug, Clone)]
enum Meddling {
    Nothing,
    Changes(usize),
    Deletes(usize),
}

fn things() -> impl Strategy<Value = Program> {
    let thing = (
        0..3_u8,
        0..2_u8,
        prop::collection::btree_set(0..NAMES, 0..3),
        prop::collection::btree_set(0..NAMES, 0..2),
    );
    let thing = thing.prop_map(|(value, fixed, uses, after)| Thing {
        value,
        fixed,
        uses,
        after,
    });
    prop::collection::btree_map(0..NAMES, thing, 0..=NAMES)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Fate::Well),
        3 => (1..16_usize).prop_map(Fate::KilledAt),
        2 => prop::collection::btree_set(0..NAMES, 1..3).prop_map(Fate::Failing),
    ]
}

fn meddling() -> impl Strategy<Value = Meddling> {
    prop_oneof![
        2 => Just(Meddling::Nothing),
        1 => (0..NAMES).prop_map(Meddling::Changes),
        1 => (0..NAMES).prop_map(Meddling::Deletes),
    ]
}

fn name(number: usize) -> String {
    format!("n{number}")
}

fn declaration(program: &Program) -> Declaration {
    declare(|stack| {
        let mut handles: BTreeMap<usize, Handle<()>> = BTreeMap::new();
        for (number, one) in program {
            let uids = one
                .uses
                .iter()
                .filter_map(|used| Some(handles.get(used)?.output("/uid").to_string()));
            let value = format!("{} {}", one.value, uids.collect::<Vec<_>>().join(" "));
            let mut handle = thing(stack, &name(*number), json!({ "value": value, "fixed": one.fixed }));
            for earlier in one.after.iter().filter_map(|earlier| handles.get(earlier)) {
                handle = handle.after(earlier.ready());
            }
            handles.insert(*number, handle);
        }
    })
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

fn meddle(bench: &Bench, meddling: &Meddling) {
    bench.world.meddle(|objects| match meddling {
        Meddling::Nothing => {}
        Meddling::Changes(number) => {
            if let Some(object) = objects.get_mut(&name(*number)) {
                object
                    .inputs
                    .set_at(&"value".parse().unwrap(), Some(Value::from("meddled")));
            }
        }
        Meddling::Deletes(number) => {
            objects.remove(&name(*number));
        }
    });
}

/// What the world has to look like: every declared object, with the uids that the others have now.
fn check(bench: &Bench, program: &Program) {
    let objects = bench.world.objects();
    let names: Vec<String> = program.keys().copied().map(name).collect();
    assert_eq!(
        objects.keys().cloned().collect::<Vec<_>>(),
        names,
        "nothing missing, nothing left over"
    );
    for (number, one) in program {
        let object = &objects[&name(*number)];
        let used = one
            .uses
            .iter()
            .filter(|used| *used < number && program.contains_key(used));
        let uids: Vec<String> = used.map(|used| format!("u{}", objects[&name(*used)].uid)).collect();
        let value = format!("{} {}", one.value, uids.join(" "));
        assert_eq!(object.inputs.get("value"), Some(&Value::from(value)), "n{number}");
        assert_eq!(
            object.inputs.get("fixed").and_then(Value::as_i64),
            Some(i64::from(one.fixed)),
            "n{number}"
        );
    }
}

async fn story(runs: Vec<(Program, Fate, Meddling)>) {
    let bench = Bench::new();
    for (program, fate, meddling) in &runs {
        run(&bench, program, fate).await;
        meddle(&bench, meddling);
    }
    let (program, _, _) = &runs[runs.len() - 1];
    let declaration = declaration(program);
    let report = bench.up(&declaration).await;
    assert!(report.is_ok(), "{:?}", report.outcomes);
    check(&bench, program);
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

    #[test]
    fn whatever_happened_the_next_run_converges(
        runs in prop::collection::vec((things(), fate(), meddling()), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(story(runs));
    }
}
