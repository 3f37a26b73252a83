//! The tools of the checks: a place of their own, and clients whose answers are texts where they are wrong.

use std::sync::Arc;

use futures::future::join_all;

use super::Open;
use crate::state::{Backend, BackendError, Created, Etag, Object, Put};

/// Where one check does its work.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) open: Arc<Open>,
    /// The prefix of its keys; also good as a stack's name.
    pub(super) folder: String,
    pub(super) listed_keys: usize,
    pub(super) largest: usize,
}

impl Ground {
    /// One more client of the storage.
    pub(super) async fn client(&self) -> Result<Client, String> {
        let open = (self.open)().await;
        open.map(Client)
            .map_err(|error| format!("no client can be opened: {error}"))
    }

    /// Several clients.
    pub(super) async fn clients<const N: usize>(&self) -> Result<[Client; N], String> {
        let mut clients = Vec::with_capacity(N);
        for _ in 0..N {
            clients.push(self.client().await?);
        }
        clients.try_into().map_err(|_| "there are too few clients".to_owned())
    }

    /// A key of this check.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

/// A client that says what was done where an answer is an error.
#[derive(Clone)]
pub(super) struct Client(pub(super) Arc<dyn Backend>);

fn failed<'a>(what: &'a str, key: &'a str) -> impl FnOnce(BackendError) -> String + 'a {
    move |error| format!("{what} {key:?} failed: {error} ({:?})", error.kind)
}

impl Client {
    pub(super) async fn read(&self, key: &str) -> Result<Option<Object>, String> {
        self.0.read(key).await.map_err(failed("read of", key))
    }

    pub(super) async fn create(&self, key: &str, bytes: &[u8]) -> Result<Created, String> {
        let created = self.0.create(key, bytes.to_vec()).await;
        created.map_err(failed("create of", key))
    }

    pub(super) async fn put(&self, key: &str, bytes: &[u8], etag: &Etag) -> Result<Put, String> {
        let put = self.0.put_if_match(key, bytes.to_vec(), etag).await;
        put.map_err(failed("put_if_match of", key))
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<String>, String> {
        self.0.list(prefix).await.map_err(failed("list of", prefix))
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), String> {
        self.0.delete(key).await.map_err(failed("delete of", key))
    }

    /// Creates a key that is free.
    pub(super) async fn make(&self, key: &str, bytes: &[u8]) -> Result<Etag, String> {
        match self.create(key, bytes).await? {
            Created::Created(etag) => Ok(etag),
            Created::Exists => Err(format!("create of the free key {key:?} gave Exists")),
        }
    }

    /// Replaces a value whose etag is known.
    pub(super) async fn replace(&self, key: &str, bytes: &[u8], etag: &Etag) -> Result<Etag, String> {
        match self.put(key, bytes, etag).await? {
            Put::Done(etag) => Ok(etag),
            Put::Mismatch => Err(format!(
                "put_if_match of {key:?} with its present etag {:?} gave Mismatch",
                etag.0
            )),
        }
    }

    /// Makes sure that a put is refused.
    pub(super) async fn refused(&self, key: &str, etag: &Etag, which: &str) -> Result<(), String> {
        match self.put(key, b"must not be written", etag).await? {
            Put::Mismatch => Ok(()),
            Put::Done(_) => Err(format!(
                "put_if_match of {key:?} with {which} ({:?}) was done; expected Mismatch",
                etag.0
            )),
        }
    }

    /// Makes sure that a key holds these bytes; gives its etag.
    pub(super) async fn holds(&self, key: &str, bytes: &[u8], when: &str) -> Result<Etag, String> {
        match self.read(key).await? {
            Some(object) if object.bytes == bytes => Ok(object.etag),
            Some(object) => Err(format!(
                "{when}, {key:?} holds {}; expected {}",
                shown(&object.bytes),
                shown(bytes)
            )),
            None => Err(format!("{when}, {key:?} holds nothing; expected {}", shown(bytes))),
        }
    }

    /// Makes sure that a key holds nothing.
    pub(super) async fn holds_nothing(&self, key: &str, when: &str) -> Result<(), String> {
        match self.read(key).await? {
            None => Ok(()),
            Some(object) => Err(format!(
                "{when}, {key:?} holds {}; expected nothing",
                shown(&object.bytes)
            )),
        }
    }

    /// Makes sure that a list is this one.
    pub(super) async fn lists(&self, prefix: &str, expected: &[String], when: &str) -> Result<(), String> {
        let seen = self.list(prefix).await?;
        if seen == expected {
            return Ok(());
        }
        Err(format!(
            "{when}, list of {prefix:?} gave {}; expected {}: {}",
            named(&seen),
            named(expected),
            difference(&seen, expected)
        ))
    }
}

/// Bytes for people: their number, and how they begin.
pub(super) fn shown(bytes: &[u8]) -> String {
    let head = bytes[..bytes.len().min(24)].escape_ascii();
    let more = if bytes.len() > 24 { "…" } else { "" };
    format!("{} bytes \"{head}{more}\"", bytes.len())
}

fn named(keys: &[String]) -> String {
    match keys.len() {
        0..=12 => format!("{keys:?}"),
        number => format!("{number} keys"),
    }
}

fn difference(seen: &[String], expected: &[String]) -> String {
    if let Some(key) = expected.iter().find(|key| !seen.contains(key)) {
        return format!("{key:?} is missing");
    }
    if let Some(key) = seen.iter().find(|key| !expected.contains(key)) {
        return format!("{key:?} should not be there");
    }
    if seen.len() == expected.len() {
        return "the order is wrong".to_owned();
    }
    "a key is there twice".to_owned()
}

/// Runs things as tasks at the same time.
pub(super) async fn together<T, R>(tasks: impl IntoIterator<Item = R>) -> Result<Vec<T>, String>
where
    T: Send + 'static,
    R: Future<Output = Result<T, String>> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let results = join_all(tasks).await.into_iter();
    results
        .map(|result| result.unwrap_or_else(|error| Err(format!("the client panicked: {error}"))))
        .collect()
}
