//! The life of `codelab_dev` on a real Docker Engine: up, no change, one change, destroy, and its data all along.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::docker::{DOCKER, Docker, free_ports};
use crate::secrets::Canary;
use crate::support::{Project, Ran};

const NAME: &str = "codelab";

/// The list of `docker compose ps` for the whole project.
const HEALTHY: [&str; 4] = [
    "app running healthy",
    "postgres running healthy",
    "qdrant running healthy",
    "redis running healthy",
];

struct Codelab {
    project: Project,
    docker: Docker,
    canary: Canary,
    address: String,
}

impl Codelab {
    fn new() -> Self {
        let ports: [u16; 5] = free_ports();
        let parts = ["api", "postgres", "redis", "qdrant", "qdrant_grpc"];
        let canary = Canary::new();
        let mut project = Project::new(env!("CARGO_BIN_EXE_codelab_dev"), DOCKER);
        for (part, port) in parts.iter().zip(ports) {
            project = project.with(["--config", &format!("ports.{part}={port}")]);
        }
        let key = format!("secrets.openai_api_key={}", canary.text());
        Self {
            docker: Docker::new(&project.bed),
            project: project.with(["--config", &key]),
            canary,
            address: format!("127.0.0.1:{}", ports[0]),
        }
    }

    /// Runs the program; fails if it prints the secret.
    fn run<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        let ran = self.project.run(arguments);
        self.canary.is_not_in("standard output", ran.stdout.as_bytes());
        self.canary.is_not_in("standard error", ran.stderr.as_bytes());
        ran
    }

    fn health(&self) -> String {
        self.get("/health")
    }

    /// The first line of the answer.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap().to_owned()
    }

    fn id(&self, service: &str) -> String {
        self.docker.containers(NAME)[&format!("{NAME}-{service}-1")].clone()
    }

    fn redis(&self, line: &str) -> String {
        let ran = self.docker.compose(NAME, &format!("exec -T redis redis-cli {line}"));
        ran.stdout.trim().to_owned()
    }

    fn tables(&self) -> usize {
        let ran = self
            .docker
            .compose(NAME, "exec -T postgres psql -U postgres -d codelab -At -c \\dt");
        ran.stdout.lines().count()
    }
}

#[test]
fn codelab_comes_up_changes_and_goes() {
    let codelab = Codelab::new();
    codelab.docker.has_nothing_of(NAME);
    codelab
        .run(["preview"])
        .exits(0)
        .shows(["10 to create", "stacks/codelab/mod.rs:"]);
    codelab.run(["up", "--yes"]).exits(0);
    assert_eq!(codelab.docker.services(NAME), HEALTHY);
    assert_eq!(codelab.health(), "HTTP/1.1 200 OK");
    let url = codelab.run(["stack", "output", "url"]).exits(0);
    assert_eq!(url.stdout.trim(), format!("http://{}", codelab.address));
    // Seven of the guide, and Alembic's own.
    assert_eq!(codelab.tables(), 8);
    has_the_guides_schema_and_test_data(&codelab);
    codelab.redis("set e2e here");
    let version = codelab.run(["stack", "show", "--json"]).exits(0).json();
    let images = version["images"].as_object().unwrap();
    assert!(images.len() >= 3, "{version:#}");
    for digests in images.values() {
        assert!(digests[0].as_str().unwrap().contains("sha256:"), "{version:#}");
    }

    let before = codelab.docker.containers(NAME);
    codelab.run(["up", "--yes"]).exits(0).shows(["no changes"]);
    codelab.run(["preview", "--detailed-exitcode"]).exits(0);
    assert_eq!(codelab.docker.containers(NAME), before);

    one_variable_changes(&codelab);
    destroy_keeps_data(&codelab);

    codelab.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    codelab.docker.has_nothing_of(NAME);
    codelab.canary.is_in_no_file(&codelab.project.state());
}

/// The tables of the infrastructure guide with their columns.
const SCHEMA: [&str; 7] = [
    "approval_requests: created_at decision id payload resolved_at status type user_id",
    "chat_sessions: created_at id user_id",
    "messages: agent_id content created_at id role session_id",
    "tasks: agent_id completed_at created_at id result session_id started_at status",
    "user_agents: config created_at id name status user_id",
    "user_orchestrators: config created_at id user_id",
    "users: created_at email id",
];

fn has_the_guides_schema_and_test_data(codelab: &Codelab) {
    let psql = |query: &str| {
        let container = format!("{NAME}-postgres-1");
        let mut docker = std::process::Command::new("docker");
        docker.env("DOCKER_HOST", &codelab.project.bed.docker_host);
        docker.args([
            "exec", &container, "psql", "-U", "postgres", "-d", "codelab", "-Atc", query,
        ]);
        Ran::of(&mut docker).exits(0).stdout
    };
    let columns = psql(
        "select table_name || ': ' || string_agg(column_name, ' ' order by column_name) from information_schema.columns \
         where table_schema = 'public' and table_name <> 'alembic_version' group by table_name order by table_name",
    );
    assert_eq!(columns.lines().collect::<Vec<_>>(), SCHEMA);
    let foreign = psql(
        "select conrelid::regclass || ' ' || confrelid::regclass from pg_constraint where contype = 'f' order by 1",
    );
    assert_eq!(
        foreign.lines().collect::<Vec<_>>(),
        [
            "approval_requests users",
            "chat_sessions users",
            "messages chat_sessions",
            "messages user_agents",
            "tasks chat_sessions",
            "tasks user_agents",
            "user_agents users",
            "user_orchestrators users",
        ]
    );
    codelab
        .docker
        .compose(NAME, "exec -T app python3 scripts/init_db.py seed");
    let seeded = psql(
        "select email || ' ' || string_agg(name, ' ' order by name) from users join user_agents on user_id = users.id group by email",
    );
    assert_eq!(
        seeded.trim(),
        "test@example.com CodeAssistant DataAnalyst DocumentWriter"
    );
    let revision = codelab.docker.compose(NAME, "exec -T app alembic current");
    assert!(revision.stdout.contains("(head)"), "{revision}");
    assert!(codelab.get("/docs").starts_with("HTTP/1.1 200"));
}

fn one_variable_changes(codelab: &Codelab) {
    let debug = ["--config", "log_level=DEBUG"];
    let plan = codelab.run(["preview", "--json", debug[0], debug[1]]).exits(0).json();
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{plan:#}");
    let step = &steps[0];
    assert_eq!(step["key"], "api::docker:compose/Service::app");
    assert_eq!(
        step["changes"],
        json!([{"path": "environment.LOG_LEVEL", "before": "INFO", "after": "DEBUG"}])
    );
    assert_eq!(
        step["reasons"],
        json!([{"kind": "inputs", "paths": ["environment.LOG_LEVEL"]}])
    );
    assert_eq!(step["risks"][0]["kind"], "downtime", "{step:#}");
    assert!(
        step["source"].as_str().unwrap().starts_with("stacks/codelab/mod.rs:"),
        "{step:#}"
    );

    let (before, app) = (codelab.docker.containers(NAME), codelab.id("app"));
    codelab.run(["up", "--yes", debug[0], debug[1]]).exits(0);
    let mut expected = before;
    assert_ne!(codelab.id("app"), app);
    expected.insert(format!("{NAME}-app-1"), codelab.id("app"));
    assert_eq!(codelab.docker.containers(NAME), expected);
    assert_eq!(codelab.docker.services(NAME), HEALTHY);
    assert_eq!(codelab.redis("get e2e"), "here");
}

fn destroy_keeps_data(codelab: &Codelab) {
    let volumes = ["codelab_postgres_data", "codelab_qdrant_data", "codelab_redis_data"];
    codelab.run(["destroy", "--yes"]).exits(0).shows(volumes);
    assert!(codelab.docker.containers(NAME).is_empty());
    assert_eq!(codelab.docker.volumes(NAME), volumes);
    codelab.run(["up", "--yes"]).exits(0);
    assert_eq!(codelab.redis("get e2e"), "here");
    assert_eq!(codelab.tables(), 8);
}
