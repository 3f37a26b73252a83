//! Manifests and kubeconfigs that nobody wrote: parts of sound ones doubled, moved, taken out or replaced. Whatever they say, they are
//! read, or there is an error; nothing panics or grows without end.
//!
//! `IAC_FILES` says how many cases there are; `cargo xtask soak` has many.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on is to stop")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use iac_core::Stack;
use iac_core::config::Config;
use iac_core::provider::Provider as _;
use iac_k8s::{Kubernetes, KubernetesProvider};
use iac_testbed::hostile::Spoiler;

const YAML: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: page, namespace: shop, labels: {app: web}}
data:
  mode: 0644
  page: |-
    <html>
    # no comment
---
# a comment
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels: &labels {app: web}
spec:
  replicas: 1e0
  selector: {matchLabels: *labels}
  template:
    metadata: {labels: *labels}
    spec:
      containers:
        - name: web
          image: "nginx:1.27"
          env: [{name: A, value: "1
            2"}]
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}, stringData: {password: hunter2}}
"#;

const JSON: &str = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
 "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}
{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two", "namespace": "shop"}, "data": {"a": "\u00e9"}}
"#;

const KUBECONFIG: &str = r#"apiVersion: v1
kind: Config
current-context: a
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443", certificate-authority: ca.pem, proxy-url: "socks5://127.0.0.1:1"}}]
users: [{name: u, user: {exec: {command: ./plugin, args: [--config=x], env: [{name: A, value: b}], apiVersion: client.authentication.k8s.io/v1}}}]
contexts: [{name: a, context: {cluster: c, user: u, namespace: shop}}]
"#;

/// Words that mean something in one of them.
const WORDS: [&str; 30] = [
    "&a ",
    "*a",
    "*labels",
    "<<: *labels",
    "---\n",
    "...\n",
    "\n",
    "\n  ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    " #",
    "|",
    ">",
    "~",
    "0o7",
    "1e999",
    ".inf",
    "-9223372036854775809",
    "kind: List",
    "items: ",
    "metadata: ",
    "\u{feff}",
    "{{ .Values.a }}",
];

fn read(folder: &Path) {
    for name in ["a.yaml", "b.json"] {
        let stack = Stack::new("tests", Config::default());
        let _ = Kubernetes::new(&stack).yaml(folder.join(name).as_path());
        let _ = stack.finish();
    }
    let kubeconfig = folder.join("kubeconfig").display().to_string();
    let leads_to = KubernetesProvider::new().connecting().leads_to;
    let _ = leads_to(&[("kubeconfig".to_owned(), kubeconfig)].into());
}

#[test]
fn no_manifest_and_no_kubeconfig_makes_it_panic() {
    let cases: u64 = std::env::var("IAC_FILES").map_or(400, |text| text.parse().unwrap());
    let first: u64 = std::env::var("IAC_FILES_FROM").map_or(0, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let files = [("a.yaml", YAML), ("b.json", JSON), ("kubeconfig", KUBECONFIG)];
    let sound = || {
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
    };
    sound();
    let stack = Stack::new("tests", Config::default());
    let k = Kubernetes::new(&stack);
    let objects =
        k.yaml(folder.path().join("a.yaml").as_path()).len() + k.yaml(folder.path().join("b.json").as_path()).len();
    assert_eq!(objects, 5, "the files are sound: {:?}", stack.finish().err());
    for seed in first..first + cases {
        let mut spoiler = Spoiler::new(seed);
        sound();
        for _ in 0..=spoiler.below(2) {
            let (name, text) = files[usize::try_from(spoiler.below(3)).unwrap()];
            std::fs::write(folder.path().join(name), spoiler.edit(text.as_bytes(), &WORDS)).unwrap();
        }
        if catch_unwind(AssertUnwindSafe(|| read(folder.path()))).is_err() {
            panic!("case {seed} panicked");
        }
    }
}
