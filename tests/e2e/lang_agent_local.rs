//! A developer's lang-agent: PostgreSQL and Redis on a real Docker Engine, the backend beside them, and Grafana with Loki.

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::docker::{DOCKER, Docker, free_ports};
use crate::lang_agent::{BACKEND, up};
use crate::support::{Project, Ran, unique};

/// The backend as a developer runs it: outside of the stack, with what that tells. It ends when this is dropped.
struct Outside<'a> {
    docker: &'a Docker,
    name: String,
    address: String,
}

impl<'a> Outside<'a> {
    fn start(project: &Project, docker: &'a Docker) -> Self {
        let outputs = project
            .run(["stack", "output", "--json", "--show-secrets"])
            .exits(0)
            .json();
        let output = |name: &str| format!("--env {name}={}", outputs[name].as_str().unwrap());
        let [port]: [u16; 1] = free_ports();
        let (database, redis, name) = (output("DATABASE_URL"), output("REDIS_URL"), unique("backend"));
        docker.run(&format!(
            "run --detach --rm --network host --name {name} {database} {redis} --env PORT={port} {BACKEND}:1"
        ));
        let address = format!("http://127.0.0.1:{port}");
        Self { docker, name, address }
    }

    fn curl(&self, arguments: &[&str], path: &str) -> String {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--retry",
            "30",
            "--retry-all-errors",
            "--retry-delay",
            "1",
        ]);
        Ran::of(curl.args(arguments).arg(format!("{}{path}", self.address)))
            .exits(0)
            .stdout
    }

    fn cards(&self, arguments: &[&str]) -> String {
        let login = self.curl(&["--json", r#"{"user": "ann"}"#], "/api/auth/token");
        let login: Json = serde_json::from_str(&login).unwrap();
        let token = format!("Authorization: Bearer {}", login["access_token"].as_str().unwrap());
        let header = ["--header", token.as_str()];
        self.curl(&[&header[..], arguments].concat(), "/api/cards")
    }
}

impl Drop for Outside<'_> {
    fn drop(&mut self) {
        self.docker.run(&format!("rm --force {}", self.name));
    }
}

#[test]
fn a_developers_lang_agent_lives_on_docker() {
    const LOCAL: &str = "lang-agent-local";
    let ports: [u16; 4] = free_ports();
    let mut project = Project::new(env!("CARGO_BIN_EXE_lang_agent_local"), DOCKER);
    let parts = [
        ("postgres", "postgres:15"),
        ("redis", "redis:7"),
        ("loki", "loki-standin:1"),
        ("grafana", "grafana-standin:1"),
    ];
    for ((part, image), port) in parts.iter().zip(ports) {
        project = project
            .with(["--config", &format!("ports.{part}={port}")])
            .with(["--config", &format!("images.{part}=localhost/iac-test/{image}")]);
    }
    let docker = Docker::new(&project.bed);
    docker.has_nothing_of(LOCAL);
    up(&project, &[]).exits(0);
    assert_eq!(
        docker.services(LOCAL),
        ["postgres running healthy", "redis running healthy"]
    );
    let volumes = ["postgres_local_data", "redis_local_data"].map(|volume| format!("{LOCAL}_{volume}"));
    assert_eq!(docker.volumes(LOCAL), volumes);
    let backend = Outside::start(&project, &docker);
    backend.cards(&["--json", r#"{"word": "дом"}"#]);
    project.is_up_to_date();

    // One change: Grafana and Loki, in which what a developer sends there is found.
    up(&project, &["logs.enabled=true"]).exits(0);
    let outputs = project.run(["stack", "output", "--json"]).exits(0).json();
    let ask = |output: &str, arguments: &[&str], path: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail"]).args(arguments);
        let url = format!("{}{path}", outputs[output].as_str().unwrap());
        Ran::of(curl.arg(url)).exits(0).stdout
    };
    let now = format!("{}", std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos());
    let line = json!({ "streams": [{ "stream": { "app": "lang-agent" }, "values": [[now, "an ERROR"]] }] });
    ask("loki", &["--json", &line.to_string()], "/loki/api/v1/push");
    let query = ["--get", "--data-urlencode", r#"query={app="lang-agent"} |= "ERROR""#];
    let found = ask("loki", &query, "/loki/api/v1/query_range");
    assert!(found.contains("an ERROR"), "{found}");
    let admin = ["--user", "admin:admin"];
    assert!(ask("grafana", &admin, "/api/search").contains("lang-agent logs"));
    assert!(ask("grafana", &admin, "/api/datasources").contains("Loki"));
    let cards = backend.cards(&[]);
    assert!(cards.contains("дом"), "{cards}");
    drop(backend);

    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    docker.has_nothing_of(LOCAL);
}
