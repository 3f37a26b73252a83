//! The object that says that a stack is there, and whether it is arriving, being removed or moved elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lines::{self, Vouched};
use super::paths::Paths;
use super::stamp::Stamp;
use super::{Backend, Created, Etag, Put, StateError, Vault};
use crate::redact;

/// The content of the object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Marker {
    #[serde(flatten)]
    pub(super) stamp: Stamp,
    pub(super) stack: String,
    pub(super) created: Timestamp,
    /// Why the stack cannot be used at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Status>,
    /// The seal that vouches for it, where it was read.
    #[serde(skip)]
    seal: Option<Vouched>,
}

/// The purpose of a marker's MAC.
const PURPOSE: &str = "marker";

/// Why a stack cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// `stack rm` has begun.
    Removing,
    /// `state migrate` is bringing it here.
    Arriving,
    /// `state migrate` has brought it elsewhere.
    Moved {
        /// Where, as a person may see it.
        to: String,
    },
}

impl Marker {
    pub(super) fn new(stack: &str, status: Option<Status>) -> Self {
        Self {
            stamp: Stamp::new(),
            stack: stack.to_owned(),
            created: Timestamp::now(),
            status,
            seal: None,
        }
    }

    /// True if the stack's key vouches for it.
    pub(super) fn is_vouched(&self, vault: &Vault) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.is_by(PURPOSE, vault))
    }

    /// Whether the stack can be used. With its key at hand, a status counts only if that vouches for it.
    pub(super) fn check(&self, vault: Option<&Vault>) -> Result<(), StateError> {
        let forged = vault.is_some_and(|vault| self.status.is_some() && !self.is_vouched(vault));
        match self.check_status() {
            Err(status) if forged => Err(StateError::Untrusted {
                file: format!("{}/stack.json", self.stack),
                what: format!("it says: {status}; and it does not bear the seal of the stack's key"),
                remedy: "If somebody forged it, `state trust` takes the stack as usable, here".to_owned(),
            }),
            checked => checked,
        }
    }

    fn check_status(&self) -> Result<(), StateError> {
        let stack = self.stack.clone();
        match &self.status {
            None => Ok(()),
            Some(Status::Removing) => Err(StateError::Removing(stack)),
            Some(Status::Arriving) => Err(StateError::Arriving(stack)),
            Some(Status::Moved { to }) => Err(StateError::Moved {
                stack,
                to: redact::url(to),
            }),
        }
    }

    /// The marker as it is.
    pub(super) async fn read(backend: &dyn Backend, paths: &Paths) -> Result<Option<(Self, Etag)>, StateError> {
        let key = paths.marker();
        let Some(object) = backend.read(&key).await.map_err(StateError::Read)? else {
            return Ok(None);
        };
        let marker = Self {
            seal: Vouched::read(&object.bytes),
            ..lines::read_json(&key, &object.bytes)?
        };
        Ok(Some((marker, object.etag)))
    }

    /// Writes it over the one that `etag` says, or where there is none; false if it is another one by now.
    pub(super) async fn write(
        &self,
        backend: &dyn Backend,
        paths: &Paths,
        etag: Option<&Etag>,
        vault: Option<&Vault>,
    ) -> Result<bool, StateError> {
        let bytes = Vouched::file(PURPOSE, self, vault)?;
        let written = match etag {
            None => {
                let created = backend.create(&paths.marker(), bytes).await;
                created.map(|created| matches!(created, Created::Created(_)))
            }
            Some(etag) => {
                let put = backend.put_if_match(&paths.marker(), bytes, etag).await;
                put.map(|put| matches!(put, Put::Done(_)))
            }
        };
        written.map_err(StateError::Write)
    }

    /// Brings the marker to today's format, so that older programs leave the stack alone from the first moment on.
    pub(super) async fn raise(backend: &dyn Backend, paths: &Paths) -> Result<(), StateError> {
        while let Some((marker, etag)) = Self::read(backend, paths).await? {
            if marker.stamp.format >= Stamp::FORMAT {
                break;
            }
            let raised = Self {
                stamp: Stamp::new(),
                ..marker
            };
            if raised.write(backend, paths, Some(&etag), None).await? {
                break;
            }
        }
        Ok(())
    }

    /// Changes the status of the marker that is there, or of a new one.
    pub(super) async fn set(
        backend: &dyn Backend,
        paths: &Paths,
        stack: &str,
        status: Option<Status>,
        vault: Option<&Vault>,
    ) -> Result<(), StateError> {
        loop {
            let (mut marker, etag) = match Self::read(backend, paths).await? {
                Some((marker, etag)) => (marker, Some(etag)),
                None => (Self::new(stack, None), None),
            };
            if etag.is_some() && marker.status == status && vault.is_none_or(|vault| marker.is_vouched(vault)) {
                return Ok(());
            }
            marker.status.clone_from(&status);
            marker.stamp = Stamp::new();
            if marker.write(backend, paths, etag.as_ref(), vault).await? {
                return Ok(());
            }
        }
    }
}
