//! Writing values, cut where they are large, and removing chunks that nobody reads any more.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use iac_core::files;
use iac_core::state::{BackendError, BackendErrorKind};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::api::{Api, Written, made_at};
use super::object::{self, Location, Version, WriteId};
use super::{KubernetesState, PARALLEL};

/// The largest value that is not cut, and the size of chunks, in bytes. A Secret may hold 1 MiB, and what is sent is a third
/// longer.
pub(super) const CHUNK_SIZE: usize = 512 * 1024;

/// The most bytes that a value may have, as on every backend.
pub(super) const MOST_BYTES: usize = 256 << 20;

/// The time that a write of a cut value may take; far shorter than chunks are safe from being swept.
const LONGEST_WRITE: Duration = Duration::from_secs(3600);

/// A value on its way.
pub(super) struct Write<'a> {
    operation: &'static str,
    location: &'a Location,
    bytes: &'a [u8],
    id: WriteId,
    begun: SystemTime,
}

impl<'a> Write<'a> {
    pub(super) fn new(
        api: &Api,
        operation: &'static str,
        location: &'a Location,
        bytes: &'a [u8],
    ) -> Result<Self, BackendError> {
        let fail = |message: String| api.error(operation, &location.key, message, BackendErrorKind::Other);
        files::check_size(bytes, files::STATE).map_err(|error| fail(error.to_string()))?;
        let mut id = [0; 8];
        // A number that no other write has.
        getrandom::fill(&mut id).map_err(|error| fail(format!("no random number can be had: {error}")))?;
        Ok(Self {
            operation,
            location,
            bytes,
            id: WriteId(u64::from_le_bytes(id)),
            begun: SystemTime::now(),
        })
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.bytes.len() > CHUNK_SIZE
    }

    fn chunks(&self) -> usize {
        if self.is_chunked() {
            self.bytes.len().div_ceil(CHUNK_SIZE)
        } else {
            0
        }
    }

    fn chunk(&self, number: usize) -> &'a [u8] {
        let rest = &self.bytes[(number * CHUNK_SIZE).min(self.bytes.len())..];
        &rest[..rest.len().min(CHUNK_SIZE)]
    }

    /// True if it took so long, by a clock that also counts while the machine sleeps, that its chunks may soon be swept.
    /// A clock that was set back tells nothing.
    fn is_late(&self) -> bool {
        self.is_chunked() && self.begun.elapsed().is_ok_and(|time| time > LONGEST_WRITE)
    }
}

impl KubernetesState {
    /// Writes the chunks, if there are any, and then the head.
    pub(super) async fn write(&self, write: &Write<'_>, expected: Option<&Version>) -> Result<Written, BackendError> {
        let Write {
            operation,
            location,
            bytes,
            id,
            ..
        } = *write;
        let made = match self.write_chunks(write).await {
            Ok(made) => made,
            Err(error) => {
                self.remove_written(write).await;
                return Err(error);
            }
        };
        if write.is_late() {
            self.remove_written(write).await;
            let message = format!("it took longer than {} minutes", LONGEST_WRITE.as_secs() / 60);
            return Err(self
                .api()
                .error(operation, &location.key, message, BackendErrorKind::Transient));
        }
        let object = location.head_object(id, bytes, write.chunks(), expected);
        let written = self
            .api()
            .write_head(operation, location, id, &object, expected)
            .await?;
        match (&written, made) {
            (Written::Refused, _) => self.remove_written(write).await,
            (Written::Done(_), Some(now)) if !self.shared.swept.swap(true, Ordering::Relaxed) => self.sweep(now).await,
            (Written::Done(_), _) => {}
        }
        // After an error nobody knows whether the head is there: chunks stay, and are swept if it is not.
        Ok(written)
    }

    /// Gives when a chunk was made, by the server's clock.
    async fn write_chunks(&self, write: &Write<'_>) -> Result<Option<i64>, BackendError> {
        if !write.is_chunked() {
            return Ok(None);
        }
        let Write {
            operation,
            location,
            id,
            ..
        } = *write;
        let chunks = (0..write.chunks()).map(|number| async move {
            let object = location.chunk_object(id, number, write.chunk(number));
            self.api().create_chunk(operation, &location.key, &object).await
        });
        let made: Vec<Option<i64>> = stream::iter(chunks).buffered(PARALLEL).try_collect().await?;
        Ok(made.into_iter().flatten().max())
    }

    /// Removes the chunks of a write that did not come to be.
    async fn remove_written(&self, write: &Write<'_>) {
        self.remove(write.location, write.id, write.chunks()).await;
    }

    /// Removes the chunks of a version that was replaced or deleted.
    pub(super) async fn remove_chunks(&self, location: &Location, version: &Version) {
        if let Some(chunks) = version.chunks {
            self.remove(location, chunks.write, chunks.count).await;
        }
    }

    /// Removes chunks. Those that cannot be removed now are swept one day.
    async fn remove(&self, location: &Location, write: WriteId, count: usize) {
        let deletes = (0..count).map(|number| {
            let name = location.chunk(write, number);
            async move { self.api().delete(&location.key, &name).await }
        });
        stream::iter(deletes)
            .buffer_unordered(PARALLEL)
            .for_each(|_| async {})
            .await;
    }

    /// Removes the chunks that writers left behind that were killed; whatever stands in the way can wait for another time.
    async fn sweep(&self, now: i64) {
        let Ok(all) = self.api().list("sweep", "", &object::chunk_selector()).await else {
            return;
        };
        let age = i64::try_from(self.shared.left_behind.as_secs()).unwrap_or(i64::MAX);
        let is_old = |chunk: &ObjectMeta| made_at(chunk).is_some_and(|made| now.saturating_sub(made) >= age);
        let mut writes: BTreeMap<(String, u64), Vec<String>> = BTreeMap::new();
        for chunk in all.iter().filter(|chunk| is_old(chunk)) {
            if let (Some(key), Some(write), Some(name)) = (object::key_of(chunk), object::write_of(chunk), &chunk.name)
            {
                writes.entry((key, write.0)).or_default().push(name.clone());
            }
        }
        for ((key, write), names) in writes {
            let Some(location) = Location::of(&key) else { continue };
            match self.api().write_of_head(&location).await {
                Ok(head) if head != Some(WriteId(write)) => {}
                _ => continue,
            }
            for name in names {
                // The next sweep comes by here again.
                let _ = self.api().delete(&key, &name).await;
            }
        }
    }
}
