//! Machines with one storage and one world, each behind its own gate.

use std::sync::Arc;
use std::time::Duration;

use iac_core::apply::{Cancel, Report};
use iac_core::engine::EngineError;
use iac_core::plan::{DeleteData, Mode};
use iac_core::state::StateError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::gate::{Gate, Traffic, Watcher};
use crate::support::harness::{Bench, declare};
use crate::support::memory::World;
use crate::support::programs::{Meddling, Program, check, declaration, meddle};
use crate::support::reached::Reached;
use crate::support::storage::{Memory, Verdict};

/// By then, every run has come to its end, whatever it waits for; in a time that passes by itself.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// By then, calls that go through have had their effect, even if nobody waits for them any more.
const SETTLED: Duration = Duration::from_millis(10);

/// A run under way.
struct Run {
    task: JoinHandle<Result<Report, EngineError>>,
    cancel: watch::Sender<Cancel>,
}

/// A machine, and what it is doing.
struct Machine {
    gate: Gate,
    bench: Arc<Bench>,
    storage: Arc<Memory>,
    run: Option<Run>,
    /// It stood still while another one began and ended a run, in order or not.
    overtaken: bool,
}

/// All machines, and what they share.
pub(crate) struct Fleet {
    pub(crate) world: World,
    home: Bench,
    storage: Arc<Memory>,
    watcher: Watcher,
    machines: Vec<Machine>,
    made: usize,
}

impl Fleet {
    pub(crate) fn new(machines: usize) -> Self {
        let (world, storage) = (World::default(), Memory::new());
        let mut fleet = Self {
            home: Bench::new().elsewhere(world.clone(), storage.view()),
            world,
            storage,
            watcher: Watcher::default(),
            machines: Vec::new(),
            made: 0,
        };
        for _ in 0..machines {
            let machine = fleet.machine();
            fleet.machines.push(machine);
        }
        fleet
    }

    fn machine(&mut self) -> Machine {
        let pace = Duration::from_millis(1 + self.made as u64 % 3);
        let gate = Gate::new(self.made, pace, self.watcher.clone());
        self.made += 1;
        let (world, storage) = (self.world.through(gate.clone()), self.storage.view());
        let reached = Reached {
            storage: Arc::clone(&storage),
            world: world.clone(),
        };
        Machine {
            gate,
            bench: Arc::new(self.home.elsewhere(world, Arc::new(reached))),
            storage,
            run: None,
            overtaken: false,
        }
    }

    /// Begins a run, unless the machine is at one; `consent` lets all data go. A machine that was overtaken goes on before:
    /// the run that overtook it has left open what may come, and it is this one that looks again.
    pub(crate) async fn start(&mut self, machine: usize, program: Option<Program>, consent: bool) {
        if self.machines[machine].run.is_some() {
            return;
        }
        for other in &mut self.machines {
            if other.overtaken {
                other.gate.set(Traffic::Flows);
                other.overtaken = false;
                other.end().await;
                tokio::time::sleep(SETTLED).await;
            }
        }
        let one = &mut self.machines[machine];
        one.overtaken = false;
        one.gate.set(Traffic::Flows);
        tokio::time::sleep(SETTLED).await;
        let (bench, cancel) = (Arc::clone(&one.bench), watch::Sender::new(Cancel::No));
        let told = cancel.clone();
        one.gate.consent(consent);
        let data = if consent { DeleteData::All } else { DeleteData::None };
        let task = tokio::spawn(async move {
            match program {
                Some(program) => bench.run_until(Mode::Up, &declaration(&program), data, &told).await,
                None => bench.run_until(Mode::Destroy, &declare(|_| {}), data, &told).await,
            }
        });
        one.run = Some(Run { task, cancel });
    }

    pub(crate) fn stand(&mut self, machine: usize) {
        self.machines[machine].gate.set(Traffic::Stands);
    }

    pub(crate) fn go_on(&mut self, machine: usize) {
        self.machines[machine].gate.set(Traffic::Flows);
    }

    pub(crate) fn kill(&mut self, machine: usize) {
        self.machines[machine].gate.set(Traffic::Ends);
        if self.machines[machine].run.is_some() {
            self.has_ended(machine);
        }
        self.machines[machine] = self.machine();
    }

    pub(crate) fn cancel(&mut self, machine: usize, cancel: Cancel) {
        if let Some(run) = &self.machines[machine].run {
            run.cancel.send_replace(cancel);
        }
    }

    pub(crate) async fn unlock(&self) {
        self.home.store().unlock().await.unwrap();
    }

    /// Somebody else changes the world. Not by a deletion while a call is held up: if that was the creation of what another
    /// run has made meanwhile, it could recreate it, and nobody looks for that.
    pub(crate) fn meddle(&self, meddling: &Meddling) {
        let held_up = self.machines.iter().any(|one| one.gate.traffic() == Traffic::Stands);
        if !(held_up && matches!(meddling, Meddling::Deletes(_))) {
            meddle(&self.world, meddling);
        }
    }

    pub(crate) fn fail_storage(&self, machine: usize, mut calls: usize, verdict: Verdict) {
        self.machines[machine].storage.rule(move |_, _| {
            let fails = calls > 0;
            calls = calls.saturating_sub(1);
            if fails { verdict } else { Verdict::Pass }
        });
    }

    /// Looks which runs have ended.
    pub(crate) async fn look(&mut self) {
        for machine in 0..self.machines.len() {
            let ended = self.machines[machine]
                .run
                .as_ref()
                .is_some_and(|run| run.task.is_finished());
            if !ended {
                continue;
            }
            self.machines[machine].end().await;
            self.has_ended(machine);
        }
    }

    /// Whoever stood still until a machine's run was over is overtaken.
    fn has_ended(&mut self, machine: usize) {
        for (other, one) in self.machines.iter_mut().enumerate() {
            one.overtaken |= other != machine && one.gate.traffic() == Traffic::Stands;
        }
    }

    /// Waits until a machine's run is over, and gives what it recovered.
    pub(crate) async fn end(&mut self, machine: usize) -> Vec<String> {
        self.machines[machine].end().await;
        tokio::time::sleep(SETTLED).await;
        self.machines[machine].bench.take_recovered()
    }

    /// The operations that are open.
    pub(crate) async fn pending(&self) -> usize {
        self.home.store().load().await.unwrap().pending.len()
    }

    /// Everything that stood still goes on and comes to its end.
    pub(crate) async fn rest(&mut self) {
        self.world.fail(&[]);
        for machine in &mut self.machines {
            machine.storage.rule(|_, _| Verdict::Pass);
            machine.gate.set(Traffic::Flows);
        }
        for machine in &mut self.machines {
            machine.end().await;
        }
        tokio::time::sleep(SETTLED).await;
    }

    /// One more run, or two where the first found that something may come yet, and the world is as declared.
    pub(crate) async fn ends_as_declared(&self, program: &Program) {
        let (home, declaration) = (&self.home, declaration(program));
        let report = home.run(Mode::Up, &declaration).await.unwrap();
        assert!(report.is_ok(), "{:?}", report.outcomes);
        check(&self.world, program);
        if !home.store().load().await.unwrap().pending.is_empty() {
            assert!(home.run(Mode::Up, &declaration).await.unwrap().is_ok());
            check(&self.world, program);
        }
        let state = home.store().load().await.unwrap();
        assert!(state.pending.is_empty(), "{:?}", state.pending);
        let plan = home.preview(&declaration).await;
        assert!(plan.is_empty(), "{:?}", plan.changes().collect::<Vec<_>>());
        let checked = home.store().check().await.unwrap();
        assert!(checked.is_whole(), "{checked:?}");
        assert!(home.destroy(DeleteData::All).await.is_ok());
        assert!(self.world.objects().is_empty());
        assert_eq!(self.watcher.offences(), Vec::<String>::new());
        assert!(home.store().load().await.unwrap().records.is_empty());
    }
}

impl Machine {
    /// Waits until its run is over, and fails if that ended in a way that the story does not explain.
    async fn end(&mut self) {
        let Some(run) = self.run.take() else { return };
        let ended = timeout(LONG, run.task).await.expect("no run hangs for ever").unwrap();
        match ended {
            // A change that would cost data is a problem of the plan.
            Ok(_) | Err(EngineError::Problems(_)) => {}
            Err(EngineError::State(
                StateError::Read(_)
                | StateError::Write(_)
                | StateError::Locked { .. }
                | StateError::LeaseLost { .. }
                | StateError::Closed,
            )) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}
