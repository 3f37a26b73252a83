//! The engine's memory of a stack: journal, snapshot, lease, secrets and history, on any storage that has the five operations of
//! [`Backend`].
//!
//! - [`Store`] is one stack's state on a backend; [`Store::load`] reads it without a lock.
//! - [`Store::begin`] takes the lease and gives a [`Writer`]; whatever it records is durable when its method returns.
//! - [`State`] is what came out of snapshot and journal, secrets still sealed; [`State::open`] opens them.
//! - [`Vault`] is the stack's data key; [`WrappedKey`] is such a key as it may lie in a file.
//!
//! The rule that everything rests on: an intent is durable before the outside world is touched
//! ([`Writer::begin_op`]), and its outcome before anything that depends on it starts ([`Writer::applied`]). What was
//! begun and has no outcome is [`State::pending`]. `docs/state-format.md` describes the files.
//!
//! ```no_run
//! use std::time::Duration;
//! use iac_core::state::{KeySource, NewRecord, Operation, RunInfo, Store, Summary, open_backend};
//!
//! # async fn example(operation: Operation, record: NewRecord) -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::new(open_backend("state")?, "prod", KeySource::from_env());
//! let writer = store.begin(RunInfo::current("up", "3f2a9c1"), Duration::ZERO).await?;
//! for pending in &writer.state().pending {
//!     // Look what became of it, record that, and then:
//!     writer.resolve(pending.op).await?;
//! }
//! let op = writer.begin_op(operation).await?;
//! // Make it. If the run is killed here, the next one finds the intent.
//! writer.applied(op, record).await?;
//! let version = writer.finish(Summary { created: 1, ok: true, ..Summary::default() }).await?;
//! assert_eq!(store.load().await?.version, version);
//! # Ok(())
//! # }
//! ```

mod backend;
mod binding;
mod check;
mod commit;
mod compact;
#[cfg(feature = "conformance")]
pub mod conformance;
mod edit;
mod entry;
mod error;
mod history;
mod keyring;
mod keys;
mod lease;
mod lines;
mod links;
mod local;
mod log;
mod marker;
mod migrate;
mod model;
mod paths;
mod process;
mod rekey;
mod remove;
mod replay;
mod scheme;
mod sealed;
mod seen;
mod snapshot;
mod stack_id;
mod stamp;
mod store;
mod times;
mod transfer;
mod trust;
mod vault;
mod wrapped;
mod writer;

pub use backend::{Backend, BackendError, BackendErrorKind, Created, Etag, Object, Put};
pub use binding::{Binding, Difference, Folder};
pub use check::{CheckReport, Finding, Repair, Severity};
pub use error::StateError;
pub use keys::{KeySource, KeySourceError};
pub use lease::Holder;
pub use local::LocalBackend;
pub use migrate::Migrated;
pub use model::{
    Former, FormerObject, NewRecord, OpId, OpKind, Opened, Operation, Pending, Record, RunInfo, State, Summary, Version,
};
pub(crate) use process::host;
pub use rekey::{RekeyOptions, Rekeyed};
pub(crate) use scheme::local_folder;
pub use scheme::{BackendScheme, Backends, UrlParameter, open_backend, url_parameters};
pub use stack_id::StackId;
pub use store::Store;
pub use times::{StepKind, Times, Took};
pub use transfer::{ImportOptions, Imported};
pub use trust::Trusted;
pub use vault::{Vault, VaultError};
pub use wrapped::{DataKey, Recipients, WrappedKey};
pub use writer::Writer;
