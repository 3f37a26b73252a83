//! The messages of a provider while it works.

use std::sync::Arc;

use crate::urn::Key;

/// A sign of life of an operation that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The resource.
    pub key: Key,
    /// The current activity, in a few words: "2 of 3 replicas ready".
    pub message: String,
    /// True if it stays worth knowing once the operation is over.
    pub lasting: bool,
}

/// The context of an operation: everything that it is given besides its request.
#[derive(Clone)]
pub struct Context {
    sink: Arc<dyn Fn(Progress) + Send + Sync>,
    /// Gives the operation's slot back.
    give_way: Arc<dyn Fn() + Send + Sync>,
}

impl Context {
    /// A context that hands every sign of life to `sink`.
    pub fn new(sink: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self {
            sink: Arc::new(sink),
            give_way: Arc::new(|| {}),
        }
    }

    /// A context that nobody listens to.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// The same, which also does this when the operation only waits.
    pub(crate) fn giving_way(self, give_way: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            give_way: Arc::new(give_way),
            ..self
        }
    }

    /// The same with another sink.
    pub(crate) fn with_sink(&self, sink: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self {
            sink: Arc::new(sink),
            give_way: Arc::clone(&self.give_way),
        }
    }

    /// Says that what is left of the operation is mostly waiting (for a process to end, for a probe), so that others may
    /// begin meanwhile. How many operations go on at the same time is limited by the work, not by the patience.
    pub fn waits(&self) {
        (self.give_way)();
    }

    /// Says what is going on.
    pub fn progress(&self, key: &Key, message: impl Into<String>) {
        (self.sink)(Progress {
            key: key.clone(),
            message: message.into(),
            lasting: false,
        });
    }

    /// Says something that a person should still see once the operation is over.
    pub fn note(&self, key: &Key, message: impl Into<String>) {
        (self.sink)(Progress {
            key: key.clone(),
            message: message.into(),
            lasting: true,
        });
    }

    /// Hands a sign of life on.
    pub(crate) fn pass(&self, progress: Progress) {
        (self.sink)(progress);
    }
}
