//! The stamp of every file of state: its format, and the lowest reader that does it justice.
//!
//! The **format** says how a file is built, to the byte: a reader that does not know it can do nothing. The **reader** that a
//! file *needs* says which fields it may have. Each field that is added later is of one of two sorts:
//!
//! - one that an older program **may ignore**: it then does nothing that it would not do otherwise, and loses at most the
//!   field when it writes the record again (where a resource was declared, a text for people). Such a field needs nothing.
//! - one that it **may not**: not knowing it, the program would do something else (keep less, delete more, wait for what
//!   never comes). Whoever adds one raises [`Stamp::READS`] and has the files that hold it say so in `needs`.
//!
//! So unknown fields in a file that needs no newer reader are passed over, and a file that needs one is refused as a
//! whole, as made by a newer version, and never as damaged.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{State, StateError};

/// The writer of a file, and the readers that can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) format: u64,
    /// The lowest reader that the file needs; files of format 1 do not say.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) needs: u64,
    /// The version of the program that wrote it, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) by: String,
}

impl Stamp {
    /// The newest format that this program knows; it reads every older one.
    pub(super) const FORMAT: u64 = 2;

    /// The highest `needs` that this program does justice to.
    pub(super) const READS: u64 = 3;

    /// The reader that knows the id of a stack. An older one would take what another stack of the name made for the stack's
    /// own, and delete it.
    const KNOWS_IDS: u64 = 3;

    /// Returns the stamp of a file that any reader of the format may read.
    pub(super) fn new() -> Self {
        Self {
            format: Self::FORMAT,
            needs: 2,
            by: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Returns the stamp of a file that holds this state, or a part of it.
    pub(super) fn of(state: &State) -> Self {
        let stamp = Self::new();
        match state.id {
            Some(_) => Self {
                needs: Self::KNOWS_IDS,
                ..stamp
            },
            None => stamp,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Refuses a file, by its header or its only JSON, that this program cannot do justice to.
pub(super) fn check_reader(file: &str, json: &Json) -> Result<(), StateError> {
    let number = |name| json.get(name).and_then(Json::as_u64).unwrap_or_default();
    let (format, needs) = (number("format"), number("needs"));
    let needed = if format > Stamp::FORMAT {
        format!("format {format}")
    } else if needs > Stamp::READS {
        format!("reader {needs}")
    } else {
        return Ok(());
    };
    let by = json.get("by").and_then(Json::as_str).unwrap_or_default();
    let by: String = by.chars().filter(|c| c.is_ascii_graphic()).take(20).collect();
    Err(StateError::Newer {
        file: file.to_owned(),
        needs: needed,
        by: (!by.is_empty()).then_some(by),
    })
}
