//! The owner of the test bed: one that the quickstart started is its own, to be stopped by `quickstart --down`, until
//! somebody asks for the test bed themselves.

use std::io;
use std::path::Path;

/// Written when the quickstart started the test bed's Docker Engine.
const MARKER: &str = "started-by-quickstart";

/// The quickstart started it.
pub(crate) fn take(folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join(MARKER), "")
}

/// Somebody else uses it from now on, or it is stopped.
pub(crate) fn release(folder: &Path) -> io::Result<()> {
    match std::fs::remove_file(folder.join(MARKER)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// True if the quickstart started it, and nobody asked for it since.
pub(crate) fn is_the_quickstarts(folder: &Path) -> bool {
    folder.join(MARKER).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_quickstart_started_alone_is_its_own() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(!is_the_quickstarts(folder.path()));
        take(folder.path())?;
        assert!(is_the_quickstarts(folder.path()));
        release(folder.path())?;
        release(folder.path())?;
        assert!(!is_the_quickstarts(folder.path()));
        release(&folder.path().join("nowhere"))
    }
}
