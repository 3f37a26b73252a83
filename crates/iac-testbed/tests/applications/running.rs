//! An application that runs by a compose file of its own, and requests to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use iac_testbed::{Needs, TestBed};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A compose project; gone with its volumes when it is dropped.
pub(crate) struct Running {
    bed: TestBed,
    folder: TempDir,
    project: String,
    /// The addresses of services that were asked, until something is done to them.
    ports: RefCell<BTreeMap<String, String>>,
}

/// A server's answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The lines of the head.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Fails unless that is the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the body holds all these.
    #[track_caller]
    pub(crate) fn holds<const N: usize>(self, texts: [&str; N]) -> Self {
        for text in texts {
            assert!(self.body.contains(text), "{text:?} is missing in {self:?}");
        }
        self
    }
}

impl Running {
    /// Starts all services of a file. They are not waited for: health checks of the engine each second would take longer than
    /// all that the services do.
    pub(crate) fn start(name: &str, file: &str) -> Self {
        let running = Self {
            bed: TestBed::ensure(Needs {
                docker: true,
                ..Needs::default()
            })
            .unwrap(),
            folder: tempfile::tempdir().unwrap(),
            project: format!("iac-app-{name}-{}", std::process::id()),
            ports: RefCell::default(),
        };
        std::fs::write(running.folder.path().join("compose.yaml"), file).unwrap();
        running.compose("up --detach");
        running
    }

    /// Waits until a service says that it is well.
    #[track_caller]
    pub(crate) fn is_well(&self, service: &str, path: &str) -> Answer {
        eventually(&format!("{service} is well"), || {
            let found = self.get(service, path);
            (found.status == 200).then_some(found)
        })
    }

    /// Runs `docker compose`; fails when it does. `line` is split at blanks.
    #[track_caller]
    pub(crate) fn compose(&self, line: &str) -> String {
        self.compose_with_tag("1", line)
    }

    /// Runs `docker compose` with another value of the variable TAG.
    #[track_caller]
    pub(crate) fn compose_with_tag(&self, tag: &str, line: &str) -> String {
        self.ports.borrow_mut().clear();
        let (succeeded, talk) = self.run(tag, line.split(' '));
        assert!(succeeded, "docker compose {line}\n{talk}");
        talk
    }

    fn run<'a>(&self, tag: &str, arguments: impl IntoIterator<Item = &'a str>) -> (bool, String) {
        let mut command = Command::new(&self.bed.compose);
        command
            .args(["--project-name", &self.project])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TAG", tag)
            .env("DOCKER_HOST", &self.bed.docker_host)
            .env("DOCKER_CONFIG", &self.bed.docker_config);
        let done = command.output().unwrap();
        let talk = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&talk).into_owned())
    }

    /// Where a service is published; none while its container does not run.
    fn address(&self, service: &str) -> Option<String> {
        let known = self.ports.borrow().get(service).cloned();
        known.or_else(|| {
            let (name, port) = service.split_once(':')?;
            let (published, talk) = self.run("1", ["port", name, port]);
            let address = published.then(|| talk.trim().to_owned())?;
            self.ports.borrow_mut().insert(service.to_owned(), address.clone());
            Some(address)
        })
    }

    /// Sends a request once. A container that was started again has another port: where nothing listens, it is looked up again.
    fn try_ask(&self, service: &str, request: &str) -> Option<String> {
        let answer = exchange(&self.address(service)?, request);
        if answer
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        {
            self.ports.borrow_mut().remove(service);
        }
        answer.ok()
    }

    /// Fails unless a service ends with an error that says this, when it is run with another value of a variable.
    #[track_caller]
    pub(crate) fn refuses(&self, service: &str, variable: &str, reason: &str) {
        let line = ["run", "--rm", "-T", "--no-deps", "-e", variable, service];
        let (started, talk) = self.run("1", line);
        assert!(!started && talk.contains(reason), "{service} with {variable}: {talk}");
    }

    /// Fails unless Prometheus' own tool finds nothing wrong with the metrics of a service.
    #[track_caller]
    pub(crate) fn metrics_are_sound(&self, service: &str) {
        let (name, port) = service.split_once(':').unwrap();
        let check = format!("set -o pipefail; curl -fsS localhost:{port}/metrics | promtool check metrics");
        let (sound, talk) = self.run("1", ["exec", "-T", name, "bash", "-c", &check]);
        assert!(sound, "{service}: {talk}");
    }

    /// Asks a service at the port that it has in its container.
    #[track_caller]
    pub(crate) fn get(&self, service: &str, path: &str) -> Answer {
        self.ask(service, "GET", path, &[], "")
    }

    /// Sends JSON to a service, with more lines for the head.
    #[track_caller]
    pub(crate) fn post(&self, service: &str, path: &str, head: &[&str], body: Json) -> Answer {
        self.ask(service, "POST", path, head, &body.to_string())
    }

    /// Sends a request to a service; `service` is `NAME:PORT`. One that does not listen yet is waited for.
    #[track_caller]
    pub(crate) fn ask(&self, service: &str, method: &str, path: &str, head: &[&str], body: &str) -> Answer {
        let lines: String = head.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        let kind = "Content-Type: application/json";
        let request = format!("{method} {path} HTTP/1.0\r\n{kind}\r\nContent-Length: {length}\r\n{lines}\r\n{body}");
        let answer = eventually(service, || self.try_ask(service, &request));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        Answer {
            status: head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

/// Sends a request, and gives the whole answer. The engine takes connections before the service in the container does; it
/// then drops them without an answer.
fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(ErrorKind::ConnectionReset.into());
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

impl Drop for Running {
    fn drop(&mut self) {
        let (gone, talk) = self.run("1", ["down", "--volumes", "--timeout", "1"]);
        assert!(gone || std::thread::panicking(), "{talk}");
    }
}

/// The time that something may take. A task that a worker lost with its connection is handed on after a minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// Waits until `probe` gives something; the deadline is there to end a test that fails, not to measure.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, probe: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "not within {} s: {what}",
            PATIENCE.as_secs()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}
