//! Where in a tree something is.

use std::fmt;

use serde::{Serialize, Serializer};

/// One step down a tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Segment {
    /// A key of an object.
    Field(String),
    /// A position in a list.
    Index(usize),
    /// An element of a list of objects, named by the value of the field that identifies it (`[name=api]`).
    Element {
        /// The identifying field.
        field: String,
        /// Its value.
        value: String,
    },
}

/// The way from the root of a tree to one of its nodes; prints as `spec.containers[name=api].image`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of object keys.
    pub fn fields<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| Segment::Field(name.to_owned())).collect())
    }

    /// This path, one step further.
    #[must_use]
    pub fn join(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// This path, one object key further.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.join(Segment::Field(name.to_owned()))
    }

    /// This path, one list position further.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Segment::Index(index))
    }

    /// The steps.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The path to what holds this; none for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, holder) = self.0.split_last()?;
        Some(Self(holder.to_vec()))
    }

    /// True if this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// True if `self` is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl FromIterator<Segment> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

/// True if a key can stand in a path without quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '$')
}

/// A text as a string of JSON, which is what [`bracket`] reads.
fn quoted(text: &str) -> Result<String, fmt::Error> {
    serde_json::to_string(text).map_err(|_| fmt::Error)
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut segments = self.0.iter().enumerate();
        segments.try_for_each(|(position, segment)| write_segment(f, position, segment))
    }
}

/// Writes the segment that stands at this position of a path.
pub(super) fn write_segment(f: &mut fmt::Formatter<'_>, position: usize, segment: &Segment) -> fmt::Result {
    match segment {
        Segment::Field(name) if is_plain(name) => {
            let dot = if position == 0 { "" } else { "." };
            write!(f, "{dot}{name}")
        }
        Segment::Field(name) => write!(f, "[{}]", quoted(name)?),
        Segment::Index(index) => write!(f, "[{index}]"),
        Segment::Element { field, value } if value.contains(['"', ']', '\\']) => {
            write!(f, "[{field}={}]", quoted(value)?)
        }
        Segment::Element { field, value } => write!(f, "[{field}={value}]"),
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no field path: {why} (write spec.containers[name=api].env[0])")]
pub struct FieldPathError {
    text: String,
    why: &'static str,
}

impl std::str::FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        pieces(text, Piece::segment).map(Self)
    }
}

impl FieldPathError {
    pub(super) fn new(text: &str, why: &'static str) -> Self {
        // It is shown as a whole, and a text may be of any length.
        let text = text.chars().take(200).collect();
        Self { text, why }
    }
}

/// A step of a path as it is written.
pub(super) enum Piece<'a> {
    /// A name between dots.
    Name(&'a str),
    /// The content of a bracket.
    Bracket(&'a str),
}

impl Piece<'_> {
    pub(super) fn segment(self) -> Result<Segment, &'static str> {
        match self {
            Self::Name(name) => Ok(Segment::Field(name.to_owned())),
            Self::Bracket(content) => bracket(content).ok_or("a bracket holds neither a number nor name=value"),
        }
    }
}

/// Reads a path step by step.
pub(super) fn pieces<'a, T>(
    text: &'a str,
    mut read: impl FnMut(Piece<'a>) -> Result<T, &'static str>,
) -> Result<Vec<T>, FieldPathError> {
    let fail = |why| FieldPathError::new(text, why);
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = bracket_end(inner).ok_or_else(|| fail("a bracket is not closed"))?;
            steps.push(read(Piece::Bracket(&inner[..end])).map_err(fail)?);
            rest = &inner[end + 1..];
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 {
                return Err(fail("a name is empty"));
            }
            steps.push(read(Piece::Name(&name[..end])).map_err(fail)?);
            rest = &name[end..];
        }
    }
    Ok(steps)
}

/// Where the bracket that was just opened closes, a quoted `]` aside.
fn bracket_end(inner: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (position, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => return Some(position),
            _ => {}
        }
    }
    None
}

/// Returns the segment that a bracket's content stands for.
fn bracket(content: &str) -> Option<Segment> {
    if content.starts_with('"') {
        return serde_json::from_str(content).ok().map(Segment::Field);
    }
    if let Ok(index) = content.parse() {
        return Some(Segment::Index(index));
    }
    let (field, value) = content.split_once('=').filter(|(field, _)| is_plain(field))?;
    let quoted = value.starts_with('"').then(|| serde_json::from_str(value).ok());
    Some(Segment::Element {
        field: field.to_owned(),
        value: quoted.flatten().unwrap_or_else(|| value.to_owned()),
    })
}

impl<'de> serde::Deserialize<'de> for FieldPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_print_and_parse() {
        for text in [
            "",
            "spec.replicas",
            "spec.containers[name=api].env[0]",
            "data[\"a.b\"]",
            "data[\"]\\\"\"].x",
            "x[y=a=b]",
            "x[y=\"a]\"]",
            "x[\"\\u0000\u{301}\"]",
        ] {
            let path: FieldPath = text.parse().expect(text);
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn bad_paths_are_refused() {
        for text in ["a..b", "a[", "a[]", "a[\"x]", ".", "a[=b]", "a[b\"c\"=d]"] {
            assert!(text.parse::<FieldPath>().is_err(), "{text:?}");
        }
    }
}
