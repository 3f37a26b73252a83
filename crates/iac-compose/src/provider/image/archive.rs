//! A build's context as an archive, as the engine takes it.

use std::fs;
use std::io::{self, Seek as _};
use std::path::Path;

use super::context::{ContextError, Entry, INLINE, LeftOut, at, content, entries};
use crate::model::Build;

/// The archive of a context, in a temporary file: it may be larger than the memory.
///
/// # Errors
/// When something in the folder cannot be read, and when there is no room for it.
pub(super) fn archive(build: &Build, left_out: &LeftOut) -> Result<fs::File, ContextError> {
    let here = |error| at(&std::env::temp_dir(), error);
    let mut archive = tar::Builder::new(io::BufWriter::new(tempfile::tempfile().map_err(here)?));
    for (name, path, entry) in entries(build, left_out)? {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        let added = match entry {
            Entry::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(0o755);
                header.set_size(0);
                archive.append_data(&mut header, format!("{name}/"), io::empty())
            }
            Entry::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                archive.append_link(&mut header, &name, target)
            }
            Entry::File { executable, .. } => {
                let (content, length) = content(&path).map_err(|error| at(&path, error))?;
                header.set_mode(if executable { 0o755 } else { 0o644 });
                header.set_size(length);
                archive.append_data(&mut header, &name, Whole { content })
            }
            Entry::Fifo => {
                header.set_entry_type(tar::EntryType::Fifo);
                header.set_mode(0o644);
                header.set_size(0);
                archive.append_data(&mut header, &name, io::empty())
            }
        };
        added.map_err(|error| at(&path, error))?;
    }
    if let Some(text) = &build.dockerfile_inline {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        let added = archive.append_data(&mut header, INLINE, text.as_bytes());
        added.map_err(|error| at(Path::new(INLINE), error))?;
    }
    let file = archive.into_inner().and_then(|file| Ok(file.into_inner()?));
    let mut file = file.map_err(here)?;
    file.rewind().map_err(here)?;
    Ok(file)
}

/// A file's content, all of it: one that was cut meanwhile would leave the archive in disorder.
struct Whole {
    content: io::Take<fs::File>,
}

impl io::Read for Whole {
    fn read(&mut self, part: &mut [u8]) -> io::Result<usize> {
        match self.content.read(part)? {
            0 if self.content.limit() > 0 && !part.is_empty() => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it became shorter while it was read",
            )),
            length => Ok(length),
        }
    }
}
