//! Bad input: each a clear error that names the resource and where it is declared, and a state that stays as it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use iac_core::Stack;
use iac_core::config::Config;
use iac_core::engine::Engine;
use iac_k8s::{Declared as _, Kubernetes, KubernetesProvider};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::manifests::{Folder, deployment, job, shell};
use crate::support::{KUBERNETES, Project, Ran};

/// `up` of a folder that cannot work; the state is readable afterwards and holds these.
fn fails(folder: &Folder, recorded: &[&str]) -> Ran {
    let up = folder.project.run(["up", "--yes"]).exits(1);
    assert!(!up.stderr.contains("panicked"), "{up}");
    let list = folder.project.run(["state", "list", "--json"]).exits(0).json();
    let names = list.as_array().unwrap().iter();
    let names: Vec<_> = names
        .filter_map(|record| record["key"].as_str()?.rsplit('/').next())
        .collect();
    assert_eq!(names, recorded, "{up}");
    up
}

#[test]
fn an_image_that_can_not_be_had_fails_soon_and_says_why() {
    let folder = Folder::new();
    let mut template = shell("web", "sleep 3600");
    template["spec"]["containers"][0]["image"] = "localhost/iac-test/no-such-image:1".into();
    folder.object("web.json", deployment("web", &template));
    let began = Instant::now();
    let up = fails(&folder, &["web"]);
    assert!(
        began.elapsed() < Duration::from_secs(180),
        "it was waited for to the end"
    );
    up.says(["no-such-image:1", "ImagePull", "web", "k8s/web.json:1"]);

    folder.object("web.json", deployment("web", &shell("web", "sleep 3600")));
    folder.project.run(["up", "--yes"]).exits(0);
    folder.project.is_up_to_date();
}

#[test]
fn a_job_that_fails_shows_what_it_said_last() {
    let folder = Folder::new();
    folder.object(
        "migrate.json",
        job("migrate", "echo connecting; echo 'table users is gone' >&2; exit 3"),
    );
    let up = fails(&folder, &["migrate"]);
    up.says(["migrate", "table users is gone", "k8s/migrate.json:1"]);
}

#[test]
fn manifests_that_are_no_yaml_are_named_with_their_line() {
    let folder = Folder::new();
    let good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    folder
        .project
        .write("k8s/app.yaml", &format!("{good}---\n{good}data:\n  a: [\n"));
    fails(&folder, &[]).says(["k8s/app.yaml:9:1", "unclosed bracket"]);
    folder
        .project
        .write("k8s/app.yaml", "kind: ConfigMap\nmetadata: {name: a}\n");
    fails(&folder, &[]).says(["k8s/app.yaml:1", "apiVersion"]);
    folder.project.write(
        "k8s/app.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: x}]}\n",
    );
    let wrong = fails(&folder, &[]);
    wrong.shows(["k8s/app.yaml:1", "Service", "port"]);
}

#[test]
fn two_objects_of_one_name_are_named_with_both_places() {
    let folder = Folder::new();
    folder.config_map("one", json!({}));
    let again = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}});
    folder.object("other.json", again);
    fails(&folder, &[]).says(["ConfigMap", "one", "k8s/one.json:1", "k8s/other.json:1"]);
}

#[test]
fn a_missing_folder_or_path_says_what_to_do() {
    let folder = Folder::new();
    fails(&folder, &[]).says(["k8s", "No such file"]);
    let bare = Project::new(env!("CARGO_BIN_EXE_manifests"), KUBERNETES);
    bare.run(["preview"])
        .exits(1)
        .says(["\"path\" is required", "--config path=VALUE"]);
}

#[test]
fn a_cycle_is_shown_with_every_line_of_it() {
    let stack = Stack::new("cycle", Config::default());
    let k = Kubernetes::new(&stack).in_namespace("anywhere");
    let first = k.add("first", ConfigMap::default());
    let second = k.add("second", ConfigMap::default()).after(&first);
    let _ = first.after(&second);
    let engine = Engine::new(vec![Arc::new(KubernetesProvider::new())]);
    let error = engine.graph(&stack.finish().unwrap()).unwrap_err().to_string();
    for text in [
        "ConfigMap::first needs",
        "ConfigMap::second needs",
        "tests/e2e/input.rs:",
    ] {
        assert!(error.contains(text), "{text} is not in: {error}");
    }
}
