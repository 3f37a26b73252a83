//! A folder of manifests: whose stack it is, what it shows when somebody else works on the cluster, and the folder that
//! the other tests use.

use serde_json::{Value as Json, json};

use crate::support::{KUBERNETES, Kubectl, Namespace, Project};

/// The image of every pod.
pub(crate) const IMAGE: &str = "localhost/iac-test/busybox:1";

/// A project of the program `manifests` with the folder `k8s`, and a namespace.
pub(crate) struct Folder {
    // Dropped in this order: the stack is destroyed before its namespace is removed.
    pub(crate) project: Project,
    pub(crate) kubectl: Kubectl,
    pub(crate) namespace: Namespace,
}

impl Folder {
    /// An empty folder, and a namespace that no manifest declares.
    pub(crate) fn new() -> Self {
        let project = Project::new(env!("CARGO_BIN_EXE_manifests"), KUBERNETES).with(["--config", "path=k8s"]);
        Self {
            kubectl: Kubectl::new(&project.bed),
            namespace: Namespace::create(&project.bed),
            project,
        }
    }

    /// Writes an object, as JSON, into a file of the folder; it goes to the namespace.
    pub(crate) fn object(&self, file: &str, mut object: Json) {
        object["metadata"]["namespace"] = self.namespace.name.as_str().into();
        self.project.write(&format!("k8s/{file}"), &format!("{object:#}\n"));
    }

    /// A ConfigMap in a file of its own.
    pub(crate) fn config_map(&self, name: &str, data: Json) {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
        self.object(&format!("{name}.json"), object);
    }

    /// Somebody else changes an object.
    pub(crate) fn patch(&self, what: &str, patch: &Json) {
        let patch = patch.to_string();
        let namespace = &self.namespace.name;
        let arguments = ["-n", namespace, "patch", what, "--type", "merge", "-p", &patch];
        self.kubectl.args(arguments).exits(0);
    }

    /// `kubectl get` in the namespace.
    #[track_caller]
    pub(crate) fn get(&self, what: &str) -> Json {
        self.kubectl.get(&format!("-n {} {what}", self.namespace.name))
    }
}

/// The containers of a pod's template that runs a shell command.
pub(crate) fn shell(app: &str, script: &str) -> Json {
    json!({
        "metadata": {"labels": {"app": app}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": IMAGE, "command": ["sh", "-c", script]}],
        },
    })
}

/// A Deployment of one pod.
pub(crate) fn deployment(name: &str, template: &Json) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
    })
}

/// A Job that is not tried again.
pub(crate) fn job(name: &str, script: &str) -> Json {
    let mut template = shell(name, script);
    template["spec"]["restartPolicy"] = "Never".into();
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": template},
    })
}

#[test]
fn a_stack_is_named_after_its_folder_and_belongs_to_it() {
    let folder = Folder::new();
    folder.config_map("settings", json!({"color": "blue"}));
    let up = folder.project.run(["up", "--yes"]).exits(0);
    assert!(up.stderr.contains("Stack k8s: 1 created"), "{up}");
    folder.project.run(["stack", "ls"]).exits(0).shows(["k8s"]);

    std::fs::rename(folder.project.path("k8s"), folder.project.path("moved")).unwrap();
    let other = ["preview", "--stack", "k8s", "--config", "path=moved"];
    let refused = folder.project.run(other).exits(1);
    refused.says(["belongs to manifests of", "/k8s on", "/moved on", "--stack"]);
    std::fs::rename(folder.project.path("moved"), folder.project.path("k8s")).unwrap();
    folder.project.is_up_to_date();
}

#[test]
fn somebody_elses_change_is_shown_with_its_field_and_taken_back() {
    let folder = Folder::new();
    folder.config_map("settings", json!({"color": "blue", "size": "1"}));
    let project = &folder.project;
    project.run(["up", "--yes"]).exits(0);
    project.run(["drift"]).exits(0);

    folder.patch("configmap/settings", &json!({"data": {"color": "red", "theirs": "1"}}));
    let plan = project.plan([]);
    let step = &plan["steps"][0];
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1, "{plan:#}");
    assert_eq!(step["reasons"], json!([{"kind": "drift", "paths": ["data.color"]}]));
    assert_eq!(
        step["changes"],
        json!([{"path": "data.color", "before": "red", "after": "blue"}])
    );
    assert!(
        step["source"].as_str().unwrap().starts_with("k8s/settings.json:1"),
        "{step}"
    );

    project
        .run(["drift"])
        .exits(3)
        .shows(["somebody else changed data.color"]);
    project.run(["refresh"]).exits(0).says(["refresh --accept", "up"]);
    project.run(["up", "--yes"]).exits(0);
    let data = folder.get("configmap settings")["data"].clone();
    assert_eq!(data, json!({"color": "blue", "size": "1", "theirs": "1"}));
    project.run(["drift"]).exits(0);
    project.is_up_to_date();
}

#[test]
fn what_is_there_already_is_not_taken_over() {
    let folder = Folder::new();
    folder.config_map("settings", json!({"color": "blue"}));
    let namespace = &folder.namespace.name;
    folder
        .kubectl
        .run(&format!(
            "-n {namespace} create configmap settings --from-literal=color=red"
        ))
        .exits(0);
    let up = folder.project.run(["up", "--yes"]).exits(1);
    up.shows(["settings exists already", "k8s/settings.json:1", "hint:"]);
    assert_eq!(folder.get("configmap settings")["data"], json!({"color": "red"}));
    assert_eq!(folder.project.run(["state", "list"]).exits(0).stdout, "");
}
