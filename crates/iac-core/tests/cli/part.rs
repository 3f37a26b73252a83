//! Runs about a part of the stack, and the options that say how a run goes.

use crate::desk::Desk;

#[test]
fn a_part_of_a_stack_is_shown_saved_and_applied() {
    let desk = Desk::new();
    let mut text = desk.session(&[
        "up --yes --target greeting.txt",
        "preview --target nothing",
        "preview --target-dependents",
        "up --yes --parallel 1",
        "preview --config name=there --target 'greeting*' --out part.json",
    ]);
    text += &desk.session(&[
        "preview --config name=there --target greeting* --out part.json",
        "plan show part.json --format markdown",
        "up --plan part.json --config name=there --exclude app.env",
        "up --plan part.json --config name=there",
        "stack history",
    ]);
    desk.write("world/greeting.txt", "Goodbye!\n");
    text += &desk.session(&["drift --exclude greeting.txt", "drift --target greeting.txt"]);
    text += &desk.session(&["destroy --yes --target greeting.txt", "state list"]);
    golden!("part", text);
}

#[test]
fn what_the_user_asks_for_gets_a_new_object() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let mut text = desk.session(&[
        "preview --replace greeting.txt",
        "preview --replace nothing",
        "preview --replace greeting.txt --exclude greeting.txt",
        "up --yes --replace greeting.txt",
    ]);
    text += &desk.session(&[
        "state taint greeting.txt",
        "state taint greeting.txt",
        "preview --detailed-exitcode",
        "state untaint greeting.txt",
        "preview --detailed-exitcode",
        "state taint greeting.txt --json",
        "up --yes",
        "preview --detailed-exitcode",
    ]);
    golden!("replace", text);
}

#[test]
fn a_destroy_is_saved_and_carried_out_exactly_or_refused() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let mut text = desk.session(&[
        "preview --destroy --out destroy.json",
        "up --plan destroy.json",
        "preview --config name=there --out up.json",
        "destroy --plan up.json",
    ]);
    assert_eq!(desk.code("up --yes --config extra=true"), 0);
    text += &desk.session(&["destroy --plan destroy.json", "preview --destroy --out destroy.json"]);
    text += &desk.session(&["destroy --plan destroy.json --parallel 1", "state list"]);
    golden!("saved_destroy", text);
    assert!(!desk.path("world/greeting.txt").exists());
}

#[test]
fn a_refactoring_changes_nothing_but_the_record() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let text = desk.session(&[
        "up --yes --refactor-only",
        "up --yes --refactor-only --config name=there",
        "state protect greeting.txt",
        "up --yes --refactor-only",
    ]);
    golden!("refactoring", text);
    assert_eq!(desk.read("world/greeting.txt"), "Hello, world!\n");
}

#[test]
fn a_failure_ends_the_run_when_asked() {
    let desk = Desk::new();
    desk.write("world/extra", "a file where a folder should be");
    let ran = |line: &str| {
        let output = desk.output(line);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), json)
    };
    let (code, fast) = ran("up --yes --parallel 1 --config extra=true --fail-fast --json");
    assert_eq!(code, Some(1), "{fast}");
    let (code, slow) = ran("up --yes --parallel 1 --config extra=true --json");
    assert_eq!(code, Some(1), "{slow}");
    for options in ["--step-timeout 0s", "--step-timeout soon", "--ready-timeout -1s"] {
        assert_eq!(desk.code(&format!("up --yes {options}")), 64, "{options}");
    }
    assert_eq!(desk.code("up --yes --step-timeout 1m --ready-timeout 1m"), 0);
}
