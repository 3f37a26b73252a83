//! The object that says that a stack is there, and whether it is on its way in, away or gone elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lines::{self, FORMAT};
use super::paths::Paths;
use super::{Backend, Created, Etag, Put, StateError};

/// What the object holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) format: u64,
    pub(super) stack: String,
    pub(super) created: Timestamp,
    /// Why the stack cannot be used at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Status>,
}

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
            format: FORMAT,
            stack: stack.to_owned(),
            created: Timestamp::now(),
            status,
        }
    }

    /// Whether the stack can be used.
    pub(super) fn check(&self) -> Result<(), StateError> {
        let stack = self.stack.clone();
        match &self.status {
            None => Ok(()),
            Some(Status::Removing) => Err(StateError::Removing(stack)),
            Some(Status::Arriving) => Err(StateError::Arriving(stack)),
            Some(Status::Moved { to }) => Err(StateError::Moved { stack, to: to.clone() }),
        }
    }

    /// The marker as it is.
    pub(super) async fn read(backend: &dyn Backend, paths: &Paths) -> Result<Option<(Self, Etag)>, StateError> {
        let key = paths.marker();
        let Some(object) = backend.read(&key).await.map_err(StateError::Read)? else {
            return Ok(None);
        };
        Ok(Some((lines::read_json(&key, &object.bytes)?, object.etag)))
    }

    /// Writes it over the one that `etag` says, or where there is none; false if it is another one by now.
    pub(super) async fn write(
        &self,
        backend: &dyn Backend,
        paths: &Paths,
        etag: Option<&Etag>,
    ) -> Result<bool, StateError> {
        let bytes = lines::json_file(self)?;
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

    /// Changes the status of the marker that is there, or of a new one.
    pub(super) async fn set(
        backend: &dyn Backend,
        paths: &Paths,
        stack: &str,
        status: Option<Status>,
    ) -> Result<(), StateError> {
        loop {
            let (mut marker, etag) = match Self::read(backend, paths).await? {
                Some((marker, etag)) => (marker, Some(etag)),
                None => (Self::new(stack, None), None),
            };
            if etag.is_some() && marker.status == status {
                return Ok(());
            }
            marker.status.clone_from(&status);
            if marker.write(backend, paths, etag.as_ref()).await? {
                return Ok(());
            }
        }
    }
}
