//! A backend that fails on purpose, for tests of what stands on one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use crate::state::{Backend, BackendError, BackendErrorKind, Created, Etag, Object, Put};

/// One of the five operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// [`Backend::read`].
    Read,
    /// [`Backend::create`].
    Create,
    /// [`Backend::put_if_match`].
    Put,
    /// [`Backend::list`].
    List,
    /// [`Backend::delete`].
    Delete,
}

impl Method {
    /// True if it changes what is stored.
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Put | Self::Delete)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Put => "replace",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}

/// A call of a [`Faulty`] backend, as its rule sees it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Its number among all operations, from 1.
    pub number: u64,
    /// Which operation.
    pub method: Method,
    /// Its key, or prefix.
    pub key: &'a str,
}

/// A fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing has happened.
    Before(BackendErrorKind),
    /// It has happened, but its answer is lost: the caller sees an error.
    After(BackendErrorKind),
    /// It takes this much longer, and then goes well.
    Slow(Duration),
    /// It never comes to an end, and nothing happens.
    Hang,
}

type Rule = Box<dyn FnMut(Call<'_>) -> Option<Fault> + Send>;

/// Another backend, with faults as a rule wants them.
///
/// ```
/// use std::sync::Arc;
///
/// use iac_core::state::conformance::{Fault, Faulty, Method};
/// use iac_core::state::{Backend, BackendErrorKind, LocalBackend};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// let faulty = Faulty::new(Arc::new(LocalBackend::new(folder.path())));
/// // The second create happens, but nobody is told.
/// let mut creates = 0;
/// faulty.rule(move |call| {
///     creates += usize::from(call.method == Method::Create);
///     (creates == 2).then_some(Fault::After(BackendErrorKind::Transient))
/// });
/// faulty.create("s/a", vec![1]).await.unwrap();
/// assert!(faulty.create("s/b", vec![2]).await.is_err());
/// faulty.heal();
/// assert_eq!(faulty.read("s/b").await.unwrap().unwrap().bytes, [2]);
/// assert_eq!(faulty.calls(), 3);
/// # });
/// ```
pub struct Faulty {
    inner: Arc<dyn Backend>,
    state: Mutex<Injection>,
}

#[derive(Default)]
struct Injection {
    calls: u64,
    rule: Option<Rule>,
}

impl Faulty {
    /// A backend that does what `inner` does, until it is given a rule.
    pub fn new(inner: Arc<dyn Backend>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            state: Mutex::default(),
        })
    }

    /// Decides from now on what goes wrong, call by call.
    pub fn rule(&self, rule: impl FnMut(Call<'_>) -> Option<Fault> + Send + 'static) {
        self.state().rule = Some(Box::new(rule));
    }

    /// Call number `number`, and no other, has this fault.
    pub fn fail_at(&self, number: u64, fault: Fault) {
        self.rule(move |call| (call.number == number).then_some(fault));
    }

    /// Call number `number` and all after it have this fault, as if the storage had gone away.
    pub fn fail_from(&self, number: u64, fault: Fault) {
        self.rule(move |call| (call.number >= number).then_some(fault));
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.state().rule = None;
    }

    /// Returns the number of calls, those that failed included.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Injection> {
        // A rule that panicked has failed its test; the calls of others go on.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn next(&self, method: Method, key: &str) -> Option<Fault> {
        let mut state = self.state();
        state.calls += 1;
        let number = state.calls;
        state.rule.as_mut()?(Call { number, method, key })
    }

    async fn call<T>(
        &self,
        method: Method,
        key: &str,
        work: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        let failed = |kind, what: &str| BackendError {
            operation: method.name(),
            place: key.to_owned(),
            message: format!("an injected fault: {what}"),
            kind,
        };
        match self.next(method, key) {
            None => work.await,
            Some(Fault::Before(kind)) => Err(failed(kind, "it was not done")),
            Some(Fault::After(kind)) => {
                work.await?;
                Err(failed(kind, "it was done, and the answer is lost"))
            }
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time).await;
                work.await
            }
            Some(Fault::Hang) => std::future::pending().await,
        }
    }
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faulty")
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for Faulty {
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError> {
        self.call(Method::Read, key, self.inner.read(key)).await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError> {
        self.call(Method::Create, key, self.inner.create(key, bytes)).await
    }

    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError> {
        let work = self.inner.put_if_match(key, bytes, etag);
        self.call(Method::Put, key, work).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError> {
        self.call(Method::List, prefix, self.inner.list(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.call(Method::Delete, key, self.inner.delete(key)).await
    }
}
