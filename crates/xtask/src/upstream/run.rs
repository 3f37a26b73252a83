//! Runs kubectl and `manifests` on the test bed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use iac_testbed::{Layout, Progress, environment};

use crate::{target, workspace};

/// The output of a program.
pub(crate) struct Said {
    /// Its exit code.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Where everything is run.
pub(crate) struct Bench {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
    manifests: PathBuf,
}

impl Bench {
    /// Builds the program.
    pub(crate) fn build(folder: PathBuf, progress: &Progress) -> Result<Self, Box<dyn Error>> {
        progress.say("building manifests");
        let mut cargo = Command::new("cargo");
        cargo.current_dir(workspace());
        cargo.args(["build", "--quiet", "--workspace", "--bin", "manifests"]);
        if !cargo.status()?.success() {
            return Err("the program could not be built".into());
        }
        Ok(Self {
            folder,
            variables: environment::variables(&Layout::of_this_checkout())?,
            manifests: target().join("debug/manifests"),
        })
    }

    /// A folder of a set.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs kubectl.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<Said, String> {
        self.run(Path::new("kubectl"), arguments)
    }

    /// Runs a verb of `manifests` on a path, as the stack `upstream-NAME`.
    pub(crate) fn manifests(&self, verb: &[&str], name: &str, path: &Path) -> Result<Said, String> {
        let stack = format!("upstream-{name}");
        let path = format!("path={}", path.display());
        let state = self.folder.join("state").to_string_lossy().into_owned();
        let options = ["--stack", &stack, "--backend", &state, "--config", &path];
        self.run(&self.manifests, &[verb, &options].concat())
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Result<Said, String> {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).args(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        let output = command.stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Leaves a text beside the manifests, for whoever wants to read it.
    pub(crate) fn leave(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.path(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }
}
