//! The errors of state.

use crate::urn::Key;
use crate::value::FieldPath;

use super::{BackendError, Holder, OpId, VaultError};

/// Why state could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StateError {
    /// The stack's name cannot be part of a key.
    #[error("stack name {0:?}: use letters, digits, '.', '_' and '-', and begin with a letter or digit")]
    Name(String),
    /// The storage failed while reading.
    #[error("the state cannot be read: {0}")]
    Read(#[source] BackendError),
    /// The storage failed while writing; nothing more is written by this run.
    #[error(
        "the state cannot be written: {0}; all that was recorded before is safe, and the next run looks at what was in flight and goes on from there"
    )]
    Write(#[source] BackendError),
    /// Somebody else is writing.
    #[error("stack {stack:?} is locked by {holder}; wait with --lock-timeout, or end their claim with `stack unlock`")]
    Locked {
        /// The stack.
        stack: String,
        /// The holder of the lease.
        holder: Box<Holder>,
    },
    /// This run no longer may write: it stood still for too long, or somebody unlocked the stack.
    #[error(
        "this run lost its lease on stack {stack:?}{}; nothing more is started, and the next run looks at what was in flight",
        by.as_ref().map(|holder| format!(" to {holder}")).unwrap_or_default()
    )]
    LeaseLost {
        /// The stack.
        stack: String,
        /// The present holder of the lease, if there is one.
        by: Option<Box<Holder>>,
    },
    /// The writer was used after it was finished or abandoned.
    #[error("this run's writer is closed")]
    Closed,
    /// A file is not as it was written.
    #[error("{file}{}: {what}; `state repair` shows what can be saved", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Damaged {
        /// Which.
        file: String,
        /// Where in it, from 1.
        line: Option<usize>,
        /// The damage, in words.
        what: String,
    },
    /// A file was written by a newer release.
    #[error(
        "{file} was made by a newer version of iac{}, which needs at least {needs}; this program, iac {}, knows format {} and reader {}, and touched nothing: use a newer release",
        by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default(), env!("CARGO_PKG_VERSION"), super::stamp::Stamp::FORMAT, super::stamp::Stamp::READS
    )]
    Newer {
        /// Which.
        file: String,
        /// The format or reader that it needs: `format 3`, `reader 4`.
        needs: String,
        /// The version of iac that wrote it, if it says so.
        by: Option<String>,
    },
    /// The files are not those that runs of this stack have left there, or not those that this machine has seen last.
    #[error("{file}: {what}; nothing was done. {remedy}")]
    Untrusted {
        /// The file, or the stack.
        file: String,
        /// Why it is not believed.
        what: String,
        /// A sentence on what can be done.
        remedy: String,
    },
    /// The stack is not encrypted as a whole, and this run was told that it has to be.
    #[error(
        "stack {0:?} is to be encrypted as a whole (IAC_ENCRYPT_STATE, or the program), and it is not; nothing was written. `stack rekey --encrypt-state` changes it over"
    )]
    NotWhole(String),
    /// The state bears the seal of a key, and there is no key file.
    #[error(
        "the state of stack {0:?} bears the seal of its key, and there is no key.json; restore that from a copy or from a `state export`"
    )]
    Sealed(String),
    /// Something could not be sealed.
    #[error("the state cannot be sealed: {0}")]
    Seal(String),
    /// A run came in between that did not end as it should.
    #[error("stack {0:?} was changed meanwhile by a run that was interrupted; run `up`, and then this once more")]
    Unfinished(String),
    /// The stack has other keys by now than those that were opened.
    #[error("the keys of stack {0:?} were changed since they were opened; nothing was done, run it again")]
    Rekeyed(String),
    /// The stack's key is not available.
    #[error(transparent)]
    Key(#[from] super::KeySourceError),
    /// A sealed value does not open.
    #[error("{key}: {path}: {error}")]
    Open {
        /// The resource or export.
        key: String,
        /// Where in it.
        path: FieldPath,
        /// Why.
        error: VaultError,
    },
    /// A recorded value is not of its form.
    #[error("{key}: recorded value: {message}")]
    Form {
        /// The resource or export.
        key: String,
        /// The error in the value.
        message: String,
    },
    /// A value to be recorded depends on something that is not known.
    #[error("{key}: {path} cannot be recorded, since it is not resolved")]
    Unresolved {
        /// The resource or export.
        key: String,
        /// Where in it.
        path: FieldPath,
    },
    /// An operation was never begun, or has an outcome already.
    #[error("operation {0} is not pending")]
    UnknownOp(OpId),
    /// A change of the record that was asked for cannot be made.
    #[error("{key}: {why}; the state was not changed")]
    Refused {
        /// The resource.
        key: Key,
        /// Why not.
        why: String,
    },
    /// The stack was never written here.
    #[error("there is no stack {0:?} here; `stack ls` lists those that are")]
    NoStack(String),
    /// A stack that is to be removed still holds something.
    #[error("stack {stack:?} has {records} recorded resources and {pending} interrupted operations")]
    NotEmpty {
        /// The stack.
        stack: String,
        /// The number of recorded resources.
        records: usize,
        /// The number of operations without an outcome.
        pending: usize,
    },
    /// A removal was interrupted.
    #[error("stack {0:?} is being removed, or a removal was interrupted; `stack rm` finishes it")]
    Removing(String),
    /// A migration to here was interrupted.
    #[error(
        "stack {0:?} is being moved here, or that was interrupted; `state migrate` finishes it, run where the stack comes from"
    )]
    Arriving(String),
    /// The stack is kept elsewhere by now.
    #[error("stack {stack:?} was moved to {to}; use --backend or IAC_BACKEND to go there")]
    Moved {
        /// The stack.
        stack: String,
        /// Where.
        to: String,
    },
    /// A stack cannot be brought to another backend.
    #[error("stack {stack:?} cannot be brought to {to}: {why}; nothing was changed here")]
    Occupied {
        /// The stack.
        stack: String,
        /// Where it was to go.
        to: String,
        /// Why not.
        why: String,
    },
    /// A document cannot be taken in.
    #[error("the state was not imported: {0}")]
    Import(String),
    /// There is no such version, or it is no longer kept.
    #[error("version {version} is not in the history{}", first.map(|first| format!(", which goes back to {first}")).unwrap_or_default())]
    UnknownVersion {
        /// Which was asked for.
        version: u64,
        /// The oldest that is kept.
        first: Option<u64>,
    },
    /// A resource is not recorded.
    #[error("{0} is not recorded")]
    UnknownKey(Key),
}
