//! Changes of others to a folder's objects, as its user sees them: rights, deletions, names, and objects that existed
//! before.

use serde_json::{Value as Json, json};

use crate::manifests::Folder;

#[test]
fn a_right_that_somebody_adds_is_told_and_taken_back() {
    let folder = Folder::new();
    let rule = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"}, "rules": [rule]});
    folder.object("role.json", role);
    let project = &folder.project;
    project.run(["up", "--yes"]).exits(0);
    let everything = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    folder.patch("role/reader", &json!({"rules": [rule, everything]}));
    let drift = project.run(["drift"]).exits(3);
    drift.shows(["somebody else changed rules", "kubectl-patch"]);
    project.run(["up", "--yes"]).exits(0);
    assert_eq!(folder.get("role reader")["rules"], json!([rule]));
    project.run(["drift"]).exits(0);
    project.is_up_to_date();
}

#[test]
fn accepted_drift_of_a_list_is_recorded_as_it_is() {
    let folder = Folder::new();
    let port = |name: &str, port: u16| json!({"name": name, "port": port});
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "none"}, "type": "ClusterIP", "ports": [port("a", 1), port("b", 2), port("c", 3)]},
    });
    folder.object("service.json", service);
    let project = &folder.project;
    let wait = json!({"metadata": {"annotations": {"iac.dev/wait": "false"}}});
    let mut object: Json =
        serde_json::from_str(&std::fs::read_to_string(project.path("k8s/service.json")).unwrap()).unwrap();
    object["metadata"]["annotations"] = wait["metadata"]["annotations"].clone();
    folder.object("service.json", object);
    project.run(["up", "--yes"]).exits(0);
    folder.patch("service/web", &json!({"spec": {"ports": [port("c", 3), port("a", 1)]}}));
    project.run(["drift"]).exits(3);
    project.run(["refresh", "--accept", "--yes"]).exits(0);
    project.run(["drift"]).exits(0);
    // The program still wants what it said.
    project.run(["up", "--yes"]).exits(0);
    let names: Vec<Json> = folder.get("service web")["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["name"].clone())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_custom_resource_stays_one_object_however_its_namespace_is_written() {
    let folder = Folder::new();
    let group = format!("{}.iac.example", folder.namespace.name);
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    });
    let project = &folder.project;
    project.write("crd.json", &definition.to_string());
    let crd = project.path("crd.json").display().to_string();
    folder.kubectl.run(&format!("apply -f {crd}")).exits(0);
    folder
        .kubectl
        .run(&format!("wait --for=condition=Established -f {crd}"))
        .exits(0);
    let thing =
        |metadata: Json| json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": metadata, "size": 1});
    project.write("k8s/thing.json", &thing(json!({"name": "one"})).to_string());
    project.run(["up", "--yes"]).exits(0);
    let uid = || folder.kubectl.get(&format!("-n default things.{group} one"))["metadata"]["uid"].clone();
    let made = uid();
    let untouched = |what: &str| {
        let plan = project.plan([]);
        for step in plan["steps"].as_array().unwrap() {
            assert!(
                !["delete", "replace", "create"].contains(&step["action"].as_str().unwrap()),
                "{what}: {plan:#}"
            );
        }
        project.run(["up", "--yes"]).exits(0);
        assert_eq!(uid(), made, "{what}");
        project.is_up_to_date();
    };
    project.write(
        "k8s/thing.json",
        &thing(json!({"name": "one", "namespace": "default"})).to_string(),
    );
    untouched("its namespace is written out");
    project.write("k8s/thing.json", &thing(json!({"name": "one"})).to_string());
    untouched("its namespace is left out again");
    // The definition joins the stack.
    project.write("k8s/crd.json", &definition.to_string());
    project.run(["up", "--yes", "--adopt", "all"]).exits(0);
    assert_eq!(uid(), made);
    project.write(
        "k8s/thing.json",
        &thing(json!({"name": "one", "namespace": "default"})).to_string(),
    );
    untouched("its definition has joined the stack");
}

#[test]
fn what_a_finalizer_holds_is_told_and_made_again_in_the_same_run() {
    let folder = Folder::new();
    folder.config_map("settings", json!({"color": "blue"}));
    let project = &folder.project;
    project.run(["up", "--yes"]).exits(0);
    let namespace = &folder.namespace.name;
    folder.patch(
        "configmap/settings",
        &json!({"metadata": {"finalizers": ["example.com/keep"]}}),
    );
    folder
        .kubectl
        .run(&format!("-n {namespace} delete configmap settings --wait=false"))
        .exits(0);
    project
        .run(["drift"])
        .exits(3)
        .shows(["it is being deleted", "example.com/keep"]);
    let plan = project.plan([]);
    assert_eq!(plan["steps"][0]["action"], "create", "{plan:#}");
    let release = std::thread::scope(|scope| {
        let up = scope.spawn(|| project.run(["up", "--yes"]));
        std::thread::sleep(std::time::Duration::from_secs(3));
        folder.patch("configmap/settings", &json!({"metadata": {"finalizers": null}}));
        up.join().unwrap()
    });
    release.exits(0).says(["example.com/keep"]);
    assert_eq!(folder.get("configmap settings")["data"], json!({"color": "blue"}));
    project.is_up_to_date();
}

#[test]
fn what_kubectl_applied_is_taken_over_with_all_that_it_set() {
    let folder = Folder::new();
    let namespace = &folder.namespace.name;
    let project = &folder.project;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": namespace}, "data": {"color": "red", "old": "1"}});
    project.write("theirs.json", &map.to_string());
    let theirs = project.path("theirs.json").display().to_string();
    folder.kubectl.run(&format!("apply -f {theirs}")).exits(0);
    folder.config_map("settings", json!({"color": "blue"}));
    let preview = project.run(["preview"]).exits(1);
    preview.shows(["--adopt ConfigMap/"]);
    let preview = project.run(["preview", "--adopt", "all"]).exits(0);
    preview.shows([
        "takes over all fields of kubectl-client-side-apply",
        "- data.old",
        "data.color",
    ]);
    project.run(["up", "--yes", "--adopt", "all"]).exits(0);
    assert_eq!(folder.get("configmap settings")["data"], json!({"color": "blue"}));
    project.is_up_to_date();
}
