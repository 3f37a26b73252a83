//! The record of a test bed about itself, in its run directory.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::addresses::Block;
use crate::docker::Engine;
use crate::error::{Error, Result, io};
use crate::extra::Extra;
use crate::layout::Layout;
use crate::storage::Servers;

/// The record of a test bed. It is there from the first moment of `up` to the end of `down`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The addresses.
    pub block: Block,
    /// The socket of the Docker Engine.
    pub docker_socket: PathBuf,
    /// True if the engine was there before the test bed, which then never stops it.
    pub docker_is_foreign: bool,
    /// True if the cluster was asked for.
    pub kubernetes: bool,
    /// The additions that were asked for in the cluster.
    #[serde(default)]
    pub with: Vec<Extra>,
    /// The servers that state can be kept on, if they were asked for.
    #[serde(default)]
    pub storage: Option<Servers>,
}

impl Record {
    /// Reads the record of a test bed, if there is one.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>> {
        let path = Self::path(layout);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", &path)(error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| Error::Record {
            path,
            reason: error.to_string(),
        })
    }

    /// Writes the record; a reader sees the old one or the new one, never a part.
    pub(crate) fn write(&self, layout: &Layout) -> Result<()> {
        let path = Self::path(layout);
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::Record {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let draft = path.with_extension("json.new");
        std::fs::write(&draft, text).map_err(io("write", &draft))?;
        std::fs::rename(&draft, &path).map_err(io("rename", &draft))
    }

    /// Forgets the test bed.
    pub(crate) fn remove(layout: &Layout) -> Result<()> {
        let path = Self::path(layout);
        std::fs::remove_file(&path).map_err(io("remove", &path))
    }

    /// The Docker Engine of the record.
    #[must_use]
    pub fn engine(&self) -> Engine {
        Engine::at(&self.docker_socket)
    }

    fn path(layout: &Layout) -> PathBuf {
        layout.path("testbed.json")
    }
}
