//! codelab on a real Docker Engine with its monitoring: `codelab_full`, and `codelab_docker_prod` with a PostgreSQL and a Redis that
//! are somebody else's.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value as Json;

use crate::docker::{DOCKER, Docker, free_ports};
use crate::prod::DASHBOARDS;
use crate::support::{Project, Ran, unique};

/// The ports of the host that a program publishes, and the program with them.
fn on_free_ports<const N: usize>(project: Project, parts: [&str; N]) -> (Project, [u16; N]) {
    let ports = free_ports();
    let project = parts.iter().zip(ports).fold(project, |project, (part, port)| {
        project.with(["--config", &format!("ports.{part}={port}")])
    });
    (project, ports)
}

fn get(url: &str, arguments: &[&str]) -> Json {
    let mut curl = Command::new("curl");
    let ran = Ran::of(
        curl.args(["--silent", "--show-error", "--fail"])
            .args(arguments)
            .arg(url),
    )
    .exits(0);
    ran.json()
}

/// Asks Prometheus until the answer is good.
pub(crate) fn eventually(url: &str, is_good: impl Fn(&Json) -> bool) -> Json {
    let mut last = Json::Null;
    for _ in 0..120 {
        last = get(url, &[]);
        if is_good(&last) {
            return last;
        }
        sleep(Duration::from_millis(500));
    }
    panic!("{url}: {last:#}")
}

/// The targets of a Prometheus by their jobs, once there are as many as these and all are up.
pub(crate) fn targets_are_up(prometheus: &str, jobs: &[&str]) -> Json {
    eventually(&format!("{prometheus}/api/v1/targets?state=active"), |answer| {
        let targets = answer["data"]["activeTargets"].as_array().unwrap();
        let mut found: Vec<_> = targets
            .iter()
            .map(|target| target["labels"]["job"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        found == jobs && targets.iter().all(|target| target["health"] == "up")
    })
}

/// Grafana has these dashboards, for its administrator only.
pub(crate) fn grafana_has(grafana: &str, password: &str, titles: &[&str]) {
    let url = format!("{grafana}/api/search");
    let found = get(&url, &["--user", &format!("admin:{password}")]).to_string();
    for title in titles {
        assert!(found.contains(title), "{found}");
    }
    let sources = get(
        &format!("{grafana}/api/datasources"),
        &["--user", &format!("admin:{password}")],
    );
    assert_eq!(sources[0]["name"], "Prometheus");
    let mut curl = Command::new("curl");
    let wrong = Ran::of(curl.args(["--silent", "--fail", "--user", "admin:wrong", &url]));
    assert_ne!(wrong.code, 0, "{wrong}");
}

/// The guide's three rules, in their group.
fn rules_are_evaluated(prometheus: &str) {
    let rules = eventually(&format!("{prometheus}/api/v1/rules"), |answer| {
        let rules = answer["data"]["groups"][0]["rules"].as_array();
        rules.is_some_and(|rules| rules.iter().all(|rule| rule["health"] == "ok"))
    });
    let group = &rules["data"]["groups"][0];
    assert_eq!(
        (group["name"].as_str(), group["interval"].as_i64()),
        (Some("codelab"), Some(30))
    );
    assert_eq!(group["rules"].as_array().unwrap().len(), 3, "{rules:#}");
}

#[test]
fn codelab_full_has_its_metrics_alerts_and_dashboards() {
    const NAME: &str = "codelab-full";
    let project = Project::new(env!("CARGO_BIN_EXE_codelab_full"), DOCKER);
    let parts = [
        "prometheus",
        "grafana",
        "app",
        "postgres",
        "redis",
        "qdrant",
        "qdrant_grpc",
    ];
    let (project, [prometheus, grafana, ..]) = on_free_ports(project, parts);
    let docker = Docker::new(&project.bed);
    docker.has_nothing_of(NAME);
    crate::guides::codelab_on_docker();
    project.run(["up", "--yes"]).exits(0);
    let services = docker.services(NAME).join(", ");
    for part in ["app", "grafana", "postgres", "prometheus", "qdrant", "redis"] {
        assert!(services.contains(&format!("{part} running healthy")), "{services}");
    }
    assert_eq!(
        docker.volumes(NAME),
        [
            "grafana_data",
            "postgres_data",
            "prometheus_data",
            "qdrant_data",
            "redis_data"
        ]
        .map(|name| format!("{NAME}_{name}"))
    );
    let url = format!("http://127.0.0.1:{prometheus}");
    targets_are_up(&url, &["api"]);
    rules_are_evaluated(&url);
    grafana_has(&format!("http://127.0.0.1:{grafana}"), "admin", &DASHBOARDS);
    docker
        .compose(
            NAME,
            "exec -T prometheus promtool check config /etc/prometheus/prometheus.yml",
        )
        .shows(["SUCCESS: 1 rule files found", "SUCCESS: 3 rules found"]);
    project.is_up_to_date();
    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    docker.has_nothing_of(NAME);
}

/// A server of somebody else's, removed at the end.
struct Foreign<'a> {
    docker: &'a Docker,
    name: String,
    port: String,
}

impl<'a> Foreign<'a> {
    fn start(docker: &'a Docker, image: &str, port: u16, arguments: &str) -> Self {
        let name = unique(&format!("e2e-{port}"));
        docker.run(&format!(
            "run --detach --name {name} --publish {port} {arguments} {image}"
        ));
        let address = docker.run(&format!("port {name} {port}/tcp"));
        let port = address.stdout.lines().next().and_then(|line| line.rsplit(':').next());
        let port = port.unwrap().to_owned();
        Self { docker, name, port }
    }
}

impl Drop for Foreign<'_> {
    fn drop(&mut self) {
        self.docker.run(&format!("rm --force --volumes {}", self.name));
    }
}

#[test]
fn codelab_in_production_on_docker_uses_servers_that_are_there_already() {
    const NAME: &str = "codelab-prod";
    let project = Project::new(env!("CARGO_BIN_EXE_codelab_docker_prod"), DOCKER);
    let docker = Docker::new(&project.bed);
    docker.has_nothing_of(NAME);
    let variables = "--env POSTGRES_DB=theirs --env POSTGRES_USER=codelab --env POSTGRES_PASSWORD=p@ss/word";
    let postgres = Foreign::start(&docker, "localhost/iac-test/postgres:15", 5432, variables);
    let redis = Foreign::start(&docker, "localhost/iac-test/redis:7", 6379, "");
    // Containers reach what the machine publishes at the address of any of its bridges.
    let bridge = docker.run("network inspect bridge").json();
    let host = bridge[0]["IPAM"]["Config"][0]["Gateway"].as_str().unwrap();
    let (project, [api, ..]) = on_free_ports(project, ["api", "prometheus", "grafana"]);
    let external = [
        format!("external.postgres.host={host}"),
        format!("external.postgres.port={}", postgres.port),
        "external.postgres.database=theirs".to_owned(),
        "external.postgres.username=codelab".to_owned(),
        format!("external.redis.host={host}"),
        format!("external.redis.port={}", redis.port),
    ];
    let project = project
        .settings(&external)
        .variable("IAC_CONFIG_EXTERNAL__POSTGRES__PASSWORD", "p@ss/word");
    project.run(["up", "--yes"]).exits(0);
    let services = docker.services(NAME).join(", ");
    assert!(services.contains("app running healthy"), "{services}");
    assert!(
        !services.contains("postgres running") && !services.contains("redis"),
        "{services}"
    );
    let health = get(&format!("http://127.0.0.1:{api}/health"), &[]);
    assert_eq!(health["checks"]["database"], "ok", "{health:#}");
    let tables = docker.run(&format!("exec {} psql -U codelab -d theirs -At -c \\dt", postgres.name));
    assert_eq!(tables.stdout.lines().count(), 8, "{tables}");
    let variables = docker.compose(NAME, "exec -T app printenv APP_ENV DEBUG").stdout;
    assert_eq!(variables, "production\nfalse\n");
    let published = docker.run(&format!(
        "ps --filter label=com.docker.compose.project={NAME} --format {{{{.Ports}}}}"
    ));
    assert!(!published.stdout.contains("0.0.0.0"), "{published}");

    is_dumped(&docker, &format!("{NAME}-postgres-backup-1"), "/backups/theirs_");
    project.is_up_to_date();
    project.run(["destroy", "--yes", "--delete-data", "all"]).exits(0);
    docker.has_nothing_of(NAME);
}

/// A scheduled dump makes one now, and says where it is.
pub(crate) fn is_dumped(docker: &Docker, container: &str, file: &str) {
    docker.run(&format!("kill --signal USR1 {container}"));
    for _ in 0..60 {
        if docker.run(&format!("logs {container}")).stdout.contains(file) {
            return;
        }
        sleep(Duration::from_millis(500));
    }
    panic!("{container} made no dump");
}
