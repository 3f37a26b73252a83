//! What the engine remembers of a stack: journal, snapshot, lease, secrets and history, on any storage that has the
//! five operations of [`Backend`].
//!
//! - [`Store`] is one stack's state on a backend; [`Store::load`] reads it without a lock.
//! - [`Store::begin`] takes the lease and gives a [`Writer`]; whatever it records is durable when its method returns.
//! - [`State`] is what came out of snapshot and journal, secrets still sealed; [`State::open`] opens them.
//! - [`Vault`] is the stack's data key; [`WrappedKey`] is such a key as it may lie in a file.
//!
//! The rule that everything rests on: an intent is durable before the outside world is touched
//! ([`Writer::begin_op`]), and its outcome before anything that depends on it starts ([`Writer::applied`]). What was
//! begun and has no outcome is [`State::pending`]. `docs/state-format.md` describes the files.

mod backend;
mod commit;
mod compact;
mod entry;
mod error;
mod history;
mod keys;
mod lease;
mod lines;
mod local;
mod log;
mod model;
mod paths;
mod process;
mod replay;
mod sealed;
mod snapshot;
mod store;
mod vault;
mod wrapped;
mod writer;

pub use backend::{Backend, BackendError, BackendErrorKind, Created, Etag, Object, Put, open_backend};
pub use error::StateError;
pub use keys::{KeySource, KeySourceError};
pub use lease::Holder;
pub use local::LocalBackend;
pub use model::{NewRecord, OpId, OpKind, Opened, Operation, Pending, Record, RunInfo, State, Summary, Version};
pub use store::Store;
pub use vault::{Vault, VaultError};
pub use wrapped::{DataKey, Recipients, WrappedKey};
pub use writer::Writer;
