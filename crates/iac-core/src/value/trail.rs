//! Where a walk through a tree is. A [`FieldPath`] for every node of a tree is a copy of all keys above it; most walks
//! want the paths of a few nodes, or of none.

use std::fmt;

use super::{FieldPath, Segment};

/// The way from the root of a tree to the node that a walk is at. It lies on the walk's own stack, and only
/// [`path`](Self::path) makes something of it that can be kept.
#[derive(Debug, Clone, Copy)]
pub struct Trail<'a>(Option<(&'a Self, Step<'a>)>);

/// As [`Segment`], of texts that the tree holds.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Element { field: &'a str, value: &'a str },
}

impl<'a> Trail<'a> {
    /// The root.
    pub fn root() -> Self {
        Self(None)
    }

    /// One object key further.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Self {
        Self(Some((self, Step::Field(name))))
    }

    /// One list position further.
    #[must_use]
    pub fn index(&'a self, index: usize) -> Self {
        Self(Some((self, Step::Index(index))))
    }

    /// The element of a list further that the value of a field identifies.
    pub(super) fn element(&'a self, field: &'a str, value: &'a str) -> Self {
        Self(Some((self, Step::Element { field, value })))
    }

    /// The path, to be kept.
    pub fn path(&self) -> FieldPath {
        let steps = std::iter::successors(self.0, |(above, _)| above.0);
        let mut segments: Vec<Segment> = steps.map(|(_, step)| step.segment()).collect();
        segments.reverse();
        segments.into_iter().collect()
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().fmt(f)
    }
}

impl Step<'_> {
    fn segment(self) -> Segment {
        match self {
            Self::Field(name) => Segment::Field(name.to_owned()),
            Self::Index(index) => Segment::Index(index),
            Self::Element { field, value } => Segment::Element {
                field: field.to_owned(),
                value: value.to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_gives_the_path_that_was_taken() {
        let root = Trail::root();
        assert!(root.path().is_root());
        let spec = root.field("spec");
        let containers = spec.field("containers");
        let container = containers.element("name", "api");
        let environment = container.field("env");
        assert_eq!(environment.index(0).to_string(), "spec.containers[name=api].env[0]");
    }
}
