//! The answer of `kubectl diff --server-side` on the same objects.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use iac_testbed::{Needs, TestBed};
use serde_json::{Value as Json, json};

use crate::world::STACK;

/// The real `kubectl`.
pub(super) struct Kubectl(TestBed);

impl Kubectl {
    pub(super) fn new() -> Self {
        let needs = Needs {
            kubernetes: true,
            ..Needs::default()
        };
        Self(TestBed::ensure(needs).unwrap())
    }

    fn run(&self, arguments: &[&str], objects: &[&Json]) -> Output {
        let mut child = Command::new(&self.0.kubectl)
            .args(arguments)
            .args(["-f", "-"])
            .env("KUBECONFIG", &self.0.kubeconfig)
            // The server counts a generation for a NetworkPolicy's empty list, with every apply of the same.
            // The stack's id is in no manifest; it may be an object's only annotation.
            .env(
                "KUBECTL_EXTERNAL_DIFF",
                "diff -q -r -N -I generation -I stack-id -I annotations",
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        child
            .stdin
            .take()
            .unwrap()
            .write_all(list.to_string().as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    /// The objects that an apply by our manager would change: `Kind name`.
    pub(super) fn differing(&self, objects: &[Json]) -> BTreeSet<String> {
        let all: Vec<&Json> = objects.iter().collect();
        match self.diff(&all) {
            Ok(found) => found,
            // One object of which the server takes no apply hides what is to be said of the others.
            Err(_) => objects.iter().flat_map(|object| self.diff_one(object)).collect(),
        }
    }

    /// Compares one object. One that cannot be applied as declared is not as declared.
    fn diff_one(&self, object: &Json) -> BTreeSet<String> {
        for _ in 0..40 {
            match self.diff(&[object]) {
                Ok(found) => return found,
                // It does not know a kind as soon as the server does.
                Err(error) if error.contains("no matches for kind") || error.contains("could not find") => {
                    std::thread::sleep(std::time::Duration::from_millis(250));
                }
                Err(error) => {
                    assert!(error.contains("is invalid"), "{error}");
                    return BTreeSet::from([name_of(object)]);
                }
            }
        }
        panic!("kubectl does not know {}", name_of(object));
    }

    fn diff(&self, objects: &[&Json]) -> Result<BTreeSet<String>, String> {
        let manager = format!("--field-manager=iac-{STACK}");
        let output = self.run(&["diff", "--server-side", "--force-conflicts", &manager], objects);
        let text = String::from_utf8_lossy(&output.stdout);
        let differ: Vec<&str> = text.lines().filter(|line| line.ends_with(" differ")).collect();
        match output.status.code() {
            Some(0) => Ok(BTreeSet::new()),
            Some(1) if !differ.is_empty() => Ok(objects
                .iter()
                .filter(|object| differ.iter().any(|line| line.contains(&file_of(object))))
                .map(|object| name_of(object))
                .collect()),
            _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

/// `Kind name`.
pub(super) fn name_of(object: &Json) -> String {
    let text = |node: &Json| node.as_str().unwrap_or_default().to_owned();
    format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// A part of the name that kubectl gives the file of an object.
fn file_of(object: &Json) -> String {
    let text = |node: &Json| node.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    format!(
        ".{}.{}.{} and ",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    )
}
