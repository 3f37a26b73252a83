//! `preview --out` and `up --plan`: what was reviewed is what is done.

use serde_json::json;

use crate::manifests::Folder;

/// Two ConfigMaps that are there, and a saved plan that changes one and adds a third.
fn reviewed() -> Folder {
    let folder = Folder::new();
    folder.config_map("one", json!({"color": "blue", "size": "1"}));
    folder.config_map("two", json!({"color": "blue"}));
    folder.project.run(["up", "--yes"]).exits(0);
    folder.config_map("one", json!({"color": "green", "size": "1"}));
    folder.config_map("three", json!({"color": "blue"}));
    folder
        .project
        .run(["preview", "--out", "plan.json"])
        .exits(0)
        .says(["digest"]);
    folder
}

#[test]
fn exactly_the_reviewed_steps_are_carried_out() {
    let folder = reviewed();
    let report = folder
        .project
        .run(["up", "--plan", "plan.json", "--json"])
        .exits(0)
        .json();
    let name = |outcome: &serde_json::Value| {
        let key = outcome["key"].as_str().unwrap();
        format!(
            "{} {}",
            outcome["action"].as_str().unwrap(),
            key.rsplit('/').next().unwrap()
        )
    };
    let mut done: Vec<_> = report["outcomes"].as_array().unwrap().iter().map(name).collect();
    done.sort();
    assert_eq!(done, ["create three", "update one"], "{report:#}");
    assert_eq!(folder.get("configmap one")["data"]["color"], "green");
    folder.project.is_up_to_date();
}

#[test]
fn a_plan_is_refused_once_a_field_that_it_changes_moved() {
    let folder = reviewed();
    folder.patch("configmap/one", &json!({"data": {"color": "red"}}));
    let refused = folder.project.run(["up", "--plan", "plan.json"]).exits(4);
    refused.says([
        "one: data.color moved",
        "\"red\"",
        "k8s/one.json:1",
        "nothing was done",
        "preview --out",
    ]);
    assert_eq!(folder.get("configmap one")["data"]["color"], "red");
    folder
        .kubectl
        .run(&format!("-n {} get configmap three", folder.namespace.name))
        .exits(1);
}

#[test]
fn a_plan_is_refused_once_the_program_says_something_else() {
    let folder = reviewed();
    folder.config_map("one", json!({"color": "yellow", "size": "1"}));
    folder
        .project
        .run(["up", "--plan", "plan.json"])
        .exits(4)
        .says(["one: data.color moved"]);
}

#[test]
fn what_no_step_touches_does_not_make_a_plan_stale_and_another_step_does() {
    let folder = reviewed();
    folder.patch(
        "configmap/one",
        &json!({"data": {"theirs": "1"}, "metadata": {"labels": {"by": "somebody"}}}),
    );
    folder.patch("configmap/two", &json!({"data": {"color": "red"}}));
    let refused = folder.project.run(["up", "--plan", "plan.json"]).exits(4);
    refused.says([
        "two: action moved",
        "nothing, or it was taken out of the plan",
        "update",
    ]);
    folder.patch("configmap/two", &json!({"data": {"color": "blue"}}));
    folder.project.run(["up", "--plan", "plan.json"]).exits(0);
    assert_eq!(
        folder.get("configmap one")["data"],
        json!({"color": "green", "size": "1", "theirs": "1"})
    );
}
