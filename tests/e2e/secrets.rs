//! A secret appears nowhere in clear: not in state, not in a plan, not in anything that is printed.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::manifests::Folder;
use crate::support::{Project, Ran, files, unique};

/// A text that stands for a secret: it must be found nowhere.
pub(crate) struct Canary(String);

impl Canary {
    /// One that no other text holds.
    pub(crate) fn new() -> Self {
        Self(unique("canary"))
    }

    /// What a Secret holds under a key.
    pub(crate) fn decoded(base64: &str) -> Self {
        Self(String::from_utf8(STANDARD.decode(base64).unwrap()).unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// The forms in which it could be found.
    fn forms(&self) -> [String; 3] {
        let hex = self.0.bytes().map(|byte| format!("{byte:02x}")).collect();
        [self.0.clone(), STANDARD.encode(&self.0), hex]
    }

    pub(crate) fn is_not_in(&self, what: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for form in self.forms() {
            assert!(!text.contains(&form), "{what} holds the secret as {form}:\n{text}");
        }
    }

    /// Fails if a file below the folder holds it.
    pub(crate) fn is_in_no_file(&self, folder: &Path) {
        let files = files(folder);
        assert!(!files.is_empty(), "{} holds no files", folder.display());
        for path in files {
            self.is_not_in(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

/// Runs the program and fails if it prints the secret.
fn quietly(canary: &Canary, project: &Project, arguments: &[&str]) -> Ran {
    let ran = Ran::of(&mut project.command(arguments));
    canary.is_not_in(&ran.line, ran.stdout.as_bytes());
    canary.is_not_in(&ran.line, ran.stderr.as_bytes());
    ran
}

#[test]
fn a_secret_of_a_manifest_appears_nowhere() {
    let folder = Folder::new();
    let project = &folder.project;
    let canary = Canary::new();
    let secret = |value: &str| {
        let data = json!({"token": value, "url": format!("postgres://app:{value}@db")});
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": data})
    };
    // The folder itself holds it, of course.
    folder.object("keys.json", secret(canary.text()));
    quietly(&canary, project, &["preview", "--verbose"])
        .exits(0)
        .shows(["(secret)"]);
    quietly(&canary, project, &["up", "--yes", "--json"]).exits(0);
    folder.object("keys.json", secret(&format!("{}-2", canary.text())));
    quietly(&canary, project, &["preview"]).exits(0).shows(["data.token"]);
    quietly(&canary, project, &["preview", "--json"]).exits(0);
    quietly(&canary, project, &["preview", "--out", "plan.json"]).exits(0);
    canary.is_not_in("plan.json", &std::fs::read(project.path("plan.json")).unwrap());
    quietly(&canary, project, &["up", "--plan", "plan.json", "--verbose"]).exits(0);
    folder.patch(
        "secret/keys",
        &json!({"stringData": {"token": format!("{}-3", canary.text())}}),
    );
    for arguments in [
        &["drift"][..],
        &["drift", "--json"],
        &["refresh", "--accept", "--yes"],
        &["preview", "--verbose"],
        &["up", "--yes"],
        &["state", "list", "--json"],
        &["state", "show", "keys"],
        &["stack", "history"],
        &["graph"],
        &["config", "get"],
    ] {
        quietly(&canary, project, arguments);
    }
    let clear = project.run(["state", "show", "keys", "--show-secrets"]).exits(0);
    assert!(clear.stdout.contains(canary.text()), "{clear}");
    canary.is_in_no_file(&project.state());
    quietly(&canary, project, &["destroy", "--yes", "--delete-data", "all"]).exits(0);
    canary.is_in_no_file(&project.state());
}
