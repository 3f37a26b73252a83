//! Who made an object, from its labels: this stack, docker compose, or somebody else.
//!
//! Docker compose knows our objects by its own labels, and may recreate any of them. What it recreates bears its labels
//! and not ours. An object that the record names is still ours then: it is of our project, and has our name in it.

use std::collections::HashMap;

use iac_core::provider::Recorded;
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, Value};

use crate::labels;

/// The field under which a plan and `drift` tell that somebody else made an object.
pub(crate) const FIELD: &str = "made_by";

/// Who made an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// This stack.
    Us,
    /// Docker compose, as a part of the project that it is declared in.
    Compose,
    /// Somebody else: another stack, another project, a person.
    Others,
}

impl Maker {
    /// Who made the object with these labels; `place` is what docker compose calls it: the label of its type, with its key.
    pub(crate) fn of(
        labels: Option<&HashMap<String, String>>,
        stack: &str,
        project: &str,
        place: (&str, &str),
    ) -> Self {
        let label = |name: &str| labels.and_then(|labels| labels.get(name)).map(String::as_str);
        match label(labels::STACK) {
            Some(owner) if owner == stack => Self::Us,
            None if label(labels::PROJECT) == Some(project) && label(place.0) == Some(place.1) => Self::Compose,
            _ => Self::Others,
        }
    }

    /// True if an object of a name that is recorded counts as this stack's.
    pub(crate) fn is_ours(self, recorded: Option<&Recorded>) -> bool {
        match self {
            Self::Us => true,
            Self::Compose => recorded.is_some(),
            Self::Others => false,
        }
    }

    /// The drift that an object of ours is that we did not make.
    pub(crate) fn drift(self, stack: &str) -> Option<FieldChange> {
        let found = match self {
            Self::Us => return None,
            Self::Compose => "recreated by docker compose",
            Self::Others => "somebody else",
        };
        Some(FieldChange {
            path: FieldPath::fields([FIELD]),
            before: Some(format!("the stack {stack}").into()),
            after: Some(Value::from(found)),
            origin: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_tell_who_made_it() {
        let (us, other) = ((labels::STACK, "s"), (labels::STACK, "t"));
        let (project, service) = ((labels::PROJECT, "p"), (labels::SERVICE, "web"));
        let table: [(&[(&str, &str)], Maker); 7] = [
            (&[us, project, service], Maker::Us),
            (&[project, service], Maker::Compose),
            (&[other, project, service], Maker::Others),
            (&[(labels::PROJECT, "q"), service], Maker::Others),
            (&[project, (labels::SERVICE, "db")], Maker::Others),
            (&[project], Maker::Others),
            (&[], Maker::Others),
        ];
        for (labels, expected) in table {
            let all = labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect();
            let found = Maker::of(Some(&all), "s", "p", (labels::SERVICE, "web"));
            assert_eq!(found, expected, "{labels:?}");
        }
    }
}
