//! Configuration files: TOML whose tables flatten to dotted keys (`[api] replicas = 2` is `api.replicas`).
//!
//! A secret stands as `key = { secret = "…" }`, encrypted under the data key that the same file holds, itself wrapped,
//! in `[encryption]`; so a file with secrets can be committed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml_edit::{Document, Item, TableLike, Value as TomlValue};

/// The table that holds the wrapped data key; no configuration of the program.
pub(super) const ENCRYPTION: &str = "encryption";
/// The only key of an inline table that is a secret.
pub(super) const SECRET: &str = "secret";

/// A configuration file as read; its secrets are still sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// The values by their dotted keys.
    pub entries: BTreeMap<String, FileEntry>,
    /// The wrapped data key of its secrets.
    pub wrapped_key: Option<String>,
}

/// One value of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// The value.
    pub value: FileValue,
    /// Its line, from 1.
    pub line: usize,
    /// True if it is a list; the value is its JSON then.
    pub list: bool,
}

/// A value in clear, or a sealed secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileValue {
    /// In clear; numbers and booleans as text, lists as JSON.
    Plain(String),
    /// Sealed.
    Sealed(String),
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("{}: it cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's message.
        message: String,
    },
    /// A name that no configuration key can have.
    #[error("{}: {key:?} can be no configuration key: {why}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Why not.
        why: &'static str,
    },
    /// A value of a type that configuration does not have.
    #[error(
        "{}:{line}: {key} is {found}; a configuration value is a string, a number, a boolean or a list of them",
        path.display()
    )]
    Type {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The type of the value that stands there: `a date`.
        found: String,
    },
    /// A key that cannot be set, because what it runs through is a value.
    #[error("{}: {key:?} cannot be set: {at:?} is a value there, not a table", path.display())]
    NotATable {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The part of it that is a value.
        at: String,
    },
    /// A key that cannot be set, because it is a table.
    #[error("{}: {key:?} is a table; set one of its keys, such as {key}.name", path.display())]
    IsATable {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
}

impl ConfigFile {
    /// Reads a file; none when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or holds lists or dates.
    pub fn read(path: &Path) -> Result<Option<Self>, FileError> {
        match crate::files::read_text(path, crate::files::SETTINGS) {
            Ok(text) => Self::parse(&text, path).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FileError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Reads a file's text; `path` is only for messages.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let document = Document::parse(text).map_err(|error| syntax(text, path, &error))?;
        let mut reader = Reader {
            text,
            path,
            file: Self::default(),
        };
        reader.table("", document.as_table())?;
        Ok(reader.file)
    }
}

/// Makes sure that the names of a key are such that it is the only way to write it.
pub(super) fn check_names<'a>(
    path: &Path,
    key: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), FileError> {
    let why = names.into_iter().find_map(|name| match name {
        "" => Some("a name in it is empty"),
        name if name.contains('.') => Some("a quoted name in it has a dot (write it as tables)"),
        _ => None,
    });
    why.map_or(Ok(()), |why| {
        Err(FileError::Key {
            path: path.to_owned(),
            key: key.to_owned(),
            why,
        })
    })
}

pub(super) fn syntax(text: &str, path: &Path, error: &toml_edit::TomlError) -> FileError {
    FileError::Syntax {
        path: path.to_owned(),
        line: line_of(text, error.span()),
        message: error.message().trim().replace('\n', "; "),
    }
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start.min(text.len()));
    text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count() + 1
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    file: ConfigFile,
}

impl Reader<'_> {
    fn table(&mut self, prefix: &str, table: &dyn TableLike) -> Result<(), FileError> {
        for (name, item) in table.iter() {
            if prefix.is_empty() && name == ENCRYPTION {
                self.file.wrapped_key = item.get("key").and_then(Item::as_str).map(str::to_owned);
                continue;
            }
            let key = if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}.{name}")
            };
            check_names(self.path, &key, [name])?;
            if let Some(sealed) = sealed_secret(item) {
                let value = FileValue::Sealed(sealed.to_owned());
                self.insert(key, value, item, false);
            } else if let Some(inner) = item.as_table_like() {
                self.table(&key, inner)?;
            } else if let Some(list) = list(item) {
                let json = self.json(&key, item, &list)?;
                self.insert(key, FileValue::Plain(json.to_string()), item, true);
            } else {
                let value = self.plain(&key, item)?;
                self.insert(key, FileValue::Plain(value), item, false);
            }
        }
        Ok(())
    }

    fn insert(&mut self, key: String, value: FileValue, item: &Item, list: bool) {
        let line = line_of(self.text, item.span());
        self.file.entries.insert(key, FileEntry { value, line, list });
    }

    /// A list or what is in it as JSON; `item` is the list as a whole.
    fn json(&self, key: &str, item: &Item, value: &TomlValue) -> Result<Json, FileError> {
        Ok(match value {
            TomlValue::String(text) => text.value().as_str().into(),
            TomlValue::Integer(number) => (*number.value()).into(),
            TomlValue::Float(number) => (*number.value()).into(),
            TomlValue::Boolean(value) => (*value.value()).into(),
            TomlValue::Datetime(_) => return Err(self.refused(key, item, "a list with a date")),
            TomlValue::Array(items) => {
                let items = items.iter().map(|inner| self.json(key, item, inner));
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            TomlValue::InlineTable(table) if table.len() == 1 && table.contains_key(SECRET) => {
                return Err(self.refused(key, item, "a list with a secret, which needs a key of its own"));
            }
            TomlValue::InlineTable(table) => {
                let entries = table
                    .iter()
                    .map(|(name, inner)| Ok((name.to_owned(), self.json(key, item, inner)?)));
                Json::Object(entries.collect::<Result<_, FileError>>()?)
            }
        })
    }

    fn refused(&self, key: &str, item: &Item, found: &str) -> FileError {
        FileError::Type {
            path: self.path.to_owned(),
            line: line_of(self.text, item.span()),
            key: key.to_owned(),
            found: found.to_owned(),
        }
    }

    fn plain(&self, key: &str, item: &Item) -> Result<String, FileError> {
        let found = match item.as_value() {
            Some(TomlValue::String(text)) => return Ok(text.value().clone()),
            Some(TomlValue::Integer(number)) => return Ok(number.value().to_string()),
            Some(TomlValue::Float(number)) => return Ok(number.value().to_string()),
            Some(TomlValue::Boolean(value)) => return Ok(value.value().to_string()),
            Some(TomlValue::Array(_)) | None => "a list",
            Some(TomlValue::Datetime(_)) => "a date",
            Some(TomlValue::InlineTable(_)) => "a table",
        };
        Err(self.refused(key, item, found))
    }
}

/// The items of a list, or of `[[tables]]`.
fn list(item: &Item) -> Option<TomlValue> {
    if !item.is_array() && !item.is_array_of_tables() {
        return None;
    }
    item.clone().into_value().ok()
}

/// The sealed text of `{ secret = "…" }`; none for any other item.
pub(super) fn sealed_secret(item: &Item) -> Option<&str> {
    let table = item.as_inline_table()?;
    if table.len() != 1 {
        return None;
    }
    table.get(SECRET)?.as_str()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, FileError> {
        ConfigFile::parse(text, Path::new("stacks/prod.toml"))
    }

    #[test]
    fn tables_flatten_to_dotted_keys() {
        let text = "image = \"a:1\"\n\n[api]\nreplicas = 2\ndebug = true\nratio = 0.5\nlimits.cpu = \"1\"\n\
                    password = { secret = \"c2VhbGVk\" }\n\n[encryption]\nkey = \"d3JhcHBlZA\"\n";
        let file = parse(text).unwrap();
        let plain = |key: &str| match &file.entries[key].value {
            FileValue::Plain(text) => text.clone(),
            FileValue::Sealed(text) => format!("sealed {text}"),
        };
        let keys: Vec<(&str, String, usize)> = file
            .entries
            .iter()
            .map(|(key, entry)| (key.as_str(), plain(key), entry.line))
            .collect();
        assert_eq!(
            keys,
            [
                ("api.debug", "true".to_owned(), 5),
                ("api.limits.cpu", "1".to_owned(), 7),
                ("api.password", "sealed c2VhbGVk".to_owned(), 8),
                ("api.ratio", "0.5".to_owned(), 6),
                ("api.replicas", "2".to_owned(), 4),
                ("image", "a:1".to_owned(), 1),
            ]
        );
        assert_eq!(file.wrapped_key.as_deref(), Some("d3JhcHBlZA"));
    }

    #[test]
    fn lists_are_json() {
        let text = "ports = [80, 443]\nhosts = [\n  \"a\", # one\n  \"b\",\n]\n[[servers]]\nname = \"x\"\n[[servers]]\nname = \"y\"\n";
        let file = parse(text).unwrap();
        let lists: Vec<_> = file
            .entries
            .iter()
            .map(|(key, entry)| (key.as_str(), &entry.value, entry.list))
            .collect();
        let plain = |text: &str| FileValue::Plain(text.to_owned());
        assert_eq!(
            lists,
            [
                ("hosts", &plain(r#"["a","b"]"#), true),
                ("ports", &plain("[80,443]"), true),
                ("servers", &plain(r#"[{"name":"x"},{"name":"y"}]"#), true),
            ]
        );
    }

    #[test]
    fn what_is_no_configuration_is_refused_with_its_line() {
        let cases = [
            (
                "a = 1\nhosts = [1979-05-27]\n",
                "stacks/prod.toml:2: hosts is a list with a date",
            ),
            (
                "[db]\npasswords = [{ secret = \"c2VhbGVk\" }]\n",
                "stacks/prod.toml:2: db.passwords is a list with a secret",
            ),
            ("\n\nsince = 2024-01-01\n", "stacks/prod.toml:3: since is a date"),
            ("a = 1\nb = \n", "stacks/prod.toml:2: "),
        ];
        for (text, expected) in cases {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
