//! A secret appears nowhere in clear: not in state, not in a plan, not in anything that is printed.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::docker::{ComposeFolder, IMAGE};
use crate::manifests::Folder;
use crate::support::{Project, Ran, files, unique};

/// A text that stands for a secret: it must be found nowhere.
pub(crate) struct Canary(String);

impl Canary {
    /// One that no other text holds.
    pub(crate) fn new() -> Self {
        Self(unique("canary"))
    }

    /// Returns the text that a Secret holds under a key.
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

#[test]
fn secrets_in_files_annotations_and_variables_appear_nowhere() {
    let folder = Folder::new();
    let project = &folder.project;
    let canary = Canary::new();
    // Made by kubectl, which keeps a copy of it in an annotation.
    folder.object(
        "keys.json",
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"token": canary.text()}}),
    );
    let file = project.path("k8s/keys.json").display().to_string();
    folder.kubectl.args(["apply", "-f", &file]).exits(0);
    let live = folder.get("secret keys");
    let copy = &live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"];
    assert!(copy.as_str().unwrap().contains(canary.text()), "{live:#}");
    // And exported with it.
    folder.object("keys.json", live.clone());
    let settings = |value: &str| {
        json!({
            "app.yaml": format!("user: app\npassword: {value}\n"),
            "redis.conf": format!("port 6379\nrequirepass {value}\n"),
            "url": format!("postgres://app:{value}@db/shop"),
        })
    };
    folder.config_map("app", settings(canary.text()));
    let container = json!({
        "name": "main", "image": crate::manifests::IMAGE,
        "env": [{"name": "DB_PASSWORD", "value": canary.text()}],
        "command": ["sh", "-c", format!("serve --token {}", canary.text())],
    });
    let template = json!({
        "metadata": {"labels": {"app": "web"}, "annotations": {"hook": format!("https://u:{}@h", canary.text())}},
        "spec": {"containers": [container]},
    });
    let spec = json!({"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template});
    folder.object(
        "web.json",
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}),
    );
    quietly(&canary, project, &["preview", "--adopt", "all", "--verbose"])
        .exits(0)
        .shows(["(secret)", "user: app"]);
    quietly(&canary, project, &["up", "--yes", "--adopt", "all"]).exits(0);
    assert_eq!(folder.get("configmap app")["data"], settings(canary.text()));
    canary.is_in_no_file(&project.state());
    folder.patch(
        "configmap/app",
        &json!({"data": settings(&format!("{}-2", canary.text()))}),
    );
    let env = json!([{"name": "DB_PASSWORD", "value": format!("{}-3", canary.text())}]);
    let containers = json!([{"name": "main", "image": crate::manifests::IMAGE, "env": env}]);
    folder.patch(
        "deployment/web",
        &json!({"spec": {"template": {"spec": {"containers": containers}}}}),
    );
    for arguments in [
        &["drift"][..],
        &["drift", "--json"],
        &["preview", "--verbose"],
        &["preview", "--out", "plan.json"],
        &["refresh", "--accept", "--yes"],
        &["state", "show", "app"],
        &["stack", "show"],
        &["up", "--yes", "--verbose"],
        &["destroy", "--yes"],
    ] {
        quietly(&canary, project, arguments);
    }
    canary.is_not_in("plan.json", &std::fs::read(project.path("plan.json")).unwrap());
    canary.is_in_no_file(&project.state());
}

/// A compose file that uses a secret in every way, and a service that tells it in its last words if it is to fail.
fn compose_file(secret: &str, fails: bool) -> String {
    let end = if fails { "exit 3" } else { "exec sleep 1000" };
    format!(
        r#"services:
  web:
    image: {IMAGE}
    init: true
    command: ["sh", "-c", "echo it is $$DB_PASSWORD; {end}", "--token", "{secret}"]
    environment:
      DB_PASSWORD: {secret}
      DATABASE_URL: postgres://app:{secret}@db/shop
      NOTIFY: https://hooks.slack.com/services/T0/B0/{secret}
      FROM_DOTENV: ${{API_TOKEN}}
    env_file: web.env
    healthcheck: {{test: "echo password={secret}", interval: 300ms}}
    configs: [{{source: settings, target: /settings}}]
    secrets: [file, variable]
configs:
  settings:
    content: |
      user: app
      password: {secret}
secrets:
  file: {{file: secret.txt}}
  variable: {{environment: API_TOKEN}}
volumes:
  data: {{}}
"#
    )
}

#[test]
fn a_secret_of_a_compose_file_appears_nowhere() {
    let folder = ComposeFolder::new();
    let project = &folder.project;
    let canary = Canary::new();
    let write = |value: &str, fails: bool| {
        folder.write(&compose_file(value, fails));
        project.write("app/.env", &format!("API_TOKEN={value}\n"));
        project.write("app/web.env", &format!("SMTP_PASSWD={value}\n"));
        project.write("app/secret.txt", value);
    };
    write(canary.text(), false);
    for arguments in [
        &["preview", "--verbose"][..],
        &["preview", "--json"],
        &["preview", "--out", "plan.json"],
        &["plan", "show", "plan.json", "--format", "html"],
        &["graph"],
    ] {
        quietly(&canary, project, arguments).exits(0);
    }
    let up = ["up", "--plan", "plan.json", "--verbose", "--events", "run.jsonl"];
    quietly(&canary, project, &up).exits(0);
    // It arrived, and the engine's own records of it are all that have it.
    let web = folder.id("web");
    let look = "cat /settings /run/secrets/file /run/secrets/variable; echo $DB_PASSWORD $SMTP_PASSWD $NOTIFY";
    let told = folder.docker.exec(&web, look).exits(0);
    assert_eq!(told.stdout.matches(canary.text()).count(), 6, "{told}");
    is_in_no_label(&canary, &folder);
    canary.is_in_no_file(&project.state());

    write(&format!("{}-2", canary.text()), false);
    quietly(&canary, project, &["preview", "--verbose"]).exits(0);
    quietly(&canary, project, &["up", "--yes", "--json"]).exits(0);
    // Somebody else makes the container anew, with another secret.
    write(&format!("{}-3", canary.text()), false);
    let file = project.path("app/compose.yaml").display().to_string();
    folder.docker.compose(&folder.name, &format!("-f {file} up --detach"));
    write(&format!("{}-2", canary.text()), false);
    quietly(&canary, project, &["drift"]).exits(3);
    quietly(&canary, project, &["drift", "--json"]).exits(3);
    // The service ends, and its last words have the secret.
    write(&format!("{}-4", canary.text()), true);
    let failed = ["up", "--yes", "--events", "failed.jsonl", "--report", "failed.html"];
    quietly(&canary, project, &failed).exits(1).says(["it is (secret)"]);
    is_in_no_label(&canary, &folder);
    for arguments in [
        &["state", "list", "--json"][..],
        &["state", "show", "web"],
        &["stack", "show"],
        &["stack", "history", "--format", "html"],
        &["config", "get"],
        &["destroy", "--yes", "--delete-data", "all"],
    ] {
        quietly(&canary, project, arguments);
    }
    for file in ["plan.json", "run.jsonl", "failed.jsonl", "failed.html"] {
        canary.is_not_in(file, &std::fs::read(project.path(file)).unwrap());
    }
    canary.is_in_no_file(&project.state());
}

/// Fails if a label of anything in the compose project holds the secret.
fn is_in_no_label(canary: &Canary, folder: &ComposeFolder) {
    let docker = &folder.docker;
    let mut objects: Vec<String> = docker.containers(&folder.name).into_values().collect();
    objects.extend(docker.volumes(&folder.name));
    objects.push(format!("{}_default", folder.name));
    for object in objects {
        let found = docker.run(&format!("inspect {object}")).json();
        let labels = [&found[0]["Config"]["Labels"], &found[0]["Labels"]];
        assert!(labels.iter().any(|labels| labels.is_object()), "{found:#}");
        for labels in labels {
            canary.is_not_in(&object, labels.to_string().as_bytes());
        }
    }
}
