//! State in a cluster: each key is a Secret of one namespace, and a large value some more.
//!
//! | object | name | holds |
//! |---|---|---|
//! | head | `iac-state-HASH` of the key | key, size and sum in annotations; the value, if it is small |
//! | chunk | the head's name, the write's number, the chunk's | 512 KiB of a large value; immutable |
//!
//! A write makes its chunks first, under names that no other write has, and then the head, which says whose chunks count:
//! so nobody reads a half, and whoever removes chunks removes only their own. Chunks that a killed writer left behind are
//! swept after a day. The API server decides about conflicts: a create is a POST, and a replacement a PUT with the
//! `resourceVersion` that the etag names. Reads and lists are asked of the server without a version, so that they are never
//! served from before the last write.

mod api;
mod chunks;
mod failure;
mod object;
mod url;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use iac_core::state::{Backend, BackendError, BackendErrorKind, BackendScheme, Created, Etag, Object, Put};

use self::api::{Api, Written};
use self::chunks::{MOST_BYTES, Write};
use self::object::{Head, Location, Version};
use crate::provider::connect::Settings;

/// The time after which a chunk without a head counts as left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

/// The number of times that an operation begins again because others were quicker.
const ATTEMPTS: usize = 16;

/// The number of calls of one operation that are under way at the same time.
const PARALLEL: usize = 4;

/// State in the Secrets of a namespace; cheap to clone.
///
/// The namespace has to be there, and should hold nothing that a stack deletes. The account needs the verbs `get`,
/// `list`, `create`, `update` and `delete` on secrets in it. Values may have 256 MiB, if the cluster's storage has room
/// for them. While a run lasts it renews its lease by one call every few seconds; nothing is watched.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use iac_core::Program;
/// use iac_k8s::{KubernetesProvider, KubernetesState};
///
/// // `cargo run -- up --backend kubernetes://iac-state?context=prod`
/// fn main() -> ExitCode {
///     Program::new("shop")
///         .provider(KubernetesProvider::new())
///         .backend(KubernetesState::SCHEME)
///         .run(|stack| Ok(()))
/// }
/// ```
#[derive(Clone)]
pub struct KubernetesState {
    shared: Arc<Shared>,
}

struct Shared {
    api: Api,
    swept: AtomicBool,
    left_behind: Duration,
}

impl std::fmt::Debug for KubernetesState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KubernetesState")
            .field(&self.shared.api.namespace)
            .finish()
    }
}

impl KubernetesState {
    /// For [`Program::backend`](iac_core::Program::backend): `kubernetes://` and `k8s://`.
    pub const SCHEME: BackendScheme = BackendScheme {
        names: &["kubernetes", "k8s"],
        example: "kubernetes://NAMESPACE?context=NAME",
        open: |url| Ok(Arc::new(Self::open(url)?)),
    };

    /// The state that a URL names: `kubernetes://NAMESPACE`, with `?context=NAME` and `&kubeconfig=FILE` where they are
    /// not those of the environment. Nothing is asked of the cluster yet.
    ///
    /// # Errors
    /// When the URL is not of that form.
    pub fn open(url: &str) -> Result<Self, BackendError> {
        let place = url::parse(url).map_err(|message| BackendError::unusable(url, message))?;
        let settings = Settings {
            kubeconfig: place.kubeconfig,
            context: place.context,
            namespace: None,
        };
        let shared = Shared {
            api: Api::new(settings, place.namespace),
            swept: AtomicBool::new(false),
            left_behind: LEFT_BEHIND,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Sets how old a chunk without a head must be to be swept, by the API server's clock; a day unless set. Must be far
    /// longer than any write takes.
    #[must_use]
    pub fn left_behind_after(self, age: Duration) -> Self {
        let shared = Shared {
            api: self.shared.api.clone(),
            swept: AtomicBool::new(false),
            left_behind: age,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    fn api(&self) -> &Api {
        &self.shared.api
    }

    /// The bytes of a value whose head was read; nothing if a chunk is not there.
    async fn value(&self, location: &Location, head: Head) -> Result<Option<Vec<u8>>, BackendError> {
        let Some(chunks) = head.version.chunks else {
            return Ok(Some(head.value));
        };
        let reads = (0..chunks.count).map(|number| {
            let name = location.chunk(chunks.write, number);
            async move { self.api().get("read", &location.key, &name).await }
        });
        let mut reads = stream::iter(reads).buffered(PARALLEL);
        let mut value = Vec::new();
        while let Some(chunk) = reads.try_next().await? {
            match chunk {
                Some(chunk) => value.extend(object::value_of(&chunk).map_err(|what| self.damaged(location, &what))?),
                None => return Ok(None),
            }
            if value.len() > MOST_BYTES {
                return Err(self.damaged(location, "its chunks are more than a value may have"));
            }
        }
        if object::sum(&value) != head.sum {
            return Err(self.damaged(location, "its chunks are not what was written"));
        }
        Ok(Some(value))
    }

    fn damaged(&self, location: &Location, what: &str) -> BackendError {
        let message = format!("Secret {}: {what}", location.name);
        self.api()
            .error("read", &location.key, message, BackendErrorKind::Other)
    }

    fn location(&self, operation: &'static str, key: &str) -> Result<Location, BackendError> {
        Location::of(key).ok_or_else(|| {
            let message = "not a key of a backend".to_owned();
            self.api().error(operation, key, message, BackendErrorKind::Other)
        })
    }
}

#[async_trait]
impl Backend for KubernetesState {
    async fn place(&self) -> Option<String> {
        let server = self.api().server().await?;
        Some(format!("kubernetes://{} at {server}", self.api().namespace))
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        let location = self.location("read", key)?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let Some(object) = self.api().get("read", key, &location.name).await? else {
                return Ok(None);
            };
            let head = Head::read(&object, &location).map_err(|what| self.damaged(&location, &what))?;
            let version = head.version.clone();
            let etag = version.etag();
            if let Some(bytes) = self.value(&location, head).await? {
                return Ok(Some(Object { bytes, etag }));
            }
            // Its chunks go when it is replaced or deleted; one that still stands there without them is damaged.
            if last.as_ref() == Some(&version) {
                return Err(self.damaged(&location, "a chunk of it is missing"));
            }
            last = Some(version);
        }
        Err(self.busy("read", key))
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        let location = self.location("create", key)?;
        let write = Write::new(self.api(), "create", &location, &bytes)?;
        // Spares the chunks in the ordinary case of a conflict; the POST decides.
        if write.is_chunked() && self.api().version("create", &location).await?.is_some() {
            return Ok(Created::Exists);
        }
        match self.write(&write, None).await? {
            Written::Done(version) => Ok(Created::Created(version.etag())),
            Written::Refused => Ok(Created::Exists),
        }
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        let location = self.location("replace", key)?;
        let Some(expected) = Version::parse(etag) else {
            return Ok(Put::Mismatch);
        };
        let write = Write::new(self.api(), "replace", &location, &bytes)?;
        if write.is_chunked() && self.api().version("replace", &location).await?.as_ref() != Some(&expected) {
            return Ok(Put::Mismatch);
        }
        match self.write(&write, Some(&expected)).await? {
            Written::Done(version) => {
                self.remove_chunks(&location, &expected).await;
                Ok(Put::Done(version.etag()))
            }
            Written::Refused => Ok(Put::Mismatch),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        let heads = self.api().list("list", prefix, &object::selector(prefix)).await?;
        let keys = heads.iter().filter_map(object::key_of);
        let mut keys: Vec<String> = keys.filter(|key| key.starts_with(prefix)).collect();
        keys.sort();
        Ok(keys)
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        let location = self.location("delete", key)?;
        for _ in 0..ATTEMPTS {
            let Some(version) = self.api().version("delete", &location).await? else {
                return Ok(());
            };
            // Of just this version, since its chunks go with it.
            if self.api().delete_version(&location, &version).await? {
                self.remove_chunks(&location, &version).await;
                return Ok(());
            }
        }
        Err(self.busy("delete", key))
    }
}

impl KubernetesState {
    fn busy(&self, operation: &'static str, key: &str) -> BackendError {
        let message = format!("others replaced it {ATTEMPTS} times meanwhile");
        self.api().error(operation, key, message, BackendErrorKind::Transient)
    }
}
