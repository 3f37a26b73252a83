//! Where in the settings something stands.

use std::fmt;

/// A place: names of fields and positions in lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Field(String),
    Item(usize),
}

impl Path {
    pub(super) fn field(&self, name: &str) -> Self {
        self.with(Step::Field(name.to_owned()))
    }

    pub(super) fn item(&self, position: usize) -> Self {
        self.with(Step::Item(position))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The name of the field that this is, if it is one.
    pub(super) fn last_field(&self) -> Option<&str> {
        match self.0.last() {
            Some(Step::Field(name)) => Some(name),
            _ => None,
        }
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// True if this is `other`, or lies below it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The configuration's key: a list is one value, so what lies in it has the list's key.
    pub(super) fn key(&self) -> String {
        let names = self.0.iter().map_while(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Item(_) => None,
        });
        names.collect::<Vec<_>>().join(".")
    }

    /// Where in the list of [`key`](Self::key) it is; empty for what is in no list.
    pub(super) fn within_list(&self) -> String {
        let start = self.0.iter().position(|step| matches!(step, Step::Item(_)));
        let steps = start.map_or(&[][..], |start| &self.0[start..]);
        let names = steps.iter().map(|step| match step {
            Step::Field(name) => format!("field {name}"),
            Step::Item(position) => format!("item {}", position + 1),
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// The place in the type, where all items of a list are one.
    pub(super) fn in_type(&self) -> Self {
        let steps = self.0.iter().map(|step| match step {
            Step::Item(_) => Step::Item(0),
            field @ Step::Field(_) => field.clone(),
        });
        Self(steps.collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())?;
        match self.within_list() {
            inside if inside.is_empty() => Ok(()),
            inside => write!(f, " ({inside})"),
        }
    }
}
