//! A run that is interrupted while it waits: what it made is in the history, and the run is not called complete.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::manifests::{Folder, deployment, shell};

#[test]
fn what_was_made_before_an_interruption_is_in_the_history() {
    let folder = Folder::new();
    let mut template = shell("web", "sleep 3600");
    let never = serde_json::json!({"exec": {"command": ["false"]}, "periodSeconds": 1});
    template["spec"]["containers"][0]["readinessProbe"] = never;
    folder.object("web.json", deployment("web", &template));
    let talk = folder.project.path("talk");
    let file = File::create(&talk).unwrap();
    let mut run = folder.project.command(["up", "--yes"]);
    let mut run = run.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !std::fs::read_to_string(&talk).unwrap().contains("web created") {
        assert!(Instant::now() < until, "nothing was made");
        std::thread::sleep(Duration::from_millis(100));
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupt.success());
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let said = std::fs::read_to_string(&talk).unwrap();
    assert!(said.contains("1 created, 1 interrupted"), "{said}");
    let history = folder.project.run(["stack", "history"]).exits(0);
    history.shows(["incomplete", "+1 ~0"]);
    folder
        .project
        .run(["stack", "show"])
        .exits(0)
        .shows(["+ kubernetes:apps/Deployment"]);
}

#[test]
fn what_was_made_and_then_failed_is_counted() {
    let folder = Folder::new();
    for number in 0..12 {
        folder.config_map(&format!("settings-{number}"), serde_json::json!({"a": "b"}));
    }
    for number in 0..4 {
        let name = format!("web-{number}");
        let mut template = shell(&name, "sleep 3600");
        // The kubelet refuses it at once, and for good.
        template["spec"]["containers"][0]["image"] = "NOT/A:WELL/FORMED:NAME".into();
        folder.object(&format!("{name}.json"), deployment(&name, &template));
    }
    let up = folder.project.run(["up", "--yes"]).exits(1);
    up.says(["16 created", "4 failed"]);
    let history = folder.project.run(["stack", "history"]).exits(0);
    history.shows(["incomplete", "+16 ~0"]);
    let recorded = folder.project.run(["state", "list"]).exits(0);
    assert_eq!(
        recorded
            .stdout
            .lines()
            .filter(|line| line.contains("kubernetes:"))
            .count(),
        16,
        "{recorded}"
    );
}
