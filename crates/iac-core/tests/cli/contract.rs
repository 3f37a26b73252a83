//! The contract with scripts: exit codes, and what is on standard output with `--json`.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value as Json;

use super::desk::Desk;
use super::schemas;
use super::standing::Standing;

/// Returns the one line of JSON on standard output.
fn json(output: &Output) -> Json {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

/// A command, the exit code that it is to end with, and what it is to print.
#[track_caller]
fn ends(desk: &Desk, line: &str, code: u8, format: &str) -> Json {
    let output = desk.output(line);
    assert_eq!(output.status.code(), Some(code.into()), "{line}: {output:?}");
    let json = json(&output);
    assert_eq!(schemas::check(&json, line).as_deref(), Some(format), "{line}: {json:#}");
    if format == "iac.failure/1" {
        assert_eq!(json["exit_code"], code, "{line}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("error: "), "people are told as well: {line}: {said}");
    }
    json
}

#[test]
fn every_exit_code_comes_with_json() {
    const RUN: &str = "iac.run/1";
    const PLAN: &str = "iac.plan/3";
    const FAILURE: &str = "iac.failure/1";
    let desk = Desk::new();
    ends(&desk, "preview --detailed-exitcode --json", 2, PLAN);
    ends(&desk, "up --yes --json", 0, RUN);
    ends(&desk, "up --yes --json", 0, RUN);
    ends(&desk, "preview --detailed-exitcode --json", 0, PLAN);
    assert_eq!(desk.code("preview --out plan.json --config name=review"), 0);
    desk.write("world/greeting.txt", "Goodbye!\n");
    ends(&desk, "drift --json", 3, PLAN);
    let stale = "up --plan plan.json --json --config name=review";
    let moved = ends(&desk, stale, 4, FAILURE);
    assert_eq!(moved["errors"][0]["resource"], "files::files:core/File::greeting.txt");
    assert!(moved["errors"][0]["source"].as_str().unwrap().contains("files.rs:"));
    ends(&desk, "refresh --accept --yes --json", 0, RUN);
    desk.write("world/extra", "a file where a folder should be");
    let failed = ends(&desk, "up --yes --json --config extra=true", 1, RUN);
    assert!(!failed["ok"].as_bool().unwrap());
    let none = ends(&desk, "stack output none --json", 1, FAILURE);
    assert_eq!(none["errors"][0]["message"], "stack files exports no \"none\"");
    assert!(none["errors"][0]["hints"][0].as_str().unwrap().contains("stack output"));
    let away = "preview --json --detailed-exitcode --config files.folder=gone";
    ends(&desk, away, 7, FAILURE);
    let word = ends(&desk, "upp --json", 64, FAILURE);
    assert_eq!(word["errors"][0]["message"], "unrecognized subcommand 'upp'");
    ends(&desk, "up --json", 64, FAILURE);
    ends(&desk, "preview --format json --stack ../evil", 64, FAILURE);
    ends(&desk, "destroy --yes --json", 0, RUN);
}

#[test]
fn a_run_that_holds_the_stack_or_is_interrupted_is_told_as_json() {
    let desk = Desk::new();
    let mut run = Standing::new(&desk, desk.command("up --yes --json --events events"));
    ends(&desk, "up --yes --json --config extra=true", 6, "iac.failure/1");
    for said in ["nothing new is started", "giving up"] {
        let status = Command::new("kill")
            .args(["-INT", &run.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
        assert!(run.said.by_ref().any(|line| line.unwrap().contains(said)));
    }
    let output = run.child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let json = json(&output);
    assert_eq!(
        schemas::check(&json, "an interrupted run").as_deref(),
        Some("iac.run/1")
    );
    let outcomes: BTreeSet<&str> = json["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|outcome| outcome["outcome"].as_str().unwrap())
        .collect();
    assert!(outcomes.contains("interrupted"), "{json:#}");
    std::fs::remove_file(&run.pipe).unwrap();
    assert!(events(&desk, "events").contains("started"));
}

/// The names of the events in a file, which fit the schema.
fn events(desk: &Desk, file: &str) -> BTreeSet<String> {
    let text = desk.read(file);
    let events = text.lines().map(|line| {
        let event: Json = serde_json::from_str(line).unwrap();
        assert_eq!(schemas::check(&event, line).as_deref(), Some("iac.event/1"));
        event["event"].as_str().unwrap().to_owned()
    });
    events.collect()
}

#[test]
fn what_happens_is_written_to_a_file_as_it_happens() {
    let desk = Desk::new();
    desk.write("events", "of another run\n");
    desk.write("world/extra", "a file where a folder should be");
    assert_eq!(
        desk.code("up --yes --parallel 1 --events events --config extra=true"),
        1
    );
    let told = events(&desk, "events");
    for event in ["held", "started", "progress", "applied", "waiting", "ready", "failed"] {
        assert!(told.contains(event), "{event}: {told:?}");
    }
    let refused = desk.output("up --yes --events nowhere/events --config name=x");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nowhere/events cannot be written"));
    assert_eq!(desk.code("destroy --yes --events events"), 0);
    assert!(!events(&desk, "events").contains("failed"));
}

#[test]
fn the_documents_table_of_exit_codes_is_the_programs() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md")).unwrap();
    let (_, table) = page.split_once("| code | meaning |\n|---|---|\n").unwrap();
    let codes: Vec<u8> = table
        .lines()
        .map_while(|line| line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok())
        .collect();
    use iac_core::cli::exit::*;
    let all = [
        DONE,
        FAILED,
        CHANGES,
        DRIFT,
        STALE,
        POLICY,
        LOCKED,
        UNREACHABLE,
        USAGE,
        BUG,
        INTERRUPTED,
    ];
    assert_eq!(codes, all);
}

#[test]
fn a_plan_with_everything_in_it_fits_the_schema() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/saved/snapshots/iac_core__saved__tests__json.snap"
    );
    let text = std::fs::read_to_string(file).unwrap();
    let (_, plan) = text.split_once("\n---\n").unwrap();
    let plan: Json = serde_json::from_str(plan).unwrap();
    assert_eq!(schemas::check(&plan, file).as_deref(), Some("iac.plan/3"));
}
