//! One description on a real Docker Engine and on a real cluster: the same content, order and restarts on both.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::process::{Command, Output};

use iac_testbed::{Needs, TestBed};
use tempfile::TempDir;

const PLAIN: &str = "$(HOME) $5 \"q\"";
const KEY: &str = "-----BEGIN KEY-----\na\"b'c$d$(PLAIN)${e}\\n\n-----END KEY-----\n";

/// The example's program, which cargo builds beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    target.join("examples/shop")
}

struct Shop {
    bed: TestBed,
    folder: TempDir,
    target: &'static str,
    place: String,
}

impl Shop {
    fn new(target: &'static str) -> Self {
        let needs = Needs {
            docker: true,
            kubernetes: target == "kubernetes",
            ..Needs::default()
        };
        Self {
            bed: TestBed::ensure(needs).unwrap_or_else(|error| panic!("{error}")),
            folder: tempfile::tempdir().unwrap(),
            target,
            place: format!("iac-app-{}-{target}", std::process::id()),
        }
    }

    fn run(&self, verb: &[&str], settings: &[&str]) -> Output {
        let target = format!("target={}", self.target);
        let place = format!("place={}", self.place);
        let settings = settings.iter().copied().chain([target.as_str(), place.as_str()]);
        let settings = settings.flat_map(|setting| ["--config", setting]);
        let mut command = Command::new(program());
        command
            .args(verb)
            .args(settings)
            .current_dir(self.folder.path())
            .env("IAC_BACKEND", format!("file://{}", self.folder.path().display()))
            .env("IAC_PASSPHRASE", "correct horse battery staple")
            .env("DOCKER_HOST", &self.bed.docker_host)
            .env("DOCKER_CONFIG", &self.bed.docker_config)
            .env("KUBECONFIG", &self.bed.kubeconfig);
        command.output().unwrap()
    }

    #[track_caller]
    fn succeeds(&self, verb: &[&str], settings: &[&str]) -> String {
        let output = self.run(verb, settings);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{verb:?}: {said}");
        assert!(!said.contains("a\"b'c"), "{verb:?} shows the key: {said}");
        said
    }

    /// Runs a line of shell in a part's container.
    fn exec(&self, part: &str, line: &str) -> String {
        let mut command = match self.target {
            "docker" => {
                let mut command = Command::new("docker");
                let container = format!("{}-{part}-1", self.place);
                command
                    .env("DOCKER_HOST", &self.bed.docker_host)
                    .args(["exec", &container]);
                command
            }
            _ => {
                let mut command = Command::new(&self.bed.kubectl);
                command.env("KUBECONFIG", &self.bed.kubeconfig);
                command.args(["exec", "-n", &self.place, &format!("deployment/{part}"), "--"]);
                command
            }
        };
        let output = command.args(["sh", "-c", line]).output().unwrap();
        assert!(output.status.success(), "{part} {line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// When the first process of a part started.
    fn started(&self, part: &str) -> String {
        self.exec(part, "hostname; cut -d' ' -f22 /proc/1/stat")
    }

    fn lives(&self) {
        self.succeeds(&["up", "--yes"], &[]);
        assert_eq!(self.exec("web", "printf %s \"$PLAIN\""), PLAIN);
        assert_eq!(self.exec("web", "printf %s \"$KEY\""), KEY);
        assert_eq!(self.exec("web", "cat /etc/shop/key.pem"), KEY);
        assert_eq!(
            self.exec("worker", "wget -q -O - \"$WEB_URL/index.html\""),
            "one $x 'y'\n"
        );
        self.succeeds(&["preview", "--detailed-exitcode"], &[]);

        // Another file restarts what reads it, and nothing else.
        let (web, worker) = (self.started("web"), self.started("worker"));
        let other = ["greeting=two"];
        self.succeeds(&["up", "--yes"], &other);
        assert_eq!(self.exec("web", "cat /www/index.html"), "two");
        assert_ne!(self.started("web"), web);
        assert_eq!(self.started("worker"), worker);
        self.succeeds(&["preview", "--detailed-exitcode"], &other);

        // And so does another variable.
        let web = self.started("web");
        let other = ["greeting=two", "release=2"];
        self.succeeds(&["up", "--yes"], &other);
        assert_eq!(self.exec("worker", "echo $RELEASE").trim(), "2");
        assert_eq!(self.started("web"), web);

        self.succeeds(&["destroy", "--yes"], &other);
        let listed = self.succeeds(&["state", "list"], &other);
        assert_eq!(listed.trim(), "");
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.run(&["destroy", "--yes", "--delete-data", "all"], &[]);
    }
}

#[test]
fn on_docker() {
    Shop::new("docker").lives();
}

#[test]
fn on_kubernetes() {
    Shop::new("kubernetes").lives();
}
