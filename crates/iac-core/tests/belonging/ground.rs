//! A folder with repositories, a shared backend, and programs that are run in there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Everything that a test needs on disk.
pub(crate) struct Ground {
    folder: TempDir,
}

/// The end of a program: its command line, its exit code and its output.
pub(crate) struct Ran {
    pub(crate) line: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A folder of manifests, in no repository.
    pub(crate) fn folder(&self, name: &str) -> &Self {
        self.write(&format!("{name}/k8s/app.yaml"), "kind: ConfigMap\n");
        self
    }

    /// A repository with such a folder and one commit, which no other repository has.
    pub(crate) fn repository(&self, name: &str) -> &Self {
        self.folder(name);
        self.write(&format!("{name}/README.md"), name);
        self.git(name, "init --quiet --initial-branch main");
        self.commit(name)
    }

    pub(crate) fn commit(&self, name: &str) -> &Self {
        self.git(name, "add --all");
        self.git(name, &format!("commit --quiet --message {name}"));
        self
    }

    pub(crate) fn git(&self, folder: &str, line: &str) -> &Self {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=me",
                "-c",
                "user.email=me@example.com",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(line.split_whitespace())
            .current_dir(self.path(folder))
            .env("HOME", self.path("home"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self
    }

    /// Runs a program in a folder. `@` stands for the ground's own path.
    pub(crate) fn run(&self, program: &str, folder: &str, line: &str) -> Ran {
        self.run_with(program, folder, line, &[])
    }

    pub(crate) fn run_with(&self, program: &str, folder: &str, line: &str, variables: &[(&str, &str)]) -> Ran {
        let root = self.folder.path().to_string_lossy();
        let arguments = line.split_whitespace().map(|word| word.replace('@', &root));
        let output = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .current_dir(self.path(folder))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("IAC_BACKEND", self.path("backend"))
            .env("IAC_BUILD_ID", "test")
            .env(super::PROGRAM, program)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran::of(format!("{folder}$ {program} {line}"), &output)
    }

    /// `up` of the folder of manifests in there, as the stack `k8s`.
    pub(crate) fn up(&self, folder: &str) -> Ran {
        self.run("manifests", folder, "up --yes --stack k8s --config path=k8s")
    }

    /// A preview of the same.
    pub(crate) fn preview(&self, folder: &str) -> Ran {
        self.run(
            "manifests",
            folder,
            "preview --detailed-exitcode --stack k8s --config path=k8s",
        )
    }
}

impl Ran {
    fn of(line: String, output: &Output) -> Self {
        Self {
            line,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "nothing says {text:?}\n{self}");
        }
        self
    }

    /// Refused since the stack belongs to something else, before anything was planned.
    #[track_caller]
    pub(crate) fn refused(self, texts: &[&str]) -> Self {
        // With --json, the refusal itself is data.
        let is_said = self.line.contains("--json") && self.stdout.contains("\"iac.failure/");
        assert!(self.stdout.is_empty() || is_said, "{self}");
        self.exits(1).says(&["belongs to", "stack rebind"]).says(texts)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}{}=> {}", self.line, self.stdout, self.stderr, self.code)
    }
}

/// Makes a link to a folder.
pub(crate) fn link(target: &Path, name: &Path) {
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, name).unwrap();
    #[cfg(not(unix))]
    panic!("{} cannot be linked to {} here", name.display(), target.display());
}
