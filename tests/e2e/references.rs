//! Names in manifests that lead nowhere: what stops a run, what is only said, and what is nobody's business.

use std::time::Duration;

use serde_json::json;

use crate::manifests::{Folder, IMAGE, deployment, shell};
use crate::support::{Kubectl, Namespace};

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

    // A running pod needs nobody's permission to go on.
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

#[test]
fn what_admission_reads_is_there_before_what_it_admits() {
    let folder = Folder::new();
    let namespace = format!("{}-new", folder.namespace.name);
    let _removed = Namespace::named(&folder.project.bed, &namespace);
    let objects = [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token",
            "annotations": {"kubernetes.io/service-account.name": "bot", "iac.dev/wait": "false"}},
            "type": "kubernetes.io/service-account-token"}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {"iac.dev/wait": "false"}},
            "spec": {"serviceAccountName": "bot", "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "c", "image": IMAGE, "command": ["sleep", "3600"]}]}}),
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": {"pods": "2", "limits.memory": "1Gi"}}}),
        json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"},
            "spec": {"limits": [{"type": "Container", "default": {"memory": "32Mi"}, "defaultRequest": {"memory": "16Mi"}}]}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}}),
    ];
    let mut text = String::new();
    for mut object in objects {
        object["metadata"]["namespace"] = namespace.as_str().into();
        text.push_str(&format!("---\n{object}\n"));
    }
    text.push_str(&format!(
        "---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}\n"
    ));
    folder.project.write("k8s/all.yaml", &text);
    for round in 0..3 {
        folder.project.run(["up", "--yes"]).exits(0);
        let pod = folder.kubectl.get(&format!("-n {namespace} pod p"));
        let limit = &pod["spec"]["containers"][0]["resources"]["limits"]["memory"];
        assert_eq!(limit, "32Mi", "round {round}: the pod came before its limits");
        let secrets = folder.kubectl.names(&format!("-n {namespace} secret"));
        assert_eq!(secrets, ["secret/token"], "round {round}: the cluster deleted it");
        folder.project.is_up_to_date();
        folder.project.run(["destroy", "--yes"]).exits(0);
    }
}

#[test]
fn what_names_no_namespace_goes_where_the_setting_or_the_context_says() {
    let mut folder = Folder::new();
    let second = Namespace::create(&folder.project.bed);
    let (first, second) = (folder.namespace.name.clone(), second.name.clone());
    let kubeconfig = folder.project.path("kubeconfig");
    std::fs::copy(&folder.project.bed.kubeconfig, &kubeconfig).unwrap();
    let kubeconfig = kubeconfig.to_str().unwrap().to_owned();
    let context = |kubectl: &crate::support::Kubectl, namespace: &str| {
        let arguments = format!("--kubeconfig={kubeconfig} config set-context --current --namespace={namespace}");
        kubectl.run(&arguments).exits(0);
    };
    folder.project = folder.project.variable("KUBECONFIG", &kubeconfig);
    context(&folder.kubectl, &first);
    let binding = format!(
        "---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: b}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}, subjects: [{{kind: ServiceAccount, name: bot, namespace: {second}}}]}}\n"
    );
    let objects = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: bot}}\n---\napiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}, {metadata: {name: c}, data: {x: z}}]\n";
    folder.project.write("k8s/all.yaml", &format!("{objects}{binding}"));
    let up = folder.project.run(["up", "--yes"]).exits(0);
    up.shows([
        &format!("namespace {first}"),
        &format!("names ServiceAccount {second}/bot, and this stack has it in the namespace {first}"),
    ]);
    assert_eq!(folder.get("configmap c")["data"]["x"], "z");
    folder.project.is_up_to_date();

    context(&folder.kubectl, &second);
    let moved = folder.project.run(["preview", "--detailed-exitcode"]).exits(1);
    moved.shows([
        &format!("it was made in the namespace {first}"),
        &format!("kubernetes.namespace={first}"),
    ]);
    let stay = format!("kubernetes.namespace={first}");
    folder
        .project
        .run(["preview", "--detailed-exitcode", "--config", &stay])
        .exits(0);
    let go = format!("kubernetes.namespace={second}");
    let plan = folder
        .project
        .run(["preview", "--detailed-exitcode", "--config", &go])
        .exits(2);
    plan.shows([&format!("it moves from the namespace {first} to {second}")]);
    context(&folder.kubectl, &first);
}

#[test]
fn a_folder_says_all_that_is_no_manifest_at_once_and_can_leave_it_out() {
    let folder = Folder::new();
    folder.config_map("settings", json!({"color": "blue"}));
    let same = std::fs::read_to_string(folder.project.path("k8s/settings.json")).unwrap();
    folder.project.write("k8s/z/settings.yaml", &same);
    folder
        .project
        .write("k8s/kustomization.yaml", "resources: [settings.json]\n");
    folder.project.write("k8s/dashboards/a.json", "{\"panels\": []}\n");
    folder.project.write("k8s/chart/values.yaml", "replicas: 1\n");
    let refused = folder.project.run(["preview"]).exits(1);
    refused.says([
        "k8s/kustomization.yaml:1:1: this is a kustomization",
        "kubectl kustomize",
        "k8s/dashboards/a.json:1:1: this is no Kubernetes object: apiVersion is missing",
        "k8s/chart/values.yaml:1:1: this belongs to a Helm chart",
        "--config exclude=PATTERN",
    ]);
    let exclude = "exclude=kustomization.yaml, dashboards, chart/**";
    let plan = folder.project.run(["preview", "--config", exclude]).exits(0);
    plan.shows([
        "Plan: 1 to create",
        "stands at k8s/settings.json:1:1 as well, with the same content; it counts once",
    ]);

    folder
        .project
        .write("k8s/z/settings.yaml", &same.replace("blue", "red"));
    let refused = folder.project.run(["preview", "--config", exclude]).exits(1);
    refused.says([
        "k8s/z/settings.yaml:1:1",
        "is declared already at k8s/settings.json:1:1",
    ]);
}

/// A definition of a kind of the cluster, whose objects may hold anything.
fn definition(group: &str, kind: &str) -> serde_json::Value {
    let plural = format!("{}s", kind.to_lowercase());
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Cluster", "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
    })
}

/// Deletes a definition at the end.
struct Definition<'a>(&'a Kubectl, String);

impl Drop for Definition<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(&format!(
            "delete customresourcedefinition {} --ignore-not-found",
            self.1
        ));
    }
}

#[test]
fn an_object_can_wait_for_a_kind_that_a_controller_makes_of_another_one() {
    let folder = Folder::new();
    let group = format!("{}.example", folder.namespace.name);
    let write =
        |file: &str, object: &serde_json::Value| folder.project.write(&format!("k8s/{file}"), &object.to_string());
    let object = |kind: &str, name: &str, annotations: serde_json::Value| json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": name, "annotations": annotations}, "spec": {"a": 1}});
    write("0-definition.json", &definition(&group, "Template"));
    write("1-template.json", &object("Template", "labels", json!({})));
    write("2-rule.json", &object("Rule", "all", json!({})));
    folder.config_map("settings", json!({"color": "blue"}));
    let refused = folder.project.run(["up", "--yes"]).exits(1);
    refused.shows([
        "the server has no kind Rule",
        "k8s/2-rule.json:1",
        "iac.dev/wait-for-kind: \"true\"",
    ]);

    // The file is left out, or says that its kind is to come.
    let without = folder
        .project
        .run(["preview", "--config", "exclude=2-rule.json"])
        .exits(0);
    without.shows(["Plan: 3 to create"]);
    write(
        "2-rule.json",
        &object("Rule", "all", json!({"iac.dev/wait-for-kind": "true"})),
    );
    let plan = folder.project.run(["preview"]).exits(0);
    plan.shows(["Plan: 4 to create", "its kind is not there yet, and is waited for"]);
    let rules = definition(&group, "Rule");
    let _definition = Definition(&folder.kubectl, format!("rules.{group}"));
    let made = folder.project.path("rules.json");
    std::fs::write(&made, rules.to_string()).unwrap();
    let up = std::thread::scope(|scope| {
        let up = scope.spawn(|| folder.project.run(["up", "--yes"]));
        // A controller, which makes a kind of each template.
        while !up.is_finished() {
            if folder.kubectl.run(&format!("get templates.{group} labels")).code == 0 {
                folder.kubectl.run(&format!("apply -f {}", made.display())).exits(0);
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        up.join().unwrap()
    });
    up.exits(0);
    assert_eq!(
        folder.kubectl.get(&format!("rules.{group} all"))["spec"],
        json!({"a": 1})
    );
    folder.project.is_up_to_date();
    folder.project.run(["drift"]).exits(0);

    // With its kind its objects are gone; the next run makes them again.
    let gone = format!("delete customresourcedefinition rules.{group}");
    folder.kubectl.run(&gone).exits(0);
    folder.project.run(["preview", "--detailed-exitcode"]).exits(2);
    folder
        .project
        .run(["destroy", "--yes", "--delete-data", "all"])
        .exits(0);
}
