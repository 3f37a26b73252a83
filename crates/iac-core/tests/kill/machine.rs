//! A machine that runs the engine and can be killed at any boundary: before or after the effect of any operation on
//! storage, and of any call of the provider. What lies on the storage and in the world stays.

use std::sync::Arc;

use iac_core::state::Backend;
use iac_core::state::conformance::Faulty;

use crate::scenarios::Run;
use crate::support::harness::Bench;
use crate::support::memory::World;
use crate::support::reached::Reached;
use crate::support::storage::Memory;

/// Storage, a world, and what runs against both.
pub(crate) struct Machine {
    pub(crate) bench: Bench,
    storage: Arc<Memory>,
}

impl Machine {
    /// One with nothing stored and an empty world.
    pub(crate) fn new() -> Self {
        Self::on(&Bench::new(), World::default(), Memory::new())
    }

    fn on(bench: &Bench, world: World, storage: Arc<Memory>) -> Self {
        let reached = Reached {
            storage: Arc::clone(&storage),
            world: world.clone(),
        };
        Self {
            bench: bench.elsewhere(world, Arc::new(reached)),
            storage,
        }
    }

    /// Another machine that finds storage and world as they are now. Nothing that this one still does reaches it.
    pub(crate) fn fork(&self) -> Self {
        Self::on(&self.bench, self.bench.world.fork(), self.storage.fork())
    }

    /// As [`fork`](Self::fork), with storage that fails as it is told.
    pub(crate) fn faulty(&self) -> (Self, Arc<Faulty>) {
        let (world, storage) = (self.bench.world.fork(), self.storage.fork());
        let faulty = Faulty::new(Arc::clone(&storage) as Arc<dyn Backend>);
        let backend = Arc::clone(&faulty) as Arc<dyn Backend>;
        let bench = self.bench.elsewhere(world, backend);
        (Self { bench, storage }, faulty)
    }

    /// Runs until this boundary and stops there for good, as a kill would. Gives the machine that finds what is left;
    /// nothing if the run ended before.
    pub(crate) async fn killed_at(&self, boundary: usize, run: &Run) -> Option<Self> {
        self.bench.world.hang_at(Some(boundary));
        tokio::select! {
            biased;
            () = self.bench.world.hung() => Some(self.fork()),
            _ = run.on(&self.bench) => None,
        }
    }
}
