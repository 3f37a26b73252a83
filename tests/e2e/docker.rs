//! Helpers for the tests of Docker programs: a folder with a compose file, and a look at the engine as outsiders have it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use iac_testbed::{Needs, TestBed};

use crate::support::{Project, Ran, unique};

/// The part of the test bed that a test needs.
pub(crate) const DOCKER: Needs = Needs {
    docker: true,
    kubernetes: false,
    storage: false,
};

/// A small image that is there.
pub(crate) const IMAGE: &str = "localhost/iac-test/busybox:1";

/// Somebody else who works on the engine: the real `docker` and `docker compose`.
pub(crate) struct Docker {
    host: String,
    config: PathBuf,
    compose: PathBuf,
}

impl Docker {
    pub(crate) fn new(bed: &TestBed) -> Self {
        Self {
            host: bed.docker_host.clone(),
            config: bed.docker_config.clone(),
            compose: bed.compose.clone(),
        }
    }

    /// Runs `docker`; `line` is split at blanks.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> Ran {
        let mut command = Command::new("docker");
        self.ran(command.args(line.split_whitespace())).exits(0)
    }

    /// Runs a line of shell in a container, to whatever end.
    pub(crate) fn exec(&self, container: &str, line: &str) -> Ran {
        self.ran(Command::new("docker").args(["exec", container, "sh", "-c", line]))
    }

    /// The same as a line of shell.
    pub(crate) fn line(&self, line: &str) -> String {
        let (host, config) = (&self.host, self.config.display());
        format!("DOCKER_HOST={host} DOCKER_CONFIG={config} docker {line}")
    }

    /// Runs `docker compose -p PROJECT`; `line` is split at blanks.
    #[track_caller]
    pub(crate) fn compose(&self, project: &str, line: &str) -> Ran {
        let mut command = Command::new(&self.compose);
        self.ran(command.args(["-p", project]).args(line.split_whitespace()))
            .exits(0)
    }

    fn ran(&self, command: &mut Command) -> Ran {
        Ran::of(
            command
                .env("DOCKER_HOST", &self.host)
                .env("DOCKER_CONFIG", &self.config),
        )
    }

    /// Returns the list of `docker compose ps` for a project: each container's service, state and health.
    pub(crate) fn services(&self, project: &str) -> Vec<String> {
        let ran = self.compose(project, "ps --format json");
        let read = |line: &str| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            let field = |name: &str| json[name].as_str().unwrap().to_owned();
            format!("{} {} {}", field("Service"), field("State"), field("Health"))
        };
        let mut services: Vec<_> = ran.stdout.lines().map(read).collect();
        services.sort();
        services
    }

    /// All containers of a project, running or not: their IDs by name.
    pub(crate) fn containers(&self, project: &str) -> BTreeMap<String, String> {
        let ran = self.run(&format!(
            "ps --all --no-trunc --filter label=com.docker.compose.project={project} --format {{{{.Names}}}}={{{{.ID}}}}"
        ));
        let pairs = ran.stdout.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
    }

    /// The names of a project's volumes.
    pub(crate) fn volumes(&self, project: &str) -> Vec<String> {
        self.labelled("volume", project)
    }

    fn labelled(&self, kind: &str, project: &str) -> Vec<String> {
        let ran = self.run(&format!(
            "{kind} ls --filter label=com.docker.compose.project={project} --format {{{{.Name}}}}"
        ));
        let mut names: Vec<_> = ran.stdout.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Fails if there is anything of a project.
    #[track_caller]
    pub(crate) fn has_nothing_of(&self, project: &str) {
        assert_eq!(self.containers(project), BTreeMap::new());
        assert_eq!(self.labelled("network", project), [""; 0]);
        assert_eq!(self.volumes(project), [""; 0]);
    }
}

/// The program `compose_file` with a folder and a project of its own.
pub(crate) struct ComposeFolder {
    pub(crate) project: Project,
    pub(crate) docker: Docker,
    /// The compose project's name.
    pub(crate) name: String,
}

impl ComposeFolder {
    pub(crate) fn new() -> Self {
        let name = unique("e2e");
        let project = Project::new(env!("CARGO_BIN_EXE_compose_file"), DOCKER);
        let docker = Docker::new(&project.bed);
        let project = project.with(["--config", "path=app", "--config", &format!("project={name}")]);
        Self { project, docker, name }
    }

    /// Writes the compose file.
    pub(crate) fn write(&self, text: &str) {
        self.project.write("app/compose.yaml", text);
    }

    /// The container of a service.
    pub(crate) fn id(&self, service: &str) -> String {
        let name = format!("{}-{service}-1", self.name);
        self.docker.containers(&self.name)[&name].clone()
    }
}

/// A compose file of services that stay up; what is given of each is added to it.
pub(crate) fn sleepers<const N: usize>(services: [(&str, &str); N]) -> String {
    let mut text = String::from("services:\n");
    for (name, more) in services {
        text.push_str(&format!(
            "  {name}:\n    image: {IMAGE}\n    command: sleep 1000\n    init: true\n"
        ));
        for line in more.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

/// Ports of 127.0.0.1 that were free a moment ago.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}
