//! An application that runs by a compose file of its own, and requests to it.

use std::io::{Read as _, Write as _};
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
}

/// What a server answered.
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
    /// Starts all services of a file whose variable TAG is `tag`, and waits until they are up and healthy.
    pub(crate) fn start(name: &str, file: &str, tag: &str) -> Self {
        let running = Self {
            bed: TestBed::ensure(Needs {
                docker: true,
                ..Needs::default()
            })
            .unwrap(),
            folder: tempfile::tempdir().unwrap(),
            project: format!("iac-app-{name}-{}", std::process::id()),
        };
        std::fs::write(running.folder.path().join("compose.yaml"), file).unwrap();
        let (started, talk) = running.try_compose(tag, "up --detach --wait");
        assert!(started, "{talk}{}", running.try_compose(tag, "logs --tail 20").1);
        running
    }

    /// Runs `docker compose`; says whether it succeeded, and what it printed.
    pub(crate) fn try_compose(&self, tag: &str, line: &str) -> (bool, String) {
        let mut command = Command::new(&self.bed.compose);
        command
            .args(["--project-name", &self.project])
            .args(line.split(' '))
            .current_dir(self.folder.path())
            .env("TAG", tag)
            .env("DOCKER_HOST", &self.bed.docker_host)
            .env("DOCKER_CONFIG", &self.bed.docker_config);
        let done = command.output().unwrap();
        let talk = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&talk).into_owned())
    }

    /// Runs `docker compose`; fails when it does.
    #[track_caller]
    pub(crate) fn compose(&self, line: &str) -> String {
        let (succeeded, talk) = self.try_compose("1", line);
        assert!(succeeded, "docker compose {line}\n{talk}");
        talk
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
        let address = self.compose(&format!("port {}", service.replace(':', " ")));
        let lines: String = head.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        let kind = "Content-Type: application/json";
        let request = format!("{method} {path} HTTP/1.0\r\n{kind}\r\nContent-Length: {length}\r\n{lines}\r\n{body}");
        let answer = eventually(service, || exchange(address.trim(), &request).ok());
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
        return Err(std::io::ErrorKind::ConnectionReset.into());
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

impl Drop for Running {
    fn drop(&mut self) {
        let (gone, talk) = self.try_compose("1", "down --volumes --timeout 1");
        assert!(gone || std::thread::panicking(), "{talk}");
    }
}

/// Waits until `probe` gives something; the deadline is there to end a test that fails, not to measure.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, probe: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
