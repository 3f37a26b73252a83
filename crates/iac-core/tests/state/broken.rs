//! Storage in memory that breaks one rule of [`Backend`] each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use iac_core::state::{Backend, BackendError, BackendErrorKind, Created, Etag, Object, Put};
use tokio::task::yield_now;

/// The bug of a backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bug {
    None,
    CreateOverwrites,
    CreateLooksThenWrites,
    CreateGivesAnEtagOfItsOwn,
    CreateRemembersDeletedKeys,
    CreateWritesInTwoSteps,
    PutIgnoresTheEtag,
    PutMakesMissingKeys,
    PutTakesAStar,
    PutLooksThenWrites,
    PutBringsBackDeleted,
    PutSaysDoneAndIsNot,
    PutWritesThenLooks,
    PutWritesInTwoSteps,
    EtagIsConstant,
    EtagIsTheLength,
    EtagIsNewAtEachRead,
    ValuesAreCutShort,
    ValuesAreText,
    EmptyValuesAreNothing,
    ListIsUnsorted,
    ListIsOnePage,
    ListMissesFreshKeys,
    ListHasDeletedKeys,
    ListTakesFoldersOnly,
    ListHasOneLevel,
    ListIsOfThePathAsText,
    DeleteFailsOnMissingKeys,
    DeleteTakesAllBelow,
    DeleteDoesNothing,
    ReadsAreCached,
    ReadOfNothingFails,
    KeysFoldCase,
    KeysLoseTheirSlashes,
}

#[derive(Clone)]
struct Entry {
    bytes: Vec<u8>,
    revision: u64,
}

#[derive(Default)]
struct World {
    entries: BTreeMap<String, Entry>,
    deleted: Vec<String>,
    /// Keys that were made and not yet looked for.
    fresh: Vec<String>,
    revision: u64,
}

impl World {
    fn set(&mut self, key: &str, bytes: &[u8]) -> u64 {
        self.revision += 1;
        let entry = Entry {
            bytes: bytes.to_owned(),
            revision: self.revision,
        };
        self.entries.insert(key.to_owned(), entry);
        self.revision
    }
}

/// One client of a storage with a bug.
pub(crate) struct Broken {
    bug: Bug,
    world: Arc<Mutex<World>>,
    seen: Mutex<BTreeMap<String, Object>>,
}

impl Broken {
    pub(crate) fn new(bug: Bug) -> Self {
        Self {
            bug,
            world: Arc::default(),
            seen: Mutex::default(),
        }
    }

    /// Another client of the same storage.
    pub(crate) fn client(&self) -> Self {
        Self {
            bug: self.bug,
            world: Arc::clone(&self.world),
            seen: Mutex::default(),
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    fn key(&self, key: &str) -> String {
        match self.bug {
            Bug::KeysFoldCase => key.to_lowercase(),
            Bug::KeysLoseTheirSlashes => key.replace('/', "-"),
            _ => key.to_owned(),
        }
    }

    fn stored(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.bug {
            Bug::ValuesAreCutShort => bytes.truncate(64 * 1024),
            Bug::ValuesAreText => bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
            _ => {}
        }
        bytes
    }

    fn etag(&self, bytes: &[u8], revision: u64) -> Etag {
        Etag(match self.bug {
            Bug::EtagIsConstant => "etag".to_owned(),
            Bug::EtagIsTheLength => bytes.len().to_string(),
            _ => revision.to_string(),
        })
    }

    fn error(operation: &'static str, key: &str) -> BackendError {
        BackendError {
            operation,
            place: key.to_owned(),
            message: "no such key".to_owned(),
            kind: BackendErrorKind::Other,
        }
    }

    fn matches(&self, key: &str, expected: &Etag) -> bool {
        let world = self.world.lock().unwrap();
        let there = world.entries.get(key);
        let is = there.map(|entry| self.etag(&entry.bytes, entry.revision));
        match self.bug {
            Bug::PutIgnoresTheEtag => is.is_some(),
            Bug::PutMakesMissingKeys => is.is_none_or(|etag| etag == *expected),
            Bug::PutTakesAStar => is.is_some_and(|etag| etag == *expected || expected.0 == "*"),
            _ => is.as_ref() == Some(expected),
        }
    }
}

/// Every other task has its turn meanwhile, in whatever order.
async fn a_moment() {
    for _ in 0..3 {
        yield_now().await;
    }
}

#[async_trait]
impl Backend for Broken {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        yield_now().await;
        let key = self.key(key);
        if self.has(Bug::ReadsAreCached)
            && let Some(seen) = self.seen.lock().unwrap().get(&key)
        {
            return Ok(Some(seen.clone()));
        }
        let mut world = self.world.lock().unwrap();
        if self.has(Bug::EtagIsNewAtEachRead)
            && let Some(entry) = world.entries.get(&key).cloned()
        {
            world.set(&key, &entry.bytes);
        }
        let object = world.entries.get(&key).map(|entry| Object {
            bytes: entry.bytes.clone(),
            etag: self.etag(&entry.bytes, entry.revision),
        });
        match object {
            None if self.has(Bug::ReadOfNothingFails) => Err(Self::error("read", &key)),
            Some(object) if object.bytes.is_empty() && self.has(Bug::EmptyValuesAreNothing) => Ok(None),
            Some(object) => {
                self.seen.lock().unwrap().insert(key, object.clone());
                Ok(Some(object))
            }
            None => Ok(None),
        }
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        yield_now().await;
        let (key, bytes) = (self.key(key), self.stored(bytes));
        let exists = {
            let world = self.world.lock().unwrap();
            let remembered = self.has(Bug::CreateRemembersDeletedKeys) && world.deleted.contains(&key);
            world.entries.contains_key(&key) || remembered
        };
        if exists && !self.has(Bug::CreateOverwrites) {
            return Ok(Created::Exists);
        }
        match self.bug {
            Bug::CreateLooksThenWrites => a_moment().await,
            Bug::CreateWritesInTwoSteps => {
                self.world.lock().unwrap().set(&key, b"");
                a_moment().await;
            }
            _ => {}
        }
        let mut world = self.world.lock().unwrap();
        let revision = world.set(&key, &bytes);
        world.fresh.push(key);
        if self.has(Bug::CreateGivesAnEtagOfItsOwn) {
            return Ok(Created::Created(Etag("created".to_owned())));
        }
        Ok(Created::Created(self.etag(&bytes, revision)))
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        yield_now().await;
        let (key, bytes) = (self.key(key), self.stored(bytes));
        let matches = self.matches(&key, etag);
        if self.has(Bug::PutWritesThenLooks) {
            self.world.lock().unwrap().set(&key, &bytes);
        }
        if !matches {
            return Ok(Put::Mismatch);
        }
        match self.bug {
            Bug::PutLooksThenWrites | Bug::PutBringsBackDeleted => a_moment().await,
            Bug::PutWritesInTwoSteps => {
                let half = &bytes[..bytes.len() / 2];
                self.world.lock().unwrap().set(&key, half);
                a_moment().await;
            }
            _ => {}
        }
        let mut world = self.world.lock().unwrap();
        // Others that write are seen by this one, but not that the key is gone.
        let is = world.entries.get(&key).map(|entry| entry.revision.to_string());
        if self.has(Bug::PutBringsBackDeleted) && is.is_some_and(|is| is != etag.0) {
            return Ok(Put::Mismatch);
        }
        if self.has(Bug::PutSaysDoneAndIsNot) {
            return Ok(Put::Done(etag.clone()));
        }
        let revision = world.set(&key, &bytes);
        Ok(Put::Done(self.etag(&bytes, revision)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        yield_now().await;
        let prefix = self.key(prefix);
        let mut world = self.world.lock().unwrap();
        let fresh = std::mem::take(&mut world.fresh);
        let shown = |key: &&String| match self.bug {
            Bug::ListMissesFreshKeys => key.starts_with(&prefix) && !fresh.contains(key),
            Bug::ListTakesFoldersOnly => {
                let folder = prefix.trim_end_matches('/');
                key.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
            }
            Bug::ListIsOfThePathAsText => key.starts_with(prefix.trim_end_matches('/')),
            Bug::ListHasOneLevel => key.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/')),
            _ => key.starts_with(&prefix),
        };
        let mut keys: Vec<String> = world.entries.keys().filter(shown).cloned().collect();
        match self.bug {
            Bug::ListIsUnsorted => keys.reverse(),
            Bug::ListIsOnePage => keys.truncate(1000),
            Bug::ListHasDeletedKeys => {
                keys.extend(world.deleted.iter().filter(|key| key.starts_with(&prefix)).cloned());
                keys.sort();
                keys.dedup();
            }
            _ => {}
        }
        Ok(keys)
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        yield_now().await;
        let key = self.key(key);
        let mut world = self.world.lock().unwrap();
        if self.has(Bug::DeleteDoesNothing) {
            return Ok(());
        }
        if self.has(Bug::DeleteTakesAllBelow) {
            world.entries.retain(|other, _| !other.starts_with(&key));
        }
        let was = world.entries.remove(&key);
        world.deleted.push(key.clone());
        if was.is_none() && self.has(Bug::DeleteFailsOnMissingKeys) {
            return Err(Self::error("delete", &key));
        }
        Ok(())
    }
}
