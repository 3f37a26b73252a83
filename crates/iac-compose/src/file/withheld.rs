//! Variables of the process that no compose file gets: those of this program and of its backends.
//!
//! In their place stands a mark, so that a value can get nowhere, whichever way a file asks for it; where a mark is found in
//! what a file says, that is an error with its place.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use iac_core::environment;

use super::problem::Findings;
use super::tree::{Data, Node, Path};

/// Stands before and behind the name of a variable that is withheld; no text of YAML has it.
const MARK: char = '\u{0}';

/// Puts marks in the place of the values that no file gets.
pub(super) fn withhold(values: &mut BTreeMap<String, String>) {
    for (name, value) in values {
        if environment::is_ours(OsStr::new(name)) {
            *value = format!("{MARK}{name}{MARK}");
        }
    }
}

/// Refuses a text that a variable is in which no file gets.
pub(super) fn check(text: &str) -> Result<(), String> {
    let Some(name) = text.split(MARK).nth(1) else {
        return Ok(());
    };
    Err(format!(
        "the variable {name} is this program's own and handed to no compose file; call what the file needs by another name"
    ))
}

/// Reports each text of a tree that such a variable is in.
pub(super) fn check_all(tree: &Node, found: &Findings) {
    below(tree, &Path::root(), found);
}

fn below(node: &Node, path: &Path, found: &Findings) {
    match &node.data {
        Data::Text(text) => {
            if let Err(message) = check(text) {
                found.problem(node.at, path, message);
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                below(item, &path.item(index), found);
            }
        }
        Data::Map(map) => {
            for (key, value) in map {
                below(value, &path.key(key), found);
            }
        }
        _ => {}
    }
}
