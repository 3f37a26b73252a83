//! A backend that counts what it is asked, and for how long somebody waits for it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use iac_core::state::{Backend, BackendError, Created, Etag, Object, Put};

/// Syncs that a write takes on local files: the file, and the folder that has its name.
pub(crate) const SYNCS: usize = 2;

/// The calls so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) writes: usize,
    pub(crate) bytes: usize,
    /// For how long at least one call was under way.
    pub(crate) busy: Duration,
}

#[derive(Default)]
struct Tally {
    counts: Counts,
    under_way: usize,
    since: Option<Instant>,
}

/// Counts calls to another backend.
pub(crate) struct Counting {
    backend: Arc<dyn Backend>,
    tally: Mutex<Tally>,
}

impl Counting {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Arc<Self> {
        let tally = Mutex::default();
        Arc::new(Self { backend, tally })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.tally.lock().unwrap().counts
    }

    async fn call<T>(&self, written: usize, work: impl Future<Output = T> + Send) -> T {
        {
            let mut tally = self.tally.lock().unwrap();
            tally.under_way += 1;
            tally.since.get_or_insert_with(Instant::now);
            if written > 0 {
                tally.counts.writes += 1;
                tally.counts.bytes += written;
            }
        }
        let result = work.await;
        let mut tally = self.tally.lock().unwrap();
        tally.under_way -= 1;
        if tally.under_way == 0
            && let Some(since) = tally.since.take()
        {
            tally.counts.busy += since.elapsed();
        }
        result
    }
}

#[async_trait]
impl Backend for Counting {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        self.call(0, self.backend.read(key)).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.call(bytes.len(), self.backend.create(key, bytes)).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        self.call(bytes.len(), self.backend.put_if_match(key, bytes, etag))
            .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.call(0, self.backend.list(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.call(0, self.backend.delete(key)).await
    }
}
