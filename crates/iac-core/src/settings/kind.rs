//! The types of settings in plain words.

use std::fmt;

/// The type of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Character,
    /// From the lowest to the highest.
    Whole(String, String),
    Number,
    Boolean,
    Secret,
    OneOf(Vec<String>),
    /// Of items of one kind, where that is known.
    List(Option<Box<Self>>),
    /// A struct's keys.
    Table(Vec<String>),
    /// Names of the user's choice.
    Map,
    /// Several types would do.
    Any,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Character => f.write_str("a single character"),
            Self::Whole(lowest, highest) => write!(f, "a whole number{}", Range(lowest, highest)),
            Self::Number => f.write_str("a number"),
            Self::Boolean => f.write_str("true or false"),
            Self::Secret => f.write_str("a secret"),
            Self::OneOf(names) => write!(f, "one of {}", names.join(", ")),
            Self::List(None) => f.write_str("a list"),
            Self::List(Some(of)) => write!(f, "a list of {}", of.plural()),
            Self::Table(keys) => write!(f, "a table with {}", keys.join(", ")),
            Self::Map => f.write_str("a table with keys of your choice"),
            Self::Any => f.write_str("a value"),
        }
    }
}

impl Kind {
    fn plural(&self) -> String {
        match self {
            Self::Text => "texts".to_owned(),
            Self::Character => "single characters".to_owned(),
            Self::Whole(lowest, highest) => format!("whole numbers{}", Range(lowest, highest)),
            Self::Number => "numbers".to_owned(),
            Self::Boolean => "true and false".to_owned(),
            Self::OneOf(names) => format!("any of {}", names.join(", ")),
            Self::List(_) => "lists".to_owned(),
            Self::Table(keys) => format!("tables with {}", keys.join(", ")),
            Self::Map => "tables with keys of your choice".to_owned(),
            Self::Secret | Self::Any => "values".to_owned(),
        }
    }

    /// True for what is no single value, so that it has keys below it.
    pub(super) fn is_table(&self) -> bool {
        matches!(self, Self::Table(_) | Self::Map)
    }
}

/// The range of a whole number, where it says more than the size of the type.
struct Range<'a>(&'a str, &'a str);

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            // Nobody writes a number of more than ten digits by mistake.
            ("0", highest) if highest.len() > 10 => f.write_str(" of 0 or more"),
            (_, highest) if highest.len() > 10 => Ok(()),
            (lowest, highest) => write!(f, " from {lowest} to {highest}"),
        }
    }
}
