//! Random programs that give names away, take them back and swap them, with kills and failures in between: whatever
//! happened, the next `up` leaves exactly the objects that are declared.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;
use iac_core::declare::{Declaration, Handle};
use iac_core::plan::DeleteData;
use proptest::prelude::*;
use serde_json::json;
use support::harness::{Bench, declare, thing};
use support::programs::{cases, tell};

/// How many resources a program draws from.
const KEYS: usize = 4;
/// How many names they share.
const NAMES: usize = 4;

#[derive(Debug, Clone)]
struct Thing {
    /// One of the shared names.
    name: usize,
    /// Instead of a shared name: one of two of its own, with something that only one object can hold.
    alone: Option<bool>,
    value: u8,
    fixed: u8,
    delete_first: bool,
    /// Lower-numbered resources whose names it uses.
    uses: BTreeSet<usize>,
}

type Program = BTreeMap<usize, Thing>;

#[derive(Debug, Clone)]
enum Fate {
    Well,
    KilledAt(usize),
    Failing(BTreeSet<usize>),
}

fn programs() -> impl Strategy<Value = Program> {
    let thing = (
        0..NAMES,
        prop::option::weighted(0.3, any::<bool>()),
        0..2_u8,
        0..2_u8,
        prop::bool::weighted(0.2),
        prop::collection::btree_set(0..KEYS, 0..3),
    );
    let thing = thing.prop_map(|(name, alone, value, fixed, delete_first, uses)| Thing {
        name,
        alone,
        value,
        fixed,
        delete_first,
        uses,
    });
    prop::collection::btree_map(0..KEYS, thing, 0..=KEYS).prop_map(|mut program| {
        let mut taken = BTreeSet::new();
        program.retain(|key, thing| taken.insert(name(*key, thing)));
        program
    })
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Fate::Well),
        4 => (1..20_usize).prop_map(Fate::KilledAt),
        2 => prop::collection::btree_set(0..NAMES, 1..3).prop_map(Fate::Failing),
    ]
}

fn name(key: usize, thing: &Thing) -> String {
    match thing.alone {
        Some(first) => format!("own-{key}-{first}"),
        None => format!("s{}", thing.name),
    }
}

fn declaration(program: &Program) -> Declaration {
    declare(|stack| {
        let mut handles: BTreeMap<usize, Handle<()>> = BTreeMap::new();
        for (key, one) in program {
            let used = one.uses.iter().filter_map(|used| handles.get(used));
            let used: Vec<String> = used.map(|handle| handle.output("/name").to_string()).collect();
            let mut inputs = json!({
                "name": name(*key, one),
                "value": format!("{} {}", one.value, used.join(" ")),
                "fixed": one.fixed,
            });
            if one.alone.is_some() {
                inputs["exclusive"] = format!("held by {key}").into();
            }
            let mut handle = thing(stack, &format!("k{key}"), inputs);
            if one.delete_first {
                handle = handle.delete_before_replace();
            }
            handles.insert(*key, handle);
        }
    })
}

async fn run(bench: &Bench, program: &Program, fate: &Fate) {
    let declaration = declaration(program);
    match fate {
        Fate::Well => drop(bench.up(&declaration).await),
        Fate::KilledAt(boundary) => drop(bench.up_killed_at(*boundary, &declaration).await),
        Fate::Failing(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("s{name}")).collect();
            bench.world.fail(&names.iter().map(String::as_str).collect::<Vec<_>>());
            drop(bench.up(&declaration).await);
            bench.world.fail(&[]);
        }
    }
}

fn check(bench: &Bench, program: &Program) {
    let objects = bench.world.objects();
    let declared: BTreeSet<String> = program.iter().map(|(key, one)| name(*key, one)).collect();
    let there: BTreeSet<String> = objects.keys().cloned().collect();
    assert_eq!(there, declared, "nothing missing, nothing left over");
    for (key, one) in program {
        let used = one.uses.iter().filter(|used| *used < key);
        let used: Vec<String> = used.filter_map(|used| Some(name(*used, program.get(used)?))).collect();
        let object = &objects[&name(*key, one)];
        let value = format!("{} {}", one.value, used.join(" "));
        assert_eq!(object.inputs.get("value"), Some(&Value::from(value)), "k{key}");
        assert_eq!(
            object.inputs.get("fixed").and_then(Value::as_i64),
            Some(one.fixed.into()),
            "k{key}"
        );
    }
}

async fn story(runs: Vec<(Program, Fate)>) {
    let bench = Bench::in_memory();
    for (program, fate) in &runs {
        run(&bench, program, fate).await;
    }
    let (program, _) = &runs[runs.len() - 1];
    let declaration = declaration(program);
    let report = bench.up(&declaration).await;
    assert!(report.is_ok(), "{:?}", report.outcomes);
    check(&bench, program);
    let plan = bench.preview(&declaration).await;
    assert!(plan.is_empty(), "{:?}", plan.changes().collect::<Vec<_>>());
    let state = bench.store().load().await.unwrap();
    assert!(state.pending.is_empty());
    assert!(
        state
            .records
            .values()
            .all(|record| record.formers.is_empty() && !record.gone)
    );
    assert!(bench.destroy(DeleteData::All).await.is_ok());
    assert!(bench.world.objects().is_empty());
    assert!(bench.store().load().await.unwrap().records.is_empty());
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn whatever_names_were_given_only_declared_objects_are_there(
        runs in prop::collection::vec((programs(), fates()), 1..5),
    ) {
        tell(story(runs));
    }
}
