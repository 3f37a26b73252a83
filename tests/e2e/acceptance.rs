//! The acceptance lists in `docs/systems/`: the places and tests that they name exist.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

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
