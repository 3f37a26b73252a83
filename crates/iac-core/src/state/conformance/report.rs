//! The report of a run of the suite.

use std::fmt;
use std::time::Duration;

/// The outcome of one check.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The check's name.
    pub name: &'static str,
    /// The expectation and what was seen instead, and which rule of [`Backend`](crate::state::Backend) that breaks.
    pub result: Result<(), String>,
    /// Why what the check wrote is still there, if so.
    pub left: Option<String>,
    /// The time that it took; for people, nothing is concluded from it.
    pub took: Duration,
}

/// The outcomes of the checks, in their order.
#[derive(Debug, Clone)]
pub struct Report {
    /// One for each check.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// The names of the checks that passed.
    pub fn passed(&self) -> impl Iterator<Item = &'static str> {
        self.outcomes
            .iter()
            .filter(|outcome| outcome.result.is_ok())
            .map(|outcome| outcome.name)
    }

    /// The names of the checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &'static str> {
        self.outcomes
            .iter()
            .filter(|outcome| outcome.result.is_err())
            .map(|outcome| outcome.name)
    }

    /// The report again if all went well: every check passed and removed what it wrote.
    ///
    /// # Errors
    /// The report as an error that a test can return.
    pub fn into_result(self) -> Result<Self, Failed> {
        let well = |outcome: &Outcome| outcome.result.is_ok() && outcome.left.is_none();
        // No check at all shows nothing.
        if !self.outcomes.is_empty() && self.outcomes.iter().all(well) {
            Ok(self)
        } else {
            Err(Failed(self))
        }
    }
}

/// One line for each check, and one more for each thing that is wrong.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let verdict = if outcome.result.is_ok() { "passed" } else { "FAILED" };
            writeln!(f, "{verdict}  {} ({} ms)", outcome.name, outcome.took.as_millis())?;
            if let Err(what) = &outcome.result {
                writeln!(f, "        {what}")?;
            }
            if let Some(left) = &outcome.left {
                writeln!(f, "        not all of what it wrote could be removed: {left}")?;
            }
        }
        write!(
            f,
            "{} checks passed, {} failed",
            self.passed().count(),
            self.failed().count()
        )
    }
}

/// The report of a run in which not all went well.
#[derive(Clone, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub Report);

/// As [`Display`](fmt::Display), since that is what a test that returns it prints.
impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.0)
    }
}
