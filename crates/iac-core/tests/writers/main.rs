//! Two machines that work on one stack: they stand still and go on, are killed, cancelled, unlocked and lied to by their
//! storage, while somebody else changes the world. Whatever the story, nobody writes or acts after being overtaken, no run
//! deletes data that it may not, and the next `up` makes the world as declared.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod fleet;
mod late;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use iac_core::apply::Cancel;
use iac_core::state::BackendErrorKind;
use proptest::prelude::*;
use support::programs::{Meddling, NAMES, Program, cases, meddling, name, programs_with_data, tell};
use support::storage::Verdict;

use crate::fleet::Fleet;

/// The number of machines.
const MACHINES: usize = 2;

/// The next thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A machine begins `up` with this program, or `destroy`, unless it is at work; it may let all data go. Then time
    /// passes, and something may happen to it.
    Start(usize, Option<Program>, bool, Duration, Option<Turn>),
    /// This happens to a machine.
    Turn(usize, Turn),
    /// Somebody ends the lease, whoever has it.
    Unlock,
    /// Time passes.
    Wait(Duration),
    /// Somebody else changes the world.
    Meddle(Meddling),
    /// From now on, operations on these fail.
    FailWorld(Vec<String>),
    /// This many of a machine's next calls to its storage go like this.
    FailStorage(usize, usize, Verdict),
}

/// An incident of a machine.
#[derive(Debug, Clone)]
enum Turn {
    /// Its calls stand still: those that were sent have no effect yet.
    Stand,
    /// The same, and somebody ends its lease.
    Unlocked,
    /// They go on.
    GoOn,
    /// It is killed; another one takes its place.
    Kill,
    /// It is told to stop.
    Cancel(Cancel),
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let kinds = prop_oneof![
        3 => Just(BackendErrorKind::Transient),
        1 => Just(BackendErrorKind::Full),
        1 => Just(BackendErrorKind::Other),
    ];
    (kinds, any::<bool>()).prop_map(|(kind, lost)| match lost {
        true => Verdict::LoseAnswer(kind),
        false => Verdict::Fail(kind),
    })
}

fn turns() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => Just(Turn::Stand),
        3 => Just(Turn::Unlocked),
        2 => Just(Turn::GoOn),
        2 => Just(Turn::Kill),
        1 => Just(Turn::Cancel(Cancel::Gently)),
        1 => Just(Turn::Cancel(Cancel::AtOnce)),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let machine = 0..MACHINES;
    // A lease is over after ten seconds. A run does what it does within some hundred milliseconds, and most of that
    // between the thirtieth and the hundredth.
    let up_to = |most: u64| (0..most).prop_map(Duration::from_millis);
    let fails = prop::collection::vec((0..NAMES).prop_map(name), 0..3);
    prop_oneof![
        8 => (
            machine.clone(),
            prop::option::weighted(0.9, programs_with_data()),
            prop::bool::weighted(0.3),
            (20..120_u64).prop_map(Duration::from_millis),
            prop::option::weighted(0.7, turns()),
        )
            .prop_map(|(machine, program, consent, long, turn)| Step::Start(machine, program, consent, long, turn)),
        3 => (machine.clone(), turns()).prop_map(|(machine, turn)| Step::Turn(machine, turn)),
        3 => Just(Step::Unlock),
        2 => up_to(15_000).prop_map(Step::Wait),
        4 => up_to(200).prop_map(Step::Wait),
        1 => meddling().prop_map(Step::Meddle),
        1 => fails.prop_map(Step::FailWorld),
        1 => (machine, 1..4_usize, verdicts())
            .prop_map(|(machine, calls, verdict)| Step::FailStorage(machine, calls, verdict)),
    ]
}

async fn happen(fleet: &mut Fleet, machine: usize, turn: &Turn) {
    fleet.look().await;
    match turn {
        Turn::Stand => fleet.stand(machine),
        Turn::Unlocked => {
            fleet.stand(machine);
            fleet.unlock().await;
        }
        Turn::GoOn => fleet.go_on(machine),
        Turn::Kill => fleet.kill(machine),
        Turn::Cancel(cancel) => fleet.cancel(machine, *cancel),
    }
}

async fn story(steps: Vec<Step>, last: Program) {
    let mut fleet = Fleet::new(MACHINES);
    for step in steps {
        match step {
            Step::Start(machine, program, consent, long, turn) => {
                fleet.start(machine, program, consent).await;
                tokio::time::sleep(long).await;
                if let Some(turn) = turn {
                    happen(&mut fleet, machine, &turn).await;
                }
            }
            Step::Turn(machine, turn) => happen(&mut fleet, machine, &turn).await,
            Step::Unlock => fleet.unlock().await,
            Step::Wait(long) => tokio::time::sleep(long).await,
            Step::Meddle(meddling) => fleet.meddle(&meddling),
            Step::FailWorld(names) => fleet.world.fail(&names.iter().map(String::as_str).collect::<Vec<_>>()),
            Step::FailStorage(machine, calls, verdict) => fleet.fail_storage(machine, calls, verdict),
        }
        fleet.look().await;
    }
    fleet.rest().await;
    fleet.ends_as_declared(&last).await;
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn whatever_two_writers_do_the_next_run_converges(
        steps in prop::collection::vec(steps(), 1..24),
        last in programs_with_data(),
    ) {
        tell(story(steps, last));
    }
}
