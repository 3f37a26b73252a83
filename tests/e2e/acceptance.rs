//! The acceptance lists in `docs/systems/` and the attacks in `docs/security.md`: the places and tests that they name exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The texts in backticks of a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The cells of the rows below the heading "Acceptance list", without the two lines of the table's head.
fn rows(page: &str) -> impl Iterator<Item = Vec<String>> {
    page.split_once("\n## Acceptance list")
        .map_or("", |(_, list)| list)
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let line = line.trim_matches('|').replace("\\|", "\u{1}");
            line.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
        })
}

/// Problems of a cell that names places: a file, then texts that stand in it.
fn places(cell: &str) -> Vec<String> {
    let (mut content, mut problems, mut files) = (String::new(), Vec::new(), 0);
    for text in quoted(cell) {
        if let Ok(found) = fs::read_to_string(root().join(text)) {
            (content, files) = (found, files + 1);
        } else if files == 0 {
            problems.push(format!("`{text}` is not a file"));
        } else if !content.contains(text) {
            problems.push(format!("the file named before it does not contain `{text}`"));
        }
    }
    if files == 0 {
        problems.push("names no file".into());
    }
    problems
}

/// Problems of a cell that names tests as `FILE::FUNCTION`.
fn tests(cell: &str) -> Vec<String> {
    let mut problems: Vec<String> = quoted(cell)
        .filter_map(|test| {
            let (file, function) = test.rsplit_once("::")?;
            let found = fs::read_to_string(root().join(file)).unwrap_or_default();
            (!found.contains(&format!("fn {function}("))).then(|| format!("there is no test `{test}`"))
        })
        .collect();
    if !cell.contains("::") {
        problems.push("names no test".into());
    }
    problems
}

#[test]
fn the_acceptance_lists_name_what_exists() {
    let mut problems = String::new();
    for page in fs::read_dir(root().join("docs/systems")).unwrap() {
        let path = page.unwrap().path();
        let page = fs::read_to_string(&path).unwrap();
        for row in rows(&page) {
            let [lines, thing, place, test] = row.as_slice() else {
                let _ = writeln!(problems, "{}: not four cells: {row:?}", path.display());
                continue;
            };
            if place.starts_with("open") {
                continue;
            }
            for problem in places(place).into_iter().chain(tests(test)) {
                let _ = writeln!(problems, "{}: {lines} {thing}: {problem}", path.display());
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

/// The sources below a folder, by their names; what was built is no part of them.
fn sources(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
}

/// The names of all tests: functions that bear the attribute, and those that a harness of a crate's own is given.
fn names_of_tests(sources: &BTreeMap<PathBuf, String>) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (path, text) in sources {
        if path.iter().any(|part| part == "tests") {
            let given = text
                .lines()
                .filter_map(|line| line.strip_prefix("pub(crate) fn ")?.split_once("() {"));
            names.extend(given.map(|(name, _)| name));
        }
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let name = ["fn ", "async fn "].iter().find_map(|start| line.strip_prefix(start));
            match name.and_then(|rest| rest.split_once('(')) {
                Some((name, _)) if is_test => drop(names.insert(name)),
                Some(_) => is_test = false,
                None => {}
            }
            is_test = match line {
                "#[test]" => true,
                line if line.starts_with("#[tokio::test") => true,
                // Others stand between the attribute and the function.
                line => is_test && line.starts_with(['#', '/']),
            };
        }
    }
    names
}

#[test]
fn the_tests_of_the_attacks_exist() {
    let mut found = BTreeMap::new();
    for folder in ["crates", "tests", "stacks"] {
        sources(&root().join(folder), &mut found);
    }
    let tests = names_of_tests(&found);
    let is_file = |name: &str| {
        found
            .keys()
            .any(|path| path.ends_with(name) && path.iter().any(|part| part == "tests"))
    };
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (mut problems, mut named) = (String::new(), 0);
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, _, cell] = cells.as_slice() else {
            let _ = writeln!(problems, "not three cells: {row}");
            continue;
        };
        for name in quoted(cell) {
            named += 1;
            if !tests.contains(name) && !is_file(name) {
                let _ = writeln!(problems, "there is no test `{name}`");
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(named > 100, "only {named} tests are named");
}
