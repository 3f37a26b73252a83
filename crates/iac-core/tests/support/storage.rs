//! Storage in memory that several machines share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use iac_core::state::{Backend, BackendError, Created, Etag, Object, Put};

/// What is stored: bytes, and how many writes there were before.
type Objects = BTreeMap<String, (Vec<u8>, u64)>;

/// Storage in memory; a clone is the same storage.
#[derive(Clone, Default)]
pub(crate) struct Storage {
    objects: Arc<Mutex<(Objects, u64)>>,
}

impl Storage {
    /// Other storage that holds the same for now.
    pub(crate) fn fork(&self) -> Self {
        let copy = self.objects.lock().unwrap().clone();
        Self {
            objects: Arc::new(Mutex::new(copy)),
        }
    }

    fn write(&self, key: &str, bytes: Vec<u8>, fits: impl FnOnce(Option<&Etag>) -> bool) -> Option<Etag> {
        let (objects, writes) = &mut *self.objects.lock().unwrap();
        let there = objects.get(key).map(|(_, write)| etag(*write));
        if !fits(there.as_ref()) {
            return None;
        }
        *writes += 1;
        objects.insert(key.to_owned(), (bytes, *writes));
        Some(etag(*writes))
    }
}

fn etag(write: u64) -> Etag {
    Etag(write.to_string())
}

#[async_trait]
impl Backend for Storage {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        let (objects, _) = &*self.objects.lock().unwrap();
        Ok(objects.get(key).map(|(bytes, write)| Object {
            bytes: bytes.clone(),
            etag: etag(*write),
        }))
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        let done = self.write(key, bytes, |there| there.is_none());
        Ok(done.map_or(Created::Exists, Created::Created))
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, expected: &Etag) -> Result<Put, BackendError> {
        let done = self.write(key, bytes, |there| there == Some(expected));
        Ok(done.map_or(Put::Mismatch, Put::Done))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        let (objects, _) = &*self.objects.lock().unwrap();
        Ok(objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.objects.lock().unwrap().0.remove(key);
        Ok(())
    }
}
