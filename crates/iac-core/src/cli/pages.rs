//! Tests of the documents: every command line in a workflow file, or on the page about them, is one that our command line
//! takes.

#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::args::{Cli, gather_config};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The arguments behind `cargo run … --`, up to what is the shell's.
fn arguments(line: &str) -> Option<Vec<OsString>> {
    let (_, command) = line.split_once("cargo run ")?;
    let (_, arguments) = command.split_once(" -- ")?;
    let shell = |word: &&str| !matches!(*word, ">" | ">>" | "|" | "||" | "&&" | ";" | ")" | "#");
    let words = arguments.split_whitespace().take_while(shell);
    let words = words.map(|word| word.trim_end_matches(['`', '.', ',', ';']).trim_matches(['"', '\'']));
    let program = std::iter::once("prod");
    Some(program.chain(words).map(OsString::from).collect())
}

#[test]
fn every_command_line_of_the_workflows_is_taken() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut found = vec![docs.join("ci.md")];
    files(&docs.join("workflows"), &mut found);
    let mut verbs = Vec::new();
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let Some(arguments) = arguments(line) else {
                continue;
            };
            let cli = Cli::try_parse_from(gather_config(arguments.clone()));
            let place = format!("{}:{}: {arguments:?}", file.display(), number + 1);
            assert!(cli.is_ok(), "{place}: {}", cli.unwrap_err());
            verbs.push(arguments[1].to_string_lossy().into_owned());
        }
    }
    assert!(
        verbs.contains(&"preview".to_owned()) && verbs.contains(&"up".to_owned()),
        "{verbs:?}"
    );
}

#[test]
fn nothing_that_a_pull_request_says_gets_into_a_shell() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/workflows");
    let mut found = Vec::new();
    files(&docs.join("github"), &mut found);
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut shell: Option<usize> = None;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let indent = line.len() - line.trim_start().len();
            if shell.is_some_and(|at| indent <= at) {
                shell = None;
            }
            if line.trim_start().trim_start_matches("- ").starts_with("run:") {
                shell = Some(indent);
            }
            let place = format!("{}: {line}", file.display());
            assert!(shell.is_none() || !line.contains("${{"), "{place}");
            if let Some((_, action)) = line.split_once("uses: ") {
                let (_, pin) = action.split_once('@').unwrap();
                let commit = pin.split(' ').next().unwrap();
                assert!(commit.len() == 40 && pin.contains(" # v"), "{place}");
            }
        }
        assert!(
            text.contains("\npermissions: {}\n") && text.contains("\nconcurrency:\n"),
            "{}",
            file.display()
        );
    }
}
