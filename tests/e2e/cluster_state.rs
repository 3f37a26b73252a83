//! A stack whose state lives in the cluster: `--backend kubernetes://NAMESPACE`.

use std::time::Duration;

use base64::Engine as _;
use serde_json::json;

use crate::kills::{self, Random, number};
use crate::manifests::Folder;
use crate::support::Namespace;

/// The longest time after its start at which a run is killed.
const LATEST: u64 = 3_000;

/// A folder of manifests whose state is in a namespace of its own.
struct Kept {
    folder: Folder,
    state: Namespace,
}

impl Kept {
    fn new() -> Self {
        let mut folder = Folder::new();
        let state = Namespace::create(&folder.project.bed);
        let url = format!("kubernetes://{}", state.name);
        folder.project = folder.project.variable("IAC_BACKEND", &url);
        Self { folder, state }
    }

    /// All that the Secrets of the state hold, decoded.
    fn contents(&self) -> Vec<String> {
        let list = self.folder.kubectl.get(&format!("-n {} secrets", self.state.name));
        let decode = |text: &serde_json::Value| {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap());
            String::from_utf8(bytes.unwrap()).unwrap()
        };
        let secrets = list["items"].as_array().unwrap().iter();
        let values = secrets.filter_map(|secret| secret["data"].get("value"));
        values.map(decode).collect()
    }
}

#[test]
fn a_stack_lives_on_state_in_the_cluster() {
    let kept = Kept::new();
    let (folder, project) = (&kept.folder, &kept.folder.project);
    folder.config_map("settings", json!({"color": "blue"}));
    folder.object(
        "token.json",
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"},
               "stringData": {"token": "canary-in-a-cluster"}}),
    );
    project.run(["up", "--yes"]).exits(0).says(["Stack k8s: 2 created"]);
    let heads = kept.contents().len();
    project.is_up_to_date();
    project.run(["up", "--yes"]).exits(0);
    assert_eq!(kept.contents().len(), heads, "an up without changes writes nothing");
    project.run(["state", "list"]).exits(0).shows(["settings", "token"]);
    project.run(["stack", "ls"]).exits(0).shows(["k8s"]);
    assert!(!project.state().exists(), "nothing is kept in files");

    folder.config_map("settings", json!({"color": "red"}));
    project.run(["up", "--yes"]).exits(0);
    assert_eq!(folder.get("configmap settings")["data"], json!({"color": "red"}));
    let contents = kept.contents();
    assert!(contents.iter().any(|text| text.contains("settings")));
    assert!(!contents.iter().any(|text| text.contains("canary-in-a-cluster")));

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    assert_eq!(project.run(["state", "list"]).exits(0).stdout, "");
    let names = folder
        .kubectl
        .names(&format!("-n {} configmap,secret", folder.namespace.name));
    assert_eq!(names, ["configmap/kube-root-ca.crt"]);
}

#[test]
fn a_killed_up_is_finished_by_the_next_one_from_the_cluster_s_state() {
    let (kills, seed) = (number("IAC_KILLS", 4), number("IAC_SEED", 20_261_126));
    println!("IAC_KILLS={kills} IAC_SEED={seed}");
    let mut random = Random::new(seed);
    let kept = Kept::new();
    let project = &kept.folder.project;
    let mut round = 0;
    let mut killed = 0;
    while killed < kills {
        kills::write(&kept.folder, round);
        round += 1;
        // A run that is through already has nothing to be killed in; the next has something new to do.
        killed += u64::from(project.up_killed_after(Duration::from_millis(random.below(LATEST))));
    }
    kills::write(&kept.folder, round);
    project.run(["up", "--yes"]).exits(0);
    project.is_up_to_date();
    kills::each_is_there_once(&kept.folder);
    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    assert_eq!(kills::objects(&kept.folder), Vec::<String>::new());
    assert_eq!(project.run(["state", "list"]).exits(0).stdout, "");
}

#[test]
fn a_namespace_that_is_missing_is_said_before_anything_is_made() {
    let kept = Kept::new();
    let (folder, project) = (&kept.folder, &kept.folder.project);
    folder.config_map("settings", json!({"color": "blue"}));
    let elsewhere = ["up", "--yes", "--backend", "kubernetes://iac-e2e-not-there"];
    let refused = project.run(elsewhere);
    assert_ne!(refused.code, 0, "{refused}");
    assert!(
        format!("{}{}", refused.stdout, refused.stderr).contains("kubectl create namespace iac-e2e-not-there"),
        "{refused}"
    );
    let names = folder.kubectl.names(&format!("-n {} configmap", folder.namespace.name));
    assert_eq!(names, ["configmap/kube-root-ca.crt"]);
}
