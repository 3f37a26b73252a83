//! Changing a configuration file in place: comments, order and layout stay as their author left them.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value as TomlValue};

use super::file::{ENCRYPTION, FileError, FileValue, SECRET, check_names, sealed_secret, syntax};
use crate::files;

/// A configuration file that is being changed.
#[derive(Debug)]
pub struct ConfigEditor {
    path: PathBuf,
    document: DocumentMut,
}

impl ConfigEditor {
    /// Opens a file; one that is not there yet is created by [`save`](Self::save).
    ///
    /// # Errors
    /// When it cannot be read or is no TOML.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let text = match files::read_text(path, files::SETTINGS) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => {
                return Err(FileError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        Self::parse(&text, path)
    }

    /// Takes a file's text; `path` is where [`save`](Self::save) writes to.
    ///
    /// # Errors
    /// When it is no TOML.
    pub fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let document = text.parse().map_err(|error| syntax(text, path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            document,
        })
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Sets a dotted key. A plain value that reads as an integer or boolean is written as one.
    ///
    /// # Errors
    /// When a part of the key but the last is a value in the file, or the last one a table.
    pub fn set(&mut self, key: &str, value: &FileValue) -> Result<(), FileError> {
        let parts: Vec<&str> = key.split('.').collect();
        let (last, tables) = parts.split_last().unwrap_or((&key, &[]));
        let path = self.path.clone();
        check_names(&path, key, parts.iter().copied())?;
        if parts[0] == ENCRYPTION {
            return Err(FileError::Key {
                path,
                key: key.to_owned(),
                why: "that table holds the key of the file's secrets",
            });
        }
        let not_a_table = |at: &str| FileError::NotATable {
            path: path.clone(),
            key: key.to_owned(),
            at: at.to_owned(),
        };
        let mut table = self.document.as_table_mut() as &mut dyn toml_edit::TableLike;
        for part in tables {
            let item = table.entry(part).or_insert_with(implicit_table);
            if sealed_secret(item).is_some() {
                return Err(not_a_table(part));
            }
            table = item.as_table_like_mut().ok_or_else(|| not_a_table(part))?;
        }
        if table.get(last).is_some_and(is_table) {
            return Err(FileError::IsATable {
                path: self.path.clone(),
                key: key.to_owned(),
            });
        }
        put(table, last, to_toml(value));
        Ok(())
    }

    /// The wrapped data key that the file's secrets are sealed under.
    pub fn wrapped_key(&self) -> Option<&str> {
        self.document.get(ENCRYPTION)?.get("key")?.as_str()
    }

    /// Records the wrapped data key.
    pub fn set_wrapped_key(&mut self, wrapped: &str) {
        let mut table = Table::new();
        table.insert("key", toml_edit::value(wrapped));
        self.document.insert(ENCRYPTION, Item::Table(table));
    }

    /// Writes the file: a temporary one beside it, synced, then renamed, so that a crash leaves the old or the new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> Result<(), FileError> {
        let write = || -> std::io::Result<()> {
            let folder = self.path.parent().filter(|path| !path.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(self.text().as_bytes())?;
            if let Ok(metadata) = std::fs::metadata(&self.path) {
                file.as_file().set_permissions(metadata.permissions())?;
            }
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        write().map_err(|source| FileError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// A table whose header is only written when it holds values of its own.
fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

fn to_toml(value: &FileValue) -> TomlValue {
    match value {
        FileValue::Sealed(sealed) => {
            let mut table = InlineTable::new();
            table.insert(SECRET, sealed.as_str().into());
            table.into()
        }
        FileValue::Plain(text) => match (text.parse::<i64>(), text.parse::<bool>()) {
            // Only a text that reads back exactly: "007" and "+1" stay strings.
            (Ok(number), _) if number.to_string() == *text => number.into(),
            (_, Ok(value)) => value.into(),
            _ => text.as_str().into(),
        },
    }
}

/// True if an item holds keys of its own; an inline table that is a secret is one value.
fn is_table(item: &Item) -> bool {
    !item.is_value() || item.is_inline_table() && sealed_secret(item).is_none()
}

/// Replaces a value and keeps the white space and the comment around it.
fn put(table: &mut dyn toml_edit::TableLike, key: &str, mut value: TomlValue) {
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    if let Some(item) = table.get_mut(key) {
        *item = Item::Value(value);
    } else {
        table.insert(key, Item::Value(value));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn edited(before: &str, edits: &[(&str, FileValue)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stacks/prod.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, before).unwrap();
        let mut editor = ConfigEditor::open(&path).unwrap();
        for (key, value) in edits {
            editor.set(key, value).unwrap();
        }
        editor.save().unwrap();
        std::fs::read_to_string(&path).unwrap()
    }

    fn plain(text: &str) -> FileValue {
        FileValue::Plain(text.to_owned())
    }

    #[test]
    fn comments_and_order_stay() {
        let before = "# who: ops\nimage = \"a:1\"   # pinned\n\n[api] # the API\nreplicas = 2 # two\ndebug = false\n";
        let after = edited(
            before,
            &[
                ("image", plain("a:2")),
                ("api.replicas", plain("3")),
                ("api.zone", plain("007")),
                ("db.password", FileValue::Sealed("c2VhbGVk".into())),
            ],
        );
        insta::assert_snapshot!(after, @r#"
        # who: ops
        image = "a:2"   # pinned

        [api] # the API
        replicas = 3 # two
        debug = false
        zone = "007"

        [db]
        password = { secret = "c2VhbGVk" }
        "#);
    }

    #[test]
    fn a_new_file_holds_the_key_of_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stacks/new.toml");
        let mut editor = ConfigEditor::open(&path).unwrap();
        editor.set("a.b.c", &plain("true")).unwrap();
        assert_eq!(editor.wrapped_key(), None);
        editor.set_wrapped_key("d3JhcHBlZA");
        assert_eq!(editor.wrapped_key(), Some("d3JhcHBlZA"));
        editor.save().unwrap();
        let file = super::super::ConfigFile::read(&path).unwrap().unwrap();
        assert_eq!(file.entries["a.b.c"].value, plain("true"));
        assert_eq!(file.wrapped_key.as_deref(), Some("d3JhcHBlZA"));
    }

    #[test]
    fn no_value_takes_the_place_of_others() {
        let text = "a = { b = 1 }\nc = { secret = \"c2VhbGVk\" }\n";
        let mut editor = ConfigEditor::parse(text, Path::new("x.toml")).unwrap();
        assert!(matches!(editor.set("a", &plain("1")), Err(FileError::IsATable { .. })));
        for key in ["", ".a", "a..b", "encryption.key"] {
            assert!(
                matches!(editor.set(key, &plain("1")), Err(FileError::Key { .. })),
                "{key}"
            );
        }
        assert!(matches!(
            editor.set("c.d", &plain("1")),
            Err(FileError::NotATable { .. })
        ));
        assert_eq!(editor.text(), text);
        editor.set("c", &plain("open")).unwrap();
        assert_eq!(editor.text(), "a = { b = 1 }\nc = \"open\"\n");
    }

    #[test]
    fn a_key_through_a_value_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, "api = 1\n").unwrap();
        let error = ConfigEditor::open(&path)
            .unwrap()
            .set("api.replicas", &plain("2"))
            .unwrap_err();
        assert!(
            error.to_string().contains("\"api\" is a value there, not a table"),
            "{error}"
        );
        std::fs::write(&path, "[api]\nreplicas = 1\n").unwrap();
        let error = ConfigEditor::open(&path).unwrap().set("api", &plain("2")).unwrap_err();
        assert!(error.to_string().contains("\"api\" is a table"), "{error}");
    }
}
