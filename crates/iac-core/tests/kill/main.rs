//! The process is killed at every boundary of storage and provider, in everything that a run can be doing; the next run
//! makes the world as declared, with nothing left over, nothing made twice and no question. And so it does when that
//! run is killed as well, or storage fails instead.
//!
//! Time is simulated: a dead machine's lease runs out at once. Of pairs of kills and of failures some are tried, and with
//! `IAC_ALL_KILLS` all.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test may stop at once, and this one says how much it tried"
)]

mod machine;
mod scenarios;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use iac_core::Value;
use iac_core::state::BackendErrorKind;
use iac_core::state::conformance::Fault;
use machine::Machine;
use scenarios::Scenario;

/// Of the boundaries of a first kill, and of those of a second, every how manieth is tried.
const STRIDE: (usize, usize) = (17, 11);

fn all() -> bool {
    std::env::var_os("IAC_ALL_KILLS").is_some()
}

/// The objects of a world, without what differs between two that were made alike.
fn world(machine: &Machine) -> BTreeMap<String, Value> {
    let objects = machine.bench.world.objects();
    let alike = |(name, object): (String, support::memory::Object)| {
        let mut inputs = object.inputs;
        let drawn = inputs.get("value").is_some_and(Value::has_secret);
        if drawn {
            inputs.set_at(&"value".parse().unwrap(), None);
        }
        (name, inputs)
    };
    objects.into_iter().map(alike).collect()
}

/// The machine before the run that is killed.
async fn start(scenario: &Scenario) -> Machine {
    let machine = Machine::new();
    if let Some(before) = &scenario.before {
        assert!(before.on(&machine.bench).await.unwrap().is_ok());
    }
    machine.bench.world.meddle(scenario.meddle);
    machine.fork()
}

/// Returns the world after the run when nothing is in the way.
async fn undisturbed(scenario: &Scenario, start: &Machine) -> BTreeMap<String, Value> {
    let machine = start.fork();
    assert!(scenario.run.on(&machine.bench).await.unwrap().is_ok());
    world(&machine)
}

/// Runs to the end, and sees that everything is as it should be.
async fn heal(scenario: &Scenario, machine: &Machine, expected: &BTreeMap<String, Value>, context: &str) {
    let open = machine.bench.store().load().await.unwrap().pending.len();
    let report = scenario.run.on(&machine.bench).await;
    assert!(
        report.as_ref().is_ok_and(|report| report.is_ok()),
        "{context}: {report:?}"
    );
    assert_eq!(machine.bench.take_recovered().len(), open, "{context}: a line for each");
    assert_eq!(&world(machine), expected, "{context}");
    assert!(scenario.run.is_settled(&machine.bench).await, "{context}");
    let store = machine.bench.store();
    let state = store.load().await.unwrap();
    assert!(state.pending.is_empty(), "{context}: {:?}", state.pending);
    for record in state.records.values() {
        let formers: Vec<&str> = record.formers.iter().map(|former| former.identity.as_str()).collect();
        assert!(
            formers.iter().all(|former| scenario.keeps.contains(former)),
            "{context}: {record:?}"
        );
        assert!(!record.gone, "{context}: {record:?}");
    }
    let check = store.check().await.unwrap();
    assert!(check.is_whole(), "{context}: {check:?}");
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_boundary_the_next_run_heals() {
    for scenario in scenarios::all() {
        let start = start(&scenario).await;
        let expected = undisturbed(&scenario, &start).await;
        let mut kills = 0;
        while let Some(machine) = start.fork().killed_at(kills + 1, &scenario.run).await {
            kills += 1;
            let context = format!("{}, killed at {kills}", scenario.name);
            heal(&scenario, &machine, &expected, &context).await;
        }
        assert!(kills > 8, "{} has but {kills} boundaries", scenario.name);
        println!("{:<45} {kills:>4} kills", scenario.name);
    }
}

#[tokio::test(start_paused = true)]
async fn killed_again_while_it_heals_the_run_after_heals() {
    let (first_stride, second_stride) = if all() { (1, 1) } else { STRIDE };
    for (number, scenario) in scenarios::all().into_iter().enumerate() {
        let start = start(&scenario).await;
        let expected = undisturbed(&scenario, &start).await;
        // Another offset each, so that not the same calls are left out everywhere.
        let mut first = 1 + number % first_stride;
        let mut pairs = 0;
        while let Some(once) = start.fork().killed_at(first, &scenario.run).await {
            let mut second = 1 + (number + pairs) % second_stride;
            while let Some(twice) = once.fork().killed_at(second, &scenario.run).await {
                let context = format!("{}, killed at {first} and {second}", scenario.name);
                heal(&scenario, &twice, &expected, &context).await;
                pairs += 1;
                second += second_stride;
            }
            first += first_stride;
        }
        println!("{:<45} {pairs:>4} pairs", scenario.name);
    }
}

/// The faults of an operation on storage: with each, whether all is well again then, or nothing works any more.
const FAULTS: [(&str, Fault, bool); 4] = [
    ("the disk is full", Fault::Before(BackendErrorKind::Full), true),
    ("the folder is read only", Fault::Before(BackendErrorKind::Denied), true),
    ("an fsync fails", Fault::After(BackendErrorKind::Other), true),
    ("an answer is lost", Fault::After(BackendErrorKind::Transient), false),
];

#[tokio::test(start_paused = true)]
async fn storage_fails_at_any_operation_and_the_next_run_heals() {
    for (number, scenario) in scenarios::all().into_iter().enumerate() {
        let start = start(&scenario).await;
        let expected = undisturbed(&scenario, &start).await;
        for call in 1.. {
            let chosen = (number + usize::try_from(call).unwrap()) % FAULTS.len();
            let faults = FAULTS.iter().enumerate();
            let mut ended_before = false;
            for (_, fault) in faults.filter(|(position, _)| all() || *position == chosen) {
                ended_before = fails(&scenario, &start, call, *fault, &expected).await;
            }
            if ended_before {
                assert!(call > 8, "{} has but {call} operations", scenario.name);
                break;
            }
        }
    }
}

/// Storage fails from this operation on, and is well again for the next run. Gives whether the first had ended before.
async fn fails(
    scenario: &Scenario,
    start: &Machine,
    call: u64,
    (name, fault, lasting): (&str, Fault, bool),
    expected: &BTreeMap<String, Value>,
) -> bool {
    let (machine, storage) = start.faulty();
    storage.rule(move |this| {
        let hit = this.method.writes() && (this.number == call || lasting && this.number > call);
        hit.then_some(fault)
    });
    let result = scenario.run.on(&machine.bench).await;
    let context = format!("{}, {name} from operation {call} on: {result:?}", scenario.name);
    heal(scenario, &machine.fork(), expected, &context).await;
    storage.calls() < call
}
