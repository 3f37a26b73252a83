//! A run that stands still in the middle of an operation.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use super::desk::Desk;

/// A run that stands still while it writes a pipe that nobody reads.
pub(crate) struct Standing {
    pub(crate) child: Child,
    /// The lines that it prints from then on.
    pub(crate) said: Lines<BufReader<ChildStderr>>,
    pub(crate) pipe: PathBuf,
}

impl Standing {
    /// Starts a command that applies at this desk.
    pub(crate) fn new(desk: &Desk, mut command: Command) -> Self {
        let pipe = desk.path("world/greeting.txt");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("greeting.txt: writing")));
        Self { child, said, pipe }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::remove_file(&self.pipe).unwrap();
    }
}
