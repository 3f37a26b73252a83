//! Names in manifests that lead nowhere: what stops a run, what is only said, and what is nobody's business.

use std::time::Duration;

use serde_json::json;

use crate::manifests::{Folder, IMAGE, deployment, shell};

#[test]
fn a_secret_may_come_later_and_go_again() {
    let folder = Folder::new();
    let mut template = shell("web", "sleep 3600");
    template["spec"]["containers"][0]["envFrom"] = json!([{"secretRef": {"name": "made-by-others"}}]);
    folder.object("web.json", deployment("web", &template));
    let note = "envFrom[0].secretRef.name names Secret";
    let plan = folder.project.run(["preview", "--detailed-exitcode"]).exits(2);
    plan.shows([
        note,
        "made-by-others, which neither this stack declares nor the target has",
    ]);
    let namespace = &folder.namespace.name;
    std::thread::scope(|scope| {
        let up = scope.spawn(|| folder.project.run(["up", "--yes"]));
        std::thread::sleep(Duration::from_secs(2));
        let secret = format!("-n {namespace} create secret generic made-by-others --from-literal=a=b");
        folder.kubectl.run(&secret).exits(0);
        up.join().unwrap().exits(0)
    });
    folder.project.is_up_to_date();

    // What runs needs nobody's permission to go on.
    let delete = format!("-n {namespace} delete secret made-by-others");
    folder.kubectl.run(&delete).exits(0);
    folder.project.is_up_to_date();
    folder.config_map("settings", json!({"color": "blue"}));
    let up = folder.project.run(["up", "--yes"]).exits(0);
    assert!(!up.stdout.contains("made-by-others"), "{up}");
}

#[test]
fn a_pod_without_its_account_is_refused_before_anything_is_done() {
    let folder = Folder::new();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "nobody", "containers": [{"name": "c", "image": IMAGE}]},
    });
    folder.object("pod.json", pod);
    folder.config_map("settings", json!({"color": "blue"}));
    let up = folder.project.run(["up", "--yes"]).exits(1);
    up.shows([
        "error: spec.serviceAccountName: it names ServiceAccount",
        "nobody",
        "k8s/pod.json:1",
        "hint:",
    ]);
    assert_eq!(folder.project.run(["state", "list"]).exits(0).stdout, "");

    // With its account in the folder it is fine, and the account comes first.
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}});
    folder.object("z-account.json", account);
    let plan = folder.project.run(["preview", "--detailed-exitcode"]).exits(2);
    let place = |kind: &str| {
        plan.stdout
            .find(&format!("+ {kind} "))
            .unwrap_or_else(|| panic!("{plan}"))
    };
    assert!(place("ServiceAccount") < place("Pod"), "{plan}");
}
