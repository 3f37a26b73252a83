//! Storage as a machine sees it that can be stopped at any boundary.

use std::sync::Arc;

use async_trait::async_trait;
use iac_core::state::{Backend, BackendError, Created, Etag, Object, Put};

use super::memory::World;
use super::storage::Memory;

/// Its boundaries, before and after each effect, are counted along with the world's.
pub(crate) struct Reached {
    pub(crate) storage: Arc<Memory>,
    pub(crate) world: World,
}

impl Reached {
    async fn call<T, F>(&self, work: impl FnOnce(Arc<Memory>) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (storage, world) = (Arc::clone(&self.storage), self.world.clone());
        let call = async move {
            world.boundary().await;
            let result = work(storage).await;
            world.boundary().await;
            result
        };
        self.world.sent(call).await
    }
}

/// Creates an object, and tells the gate if it did.
async fn create(storage: Arc<Memory>, world: World, key: String, bytes: Vec<u8>) -> Result<Created, BackendError> {
    let was_there = storage.dump().contains_key(&key);
    let created = storage.create(&key, bytes.clone()).await;
    let is_there = !was_there && storage.dump().get(&key) == Some(&bytes);
    if let (true, Some(gate)) = (is_there, world.gate()) {
        gate.stored(&key, &bytes);
    }
    created
}

#[async_trait]
impl Backend for Reached {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        let key = key.to_owned();
        self.call(|storage| async move { storage.read(&key).await }).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        let (key, world) = (key.to_owned(), self.world.clone());
        self.call(|storage| create(storage, world, key, bytes)).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        let (key, etag) = (key.to_owned(), etag.clone());
        self.call(|storage| async move { storage.put_if_match(&key, bytes, &etag).await })
            .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        let prefix = prefix.to_owned();
        self.call(|storage| async move { storage.list(&prefix).await }).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        let key = key.to_owned();
        self.call(|storage| async move { storage.delete(&key).await }).await
    }
}
