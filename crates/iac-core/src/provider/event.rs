//! What a provider says while it works.

use std::sync::Arc;

use crate::urn::Key;

/// A sign of life of an operation that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The resource.
    pub key: Key,
    /// What is going on, in a few words: "2 of 3 replicas ready".
    pub message: String,
    /// True if it stays worth knowing once the operation is over.
    pub lasting: bool,
}

/// What an operation is given besides its request.
#[derive(Clone)]
pub struct Context {
    sink: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl Context {
    /// A context that hands every sign of life to `sink`.
    pub fn new(sink: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { sink: Arc::new(sink) }
    }

    /// A context that nobody listens to.
    pub fn silent() -> Self {
        Self::new(|_| {})
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
