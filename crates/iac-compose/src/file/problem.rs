//! Problems of compose files: each with its place in the user's file, and all of them at once.

use std::cell::{Cell, RefCell};
use std::path::{Path as FsPath, PathBuf};
use std::{fmt, io};

use iac_core::files;
use iac_core::reach::Reach;

use super::tree::{At, Path, Sources};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) at: At,
    /// The key that it is about; empty where it is the file as a whole.
    pub(super) key: String,
    pub(super) message: String,
}

/// Problems and notes as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) sources: Sources,
    /// The files that the project's files may have read.
    reach: RefCell<Reach>,
    problems: RefCell<Vec<Problem>>,
    notes: RefCell<Vec<(At, String)>>,
    /// How many files were read so far, one that was read twice as two.
    reads: Cell<usize>,
    /// How long the texts are that variables have made so far.
    made: Cell<usize>,
}

/// The most that may be read for a project: files that include one another twice each would be read without end.
const MOST_READS: usize = 5_000;

/// The most problems that are told.
const MOST_PROBLEMS: usize = 1_000;

/// The most that the variables of a project's files may stand for, in bytes.
const MOST_MADE: usize = 64 << 20;

impl Findings {
    /// Nothing yet, about a file or folder. What is in `outside` may be read besides what lies around it.
    pub(super) fn about(path: &FsPath, outside: &[PathBuf]) -> Self {
        let mut reach = Reach::of(path);
        reach.allow(outside);
        Self {
            reach: RefCell::new(reach),
            ..Self::default()
        }
    }

    /// Adds a file that the user has named besides.
    pub(super) fn reach_to(&self, file: &str) {
        self.reach.borrow_mut().add(FsPath::new(file));
    }

    /// The text of a file that the project's files name.
    pub(super) fn read_text(&self, file: &str) -> io::Result<String> {
        self.reach.borrow().read_text(FsPath::new(file), files::SETTINGS)
    }

    /// Whether a file that the project's files name may be read.
    pub(super) fn admit(&self, file: &str) -> io::Result<()> {
        self.reach.borrow().admit(FsPath::new(file))
    }

    /// Counts a file that is about to be read.
    pub(super) fn read(&self) -> Result<(), String> {
        self.reads.set(self.reads.get() + 1);
        match self.reads.get() > MOST_READS {
            true => Err(format!("more than {MOST_READS} files are read for this project")),
            false => Ok(()),
        }
    }

    /// True if variables have made all that they may: what comes after is read no more.
    pub(super) fn is_full(&self) -> bool {
        self.made.get() > MOST_MADE
    }

    /// Counts a text that variables have made.
    pub(super) fn made(&self, text: &str) -> Result<(), String> {
        self.made.set(self.made.get().saturating_add(text.len()));
        match self.is_full() {
            true => Err(format!(
                "the variables up to here stand for more than {} MiB",
                MOST_MADE >> 20
            )),
            false => Ok(()),
        }
    }

    /// Notes that something at a key is wrong; the same thing twice counts once.
    pub(super) fn problem(&self, at: At, key: &Path, message: impl Into<String>) {
        let problem = Problem {
            at,
            key: key.to_string(),
            message: message.into(),
        };
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MOST_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
            if problems.len() == MOST_PROBLEMS {
                let message = format!("after {MOST_PROBLEMS} problems no more are looked for");
                problems.push(Problem {
                    at,
                    key: String::new(),
                    message,
                });
            }
        }
    }

    /// Notes something that a reader of the plan should know; the same thing twice counts once.
    pub(super) fn note(&self, at: At, message: impl fmt::Display) {
        let note = (at, message.to_string());
        let mut notes = self.notes.borrow_mut();
        if !notes.iter().any(|(_, known)| *known == note.1) {
            notes.push(note);
        }
    }

    /// True if something is wrong at a key already, or below it.
    pub(super) fn has(&self, key: &Path) -> bool {
        let key = key.to_string();
        let is_below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        let problems = self.problems.borrow();
        problems
            .iter()
            .any(|problem| problem.key.strip_prefix(&key).is_some_and(is_below))
    }

    /// True if nothing is wrong so far.
    pub(super) fn is_fine(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// Returns the problems, in the order of the files.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.borrow().clone();
        problems.sort_by_key(|problem| (problem.at.file, problem.at.line, problem.at.column));
        problems
    }

    /// The notes with their places.
    pub(super) fn notes(&self) -> Vec<(At, String)> {
        self.notes.borrow().clone()
    }
}
