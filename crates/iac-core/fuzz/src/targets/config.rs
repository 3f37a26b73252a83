//! Configuration files: what was read stays what it is when another value is set.

use std::collections::BTreeMap;
use std::path::Path;

use iac_core::config::{ConfigEditor, ConfigFile, FileValue};

/// The input is lines `KEY=VALUE` and `KEY:=SEALED`, a line `---`, and the file's text; without such a line all of it is
/// the text.
pub fn config(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else {
        return;
    };
    let (edits, text) = input.split_once("---\n").unwrap_or(("api.replicas=3", input));
    let path = Path::new("prod.toml");
    let read = ConfigFile::parse(text, path);
    let Ok(mut editor) = ConfigEditor::parse(text, path) else {
        assert!(read.is_err(), "what can be read can be edited");
        return;
    };
    let Ok(mut file) = read else {
        return;
    };
    for (key, value) in edits.lines().filter_map(edit) {
        let mut expected = values(&file);
        if editor.set(key, &value).is_ok() {
            expected.insert(key.to_owned(), value);
        }
        let after = ConfigFile::parse(&editor.text(), path);
        let after = after.unwrap_or_else(|error| panic!("after setting {key:?}: {error}"));
        assert_eq!(values(&after), expected, "after setting {key:?}");
        assert_eq!(after.wrapped_key, file.wrapped_key, "after setting {key:?}");
        file = after;
    }
    editor.set_wrapped_key("d3JhcHBlZA");
    let keyed = ConfigFile::parse(&editor.text(), path).expect("a file with a key reads");
    assert_eq!(keyed.wrapped_key.as_deref(), Some("d3JhcHBlZA"));
    assert_eq!(values(&keyed), values(&file), "the key changes no value");
}

fn edit(line: &str) -> Option<(&str, FileValue)> {
    let (key, value) = line.split_once('=')?;
    Some(match key.strip_suffix(':') {
        Some(key) => (key, FileValue::Sealed(value.to_owned())),
        None => (key, FileValue::Plain(value.to_owned())),
    })
}

fn values(file: &ConfigFile) -> BTreeMap<String, FileValue> {
    let entries = file.entries.iter();
    entries.map(|(key, entry)| (key.clone(), entry.value.clone())).collect()
}
