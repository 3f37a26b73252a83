//! Why one pass over the settings stopped.

use std::fmt;

use serde::de;

use super::path::Path;

/// The error of one pass, with the place that it belongs to as soon as one is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) what: What,
    pub(super) at: Option<Path>,
}

#[derive(Debug)]
pub(super) enum What {
    /// A struct needs this field.
    Missing(&'static str),
    /// A field is there twice, under two names.
    Twice,
    /// Somebody's own words.
    Message(String),
}

impl Fault {
    /// The same at this place, unless a place further inside is known.
    pub(super) fn at(mut self, path: &Path) -> Self {
        self.at.get_or_insert_with(|| path.clone());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Missing(field) => write!(f, "{field} is missing"),
            What::Twice => f.write_str("it is set under two names"),
            What::Message(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            what: What::Message(message.to_string()),
            at: None,
        }
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self {
            what: What::Twice,
            at: None,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            what: What::Missing(field),
            at: None,
        }
    }
}
