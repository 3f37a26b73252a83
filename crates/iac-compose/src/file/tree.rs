//! The content of a compose file, as a tree whose every node knows its place in the file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use iac_core::declare::SourceLine;
use serde_json::Value as Json;

/// A place in one of the files that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct At {
    /// Which file, by its number in [`Sources`].
    pub(super) file: usize,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// The files that were read, so that a place needs only a number.
#[derive(Debug, Default)]
pub(super) struct Sources {
    names: RefCell<Vec<String>>,
}

impl Sources {
    /// The number of a file.
    pub(super) fn add(&self, name: &str) -> usize {
        let mut names = self.names.borrow_mut();
        let found = names.iter().position(|known| known == name);
        found.unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
    }

    /// The name of a file.
    pub(super) fn name(&self, file: usize) -> String {
        self.names.borrow().get(file).cloned().unwrap_or_default()
    }

    /// The names of all files, by their numbers.
    pub(super) fn names(&self) -> Arc<[String]> {
        self.names.borrow().as_slice().into()
    }

    /// A place as errors and plans show it.
    pub(super) fn line(&self, at: At) -> SourceLine {
        source_line(&self.name(at.file), at)
    }
}

/// A place in a file of this name as errors and plans show it.
pub(super) fn source_line(file: &str, at: At) -> SourceLine {
    SourceLine {
        file: file.to_owned(),
        line: at.line.max(1),
        column: at.column.max(1),
    }
}

/// A map's entries.
pub(super) type Map = BTreeMap<String, Node>;

/// A tag of compose's own at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mark {
    #[default]
    None,
    /// `!reset`: what the files before say of this is forgotten, and so is this.
    Reset,
    /// `!override`: what the files before say of this is forgotten.
    Override,
}

/// A value with its place. The place of a map's entry is that of its key.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) data: Data,
    pub(super) at: At,
    pub(super) mark: Mark,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Null,
    Flag(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Map),
}

impl Node {
    pub(super) fn new(data: Data, at: At) -> Self {
        Self {
            data,
            at,
            mark: Mark::None,
        }
    }

    pub(super) fn text(text: impl Into<String>, at: At) -> Self {
        Self::new(Data::Text(text.into()), at)
    }

    pub(super) fn flag(value: bool, at: At) -> Self {
        Self::new(Data::Flag(value), at)
    }

    /// A map of these entries, all at one place.
    pub(super) fn map<const N: usize>(entries: [(&str, Self); N], at: At) -> Self {
        let entries = entries.into_iter().map(|(key, node)| (key.to_owned(), node));
        Self::new(Data::Map(entries.collect()), at)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    pub(super) fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_list_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar's text; none of null, lists and maps.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.data {
            Data::Text(text) => Some(text.clone()),
            Data::Flag(value) => Some(value.to_string()),
            Data::Int(value) => Some(value.to_string()),
            Data::Float(value) => Some(float_text(*value)),
            Data::Null | Data::List(_) | Data::Map(_) => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_map_mut()?.get_mut(key)
    }

    /// Returns the node at a path of keys.
    pub(super) fn find(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// True if two nodes say the same, wherever they stand.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (&self.data, &other.data) {
            (Data::Null, Data::Null) => true,
            (Data::Flag(a), Data::Flag(b)) => a == b,
            (Data::Int(a), Data::Int(b)) => a == b,
            (Data::Float(a), Data::Float(b)) => a == b,
            (Data::Text(a), Data::Text(b)) => a == b,
            (Data::List(a), Data::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Data::Map(a), Data::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((x, a), (y, b))| x == y && a.same(b))
            }
            _ => false,
        }
    }

    /// In the words of a file's author.
    pub(super) fn kind(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Flag(_) => "true or false",
            Data::Int(_) | Data::Float(_) => "a number",
            Data::Text(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    /// The same without places.
    pub(super) fn to_json(&self) -> Json {
        match &self.data {
            Data::Null => Json::Null,
            Data::Flag(value) => Json::from(*value),
            Data::Int(value) => Json::from(*value),
            Data::Float(value) => Json::from(*value),
            Data::Text(text) => Json::from(text.as_str()),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Map(map) => map
                .iter()
                .map(|(key, node)| (key.clone(), node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// A number as compose writes it where a text is expected: `1.10` becomes `1.1`, a million `1e+06`.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

/// The way to a node: keys, and `[n]` for a list's items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl Path {
    pub(super) fn root() -> Self {
        Self::default()
    }

    pub(super) fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    pub(super) fn key(&self, key: &str) -> Self {
        let mut next = self.clone();
        next.0.push(key.to_owned());
        next
    }

    pub(super) fn item(&self, index: usize) -> Self {
        self.key(&format!("[{index}]"))
    }

    /// True if it is of a pattern such as `services.*.ports.*`, where `*` is any key, or any item of a list.
    pub(super) fn matches(&self, pattern: &str) -> bool {
        let mut parts = self.0.iter();
        let fits = pattern
            .split('.')
            .all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part));
        fits && parts.next().is_none()
    }

    pub(super) fn parts(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 && !part.starts_with('[') {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_compose_writes_them() {
        let table = [
            (1.1, "1.1"),
            (1000.0, "1000"),
            (0.5, "0.5"),
            (123_456.0, "123456"),
            (1e6, "1e+06"),
            (123_456_789.123, "1.23456789123e+08"),
            (0.00001, "1e-05"),
            (0.0, "0"),
        ];
        for (value, text) in table {
            assert_eq!(float_text(value), text);
        }
    }

    #[test]
    fn paths_match_patterns_and_read_well() {
        let path = Path::of(&["services", "my.web"]).key("ports").item(2);
        assert_eq!(path.to_string(), "services.my.web.ports[2]");
        assert!(path.matches("services.*.ports.*"));
        assert!(!path.matches("services.*.ports"));
        assert!(!path.matches("services.*.volumes.*"));
    }
}
