//! An account that may do everything in one namespace, and nothing outside of it.

use serde_json::{Value as Json, json};

use crate::manifests::Folder;
use crate::support::Ran;

/// The kubeconfig of a new account that is admin of the folder's namespace.
fn account(folder: &Folder) -> String {
    let (kubectl, namespace) = (&folder.kubectl, &folder.namespace.name);
    kubectl
        .run(&format!("-n {namespace} create serviceaccount deployer"))
        .exits(0);
    let binding =
        format!("-n {namespace} create rolebinding deployer --clusterrole=admin --serviceaccount={namespace}:deployer");
    kubectl.run(&binding).exits(0);
    let token = kubectl
        .run(&format!("-n {namespace} create token deployer --duration=1h"))
        .exits(0);
    let mut config: Json = kubectl.run("config view --raw --minify -o json").exits(0).json();
    config["users"][0]["user"] = json!({"token": token.stdout.trim()});
    config["contexts"][0]["context"]["namespace"] = namespace.as_str().into();
    folder.project.write("deployer.json", &config.to_string());
    folder.project.path("deployer.json").display().to_string()
}

#[test]
fn the_admin_of_one_namespace_has_all_verbs_and_shares_the_stack_with_the_clusters() {
    let folder = Folder::new();
    let project = &folder.project;
    let kubeconfig = account(&folder);
    let as_account = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        Ran::of(command.env("KUBECONFIG", &kubeconfig).env_remove("IAC_CONFIG_FILE"))
    };
    let as_admin = |arguments: &[&str]| Ran::of(&mut project.command(arguments));
    folder.config_map("one", json!({"color": "blue"}));
    folder.object(
        "web.json",
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}},
                "template": crate::manifests::shell("web", "sleep 1000")},
        }),
    );
    folder.object(
        "role.json",
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
        }),
    );
    as_account(&["preview", "--detailed-exitcode"]).exits(2);
    as_account(&["up", "--yes"]).exits(0);
    as_account(&["preview", "--detailed-exitcode"]).exits(0);
    as_account(&["drift"]).exits(0);
    folder.patch("configmap/one", &json!({"data": {"color": "red"}}));
    as_account(&["drift"]).exits(3).shows(["color"]);
    as_account(&["refresh"]).exits(0);
    as_account(&["up", "--yes"]).exits(0);

    // Whoever sees more of the cluster sees the same cluster, and the other way round.
    as_admin(&["preview", "--detailed-exitcode"]).exits(0);
    folder.config_map("one", json!({"color": "green"}));
    as_admin(&["up", "--yes"]).exits(0);
    as_account(&["preview", "--detailed-exitcode"]).exits(0);
    std::fs::remove_file(project.path("k8s/web.json")).unwrap();
    as_account(&["up", "--yes"]).exits(0);
    as_account(&["destroy", "--yes"]).exits(0);
    assert_eq!(
        folder
            .kubectl
            .names(&format!("-n {} deployment", folder.namespace.name)),
        [""; 0]
    );
}
