//! Patterns of field paths: which fields of a tree an option means.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::access::names;
use super::diff::{FieldChange, diff, key_of, key_of_list};
use super::path::{FieldPathError, Piece, pieces, write_segment};
use super::{FieldPath, Segment, Trail, Value};

/// A field path in which `*` stands for any key of an object and any element of a list:
/// `spec.template.spec.containers.*.image`. A key that is called `*` is written `["*"]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FieldPattern(Vec<Part>);

/// One step of a pattern.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Is(Segment),
    Any,
}

impl FieldPattern {
    /// Reads patterns with commas, blanks or line breaks between them.
    ///
    /// # Errors
    /// The first one that cannot be read; and where there is none.
    pub fn list(text: &str) -> Result<Vec<Self>, FieldPathError> {
        let mut patterns = Vec::new();
        let (mut depth, mut quoted, mut escaped, mut begin) = (0_usize, false, false, 0);
        for (at, c) in text.char_indices().chain([(text.len(), ',')]) {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' if depth > 0 => quoted = !quoted,
                '[' if !quoted => depth += 1,
                ']' if !quoted => depth = depth.saturating_sub(1),
                _ if at < text.len() && (depth > 0 || !(c == ',' || c.is_whitespace())) => {}
                _ => {
                    let item = &text[begin..at];
                    begin = at + c.len_utf8();
                    if !item.is_empty() {
                        patterns.push(item.parse()?);
                    }
                }
            }
        }
        match patterns.is_empty() {
            true => Err(FieldPathError::new(text, "it names no field")),
            false => Ok(patterns),
        }
    }

    /// True if it means the whole of anything.
    pub fn is_everything(&self) -> bool {
        self.0.iter().all(|part| *part == Part::Any) && self.0.len() < 2
    }

    /// The pattern with another name for the field that it begins with; none if it begins with another one.
    #[must_use]
    pub fn below(&self, from: &str, to: &str) -> Option<Self> {
        let (first, rest) = self.0.split_first()?;
        let is_it = matches!(first, Part::Is(Segment::Field(name)) if name == from);
        let to = Part::Is(Segment::Field(to.to_owned()));
        is_it.then(|| Self([&[to], rest].concat()))
    }

    /// The nodes of a tree that it names. Elements are named by their identifying field where the list has one, else by
    /// their positions.
    pub fn find(&self, tree: &Value) -> Vec<FieldPath> {
        let mut found = Vec::new();
        visit(&self.0, tree, &Trail::root(), &mut |trail, rest| {
            if rest.is_empty() {
                found.push(trail.path());
            }
        });
        found
    }

    /// True if it names a node of a tree, or may once an output is known.
    pub fn may_be_in(&self, tree: &Value) -> bool {
        let mut found = false;
        visit(&self.0, tree, &Trail::root(), &mut |_, _| found = true);
        found
    }

    /// True if a path is, or lies below, what it names; `tree` tells which element is at which position.
    pub fn covers(&self, path: &FieldPath, tree: &Value) -> bool {
        self.0.len() <= path.segments().len() && self.leads_to(path, tree).is_some()
    }

    /// The rest of the pattern behind a path, where it leads there.
    fn leads_to(&self, path: &FieldPath, tree: &Value) -> Option<Self> {
        let segments = path.segments();
        let all = self.0.iter().zip(segments).enumerate();
        let leads = all.into_iter().all(|(at, (part, segment))| match part {
            Part::Any => true,
            Part::Is(wanted) if wanted == segment => true,
            Part::Is(wanted) => {
                let list: FieldPath = segments[..at].iter().cloned().collect();
                is_same_element(tree.at(&list), wanted, segment)
            }
        });
        leads.then(|| Self(self.0.get(segments.len()..).unwrap_or_default().to_vec()))
    }

    /// What is nearest to it in a tree, where it names nothing: the path up to where it fails, with the keys that are there.
    pub(crate) fn nearest(&self, tree: &Value) -> (FieldPath, Vec<String>) {
        let mut path = FieldPath::root();
        for part in &self.0 {
            let next = match part {
                Part::Is(segment) => path.join(segment.clone()),
                Part::Any => break,
            };
            if tree.at(&next).is_none() {
                break;
            }
            path = next;
        }
        let keys = match tree.at(&path) {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            _ => Vec::new(),
        };
        (path, keys)
    }

    /// The name of the field at a place of the pattern, if one stands there.
    pub(crate) fn name_at(&self, at: usize) -> Option<&str> {
        match self.0.get(at)? {
            Part::Is(Segment::Field(name)) => Some(name),
            _ => None,
        }
    }
}

/// Makes the nodes that patterns name in a tree as they are in another one. What a list element holds that the other tree
/// lacks stays: it would be incomplete without it.
pub fn keep(patterns: &[FieldPattern], tree: &mut Value, source: &Value) {
    let mut paths: Vec<FieldPath> = patterns
        .iter()
        .flat_map(|pattern| [pattern.find(tree), pattern.find(source)].concat())
        .filter(|path| !is_of_new_element(path, source))
        .collect();
    paths.sort();
    paths.dedup();
    let (there, gone): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| source.at(path).is_some());
    for path in there {
        tree.set_at(&path, source.at(&path).cloned());
    }
    // From behind: a removal moves what follows it in its list.
    for path in gone.into_iter().rev() {
        remove(tree, path, source);
    }
}

/// A change in two parts: what is left of it without the fields that patterns name, and what of it they name, with our value
/// before and what is to be kept after. `tree` is ours.
pub fn split(
    patterns: &[FieldPattern],
    change: FieldChange,
    tree: &Value,
) -> (Option<FieldChange>, Option<FieldChange>) {
    if patterns.iter().any(|pattern| pattern.covers(&change.path, tree)) {
        return (None, Some(change));
    }
    let leads = patterns
        .iter()
        .filter_map(|pattern| pattern.leads_to(&change.path, tree));
    let below: Vec<FieldPattern> = leads.collect();
    if below.is_empty() {
        return (Some(change), None);
    }
    let ours = change.before.clone().unwrap_or_default();
    let mut kept = ours.clone();
    keep(&below, &mut kept, change.after.as_ref().unwrap_or(&Value::Null));
    if kept == ours {
        return (Some(change), None);
    }
    let is_empty = matches!(&kept, Value::Object(map) if map.is_empty());
    let kept = (change.after.is_some() || !is_empty).then_some(kept);
    let ignored = FieldChange {
        after: kept.clone(),
        ..change.clone()
    };
    let rest = (kept != change.after).then_some(FieldChange { before: kept, ..change });
    (rest, Some(ignored))
}

/// As [`split`], of many changes.
pub fn split_all(
    patterns: &[FieldPattern],
    changes: Vec<FieldChange>,
    tree: &Value,
) -> (Vec<FieldChange>, Vec<FieldChange>) {
    if patterns.is_empty() {
        return (changes, Vec::new());
    }
    let parts: Vec<_> = changes
        .into_iter()
        .map(|change| split(patterns, change, tree))
        .collect();
    let (rest, named): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    (
        rest.into_iter().flatten().collect(),
        named.into_iter().flatten().collect(),
    )
}

/// The changes that make the fields which patterns name as they are in another tree.
pub fn changes_to(patterns: &[FieldPattern], tree: &Value, source: &Value) -> Vec<FieldChange> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let mut kept = tree.clone();
    keep(patterns, &mut kept, source);
    diff(tree, &kept)
}

/// True if a path leads through a list element that a tree lacks.
fn is_of_new_element(path: &FieldPath, tree: &Value) -> bool {
    let segments = path.segments();
    let above = segments.split_last().map_or(&[][..], |(_, above)| above);
    let last = above.iter().rposition(|segment| !matches!(segment, Segment::Field(_)));
    last.is_some_and(|last| {
        let element: FieldPath = segments[..=last].iter().cloned().collect();
        tree.at(&element).is_none()
    })
}

/// Takes a node away, and with it the objects above that hold nothing else and that `source` lacks.
fn remove(tree: &mut Value, mut path: FieldPath, source: &Value) {
    while tree.set_at(&path, None) {
        let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else {
            return;
        };
        let is_empty = matches!(tree.at(&parent), Some(Value::Object(map)) if map.is_empty());
        if !is_empty || source.at(&parent).is_some() {
            return;
        }
        path = parent;
    }
}

/// Calls `found` where the steps end: with no steps left at what they name, with some at a value that is not known yet.
fn visit(parts: &[Part], node: &Value, trail: &Trail<'_>, found: &mut impl FnMut(&Trail<'_>, &[Part])) {
    let Some((part, rest)) = parts.split_first() else {
        return found(trail, parts);
    };
    match (node, part) {
        (Value::Expr(_), _) => found(trail, parts),
        (Value::Object(map), Part::Is(Segment::Field(name))) => {
            if let Some(child) = map.get(name) {
                visit(rest, child, &trail.field(name), found);
            }
        }
        (Value::Object(map), Part::Any) => {
            map.iter()
                .for_each(|(name, child)| visit(rest, child, &trail.field(name), found));
        }
        (Value::Array(items), part) => {
            let key = key_of_list(items);
            for (index, item) in items.iter().enumerate() {
                match part {
                    Part::Is(Segment::Element { field, value }) if names_it(part, index, item) => {
                        visit(rest, item, &trail.element(field, value), found);
                    }
                    Part::Is(_) if names_it(part, index, item) => visit(rest, item, &trail.index(index), found),
                    Part::Is(_) => {}
                    Part::Any => match key.and_then(|key| Some((key, key_of(item, key)?))) {
                        Some((field, value)) => visit(rest, item, &trail.element(field, &value), found),
                        None => visit(rest, item, &trail.index(index), found),
                    },
                }
            }
        }
        _ => {}
    }
}

fn names_it(part: &Part, index: usize, item: &Value) -> bool {
    matches!(part, Part::Is(segment) if names(segment, index, item))
}

/// True if two segments name the same element of a list.
fn is_same_element(list: Option<&Value>, a: &Segment, b: &Segment) -> bool {
    let Some(Value::Array(items)) = list else {
        return false;
    };
    let mut items = items.iter().enumerate();
    items.any(|(index, item)| names(a, index, item) && names(b, index, item))
}

impl From<FieldPath> for FieldPattern {
    fn from(path: FieldPath) -> Self {
        Self(path.segments().iter().cloned().map(Part::Is).collect())
    }
}

impl std::str::FromStr for FieldPattern {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        let part = |piece: Piece<'_>| match piece {
            Piece::Name("*") | Piece::Bracket("*") => Ok(Part::Any),
            piece => piece.segment().map(Part::Is),
        };
        pieces(text, part).map(Self)
    }
}

/// A wildcard is written as a name, which versions that know none read as one.
impl fmt::Display for FieldPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, part) in self.0.iter().enumerate() {
            match part {
                Part::Is(segment) => write_segment(f, position, segment)?,
                Part::Any if position == 0 => f.write_str("*")?,
                Part::Any => f.write_str(".*")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FieldPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for FieldPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FieldPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
