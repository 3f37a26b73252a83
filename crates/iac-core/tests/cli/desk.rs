//! A user at a desk: the example program in a project of its own, and what it prints as a transcript.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A user's home, project and world.
pub(crate) struct Desk {
    folder: TempDir,
    program: &'static str,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self::with("files");
        desk.write("stacks/files.files.toml", "[files]\nfolder = \"world\"\n");
        desk
    }

    /// With another example than `files`.
    pub(crate) fn with(program: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["world", "home", "stacks"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        Self { folder, program }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(program(self.program));
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("IAC_BUILD_ID", "test")
            .env("COLUMNS", "100")
            .stdin(Stdio::null());
        command
    }

    /// Returns the standard output of a command.
    pub(crate) fn data(&self, line: &str) -> String {
        String::from_utf8(self.output(line).stdout).unwrap()
    }

    /// Returns the output of a command; with `--json` that is one line of JSON, which fits the schema of its format.
    pub(crate) fn output(&self, line: &str) -> Output {
        let output = self.command(line).output().unwrap();
        if line.contains("--json") || line.contains("--format json") {
            let text = String::from_utf8_lossy(&output.stdout);
            assert_eq!(text.lines().count(), 1, "{line}: {text}");
            let json = serde_json::from_str(&text).unwrap();
            super::schemas::check(&json, line);
        }
        output
    }

    /// The exit code.
    pub(crate) fn code(&self, line: &str) -> i32 {
        self.output(line).status.code().unwrap()
    }

    /// Command, standard output, standard error and exit code as one text.
    pub(crate) fn run(&self, line: &str) -> String {
        transcript(self.program, line, &self.output(line))
    }

    pub(crate) fn session(&self, lines: &[&str]) -> String {
        lines.iter().map(|line| self.run(line)).collect::<Vec<_>>().join("\n")
    }
}

fn transcript(program: &str, line: &str, output: &Output) -> String {
    let mut text = format!("$ {program} {line}\n{}", String::from_utf8_lossy(&output.stdout));
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        text.push_str(&format!("2> {line}\n"));
    }
    text + &format!("=> {}\n", output.status.code().unwrap())
}

/// An example; they are built once: `cargo test --test cli` by itself builds none.
fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let build = ["build", "--quiet", "--package", "iac-core", "--examples"];
        assert!(Command::new(env!("CARGO")).args(build).status().unwrap().success());
        let test = std::env::current_exe().unwrap();
        let built = test.parent().and_then(Path::parent).unwrap();
        built.join("examples")
    });
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The filters for all that differs from run to run.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d+(\.\d)? s\b", "[time]");
    settings.add_filter(r"files\.rs:\d+:\d+", "files.rs:[line]");
    settings.add_filter(r"/[^ ]*/\.tmp[A-Za-z0-9]+", "[desk]");
    settings.add_filter(r"[0-9a-f]{64}", "[hash]");
    settings.add_filter(r#""(there|ready|gone|waited)":\d+"#, r#""$1":[ms]"#);
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "[when]");
    settings.add_filter(r"[^ ]+ on [^ ]+, build", "[who] on [host], build");
    settings
}

macro_rules! golden {
    ($name:literal, $text:expr) => {
        crate::desk::settings().bind(|| insta::assert_snapshot!($name, $text))
    };
}
