//! Runs a program of `stacks/` in a folder of its own against the test bed, and looks at the cluster as an outsider does.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use iac_testbed::{Needs, TestBed};
use serde_json::Value as Json;
use tempfile::TempDir;

/// The passphrase of every stack in these tests.
const PASSPHRASE: &str = "correct horse battery staple";

/// The part of the test bed that a test needs.
pub(crate) const KUBERNETES: Needs = Needs {
    docker: false,
    kubernetes: true,
    storage: false,
};

/// The running test bed; where it is missing, the test fails and says how to get it.
pub(crate) fn test_bed(needs: Needs) -> TestBed {
    TestBed::ensure(needs).unwrap_or_else(|error| panic!("{error}"))
}

/// A name that nothing else on the machine has: for namespaces, stacks and compose projects.
pub(crate) fn unique(prefix: &str) -> String {
    let random = std::collections::hash_map::RandomState::new();
    let number = std::hash::BuildHasher::hash_one(&random, std::process::id());
    format!("{prefix}-{:08x}", number >> 32)
}

/// A program with its own folder, home, key and backend. When it is dropped, it destroys what its stack still holds.
pub(crate) struct Project {
    /// The test bed that it works on.
    pub(crate) bed: TestBed,
    program: &'static str,
    folder: TempDir,
    /// Arguments of every run.
    arguments: Vec<String>,
    /// Variables of every run.
    variables: Vec<(String, String)>,
}

impl Project {
    /// `program` is the path of a binary: `env!("CARGO_BIN_EXE_prod")`.
    pub(crate) fn new(program: &'static str, needs: Needs) -> Self {
        Self {
            bed: test_bed(needs),
            program,
            folder: tempfile::tempdir().unwrap(),
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Adds arguments to every run, `destroy` included; those of a single run come later and win.
    pub(crate) fn with<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.arguments.extend(arguments.map(str::to_owned));
        self
    }

    /// Gives settings, as `KEY=VALUE`, to every run.
    pub(crate) fn settings<'a>(self, settings: impl IntoIterator<Item = &'a String>) -> Self {
        let settings = settings.into_iter();
        settings.fold(self, |project, setting| project.with(["--config", setting]))
    }

    /// Sets a variable in every run.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder that it runs in: its workspace, and the place for files of the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file in the folder, with the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The folder of the backend.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The program with these arguments, ready to be started. It sees none of the user's own variables.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(&self.arguments)
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("KUBECONFIG", &self.bed.kubeconfig)
            .env("DOCKER_HOST", &self.bed.docker_host)
            .env("DOCKER_CONFIG", &self.bed.docker_config)
            .env("IAC_CONFIG_FILE", &self.bed.config_file)
            .env("IAC_BACKEND", self.state())
            .env("IAC_PASSPHRASE", PASSPHRASE)
            .env("IAC_BUILD_ID", "e2e")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// `preview --json`.
    pub(crate) fn plan<const N: usize>(&self, arguments: [&str; N]) -> Json {
        let command = &mut self.command(["preview", "--json"]);
        Ran::of(command.args(arguments)).exits(0).json()
    }

    /// Begins `up` and kills it after that long; says whether there was anything to be killed. Fails when `up` failed.
    pub(crate) fn up_killed_after(&self, long: Duration) -> bool {
        let talk = self.path("talk");
        let file = File::create(&talk).unwrap();
        let mut run = self.command(["up", "--yes"]);
        let run = run.stdout(file.try_clone().unwrap()).stderr(file);
        let mut run = run.spawn().unwrap();
        std::thread::sleep(long);
        if let Some(status) = run.try_wait().unwrap() {
            let talk = fs::read_to_string(talk).unwrap();
            assert!(status.success(), "an up that was not killed failed:\n{talk}");
            return false;
        }
        run.kill().unwrap();
        run.wait().unwrap();
        true
    }

    /// Fails unless a preview finds nothing to do.
    pub(crate) fn is_up_to_date(&self) {
        self.run(["preview", "--detailed-exitcode"]).exits(0);
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if !self.state().exists() {
            return;
        }
        let ran = self.run(["destroy", "--yes", "--delete-data", "all"]);
        if ran.code != 0 && !std::thread::panicking() {
            panic!("the stack could not be destroyed at the end of the test: {ran}");
        }
    }
}

/// All files below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The result of a program that ran to its end.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    /// The command line.
    pub(crate) line: String,
    /// The exit code; -1 where a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self::from_output(command, &output)
    }

    /// Returns the result of a command that was started elsewhere.
    pub(crate) fn from_output(command: &Command, output: &Output) -> Self {
        let program = Path::new(command.get_program()).file_name().unwrap_or_default();
        let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        Self {
            line: format!("{} {}", program.to_string_lossy(), arguments.join(" ")),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails unless that is the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Fails unless standard output holds all these.
    #[track_caller]
    pub(crate) fn shows<const N: usize>(self, texts: [&str; N]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "standard output lacks {text:?}\n{self}");
        }
        self
    }

    /// Fails unless standard error holds all these.
    #[track_caller]
    pub(crate) fn says<const N: usize>(self, texts: [&str; N]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "standard error lacks {text:?}\n{self}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        match serde_json::from_str(&self.stdout) {
            Ok(json) => json,
            Err(error) => panic!("no JSON: {error}\n{self}"),
        }
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            line,
            code,
            stdout,
            stderr,
        } = self;
        write!(f, "$ {line}\n{stdout}--- standard error\n{stderr}--- exit code {code}")
    }
}

/// Somebody else who works on the cluster: the real `kubectl`.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub(crate) fn new(bed: &TestBed) -> Self {
        Self {
            program: bed.kubectl.clone(),
            kubeconfig: bed.kubeconfig.clone(),
        }
    }

    /// Runs it; `line` is split at blanks.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.args(line.split_whitespace())
    }

    /// Runs it.
    pub(crate) fn args<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        let mut command = Command::new(&self.program);
        Ran::of(command.args(arguments).env("KUBECONFIG", &self.kubeconfig))
    }

    /// A call of it as a line of shell.
    pub(crate) fn line(&self, line: &str) -> String {
        let (program, kubeconfig) = (self.program.display(), self.kubeconfig.display());
        format!("KUBECONFIG={kubeconfig} {program} {line}")
    }

    /// `get … -o json`.
    #[track_caller]
    pub(crate) fn get(&self, what: &str) -> Json {
        self.run(&format!("get {what} -o json")).exits(0).json()
    }

    /// The names of what a `get` lists, as `kind/name`, sorted.
    #[track_caller]
    pub(crate) fn names(&self, what: &str) -> Vec<String> {
        let ran = self.run(&format!("get {what} -o name --ignore-not-found")).exits(0);
        let mut names: Vec<_> = ran.stdout.lines().map(str::to_owned).collect();
        names.sort();
        names
    }
}

/// A namespace that is removed at the end, whatever happens.
pub(crate) struct Namespace {
    pub(crate) name: String,
    kubectl: Kubectl,
}

impl Namespace {
    /// Watches over a namespace of this name; it need not exist.
    pub(crate) fn named(bed: &TestBed, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kubectl: Kubectl::new(bed),
        }
    }

    /// Makes a namespace with a name of its own.
    pub(crate) fn create(bed: &TestBed) -> Self {
        let namespace = Self::named(bed, unique("e2e"));
        namespace
            .kubectl
            .run(&format!("create namespace {}", namespace.name))
            .exits(0);
        namespace
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.kubectl.run(&format!(
            "delete namespace {} --ignore-not-found --wait=false",
            self.name
        ));
    }
}

/// Waits until an Ingress leads somewhere: its controller hears of new endpoints a moment after they are ready.
///
/// One answer is not enough: while the controller loads a new configuration, a process that still has the old one takes
/// some of the connections. The loop is not curl's own `--retry`, which cuts its output back before each try and cannot
/// do so with `/dev/null`.
pub(crate) fn ingress_leads_to(host: &str, address: &str, path: &str) {
    const TRIES: u32 = 150;
    const IN_A_ROW: u32 = 8;
    let mut good = 0;
    let mut answers = Vec::new();
    for _ in 0..TRIES {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--output", "/dev/null"]);
        curl.args(["--write-out", "%{http_code}", "--max-time", "10"]);
        curl.args(["--resolve", &format!("{host}:443:{address}")]);
        let ran = Ran::of(curl.arg(format!("https://{host}{path}")));
        let there = ran.code == 0 && !ran.stdout.ends_with("503");
        good = if there { good + 1 } else { 0 };
        if good == IN_A_ROW {
            return;
        }
        answers.push(format!("exit {}: {} {}", ran.code, ran.stdout, ran.stderr));
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("{host}{path} does not lead anywhere: {answers:?}");
}
