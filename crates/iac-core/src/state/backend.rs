//! The seam to storage: five operations that files, object stores, databases and Kubernetes can all offer.

use std::fmt;

use async_trait::async_trait;

use crate::redact;

/// A mark that tells one content of a key from another.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Etag(pub String);

/// The content under a key, with its mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// The content.
    pub bytes: Vec<u8>,
    /// Its mark, for [`Backend::put_if_match`].
    pub etag: Etag,
}

/// The result of [`Backend::create`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Created {
    /// The key holds the bytes now.
    Created(Etag),
    /// The key was there already and is as it was.
    Exists,
}

/// The result of [`Backend::put_if_match`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Put {
    /// The key holds the bytes now.
    Done(Etag),
    /// The key holds something else than was expected, or nothing, and is as it was.
    Mismatch,
}

/// Why an operation could not be carried out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} {place}: {message}")]
pub struct BackendError {
    /// The operation that was tried: `read`, `create`, ….
    pub operation: &'static str,
    /// Where: a file's path, or an address with the key.
    pub place: String,
    /// Why not, in the storage's own words.
    pub message: String,
    /// The sort of failure.
    pub kind: BackendErrorKind,
}

impl BackendError {
    /// A URL that cannot be used, shown without the credentials that are in it.
    pub fn unusable(url: &str, message: impl AsRef<str>) -> Self {
        Self {
            operation: "open",
            place: redact::url(url),
            message: redact::about(url, message.as_ref()),
            kind: BackendErrorKind::Other,
        }
    }
}

/// The sort of failure of a [`BackendError`]; decides whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendErrorKind {
    /// It may work in a moment: a lost connection, a server that is too busy.
    Transient,
    /// There is no room left.
    Full,
    /// We may not.
    Denied,
    /// Anything else.
    Other,
}

/// Storage for state: bytes under keys. Whoever implements it promises:
///
/// - **Keys** are parts of `[A-Za-z0-9._-]`, at most 200 long and not beginning with a dot, joined by `/` to at most 512
///   characters. They are compared byte by byte. No key that is written is another's folder (`a` beside `a/b`).
/// - **Values** are any bytes, none included, of any length; a backend that has a limit documents it and refuses what is
///   above with an error of its own.
/// - **Order.** All operations on a key look as if they happened one after the other. A read that starts after a
///   write has returned sees that write, and so does [`list`](Self::list), whichever client wrote. A replacement never
///   brings back what was deleted meanwhile.
/// - **Durability.** What a write has acknowledged survives a crash of the process, the machine and the storage. A
///   deletion may come undone in a crash of machine or storage.
/// - **All or nothing.** Nobody ever reads a part of a value, and a key that is listed can be read. (After a *crash*, a
///   value that was never acknowledged may be cut short; the journal's checksums find that.)
/// - **Etags.** Another content of a key has another [`Etag`], and a key that nobody wrote keeps its etag: a lease is
///   judged dead by it. The *same* content written again may have the etag that it had before, as with hashes of the
///   content. So callers must not take an equal etag as a sign that nothing was written in between; what they replace
///   carries a number that only rises.
///
/// An error means that nobody knows whether the write happened; callers read the key to find out. Clients do not try
/// again on their own in a way that turns a success into `Exists` or `Mismatch`, unless they make sure whose write it was.
///
/// The feature `conformance` has a suite that checks all of it (but what takes a crash): `state::conformance`.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Where it is: the same for the same storage whatever name it was called by, and another for another one. By it a
    /// machine knows again what it has seen there; none where that cannot be told, and then nothing is remembered. Holds
    /// no credentials.
    async fn place(&self) -> Option<String> {
        None
    }

    /// Reads the object under a key; none if the key holds nothing.
    ///
    /// # Errors
    /// When the storage cannot be asked.
    async fn read(&self, key: &str) -> Result<Option<Object>, BackendError>;

    /// Stores under a key that holds nothing; of several at the same time, one wins. Atomic, and durable when it returns.
    ///
    /// # Errors
    /// When nobody knows whether it happened.
    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BackendError>;

    /// Replaces what is under a key if that still is what `etag` says. Atomic, and durable when it returns.
    ///
    /// # Errors
    /// When nobody knows whether it happened.
    async fn put_if_match(&self, key: &str, bytes: Vec<u8>, etag: &Etag) -> Result<Put, BackendError>;

    /// The keys that begin with `prefix`, in ascending order.
    ///
    /// # Errors
    /// When the storage cannot be asked.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, BackendError>;

    /// Removes a key; that it is not there is no error.
    ///
    /// # Errors
    /// When nobody knows whether it happened.
    async fn delete(&self, key: &str) -> Result<(), BackendError>;
}

impl fmt::Debug for dyn Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}
