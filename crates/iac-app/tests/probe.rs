//! A probe's health check in an image that has busybox and nothing else, on a real Docker Engine.
#![allow(clippy::panic)]

mod support;

use std::process::{Command, Output};

use iac_app::{Container, Probe};
use iac_core::Value;
use iac_testbed::{Needs, TestBed};
use support::{Place, lowered};

/// The words of the health check that a probe of a port becomes.
fn check(port: u16, probe: Probe) -> Vec<String> {
    let (declaration, _) = lowered(Place::Docker, |app| {
        app.web("web", Container::image("i").port("http", port).ready(probe));
    });
    let service = declaration
        .resources
        .iter()
        .find(|resource| resource.key.name() == "web");
    let test = service.and_then(|service| service.inputs.pointer("/healthcheck/test"));
    let Some(Value::Array(words)) = test else {
        panic!("no health check")
    };
    let words = words.iter().filter_map(Value::as_str).map(str::to_owned);
    // The first word says that the others are a program.
    words.skip(1).collect()
}

/// A container that is removed at the end.
struct Server {
    docker_host: String,
    name: String,
}

impl Server {
    fn start() -> Self {
        let needs = Needs {
            docker: true,
            ..Needs::default()
        };
        let bed = TestBed::ensure(needs).unwrap_or_else(|error| panic!("these tests need a Docker Engine: {error}"));
        let server = Self {
            docker_host: bed.docker_host,
            name: format!("iac-app-probe-{}", std::process::id()),
        };
        let image = "localhost/iac-test/busybox:1";
        let started = server.docker(&[
            "run",
            "--detach",
            "--name",
            &server.name,
            image,
            "httpd",
            "-f",
            "-p",
            "8080",
            "-h",
            "/etc",
        ]);
        assert!(started.status.success(), "{started:?}");
        server
    }

    fn docker(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("docker");
        command.args(arguments).env("DOCKER_HOST", &self.docker_host);
        command.output().unwrap_or_else(|error| panic!("docker: {error}"))
    }

    /// Whether a health check passes.
    fn passes(&self, port: u16, probe: Probe) -> bool {
        let words = check(port, probe);
        let words = words.iter().map(String::as_str);
        let arguments: Vec<&str> = ["exec", &self.name].into_iter().chain(words).collect();
        self.docker(&arguments).status.success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.docker(&["rm", "--force", &self.name]);
    }
}

#[test]
fn an_image_of_busybox_alone_can_be_probed() {
    let server = Server::start();
    assert!(server.passes(8080, Probe::http("/hostname")));
    assert!(!server.passes(8080, Probe::http("/missing")));
    assert!(!server.passes(8081, Probe::http("/hostname")));
    assert!(server.passes(8080, Probe::tcp()));
    assert!(!server.passes(8081, Probe::tcp()));
    assert!(server.passes(8080, Probe::shell("test -e /etc/hostname")));
    assert!(!server.passes(8080, Probe::command(["test", "-e", "/etc/missing"])));
}
