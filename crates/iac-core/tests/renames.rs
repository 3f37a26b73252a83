//! Random programs that give names away, take them back and swap them, with kills and failures in between: whatever
//! happened, the next `up` leaves exactly the objects that are declared.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;
use iac_core::declare::{Declaration, Declared as _, Handle};
use iac_core::plan::{DeleteData, Plan};
use iac_core::state::{Record, State};
use proptest::prelude::*;
use serde_json::json;
use support::harness::{Bench, declare, thing};
use support::programs::{cases, tell};

/// The number of resources that a program draws from.
const KEYS: usize = 4;
/// The number of names that they share.
const NAMES: usize = 4;

#[derive(Debug, Clone)]
struct Thing {
    /// One of the shared names.
    name: usize,
    /// Instead of a shared name: one of two of its own, with something that only one object can hold; two resources may
    /// want the same.
    alone: Option<bool>,
    value: u8,
    fixed: u8,
    delete_first: bool,
    /// It holds data, which no `up` may delete.
    data: bool,
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
        prop::bool::weighted(0.25),
        prop::collection::btree_set(0..KEYS, 0..3),
    );
    let thing = thing.prop_map(|(name, alone, value, fixed, delete_first, data, uses)| Thing {
        name,
        alone,
        value,
        fixed,
        delete_first,
        data,
        uses,
    });
    prop::collection::btree_map(0..KEYS, thing, 0..=KEYS).prop_map(|mut program| {
        let mut taken = BTreeSet::new();
        program.retain(|key, thing| taken.insert(name(*key, thing)));
        let mut ports = BTreeSet::new();
        program.retain(|key, thing| thing.alone.is_none() || ports.insert(held(*key)));
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

/// Returns the thing that only one object can hold; each two resources want the same one.
fn held(key: usize) -> String {
    format!("port {}", key / 2)
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
                "data": one.data,
            });
            if one.alone.is_some() {
                inputs["exclusive"] = held(*key).into();
            }
            let mut handle = thing(stack, &format!("k{key}"), inputs);
            if one.delete_first {
                handle = handle.delete_before_replace();
            }
            handles.insert(*key, handle);
        }
    })
}

/// Returns the permissions that a plan wants: the names behind `--delete-data` in its problems.
fn wanted(plan: &Plan) -> Vec<String> {
    let hints = plan.problems.iter().filter_map(|problem| problem.hint.as_deref());
    let names = hints.flat_map(|hint| hint.split("--delete-data ").skip(1));
    names.map(|name| name.split(' ').next().unwrap().to_owned()).collect()
}

/// Returns the data that may go, so that the plan can be carried out. None where it cannot be in one run: one resource gives up
/// the thing that another one is to hold, and needs that one.
async fn consent(bench: &Bench, declaration: &Declaration) -> Option<BTreeSet<String>> {
    let mut consent = BTreeSet::new();
    loop {
        let names: Vec<&str> = consent.iter().map(String::as_str).collect();
        let plan = bench.preview_deleting(declaration, &names).await;
        if plan.problems.is_empty() {
            return Some(consent);
        }
        let mut hints = plan.problems.iter().filter_map(|problem| problem.hint.as_deref());
        if hints.any(|hint| hint.contains("in two runs")) {
            return None;
        }
        let before = consent.len();
        consent.extend(wanted(&plan));
        assert!(
            consent.len() > before,
            "every problem says what to allow: {:?}",
            plan.problems
        );
    }
}

/// The objects that hold data, each with its number.
fn data(bench: &Bench) -> BTreeMap<String, u64> {
    let objects = bench.world.objects().into_iter();
    let holds = objects.filter(|(_, object)| object.inputs.get("data") == Some(&Value::Bool(true)));
    holds.map(|(name, object)| (name, object.uid)).collect()
}

/// `up`, after which all data is still there that nobody let go, unless an object was declared without it.
async fn up(bench: &Bench, declaration: &Declaration, killed_at: Option<usize>) {
    let Some(consent) = consent(bench, declaration).await else {
        return;
    };
    let names: Vec<&str> = consent.iter().map(String::as_str).collect();
    let before = data(bench);
    match killed_at {
        Some(boundary) => drop(bench.up_deleting_killed_at(boundary, declaration, &names).await),
        None => drop(bench.up_deleting(declaration, &names).await),
    }
    let now = bench.world.objects();
    for (name, uid) in before.into_iter().filter(|(name, _)| !consent.contains(name)) {
        assert_eq!(now.get(&name).map(|object| object.uid), Some(uid), "{name} held data");
    }
}

async fn run(bench: &Bench, program: &Program, fate: &Fate) {
    let declaration = declaration(program);
    match fate {
        Fate::Well => up(bench, &declaration, None).await,
        Fate::KilledAt(boundary) => up(bench, &declaration, Some(*boundary)).await,
        Fate::Failing(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("s{name}")).collect();
            bench.world.fail(&names.iter().map(String::as_str).collect::<Vec<_>>());
            up(bench, &declaration, None).await;
            bench.world.fail(&[]);
        }
    }
}

/// The objects that hold data, and those of all resources that these need by their records.
async fn kept(bench: &Bench) -> BTreeSet<String> {
    let mut kept: BTreeSet<String> = data(bench).into_keys().collect();
    let records = bench.store().load().await.unwrap().records;
    loop {
        let mut needed = Vec::new();
        for record in records.values() {
            let own = (&record.identity, &record.dependencies);
            let formers = record
                .formers
                .iter()
                .map(|former| (&former.identity, &former.dependencies));
            for (_, on) in formers.chain([own]).filter(|(identity, _)| kept.contains(*identity)) {
                needed.extend(on.iter().filter_map(|(key, _)| records.get(key)));
            }
        }
        let before = kept.len();
        for record in needed {
            kept.extend(record.formers.iter().map(|former| former.identity.clone()));
            kept.insert(record.identity.clone());
        }
        if kept.len() == before {
            return kept;
        }
    }
}

async fn check(bench: &Bench, program: &Program) {
    let objects = bench.world.objects();
    let declared: BTreeSet<String> = program.iter().map(|(key, one)| name(*key, one)).collect();
    let kept = kept(bench).await;
    let there: BTreeSet<String> = objects.keys().cloned().collect();
    assert!(there.is_superset(&declared), "nothing is missing: {there:?}");
    let left: BTreeSet<&String> = there.difference(&declared).collect();
    assert!(
        left.iter().all(|name| kept.contains(*name)),
        "nothing is left but data and what it needs: {left:?}"
    );
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

/// The names that each resource is recorded with, its own first.
fn names_in(state: &State) -> Vec<(String, Vec<String>)> {
    let names = |record: &Record| {
        let own = (!record.gone).then(|| record.identity.clone());
        let formers = record
            .formers
            .iter()
            .map(|former| format!("former {}", former.identity));
        own.into_iter().chain(formers).collect()
    };
    let records = state.records.iter();
    records
        .map(|(key, record)| (key.name().to_owned(), names(record)))
        .collect()
}

async fn story(runs: Vec<(Program, Fate)>) {
    let bench = Bench::in_memory();
    for (program, fate) in &runs {
        run(&bench, program, fate).await;
    }
    let (program, _) = &runs[runs.len() - 1];
    let declaration = declaration(program);
    if let Some(consent) = consent(&bench, &declaration).await {
        converges(&bench, program, &consent).await;
    }
    assert!(bench.destroy(DeleteData::All).await.is_ok());
    assert!(bench.world.objects().is_empty());
    assert!(bench.store().load().await.unwrap().records.is_empty());
}

/// After an `up` all is as declared, and each object is recorded once.
async fn converges(bench: &Bench, program: &Program, consent: &BTreeSet<String>) {
    let declaration = declaration(program);
    let names: Vec<&str> = consent.iter().map(String::as_str).collect();
    let report = bench.up_deleting(&declaration, &names).await;
    assert!(report.is_ok(), "{:?}", report.outcomes);
    check(bench, program).await;
    let plan = bench.preview(&declaration).await;
    assert!(plan.is_empty(), "{:?}", plan.changes().collect::<Vec<_>>());
    let state = bench.store().load().await.unwrap();
    assert!(state.pending.is_empty());
    let mut left: BTreeSet<String> = bench.world.objects().into_keys().collect();
    for record in state.records.values() {
        let own = (!record.gone).then_some(&record.identity);
        for identity in own
            .into_iter()
            .chain(record.formers.iter().map(|former| &former.identity))
        {
            assert!(
                left.remove(identity),
                "{identity} is recorded twice, or is not there: {:?}",
                names_in(&state)
            );
        }
    }
    assert!(left.is_empty(), "nobody knows of {left:?}");
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
