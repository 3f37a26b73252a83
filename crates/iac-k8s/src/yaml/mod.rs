//! Plain manifests: files of one or many documents, and folders of them.

mod aliases;
mod lines;
mod object;
mod place;
mod select;
mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iac_core::reach::Reach;
use iac_core::value::Packed;

use self::lines::{ObjectLines, SourceFile};
pub use self::select::ManifestFiles;
pub(crate) use self::text::read as read_text;

/// One object of a manifest, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    /// The file.
    pub(crate) file: Arc<SourceFile>,
    /// The line on which its document begins.
    pub(crate) line: u64,
    /// Its position in each list that it stands in.
    item: Vec<usize>,
    /// The object.
    pub(crate) object: Packed,
}

impl Manifest {
    /// The lines of its fields.
    pub(crate) fn lines(&self) -> ObjectLines {
        ObjectLines {
            file: Arc::clone(&self.file),
            line: self.line,
            item: self.item.clone(),
        }
    }
}

/// Something that is wrong with manifests, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestError {
    /// The file or folder.
    pub(crate) file: PathBuf,
    /// The line; none for the file as a whole.
    pub(crate) line: Option<u64>,
    /// The message for people.
    pub(crate) message: String,
}

impl ManifestError {
    fn of(file: &Path, line: Option<u64>, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            message: message.into(),
        }
    }
}

/// Reads a file, or all manifests in a folder and the folders in it, in the order of their names. What lies outside of their
/// repository or folder is read only if it is in `outside`.
///
/// # Errors
/// All that is wrong, file by file.
pub(crate) fn read(files: &ManifestFiles, outside: &[PathBuf]) -> Result<Vec<Manifest>, Vec<ManifestError>> {
    let mut manifests = Vec::new();
    let mut errors = Vec::new();
    let mut reach = Reach::of(&files.path);
    reach.allow(outside);
    for file in files.list(&reach)? {
        let read = reach.admit(&file);
        match read.and_then(|()| read_text(&file, iac_core::files::DOCUMENT)) {
            Ok(text) => parse(&SourceFile::new(&file, &text), &text, &mut manifests, &mut errors),
            Err(error) => errors.push(ManifestError::of(&file, None, format!("cannot be read: {error}"))),
        }
    }
    if errors.is_empty() {
        return Ok(manifests);
    }
    Err(errors)
}

/// Reads the documents of one file.
fn parse(source: &Arc<SourceFile>, text: &str, manifests: &mut Vec<Manifest>, errors: &mut Vec<ManifestError>) {
    let file = source.path.as_path();
    let documents = match text::documents(text) {
        Ok(documents) => documents,
        Err(failure) => {
            let message = match object::is_template(text) {
                true => format!("{}: {}", failure.message, object::CHART),
                false => failure.message,
            };
            return errors.push(ManifestError::of(file, Some(failure.line), message));
        }
    };
    for document in documents {
        let tree = match document.tree.json() {
            Ok(tree) => tree,
            Err(_) => {
                let message = "it is nested more deeply than any object is";
                errors.push(ManifestError::of(file, Some(document.line), message));
                continue;
            }
        };
        for (item, object) in object::unfold(tree) {
            match object::check(file, &object) {
                Ok(()) => manifests.push(Manifest {
                    file: Arc::clone(source),
                    line: document.line,
                    item,
                    object: object.into(),
                }),
                Err(message) => errors.push(ManifestError::of(file, Some(document.line), message)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
