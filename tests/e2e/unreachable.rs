//! Runs for which no cluster answers.

use std::path::PathBuf;

use serde_json::json;

use crate::docker::{ComposeFolder, sleepers};
use crate::manifests::Folder;
use crate::support::{Project, Ran, files};

/// A kubeconfig that names a port on which nobody listens.
const NOBODY: &str = r#"{
    "apiVersion": "v1", "kind": "Config", "current-context": "gone",
    "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "nobody", "user": {"token": "none"}}],
    "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "nobody"}}]
}"#;

fn without_cluster<const N: usize>(project: &Project, arguments: [&str; N]) -> Ran {
    let mut command = project.command(arguments);
    Ran::of(command.env("KUBECONFIG", project.path("nobody.json")))
}

#[test]
fn previews_fall_back_to_the_record_and_nothing_else_goes_on() {
    let folder = Folder::new();
    let project = &folder.project;
    project.write("nobody.json", NOBODY);
    folder.config_map("one", json!({"color": "blue"}));
    project.run(["up", "--yes"]).exits(0);
    folder.config_map("one", json!({"color": "green"}));
    let before = contents(project);

    let shown = without_cluster(project, ["preview"]).exits(0);
    shown
        .shows(["data.color: \"blue\" -> \"green\""])
        .says(["made from the record"]);
    let offline = without_cluster(project, ["preview", "--offline", "--json"]).exits(0);
    assert_eq!(offline.json()["observed"], json!(false), "{offline}");
    without_cluster(project, ["preview", "--offline", "--detailed-exitcode"]).exits(2);
    for arguments in [
        &["preview", "--detailed-exitcode"][..],
        &["preview", "--out", "plan.json"],
        &["up", "--yes"],
        &["destroy", "--yes"],
        &["refresh"],
        &["drift"],
    ] {
        let mut command = project.command(arguments);
        let ran = Ran::of(command.env("KUBECONFIG", project.path("nobody.json"))).exits(7);
        assert_eq!(
            ran.stderr.lines().filter(|line| line.starts_with("error:")).count(),
            1,
            "{ran}"
        );
        assert!(
            ran.stderr.contains("127.0.0.1:1"),
            "the error does not name the server\n{ran}"
        );
    }
    assert!(!project.path("plan.json").exists());
    assert_eq!(contents(project), before, "a run without a cluster wrote to the state");
    project.run(["up", "--yes"]).exits(0);
}

/// All files of the backend with their contents.
fn contents(project: &Project) -> Vec<(PathBuf, Vec<u8>)> {
    let files = files(&project.state()).into_iter();
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_wrong_way_to_the_system_is_no_preview_from_the_record() {
    let folder = Folder::new();
    let project = &folder.project;
    folder.config_map("one", json!({"color": "blue"}));
    project.write("broken.json", "{ this is no kubeconfig");
    project.write("nobody.json", NOBODY);
    let wrong = [
        (&["--config", "kubernetes.context=nowhere"][..], "", "context"),
        (&["--config", "kubernetes.kubeconfig=missing.json"], "", "missing.json"),
        (&[], "broken.json", "kubeconfig"),
        (&[], "missing.json", "missing.json"),
    ];
    for (arguments, kubeconfig, said) in wrong {
        let mut command = project.command(["preview"]);
        if !kubeconfig.is_empty() {
            command.env("KUBECONFIG", project.path(kubeconfig));
        }
        let ran = Ran::of(command.args(arguments)).exits(1);
        ran.says(["no cluster is configured", said, "--offline"]);
    }
    // Where only the server is away, the cause is told.
    without_cluster(project, ["preview"])
        .exits(0)
        .says(["made from the record", "127.0.0.1:1"]);
}

#[test]
fn a_wrong_way_to_the_engine_is_no_preview_from_the_record() {
    let folder = ComposeFolder::new();
    folder.write(&sleepers([("web", "")]));
    let preview = |host: &str| {
        let mut command = folder.project.command(["preview"]);
        Ran::of(command.env("DOCKER_HOST", host))
    };
    for host in ["gopher://far", "ssh://-oProxyCommand=x", "ssh://"] {
        preview(host).exits(1).says([host, "it looks like"]);
    }
    // A name alone is a host of the network, as for docker.
    preview("nonsense")
        .exits(1)
        .says(["nonsense is refused", "DOCKER_TLS_VERIFY"]);
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        preview(host)
            .exits(0)
            .says(["made from the record", host.rsplit('/').next().unwrap()]);
    }
}
