//! The problems of a program's settings: where they are, and how to set them right.

use std::fmt;

/// Everything that is wrong with a program's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    pub(super) problems: Vec<Problem>,
}

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its key; empty for the settings as a whole.
    pub key: String,
    /// The place in its value, where that is a list.
    pub within: String,
    /// The kind of problem.
    pub trouble: Trouble,
    /// Where it stands: a file with its line, a variable of the environment, `--config`. None where nothing is set.
    pub origin: Option<String>,
    /// A sentence on what to do.
    pub remedy: String,
}

/// A kind of problem with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It is required, and not set.
    Missing {
        /// The values that it takes, in words.
        takes: String,
    },
    /// It is set to something else than it takes.
    Wrong {
        /// The value that it has, quoted unless it is a secret.
        found: String,
        /// The values that it takes, in words.
        takes: String,
    },
    /// The program refuses it, in its own words.
    Refused {
        /// Why.
        why: String,
    },
    /// It is stored as a secret, and the program takes a text that it may show.
    Secret,
    /// No setting is called so.
    Unknown {
        /// The key that is spelled much like it.
        meant: Option<String>,
        /// The names that the table takes in which it stands.
        takes: String,
    },
}

impl SettingsError {
    /// The program's defaults cannot be written.
    #[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
    pub(crate) fn of_defaults(error: serde_json::Error) -> Self {
        let why = format!("the program's defaults cannot be written as JSON: {error}");
        let remedy = "this is for the program's author".to_owned();
        Self {
            problems: vec![Problem {
                key: String::new(),
                within: String::new(),
                trouble: Trouble::Refused { why },
                origin: None,
                remedy,
            }],
        }
    }

    /// Returns the problems, by keys.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("1 setting cannot be used:")?,
            many => write!(f, "{many} settings cannot be used:")?,
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl std::error::Error for SettingsError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            f.write_str(&self.key)?;
            if !self.within.is_empty() {
                write!(f, " ({})", self.within)?;
            }
            f.write_str(" ")?;
        }
        match &self.trouble {
            Trouble::Missing { takes } => write!(f, "is required and not set; it takes {takes}")?,
            Trouble::Wrong { found, takes } => write!(f, "is {found}; it takes {takes}")?,
            Trouble::Refused { why } => write!(f, "cannot be used: {why}")?,
            Trouble::Secret => f.write_str("is stored as a secret, and the program takes a text that it may show")?,
            Trouble::Unknown { .. } => f.write_str("is no setting of this program")?,
        }
        if let Some(origin) = &self.origin {
            write!(f, " (from {origin})")?;
        }
        write!(f, "\n  {}", self.remedy)
    }
}
