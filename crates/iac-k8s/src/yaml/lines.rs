//! The lines of an object's fields. Of a file only its name and a digest are kept; it is read again when somebody asks, and
//! kept from then on.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use iac_core::declare::{FieldLines, SourceLine};
use iac_core::files;
use iac_core::value::{FieldPath, Segment};
use serde::de::IgnoredAny;

use super::place::Place;
use super::text;

/// A file that objects were read from.
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    digest: u64,
    again: Mutex<Option<Again>>,
}

/// A file that was read again.
struct Again {
    /// Its text; empty where it cannot be read or is not as it was.
    text: String,
    /// Where each of its lines begins.
    starts: Vec<usize>,
    /// The document that was asked for last, by its line.
    document: (u64, Option<Place>),
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceFile({})", self.path.display())
    }
}

impl SourceFile {
    pub(super) fn new(path: &Path, text: &str) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            digest: digest(text),
            again: Mutex::new(None),
        })
    }

    fn read_again(&self) -> Again {
        let text = text::read(&self.path, files::DOCUMENT).ok();
        let text = text.filter(|text| digest(text) == self.digest).unwrap_or_default();
        Again {
            starts: starts(&text),
            text,
            document: (0, None),
        }
    }

    /// Where a field of an object stands: its line and column.
    fn find(&self, object: &ObjectLines, path: &[Segment]) -> Option<(u64, u64)> {
        let mut again = self.again.lock().ok()?;
        let again = again.get_or_insert_with(|| self.read_again());
        if again.document.0 != object.line {
            again.document = (object.line, again.document_at(object.line));
        }
        let mut node = again.document.1.as_ref()?;
        for index in &object.item {
            let (_, items) = node.step(&Segment::Field("items".to_owned()))?;
            (_, node) = items.step(&Segment::Index(*index))?;
        }
        let found = node.find(path)?;
        Some((object.line + found.line() - 1, found.column()))
    }
}

impl Again {
    /// The document that begins on a line.
    fn document_at(&self, line: u64) -> Option<Place> {
        let start = *self.starts.get(usize::try_from(line).ok()?.checked_sub(1)?)?;
        let document = text::first::<Place>(first_document(&self.text[start..]))?;
        (document.referenced.line() == 1).then_some(document.value)
    }
}

/// An object of a file, whose fields can be found there.
pub(crate) struct ObjectLines {
    pub(super) file: Arc<SourceFile>,
    /// The line on which its document begins.
    pub(super) line: u64,
    /// Its place in the document, where that is a list: its position, in each list of lists.
    pub(super) item: Vec<usize>,
}

impl FieldLines for ObjectLines {
    fn line(&self, path: &FieldPath) -> Option<SourceLine> {
        let (line, column) = match path.segments() {
            // The texts of a Secret are sent with its other data, and win over it.
            [Segment::Field(data), rest @ ..] if data == "data" && !rest.is_empty() => {
                let text = [&[Segment::Field("stringData".to_owned())][..], rest].concat();
                self.file
                    .find(self, &text)
                    .or_else(|| self.file.find(self, path.segments()))
            }
            path => self.file.find(self, path),
        }?;
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Some(SourceLine {
            file: self.file.path.display().to_string(),
            line: number(line),
            column: number(column),
        })
    }
}

fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Where the lines of a text begin, as YAML counts them.
fn starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|(place, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(place, _)| place + 1)).collect()
}

/// The part of a text that is its first document.
fn first_document(text: &str) -> &str {
    // Values of JSON may follow one another without a mark between them.
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    if text.starts_with('{') && values.next().is_some_and(|value| value.is_ok()) {
        return &text[..values.byte_offset()];
    }
    // The rest of a large file is looked through for one of the marks only.
    before(before(text, "\n---"), "\n...")
}

/// The part of a text before a line that is this mark, or begins with it and a blank.
fn before<'a>(text: &'a str, mark: &str) -> &'a str {
    let ends_word = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
    let mut marks = text.match_indices(mark);
    let mark = marks.find(|(place, mark)| ends_word(&text[place + mark.len()..]));
    mark.map_or(text, |(place, _)| &text[..=place])
}
