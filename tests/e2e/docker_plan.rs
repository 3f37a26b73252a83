//! `up --plan` on Docker, and what happens when no engine answers.

use serde_json::json;

use crate::docker::{ComposeFolder, IMAGE, sleepers};
use crate::support::Ran;

/// Two services that are there, and a saved plan that changes one of them.
fn reviewed() -> ComposeFolder {
    let folder = ComposeFolder::new();
    folder.write(&sleepers([("one", "environment: {COLOR: blue}"), ("two", "")]));
    folder.project.run(["up", "--yes"]).exits(0);
    folder.write(&sleepers([("one", "environment: {COLOR: green}"), ("two", "")]));
    folder
        .project
        .run(["preview", "--out", "plan.json"])
        .exits(0)
        .shows(["environment.COLOR: \"blue\" -> \"green\"", "compose.yaml:2"]);
    folder
}

#[test]
fn exactly_the_reviewed_container_is_replaced() {
    let folder = reviewed();
    let (one, two) = (folder.id("one"), folder.id("two"));
    folder.project.run(["up", "--plan", "plan.json"]).exits(0);
    assert_ne!(folder.id("one"), one);
    assert_eq!(folder.id("two"), two);
    folder.project.is_up_to_date();
}

#[test]
fn what_a_run_reads_and_writes_is_no_part_of_a_build_context() {
    let folder = ComposeFolder::new();
    folder
        .project
        .write("app/Dockerfile", &format!("FROM {IMAGE}\nCOPY . /context\n"));
    let absent = "test ! -e /context/plan.json -a ! -e /context/run.jsonl && exec sleep 1000";
    folder.write(&format!(
        "services:\n  web:\n    build: .\n    init: true\n    command: [sh, -c, '{absent}']\n"
    ));
    folder.project.run(["preview", "--out", "plan.json"]).exits(0);
    let run = [
        "up",
        "--plan",
        "plan.json",
        "--events",
        "run.jsonl",
        "--report",
        "run.html",
    ];
    folder.project.run(run).exits(0);
}

#[test]
fn a_folder_that_is_built_can_hold_the_state_and_the_plan() {
    let folder = ComposeFolder::new();
    folder
        .project
        .write("Dockerfile", &format!("FROM {IMAGE}\nCOPY . /context\n"));
    folder.project.write(
        "compose.yaml",
        "services:\n  web:\n    build: .\n    init: true\n    command: sleep 1000\n",
    );
    // Everything is in the folder itself, and the state where it is without a word.
    let run = |arguments: &[&str]| {
        let mut command = folder.project.command(arguments);
        command.args(["--config", "path=."]).env_remove("IAC_BACKEND");
        Ran::of(&mut command)
    };
    run(&["preview", "--out", "plan.json"]).exits(0);
    run(&["up", "--plan", "plan.json"]).exits(0);
    assert!(folder.project.state().is_dir());
    std::fs::remove_file(folder.project.path("plan.json")).unwrap();
    run(&["preview", "--detailed-exitcode"]).exits(0);
    let inside = folder.docker.exec(&folder.id("web"), "ls /context").exits(0);
    assert!(
        inside.stdout.contains("compose.yaml") && !inside.stdout.contains("state"),
        "{inside}"
    );
    // At the end of a test its project is destroyed from another folder.
    run(&["destroy", "--yes"]).exits(0);
    std::fs::remove_dir_all(folder.project.state()).unwrap();
}

#[test]
fn a_plan_is_refused_once_its_container_is_gone() {
    let folder = reviewed();
    folder.docker.run(&format!("rm --force {}", folder.id("one")));
    folder
        .project
        .run(["up", "--plan", "plan.json"])
        .exits(4)
        .says(["one", "nothing was done", "preview --out"]);
    assert_eq!(folder.docker.containers(&folder.name).len(), 1);
}

#[test]
fn a_plan_is_refused_once_its_container_was_changed() {
    let folder = reviewed();
    folder
        .docker
        .run(&format!("update --memory 64m --memory-swap 64m {}", folder.id("one")));
    folder
        .project
        .run(["up", "--plan", "plan.json"])
        .exits(4)
        .says(["one", "nothing was done"]);
}

#[test]
fn a_plan_of_which_a_step_is_missing_is_refused_whatever_the_cause() {
    let folder = reviewed();
    folder.docker.run(&format!("stop --time 1 {}", folder.id("two")));
    folder.project.run(["up", "--plan", "plan.json"]).exits(4).says([
        "two: action moved since the plan was made",
        "planned: nothing, or it was taken out of the plan",
        "preview --out FILE",
    ]);
    assert_eq!(folder.docker.services(&folder.name), ["one running "]);
    folder.project.run(["up", "--yes"]).exits(0);
    assert_eq!(folder.docker.services(&folder.name), ["one running ", "two running "]);
}

#[test]
fn without_an_engine_previews_fall_back_to_the_record_and_nothing_else_goes_on() {
    let folder = ComposeFolder::new();
    folder.write(&sleepers([("one", "environment: {COLOR: blue}")]));
    folder.project.run(["up", "--yes"]).exits(0);
    folder.write(&sleepers([("one", "environment: {COLOR: green}")]));
    let nowhere = format!("unix://{}", folder.project.path("nobody.sock").display());
    let without = |arguments: &[&str]| {
        let mut command = folder.project.command(arguments);
        Ran::of(command.env("DOCKER_HOST", &nowhere))
    };
    without(&["preview"])
        .exits(0)
        .shows(["environment.COLOR"])
        .says(["made from the record"]);
    let offline = without(&["preview", "--offline", "--json"]).exits(0);
    assert_eq!(offline.json()["observed"], json!(false), "{offline}");
    without(&["preview", "--offline", "--detailed-exitcode"]).exits(2);
    for arguments in [
        &["preview", "--detailed-exitcode"][..],
        &["preview", "--out", "plan.json"],
        &["up", "--yes"],
        &["destroy", "--yes"],
        &["refresh"],
        &["drift"],
    ] {
        without(arguments).exits(7).says(["nobody.sock"]);
    }
    let id = folder.id("one");
    folder.project.run(["preview", "--detailed-exitcode"]).exits(2);
    assert_eq!(folder.id("one"), id);
}

#[test]
fn kept_data_is_no_change_and_goes_when_a_reviewed_plan_names_it() {
    let folder = ComposeFolder::new();
    let write = |key: &str| {
        let service = sleepers([("db", &format!("volumes: ['{key}:/data', /anon]"))]);
        folder.write(&format!("{service}volumes:\n  {key}: {{}}\n"));
    };
    write("data");
    folder.project.run(["up", "--yes"]).exits(0);
    let old = format!("{}_data", folder.name);
    write("pgdata");
    let hint = format!("--delete-data {old}");
    folder
        .project
        .run(["up", "--yes"])
        .exits(0)
        .shows(["keep", "holds data and is kept", &hint, "Data that is kept"]);
    assert!(folder.docker.volumes(&folder.name).contains(&old));
    folder
        .project
        .run(["preview", "--detailed-exitcode"])
        .exits(0)
        .shows([&*old, "no changes"]);
    folder.project.run(["state", "list"]).exits(0).shows([&*old]);
    folder
        .project
        .run(["preview", "--delete-data", "nothing"])
        .exits(0)
        .shows(["no data of this name"]);
    // The plan that was reviewed carries which data may go.
    folder
        .project
        .run(["preview", "--delete-data", &old, "--out", "plan.json"])
        .exits(0)
        .shows(["data-loss", "delete"]);
    folder
        .project
        .run(["up", "--plan", "plan.json", "--delete-data", "all"])
        .exits(64);
    folder.project.run(["up", "--plan", "plan.json"]).exits(0);
    assert!(!folder.docker.volumes(&folder.name).contains(&old));
    folder.project.is_up_to_date();
}
