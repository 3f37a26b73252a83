//! State on S3-compatible object storage: each key is an object of a bucket.
//!
//! The server decides about conflicts: a create carries `If-None-Match: *`, and a replacement `If-Match` with the etag. A
//! server that ignores them would let two runs write at the same time; so one that is not Amazon's is tried before the
//! first write. Every object carries the name of the write that made it, by which a client knows its own where an answer
//! was lost.

mod failure;
mod probe;
mod service;
mod url;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt as _, TryStreamExt as _};
use iac_core::files;
use iac_core::state::{Backend, BackendError, BackendErrorKind, BackendScheme, Created, Etag, Object, Put};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig,
    UpdateVersion,
};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use self::service::Connector;
use crate::insist::insist;
use crate::place::Place;
use crate::write::WriteId;

/// The metadata of an object that names the write which made it.
const WRITE: &str = "iac-write";

/// The most bytes that the keys of one list may have: some hundred thousand keys.
const MOST_KEYS: usize = 32 << 20;

/// The time that it may take to read all pages of a list.
const LIST: Duration = Duration::from_mins(10);

/// State in a bucket; cheap to clone.
///
/// The bucket has to be there. Credentials, region and endpoint are those of the environment as Amazon's tools have them
/// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, web identities, and
/// the accounts of containers and machines); files such as `~/.aws/credentials` are not read. A value may have 256 MiB.
#[derive(Clone)]
pub struct S3State {
    shared: Arc<Shared>,
}

struct Shared {
    store: AmazonS3,
    bucket: String,
    prefix: String,
    place: Place,
    /// By what a machine knows it again: buckets of two servers may have one name.
    known_as: String,
    /// Done once the server is known to honour conditions.
    tried: OnceCell<()>,
}

impl std::fmt::Debug for S3State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("S3State").field(&self.shared.place.0).finish()
    }
}

/// The result of a conditional write.
enum Written {
    Done(Etag),
    Refused,
}

impl S3State {
    /// For [`Program::backend`](iac_core::Program::backend): `s3://`.
    pub const SCHEME: BackendScheme = BackendScheme {
        names: &["s3"],
        example: "s3://BUCKET/PREFIX",
        open: |url| Ok(Arc::new(Self::open(url)?)),
    };

    /// The state that a URL names: `s3://BUCKET/PREFIX`, with `?endpoint=URL` and `&region=NAME` where they are not those
    /// of the environment. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// When the URL is not of that form, or the environment's settings are not.
    pub fn open(url: &str) -> Result<Self, BackendError> {
        Self::build(url, AmazonS3Builder::from_env())
    }

    /// As [`open`](Self::open), with a key that is not the environment's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_as(url: &str, access_key: &str, secret_key: &str) -> Result<Self, BackendError> {
        let environment = AmazonS3Builder::from_env();
        let builder = environment.with_access_key_id(access_key);
        Self::build(url, builder.with_secret_access_key(secret_key))
    }

    fn build(url: &str, environment: AmazonS3Builder) -> Result<Self, BackendError> {
        let unusable = |message| BackendError::unusable(url, message);
        let place = url::parse(url).map_err(unusable)?;
        let mut builder = environment
            .with_bucket_name(&place.bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_http_connector(Connector)
            .with_retry(RetryConfig {
                max_retries: 0,
                ..RetryConfig::default()
            });
        if let Some(region) = &place.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &place.endpoint {
            // The one that is for S3 alone counts more, wherever it stands.
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
        let endpoint = endpoint.iter().find_map(|key| builder.get_config_value(key));
        let clear = endpoint
            .as_deref()
            .map_or(Ok(false), url::is_in_clear)
            .map_err(unusable)?;
        let store = builder.with_allow_http(clear).build();
        let at = endpoint
            .as_deref()
            .map(|endpoint| format!(" at {}", iac_core::redact::url(endpoint)));
        let tried = match endpoint {
            Some(_) => OnceCell::new(),
            None => OnceCell::new_with(Some(())),
        };
        let slash = if place.prefix.is_empty() { "" } else { "/" };
        Ok(Self {
            shared: Arc::new(Shared {
                store: store.map_err(|error| unusable(error.to_string()))?,
                known_as: format!("s3://{}{slash}{}{}", place.bucket, place.prefix, at.unwrap_or_default()),
                place: Place(format!("s3://{}{slash}{}", place.bucket, place.prefix)),
                bucket: place.bucket,
                prefix: format!("{}{slash}", place.prefix),
                tried,
            }),
        })
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}{key}", self.shared.prefix))
    }

    fn failed(&self, operation: &'static str, key: &str, error: &Error) -> BackendError {
        let words = failure::words(error, &self.shared.bucket);
        self.shared.place.error(operation, key, words, failure::kind(error))
    }

    /// A call that may be made twice.
    async fn ask<T, A: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        key: &str,
        call: impl FnMut() -> A,
    ) -> Result<Option<T>, BackendError> {
        match insist(call, failure::again).await.result {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(operation, key, &error)),
        }
    }

    async fn write(
        &self,
        operation: &'static str,
        key: &str,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> Result<Written, BackendError> {
        files::check_size(&bytes, crate::LARGEST).map_err(|error| {
            let message = error.to_string();
            self.shared
                .place
                .error(operation, key, message, BackendErrorKind::Other)
        })?;
        self.shared.tried.get_or_try_init(|| self.probe()).await?;
        let write = WriteId::draw().map_err(|message| {
            self.shared
                .place
                .error(operation, key, message, BackendErrorKind::Other)
        })?;
        let path = self.path(key);
        let payload = bytes::Bytes::from(bytes);
        let options = PutOptions {
            mode,
            attributes: Attributes::from_iter([(Attribute::Metadata(WRITE.into()), write.to_string())]),
            ..PutOptions::default()
        };
        let put = || async {
            let put = self
                .shared
                .store
                .put_opts(&path, payload.clone().into(), options.clone());
            put.await
        };
        let ended = insist(put, failure::again).await;
        let etag = match ended.result {
            Ok(done) => done.e_tag,
            // An attempt whose answer was lost may have gone through; then what is there is ours.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) if ended.uncertain => {
                self.etag_if_made_by(operation, key, write).await?
            }
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => None,
            Err(error) => return Err(self.failed(operation, key, &error)),
        };
        Ok(etag.map_or(Written::Refused, |etag| Written::Done(Etag(etag))))
    }

    /// The keys in a folder of the bucket; none where they do not come to an end.
    async fn keys(&self, folder: &Path) -> Result<Option<Vec<String>>, Error> {
        let mut objects = self.shared.store.list(Some(folder));
        let (mut keys, mut bytes) = (Vec::new(), 0);
        while let Some(object) = objects.try_next().await? {
            let path = object.location.as_ref();
            bytes += path.len();
            if bytes > MOST_KEYS {
                return Ok(None);
            }
            keys.extend(path.strip_prefix(&self.shared.prefix).map(str::to_owned));
        }
        Ok(Some(keys))
    }

    /// The etag of what is under a key, if this write has made it.
    async fn etag_if_made_by(
        &self,
        operation: &'static str,
        key: &str,
        write: WriteId,
    ) -> Result<Option<String>, BackendError> {
        let path = self.path(key);
        let look = || async {
            let options = GetOptions {
                head: true,
                ..GetOptions::default()
            };
            self.shared.store.get_opts(&path, options).await
        };
        let there = self.ask(operation, key, look).await?;
        let ours = there.filter(|there| {
            let made_by = there.attributes.get(&Attribute::Metadata(WRITE.into()));
            made_by.is_some_and(|made_by| made_by.as_ref() == write.to_string())
        });
        Ok(ours.and_then(|there| there.meta.e_tag))
    }
}

#[async_trait]
impl Backend for S3State {
    async fn place(&self) -> Option<String> {
        Some(self.shared.known_as.clone())
    }

    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        let path = self.path(key);
        let get = || async {
            let there = self.shared.store.get_opts(&path, GetOptions::default()).await?;
            let etag = there.meta.e_tag.clone();
            Ok::<_, Error>((etag, there.bytes().await?))
        };
        let Some((etag, bytes)) = self.ask("read", key, get).await? else {
            return Ok(None);
        };
        let etag = etag.ok_or_else(|| {
            self.shared
                .place
                .error("read", key, "it has no etag", BackendErrorKind::Other)
        })?;
        Ok(Some(Object {
            bytes: bytes.into(),
            etag: Etag(etag),
        }))
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        Ok(match self.write("create", key, bytes, PutMode::Create).await? {
            Written::Done(etag) => Created::Created(etag),
            Written::Refused => Created::Exists,
        })
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        // Servers take an empty condition for none.
        if etag.0.is_empty() {
            return Ok(Put::Mismatch);
        }
        let mode = PutMode::Update(UpdateVersion {
            e_tag: Some(etag.0.clone()),
            version: None,
        });
        Ok(match self.write("replace", key, bytes, mode).await? {
            Written::Done(etag) => Put::Done(etag),
            Written::Refused => Put::Mismatch,
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        // Folders are what can be listed; a prefix may end within a name.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let below = self.path(folder);
        let list = || timeout(LIST, self.keys(&below)).map(|listed| listed.unwrap_or(Ok(None)));
        let listed = self.ask("list", prefix, list).await?;
        let keys = listed.unwrap_or_else(|| Some(Vec::new())).ok_or_else(|| {
            let message = "the list of keys does not come to an end";
            self.shared
                .place
                .error("list", prefix, message, BackendErrorKind::Other)
        })?;
        let mut keys: Vec<String> = keys
            .into_iter()
            .filter(|key| key.starts_with(prefix) && !probe::is_probe(key))
            .collect();
        keys.sort_unstable();
        Ok(keys)
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        let path = self.path(key);
        let delete = || self.shared.store.delete(&path);
        self.ask("delete", key, delete).await.map(drop)
    }
}
