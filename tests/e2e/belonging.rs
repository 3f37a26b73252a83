//! Two projects with the same path on one backend: the second one gets nothing of the first.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::docker::{ComposeFolder, sleepers};
use crate::manifests::Folder;
use crate::support::{Namespace, Ran};

/// Runs the project's program in one of its folders.
fn run(command: &mut Command, folder: PathBuf) -> Ran {
    Ran::of(command.current_dir(folder))
}

#[test]
fn the_manifests_of_two_projects_share_a_backend_in_the_cluster_and_nothing_else() {
    let mut folder = Folder::new();
    let state = Namespace::create(&folder.project.bed);
    let url = format!("kubernetes://{}", state.name);
    folder.project = folder.project.variable("IAC_BACKEND", &url);
    let map = |name: &str| {
        let metadata = json!({"name": name, "namespace": folder.namespace.name});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).to_string()
    };
    folder.project.write("one/k8s/app.yaml", &map("first"));
    folder.project.write("two/k8s/app.yaml", &map("second"));
    let at = |place: &str, verb: &[&str]| run(&mut folder.project.command(verb), folder.project.path(place));
    at("one", &["up", "--yes"]).exits(0);
    for verb in [
        &["preview"][..],
        &["up", "--yes"],
        &["destroy", "--yes"],
        &["refresh", "--accept", "--yes"],
    ] {
        let refused = at("two", verb).exits(1);
        refused.says([
            "stack k8s belongs to manifests of",
            "one/k8s",
            "two/k8s",
            "stack rebind",
        ]);
    }
    assert_eq!(folder.get("configmap first")["metadata"]["name"], "first");
    // The same folder, spelled as a whole.
    let whole = format!("path={}", folder.project.path("one/k8s").display());
    at("two", &["preview", "--detailed-exitcode", "--config", &whole]).exits(0);
    at("two", &["stack", "rebind", "--yes"]).exits(0);
    at("one", &["preview"]).exits(1).says(["belongs to", "two/k8s"]);
    at("two", &["up", "--yes"]).exits(0);
    assert_eq!(folder.get("configmap second")["metadata"]["name"], "second");
    at("two", &["destroy", "--yes"]).exits(0);
}

#[test]
fn the_compose_files_of_two_projects_are_told_apart() {
    let folder = ComposeFolder::new();
    let text = sleepers([("db", "volumes: ['data:/data']")]) + "volumes: {data: {}}\n";
    folder.project.write("one/app/compose.yaml", &text);
    folder.project.write("two/app/compose.yaml", &sleepers([("other", "")]));
    let at = |place: &str, path: &str, verb: &[&str]| {
        let path = format!("path={path}");
        let mut command = folder.project.command(verb);
        run(command.args(["--config", &path]), folder.project.path(place))
    };
    at("one", "app", &["up", "--yes"]).exits(0);
    for verb in [
        &["preview"][..],
        &["up", "--yes"],
        &["destroy", "--yes", "--delete-data", "all"],
    ] {
        let refused = at("two", "app", verb).exits(1);
        refused.says(["belongs to compose_file of", "one/app", "two/app"]);
    }
    assert_eq!(folder.docker.volumes(&folder.name), [format!("{}_data", folder.name)]);
    // The folder and the file in it are the same.
    for path in ["app/compose.yaml", "./app/", "../one/app"] {
        at("one", path, &["preview", "--detailed-exitcode"]).exits(0);
    }
    at("one", "app", &["destroy", "--yes", "--delete-data", "all"]).exits(0);
}
