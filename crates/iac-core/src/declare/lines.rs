//! Where in a file the fields of a declared resource stand.

use std::fmt;
use std::sync::Arc;

use super::{ResourceDecl, SourceLine, Stack};
use crate::value::FieldPath;

/// The places of one resource's fields in the file that declares it. It is asked only for fields that a plan tells of, so
/// it should keep little of the file, and look again when it is asked.
pub trait FieldLines: Send + Sync {
    /// The place of a field's value; none where the file does not have it.
    fn line(&self, path: &FieldPath) -> Option<SourceLine>;
}

impl fmt::Debug for dyn FieldLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldLines")
    }
}

impl Stack {
    /// The same stack for what is declared in a file that the program reads: errors and plans name that place instead of
    /// a line of the program. For providers' scopes.
    #[must_use]
    pub fn at(&self, source: SourceLine) -> Self {
        let mut stack = self.clone();
        stack.at = Some(source);
        stack.lines = None;
        stack
    }

    /// As [`at`](Self::at), for one resource whose fields can be found in that file: plans name the line of each field that
    /// changes.
    #[must_use]
    pub fn at_lines(&self, source: SourceLine, lines: Arc<dyn FieldLines>) -> Self {
        let mut stack = self.at(source);
        stack.lines = Some(lines);
        stack
    }
}

impl ResourceDecl {
    /// The place of a field's value in the file that declares the resource; none where it has no line of its own: the
    /// program declares it, or it stands where the resource begins.
    pub(crate) fn field_line(&self, path: &FieldPath) -> Option<SourceLine> {
        let line = self.lines.as_ref()?.line(path)?;
        let is_own = (&line.file, line.line) != (&self.source.file, self.source.line);
        is_own.then_some(line)
    }

    /// The place to name for what is wrong with a field: its own, else that of what holds it, else that of the resource.
    pub(crate) fn nearest_line(&self, path: &FieldPath) -> SourceLine {
        let mut next = Some(path.clone());
        while let Some(field) = next.filter(|field| !field.is_root()) {
            if let Some(line) = self.field_line(&field) {
                return line;
            }
            next = field.parent();
        }
        self.source.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Config;
    use crate::declare::NewResource;

    struct Table(BTreeMap<&'static str, u32>);

    impl FieldLines for Table {
        fn line(&self, path: &FieldPath) -> Option<SourceLine> {
            self.0.get(path.to_string().as_str()).map(|line| at(*line))
        }
    }

    fn at(line: u32) -> SourceLine {
        SourceLine {
            file: "a.yaml".to_owned(),
            line,
            column: 1,
        }
    }

    #[test]
    fn a_field_is_named_by_its_own_line_or_the_nearest_one() {
        let stack = Stack::new("test", Config::default());
        let lines = Table(BTreeMap::from([("kind", 3), ("spec", 5), ("spec.list[0]", 7)]));
        let file = stack.at_lines(at(3), Arc::new(lines));
        let _ = file.declare::<()>(NewResource::new("test:core/Thing", "a", serde_json::json!({})));
        let _ = file
            .at(at(9))
            .declare::<()>(NewResource::new("test:core/Thing", "b", serde_json::json!({})));
        let declaration = stack.finish().expect("valid");
        let (a, b) = (&declaration.resources[0], &declaration.resources[1]);
        for (path, own, nearest) in [
            ("", None, 3),
            ("kind", None, 3),
            ("other", None, 3),
            ("spec", Some(5), 5),
            ("spec.other.x", None, 5),
            ("spec.list[0]", Some(7), 7),
            ("spec.list[0].x", None, 7),
            ("spec.list[1]", None, 5),
        ] {
            let path: FieldPath = path.parse().expect("a path");
            assert_eq!(a.field_line(&path), own.map(at), "{path}");
            assert_eq!(a.nearest_line(&path), at(nearest), "{path}");
            // Another place has other lines.
            assert_eq!((b.field_line(&path), b.nearest_line(&path)), (None, at(9)), "{path}");
        }
    }
}
