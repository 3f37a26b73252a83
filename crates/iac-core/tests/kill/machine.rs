//! A machine that runs the engine and can be killed at any boundary: before or after the effect of any operation on
//! storage, and of any call of the provider. What lies on the storage and in the world stays.

use std::sync::Arc;

use async_trait::async_trait;
use iac_core::state::conformance::Faulty;
use iac_core::state::{Backend, BackendError, Created, Etag, Object, Put};

use crate::scenarios::Run;
use crate::support::harness::Bench;
use crate::support::memory::World;
use crate::support::storage::Memory;

/// Storage as a machine sees it that can be killed; its boundaries are counted along with the world's.
struct Reached {
    storage: Arc<Memory>,
    world: World,
}

impl Reached {
    async fn call<T>(&self, work: impl Future<Output = T> + Send) -> T {
        self.world.boundary().await;
        let result = work.await;
        self.world.boundary().await;
        result
    }
}

#[async_trait]
impl Backend for Reached {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        self.call(self.storage.read(key)).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.call(self.storage.create(key, bytes)).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        self.call(self.storage.put_if_match(key, bytes, etag)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.call(self.storage.list(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.call(self.storage.delete(key)).await
    }
}

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
