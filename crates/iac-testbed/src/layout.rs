//! Where the test bed keeps things: a cache that all checkouts share, and a run directory for each of them.

use std::path::{Path, PathBuf};

use crate::error::{Result, io};

/// The folders of one test bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    cache: PathBuf,
    run: PathBuf,
}

impl Layout {
    /// The test bed of this checkout, or the one that `IAC_TESTBED_DIR` names.
    ///
    /// The run directory lies in the cache directory and not in `target/`: `cargo clean` must not pull the files from under running engines,
    /// and the path of a Unix socket may have no more than 107 bytes.
    #[must_use]
    pub fn of_this_checkout() -> Self {
        let cache = cache_directory();
        let run = std::env::var_os("IAC_TESTBED_DIR")
            .filter(|dir| !dir.is_empty())
            .map_or_else(
                || cache.join("run").join(digest(workspace().to_string_lossy().as_bytes())),
                PathBuf::from,
            );
        Self { cache, run }
    }

    /// The run directory: record, logs, sockets and data of one test bed.
    #[must_use]
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// The cache directory: binaries and images that any checkout can use.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// A path in the run directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }

    /// The log file of a part of the test bed.
    #[must_use]
    pub fn log(&self, part: &str) -> PathBuf {
        self.run.join("logs").join(format!("{part}.log"))
    }

    /// Writes a daemon's configuration and gives its path. The path has the content's digest in it: a daemon whose configuration has changed is
    /// seen by its arguments, and no file changes under one that runs.
    pub(crate) fn configuration(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self
            .folder("configuration")?
            .join(format!("{}-{name}", digest(text.as_bytes())));
        if !path.exists() {
            std::fs::write(&path, text).map_err(io("write", &path))?;
        }
        Ok(path)
    }

    /// Makes a folder of the run directory and gives its path.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.run.join(name);
        std::fs::create_dir_all(&path).map_err(io("create", &path))?;
        Ok(path)
    }
}

/// The first 12 hexadecimal digits of the SHA-256 of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The root of the workspace that this crate was compiled in.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

fn cache_directory() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    base.join("iac-testbed")
}
