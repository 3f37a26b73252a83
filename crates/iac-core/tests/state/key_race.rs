//! A key that one task of a run creates while another one writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use iac_core::state::{Backend, BackendError, Created, Etag, KeySource, Object, Put, Store};
use serde_json::json;
use tokio::sync::Notify;

use super::support::{Memory, begin, record, summary};

/// Storage of which one answer, that there is no key, takes a while.
struct Slow {
    storage: Arc<Memory>,
    is_slow: AtomicBool,
    asked: Notify,
    answers: Notify,
}

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slow")
    }
}

#[async_trait]
impl Backend for Slow {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        let found = self.storage.read(key).await;
        if key.ends_with("key.json") && self.is_slow.swap(false, Ordering::SeqCst) {
            self.asked.notify_one();
            self.answers.notified().await;
        }
        found
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.storage.create(key, bytes).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        self.storage.put_if_match(key, bytes, etag).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.storage.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.storage.delete(key).await
    }
}

#[tokio::test]
async fn a_key_that_is_created_while_another_task_writes_is_used_from_there_on() {
    let folder = tempfile::tempdir().unwrap();
    let slow = Arc::new(Slow {
        storage: Memory::new(),
        is_slow: AtomicBool::new(false),
        asked: Notify::new(),
        answers: Notify::new(),
    });
    let keys = KeySource::key_file(folder.path().join("key.txt"));
    let store = Store::new(Arc::clone(&slow) as _, "prod", keys);
    let writer = begin(&store).await;
    slow.is_slow.store(true, Ordering::SeqCst);
    let writes = tokio::spawn({
        let writer = writer.clone();
        async move { writer.put(record("a", json!({}))).await }
    });
    slow.asked.notified().await;
    store.vault().await.unwrap();
    slow.answers.notify_one();
    writes.await.unwrap().unwrap();
    writer.put(record("b", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(begin(&store).await.state().records.len(), 2);
}
