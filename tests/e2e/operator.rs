//! A real Prometheus that a real Prometheus Operator runs, as a cluster with one has it.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Kubectl, Project};

const NAME: &str = "e2e";
const IMAGE: &str = "localhost/iac-test/prometheus:2.42";

/// The work of the operator's own reloader, whose image the test bed does not have, and a bit more.
const RELOADER: &str = include_str!("reloader.py");

/// A Prometheus that asks what the ServiceMonitors of a namespace name, and evaluates its PrometheusRules.
pub(crate) struct Operated<'a> {
    kubectl: &'a Kubectl,
    namespace: &'a str,
}

impl<'a> Operated<'a> {
    /// Declares it; the operator runs it.
    pub(crate) fn start(project: &Project, kubectl: &'a Kubectl, namespace: &'a str) -> Self {
        let file = project.path("prometheus.json");
        std::fs::write(&file, objects(namespace).to_string()).unwrap();
        kubectl.args(["apply", "-f", file.to_str().unwrap()]).exits(0);
        Self { kubectl, namespace }
    }

    /// Asks its API until the answer is good.
    pub(crate) fn eventually(&self, path: &str, is_good: impl Fn(&Json) -> bool) -> Json {
        let url = format!("http://127.0.0.1:9090/api/v1/{path}");
        let pod = format!("prometheus-{NAME}-0");
        let line = format!("exec -n {} {pod} -c prometheus -- curl --silent {url}", self.namespace);
        let mut last = String::new();
        for _ in 0..120 {
            last = self.kubectl.run(&line).stdout;
            if let Ok(answer) = serde_json::from_str(&last)
                && is_good(&answer)
            {
                return answer;
            }
            sleep(Duration::from_millis(500));
        }
        panic!("{path}: {last}")
    }

    /// Removes it, with what the operator made of it.
    pub(crate) fn stop(self) {
        let delete = format!(
            "delete -n {} prometheus/{NAME} serviceaccount/{NAME} role/{NAME} rolebinding/{NAME} --cascade=foreground",
            self.namespace
        );
        self.kubectl.run(&delete).exits(0);
    }
}

/// Fails with what to run where there is no operator.
pub(crate) fn is_there(kubectl: &Kubectl) {
    let found = kubectl.names("customresourcedefinition prometheuses.monitoring.coreos.com");
    assert!(
        !found.is_empty(),
        "this test needs the Prometheus Operator: `cargo xtask testbed up --with prometheus-operator` starts it, and `cargo xtask test` does so by itself"
    );
}

fn objects(namespace: &str) -> Json {
    let metadata = json!({ "name": NAME, "namespace": namespace });
    let reloader = |name: &str| json!({ "name": name, "image": IMAGE, "command": ["python3", "-c", RELOADER] });
    json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata },
        { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": [
            { "apiGroups": [""], "resources": ["services", "endpoints"], "verbs": ["list"] },
        ] },
        { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
          "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME },
          "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": namespace }] },
        { "apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": metadata, "spec": {
            "image": IMAGE, "version": "v2.42.0", "replicas": 1, "serviceAccountName": NAME,
            "serviceMonitorSelector": {}, "ruleSelector": {},
            "initContainers": [reloader("init-config-reloader")],
            "containers": [reloader("config-reloader")],
        } },
    ] })
}
