//! Reads texts as kubectl does: YAML of one or many documents, JSON, with or without a byte order mark.
//!
//! The parser follows the letter of YAML where kubectl's does not. What that one takes, people write; so a text that is
//! refused for such a place is mended there, in a way that does not change what it says, and read again.

use std::io;
use std::path::Path;

use iac_core::files;
use iac_core::value::Packed;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_saphyr::Spanned;

use super::aliases;

/// The number of places of one file that are mended.
const MENDS: usize = 1000;

/// How much is read to mend a file, in bytes: it is read again for each place.
const MOST_READ: usize = 1 << 30;

/// A document of a file.
pub(super) struct Document {
    /// The line on which it begins.
    pub(super) line: u64,
    pub(super) tree: Packed,
}

/// A tree that is packed as soon as it is read: the trees of a whole file would take many times its size.
#[derive(Deserialize)]
#[serde(from = "Json")]
struct Tree(Packed);

impl From<Json> for Tree {
    fn from(tree: Json) -> Self {
        Self(whole_numbers(tree).into())
    }
}

impl Document {
    fn of(document: Spanned<Tree>) -> Self {
        Self {
            line: document.referenced.line(),
            tree: document.value.0,
        }
    }
}

/// Why a text cannot be read.
pub(super) struct Failure {
    pub(super) line: u64,
    pub(super) message: String,
}

/// The text of a file in UTF-8, or in UTF-16 with a mark that says so.
pub(crate) fn read(file: &Path, limit: u64) -> io::Result<String> {
    let bytes = files::read(file, limit)?;
    let units = |read: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes[2..]
            .chunks_exact(2)
            .map(|pair| read([pair[0], pair[1]]))
            .collect()
    };
    let text = match bytes.get(..2) {
        Some([0xFF, 0xFE]) => String::from_utf16(&units(u16::from_le_bytes)).map_err(|error| error.to_string()),
        Some([0xFE, 0xFF]) => String::from_utf16(&units(u16::from_be_bytes)).map_err(|error| error.to_string()),
        _ => String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()),
    };
    text.map_err(|message| io::Error::new(io::ErrorKind::InvalidData, message))
}

/// The documents of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Document>, Failure> {
    let failure = match yaml(text) {
        Ok(documents) => return Ok(documents.into_iter().map(Document::of).collect()),
        Err(failure) => failure,
    };
    if text.trim_start().starts_with('{')
        && let Some(documents) = json(text)
    {
        return Ok(documents);
    }
    let documents = mended(text, failure).map_err(|error| Failure {
        line: error.line,
        message: error.message,
    })?;
    Ok(documents.into_iter().map(Document::of).collect())
}

/// The first document of a text.
pub(super) fn first<T: DeserializeOwned>(text: &str) -> Option<Spanned<T>> {
    let documents = yaml(text).or_else(|error| mended(text, error));
    documents.ok()?.into_iter().next()
}

/// The documents of a text that is not YAML as it is, once it is mended.
fn mended<T: DeserializeOwned>(text: &str, mut error: YamlError) -> Result<Vec<Spanned<T>>, YamlError> {
    let mut mended = text.to_owned();
    let mut read = 0_usize;
    for _ in 0..MENDS {
        match mend(&mended, &error) {
            Some(better) => mended = better,
            None => break,
        }
        read = read.saturating_add(mended.len());
        if read > MOST_READ {
            error
                .message
                .push_str("; so much in this file is written so that it is not read on");
            break;
        }
        match yaml(&mended) {
            Ok(documents) => return Ok(documents),
            Err(next) => error = next,
        }
    }
    Err(error)
}

struct YamlError {
    line: u64,
    column: u64,
    message: String,
}

fn yaml<T: DeserializeOwned>(text: &str) -> Result<Vec<Spanned<T>>, YamlError> {
    if let Some((line, column)) = aliases::excess(text) {
        let message = aliases::message();
        return Err(YamlError { line, column, message });
    }
    let options = serde_saphyr::options! {
        // The files are the user's own, and bundles of definitions are large; aliases are still limited.
        budget: None,
        // Kubernetes reads YAML 1.1, where a file mode 0644 is octal.
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
        YamlError {
            line,
            column,
            message: plain(&error.to_string()),
        }
    })
}

/// Numbers without a fraction as integers, as kubectl sends them: `1e3` is 1000, and the server takes no 1000.0 for one.
fn whole_numbers(tree: Json) -> Json {
    match tree {
        Json::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0);
            let text = whole
                .filter(|float| float.abs() < 9e15)
                .map(|float| format!("{float:.0}"));
            let integer = text.and_then(|text| text.parse::<i64>().ok());
            integer.map_or(Json::Number(number), Json::from)
        }
        Json::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, whole_numbers(value)))
            .collect(),
        other => other,
    }
}

/// The parser's reason without the place, which is shown before it, and without advice for programs.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let advice = [", set ", " at line ", "; use ", " by the configured policy"];
    let reason = advice
        .iter()
        .fold(first, |text, advice| text.split(advice).next().unwrap_or(text));
    let reason = reason.trim_start_matches("error: ");
    reason.replace("cannot deserialize null into string", "a key must not be null")
}

/// JSON values one after the other.
fn json(text: &str) -> Option<Vec<Document>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let mut documents = Vec::new();
    let (mut from, mut line, mut counted) = (0, 1, 0);
    while let Some(value) = values.next() {
        let start = text.len() - text[from..].trim_start().len();
        line += text[counted..start].matches('\n').count() as u64;
        counted = start;
        documents.push(Document {
            line,
            tree: value.ok()?.into(),
        });
        from = values.byte_offset();
    }
    Some(documents)
}

/// The text with the place mended that kubectl's parser takes as it is.
fn mend(text: &str, error: &YamlError) -> Option<String> {
    let number = usize::try_from(error.line).ok()?.checked_sub(1)?;
    let start = text.split_inclusive('\n').take(number).map(str::len).sum::<usize>();
    let line = text[start..].lines().next()?;
    // Blanks at the beginning of a line within quotes mean nothing, however many they are.
    if error.message.contains("invalid indentation in multiline quoted scalar") {
        let blanks = " ".repeat(deepest(text));
        return Some(format!("{}{blanks}{}", &text[..start], &text[start..]));
    }
    if error.message.contains("comments must be separated") {
        let column = usize::try_from(error.column).ok()?.checked_sub(1)?;
        let (place, _) = line.char_indices().nth(column).filter(|(_, sign)| *sign == '#')?;
        let place = start + place;
        return Some(format!("{} {}", &text[..place], &text[place..]));
    }
    None
}

/// One blank more than any line begins with.
fn deepest(text: &str) -> usize {
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    text.lines().map(depth).max().unwrap_or_default() + 1
}
