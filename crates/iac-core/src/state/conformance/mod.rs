//! A suite of checks that shows whether a [`Backend`] keeps its promises, to be run by whoever writes one; and
//! [`Faulty`], which makes any backend fail on purpose. Needs the feature `conformance`.
//!
//! A backend's test opens clients of one storage and runs the suite. This one does so on a folder:
//!
//! ```
//! use std::sync::Arc;
//!
//! use iac_core::state::conformance::{Failed, Suite};
//! use iac_core::state::{Backend, LocalBackend};
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().to_owned();
//! // Gives a new client at each call, as another machine would have it; all use the same storage.
//! let suite = Suite::new(move || {
//!     let client: Arc<dyn Backend> = Arc::new(LocalBackend::new(&path));
//!     async { Ok(client) }
//! });
//! let report = suite.listed_keys(50).run().await.into_result()?;
//! assert!(report.passed().count() > 25);
//! # Ok::<_, Failed>(())
//! # })
//! # .unwrap();
//! ```
//!
//! Checks run side by side, each below a key prefix of its own that no other run has, and remove what they wrote; so
//! the storage may be shared and in use. A storage of which a tool can do less than the whole (one that is read only, or
//! holds one stack) cannot be checked.

mod client;
mod contracts;
mod faulty;
mod lists;
mod races;
mod report;
mod stacks;
mod values;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use tokio::time::{Instant, timeout};

use self::client::Ground;
use self::contracts::CHECKS;
use super::{Backend, BackendError};

pub use faulty::{Call, Fault, Faulty, Method};
pub use report::{Failed, Outcome, Report};

/// Opens one more client of the storage.
type Open = dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Backend>, BackendError>> + Send + Sync;

/// A check: its name, the rule that it looks at, and the function that runs it.
struct Check {
    name: &'static str,
    /// The part of [`Backend`]'s documentation that is broken if the check fails.
    rule: &'static str,
    run: fn(Ground) -> BoxFuture<'static, Result<(), String>>,
}

/// The checks, and how large they are.
#[derive(Clone)]
pub struct Suite {
    open: Arc<Open>,
    listed_keys: usize,
    largest: usize,
    parallel: usize,
    limit: Duration,
    only: Vec<String>,
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite")
            .field("listed_keys", &self.listed_keys)
            .field("largest", &self.largest)
            .field("parallel", &self.parallel)
            .field("limit", &self.limit)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

impl Suite {
    /// The whole suite; `open` gives a new client of the same storage each time.
    pub fn new<F, R>(open: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Arc<dyn Backend>, BackendError>> + Send + 'static,
    {
        Self {
            open: Arc::new(move || Box::pin(open())),
            listed_keys: 1_100,
            largest: 1024 * 1024,
            parallel: 8,
            limit: Duration::from_secs(300),
            only: Vec::new(),
        }
    }

    /// Sets how many keys are written to see whether all are listed: more than the storage gives at a time. 1,100
    /// unless set.
    #[must_use]
    pub fn listed_keys(mut self, keys: usize) -> Self {
        self.listed_keys = keys.max(2);
        self
    }

    /// Sets the size of the largest value that is written, in bytes; 1 MiB unless set. State has larger ones: a snapshot
    /// of 10,000 resources takes some 10 MiB.
    #[must_use]
    pub fn largest(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// Sets how many checks run at the same time; 8 unless set.
    #[must_use]
    pub fn parallel(mut self, checks: usize) -> Self {
        self.parallel = checks.max(1);
        self
    }

    /// Sets how long a check may take before it counts as failed; 5 minutes unless set.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs only the checks whose names contain one of these texts.
    #[must_use]
    pub fn only<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.only = names.into_iter().map(Into::into).collect();
        self
    }

    /// The names of the checks that would be run, in their order.
    pub fn names(&self) -> Vec<&'static str> {
        self.checks().map(|check| check.name).collect()
    }

    fn checks(&self) -> impl Iterator<Item = &'static Check> {
        let wanted = |check: &&Check| self.only.is_empty() || self.only.iter().any(|part| check.name.contains(part));
        CHECKS.iter().filter(wanted)
    }

    /// Runs the checks and says how each went.
    ///
    /// Must be called within a Tokio runtime; one with several threads shows races better.
    pub async fn run(&self) -> Report {
        let run = random_name();
        let runs = self.checks().enumerate().map(|(number, check)| {
            // No folder's name begins with that of another: cleaning up goes by it.
            let ground = Ground {
                open: Arc::clone(&self.open),
                folder: format!("conformance-{run}-{number:03}"),
                listed_keys: self.listed_keys,
                largest: self.largest,
            };
            async move { (number, run_one(check, ground, self.limit).await) }
        });
        let mut outcomes: Vec<(usize, Outcome)> = stream::iter(runs).buffer_unordered(self.parallel).collect().await;
        outcomes.sort_by_key(|(number, _)| *number);
        Report {
            outcomes: outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
        }
    }
}

/// A name that no other run has.
fn random_name() -> String {
    let mut bytes = [0; 8];
    // Without randomness, the time tells runs apart as well.
    if getrandom::fill(&mut bytes).is_err() {
        let now = jiff::Timestamp::now().as_nanosecond();
        bytes.copy_from_slice(&now.to_le_bytes()[..8]);
    }
    crate::value::hex(&bytes)
}

async fn run_one(check: &'static Check, ground: Ground, limit: Duration) -> Outcome {
    let begin = Instant::now();
    // As a task of its own: a client that panics fails its check and not the suite.
    let mut task = tokio::spawn((check.run)(ground.clone()));
    let result = match timeout(limit, &mut task).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(format!("the client panicked: {error}")),
        Err(_) => {
            task.abort();
            Err(format!("there was no end after {} ms", limit.as_millis()))
        }
    };
    let took = begin.elapsed();
    // A client that cannot even remove what was written has failed checks about that.
    let left = match timeout(limit, tokio::spawn(clean_up(ground))).await {
        Ok(Ok(result)) => result.err(),
        _ => Some("removing what the check wrote came to no end".to_owned()),
    };
    Outcome {
        name: check.name,
        result: result.map_err(|what| format!("{what} (the rule: {})", check.rule)),
        left,
        took,
    }
}

/// Removes what a check wrote.
async fn clean_up(ground: Ground) -> Result<(), String> {
    let client = ground.client().await?;
    let keys = client.list(&ground.folder).await?;
    let deletes = keys.into_iter().map(|key| {
        let client = client.clone();
        async move { client.delete(&key).await }
    });
    let deletes: Vec<Result<(), String>> = stream::iter(deletes).buffer_unordered(16).collect().await;
    deletes.into_iter().collect()
}
