//! Storage in memory that several machines can share, and that counts and fails at will.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use iac_core::state::{Backend, BackendError, BackendErrorKind, Created, Etag, Object, Put};

/// The course of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// As it should.
    Pass,
    /// It fails, and nothing has happened.
    Fail(BackendErrorKind),
    /// It fails, but has happened.
    LoseAnswer(BackendErrorKind),
}

type Rule = Box<dyn FnMut(&str, &str) -> Verdict + Send>;

/// The calls of a backend.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) creates: usize,
    pub(crate) puts: usize,
    pub(crate) bytes: usize,
}

/// Storage in memory.
#[derive(Default)]
pub(crate) struct Memory {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    counts: Mutex<Counts>,
    rule: Mutex<Option<Rule>>,
}

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A copy of what it holds, as a backend of its own.
    pub(crate) fn fork(&self) -> Arc<Self> {
        let fork = Self::default();
        *fork.objects.lock().unwrap() = self.dump();
        Arc::new(fork)
    }

    /// The same storage with rules and counts of its own: as one of several machines sees it.
    pub(crate) fn view(&self) -> Arc<Self> {
        Arc::new(Self {
            objects: Arc::clone(&self.objects),
            ..Self::default()
        })
    }

    pub(crate) fn dump(&self) -> BTreeMap<String, Vec<u8>> {
        self.objects.lock().unwrap().clone()
    }

    pub(crate) fn keys(&self, part: &str) -> Vec<String> {
        self.dump().into_keys().filter(|key| key.contains(part)).collect()
    }

    pub(crate) fn set(&self, key: &str, bytes: Vec<u8>) {
        self.objects.lock().unwrap().insert(key.to_owned(), bytes);
    }

    pub(crate) fn remove(&self, key: &str) {
        self.objects.lock().unwrap().remove(key);
    }

    pub(crate) fn edit(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.objects.lock().unwrap().get_mut(key).unwrap());
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    /// Decides from now on how operations go, by name and key.
    pub(crate) fn rule(&self, rule: impl FnMut(&str, &str) -> Verdict + Send + 'static) {
        *self.rule.lock().unwrap() = Some(Box::new(rule));
    }

    fn act<T>(
        &self,
        operation: &'static str,
        key: &str,
        work: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T,
    ) -> Result<T, BackendError> {
        let verdict = match &mut *self.rule.lock().unwrap() {
            Some(rule) => rule(operation, key),
            None => Verdict::Pass,
        };
        let failed = |kind| BackendError {
            operation,
            place: key.to_owned(),
            message: format!("{kind:?}, as the test wants it"),
            kind,
        };
        match verdict {
            Verdict::Pass => Ok(work(&mut self.objects.lock().unwrap())),
            Verdict::Fail(kind) => Err(failed(kind)),
            Verdict::LoseAnswer(kind) => {
                work(&mut self.objects.lock().unwrap());
                Err(failed(kind))
            }
        }
    }
}

fn etag(bytes: &[u8]) -> Etag {
    Etag(String::from_utf8_lossy(bytes).into_owned())
}

#[async_trait]
impl Backend for Memory {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        self.act("read", key, |objects| {
            objects.get(key).map(|bytes| Object {
                bytes: bytes.clone(),
                etag: etag(bytes),
            })
        })
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        // A moment, as storage takes: others come together meanwhile.
        tokio::task::yield_now().await;
        self.act("create", key, |objects| {
            if objects.contains_key(key) {
                return Created::Exists;
            }
            let mut counts = self.counts.lock().unwrap();
            counts.creates += 1;
            counts.bytes += bytes.len();
            let etag = etag(&bytes);
            objects.insert(key.to_owned(), bytes);
            Created::Created(etag)
        })
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, expected: &Etag) -> Result<Put, BackendError> {
        self.act("put", key, |objects| match objects.get(key) {
            Some(there) if etag(there) == *expected => {
                self.counts.lock().unwrap().puts += 1;
                let etag = etag(&bytes);
                objects.insert(key.to_owned(), bytes);
                Put::Done(etag)
            }
            _ => Put::Mismatch,
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.act("list", prefix, |objects| {
            objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
        })
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.act("delete", key, |objects| {
            objects.remove(key);
        })
    }
}
