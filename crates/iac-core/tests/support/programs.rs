//! Random programs of a few resources that use each other, and what the world has to look like after one.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;
use iac_core::declare::{Declaration, Declared as _, Handle};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::json;

use super::harness::{declare, thing};
use super::memory::World;

/// The number of different names that a program draws from.
pub(crate) const NAMES: usize = 6;

/// One resource of a random program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Thing {
    value: u8,
    fixed: u8,
    /// It holds data.
    data: bool,
    /// Lower-numbered resources whose output it uses.
    uses: BTreeSet<usize>,
    /// Lower-numbered resources that it waits for.
    after: BTreeSet<usize>,
}

/// The resources by number.
pub(crate) type Program = BTreeMap<usize, Thing>;

/// As many cases as `PROPTEST_CASES` says, or so many; what failed once is kept beside the test.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config
}

/// Tells a story, in a time that passes by itself while everybody waits.
pub(crate) fn tell(story: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true);
    runtime.build().unwrap().block_on(story);
}

/// The interference of somebody else.
#[derive(Debug, Clone)]
pub(crate) enum Meddling {
    Nothing,
    Changes(usize),
    Deletes(usize),
}

pub(crate) fn programs() -> impl Strategy<Value = Program> {
    let thing = (
        0..3_u8,
        0..2_u8,
        prop::collection::btree_set(0..NAMES, 0..3),
        prop::collection::btree_set(0..NAMES, 0..2),
    );
    let thing = thing.prop_map(|(value, fixed, uses, after)| Thing {
        value,
        fixed,
        data: false,
        uses,
        after,
    });
    prop::collection::btree_map(0..NAMES, thing, 0..=NAMES)
}

/// The same, where some of the resources hold data.
pub(crate) fn programs_with_data() -> impl Strategy<Value = Program> {
    let holders = prop::collection::btree_set(0..NAMES, 0..3);
    (programs(), holders).prop_map(|(mut program, holders)| {
        for (number, thing) in &mut program {
            thing.data = holders.contains(number);
        }
        program
    })
}

pub(crate) fn meddling() -> impl Strategy<Value = Meddling> {
    prop_oneof![
        2 => Just(Meddling::Nothing),
        1 => (0..NAMES).prop_map(Meddling::Changes),
        1 => (0..NAMES).prop_map(Meddling::Deletes),
    ]
}

pub(crate) fn name(number: usize) -> String {
    format!("n{number}")
}

/// Returns the declaration of a program.
pub(crate) fn declaration(program: &Program) -> Declaration {
    declare(|stack| {
        let mut handles: BTreeMap<usize, Handle<()>> = BTreeMap::new();
        for (number, one) in program {
            let uids = one
                .uses
                .iter()
                .filter_map(|used| Some(handles.get(used)?.output("/uid").to_string()));
            let value = format!("{} {}", one.value, uids.collect::<Vec<_>>().join(" "));
            let mut inputs = json!({ "value": value, "fixed": one.fixed });
            if one.data {
                inputs["data"] = true.into();
            }
            let mut earlier: Vec<usize> = one
                .after
                .iter()
                .copied()
                .filter(|one| handles.contains_key(one))
                .collect();
            // One of them is asked for by the inputs, so that this one can be made ahead.
            if let Some(last) = earlier.pop() {
                inputs["ordered_ref"] = name(last).into();
            }
            let mut handle = thing(stack, &name(*number), inputs);
            for earlier in earlier.iter().filter_map(|earlier| handles.get(earlier)) {
                handle = handle.after(earlier.ready());
            }
            handles.insert(*number, handle);
        }
    })
}

/// Does it.
pub(crate) fn meddle(world: &World, meddling: &Meddling) {
    world.meddle(|objects| match meddling {
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

/// Fails unless the world has every declared object, with the uids that the others have now, and no other.
pub(crate) fn check(world: &World, program: &Program) {
    let objects = world.objects();
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
        assert_eq!(object.inputs.get("data").is_some(), one.data, "n{number}");
    }
}
