//! docs/behaviours.md names tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_behaviour_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/behaviours.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| behaviour"));
    let mut named = BTreeSet::new();
    for row in rows {
        let name = row.split('`').rev().nth(1).unwrap_or_default();
        let (file, test) = name.split_once("::").unwrap_or_else(|| panic!("no test: {row}"));
        let code = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(code.contains(&format!("fn {test}(")), "{file} has no test {test}");
        assert!(named.insert(name), "{name} is named twice");
    }
    assert!(named.len() > 20, "{}", named.len());
}
