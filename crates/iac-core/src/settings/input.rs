//! The input at a place of the settings, and the replacement that a field gets where the input cannot be used.

use serde_json::Value as Json;

use super::path::Path;
use super::tree::Node;
use crate::config::{ConfigValue, Entry};

/// The input of a reader.
#[derive(Debug, Clone)]
pub(super) enum Input<'a> {
    /// A place in the configuration.
    Node(&'a Node<'a>),
    /// Something in a list.
    Json(Json, Option<&'a Entry>),
    /// A key of a map, or an item of a list that is written with commas.
    Text(String, Option<&'a Entry>),
    /// Nothing, though the field is required.
    Absent,
    /// Nothing, and that has been reported: any value of the type will do.
    Filler,
    /// Nothing: the field is only asked what it takes.
    Probe,
}

/// A single value, or what there is instead of one.
#[derive(Debug)]
pub(super) enum Scalar {
    Text(String),
    Secret,
    /// Something else, in words.
    Other(&'static str),
}

impl<'a> Input<'a> {
    /// True if there is nothing to read.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Absent | Self::Filler | Self::Probe)
    }

    /// Returns the input for a required field that is missing in a table of this kind.
    pub(super) fn of_absent_field(&self) -> Self {
        match self {
            Self::Filler => Self::Filler,
            Self::Probe => Self::Probe,
            _ => Self::Absent,
        }
    }

    /// The entry of the configuration that it stands in.
    pub(super) fn entry(&self) -> Option<&'a Entry> {
        match self {
            Self::Node(node) => match node.value {
                Some((_, entry)) => Some(entry),
                None => node.entries().first().map(|(_, entry)| *entry),
            },
            Self::Json(_, entry) | Self::Text(_, entry) => *entry,
            Self::Absent | Self::Filler | Self::Probe => None,
        }
    }

    /// Returns the input at a place, seen from the top.
    pub(super) fn at(&self, at: &Path) -> Self {
        let Self::Node(root) = self else { return self.clone() };
        let key = at.key();
        let mut names = key.split('.').filter(|name| !name.is_empty());
        let node = names.try_fold(*root, |node, name| node.child(name));
        node.map_or(Self::Absent, Self::Node)
    }

    pub(super) fn scalar(&self) -> Scalar {
        match self {
            Self::Node(node) => match node.value.map(|(_, entry)| (&entry.value, entry.is_list())) {
                None => Scalar::Other("a table"),
                Some((_, true)) => Scalar::Other("a list"),
                Some((ConfigValue::Plain(text), false)) => Scalar::Text(text.clone()),
                Some((ConfigValue::Secret(_), false)) => Scalar::Secret,
            },
            Self::Json(json, _) => match json {
                Json::String(text) => Scalar::Text(text.clone()),
                Json::Number(number) => Scalar::Text(number.to_string()),
                Json::Bool(value) => Scalar::Text(value.to_string()),
                Json::Array(_) => Scalar::Other("a list"),
                Json::Object(_) => Scalar::Other("a table"),
                Json::Null => Scalar::Other("null"),
            },
            Self::Text(text, _) => Scalar::Text(text.clone()),
            Self::Absent | Self::Filler | Self::Probe => Scalar::Other("nothing"),
        }
    }

    /// The items of a list: a list in a file, a JSON array, or texts with commas between them. Otherwise what there is.
    pub(super) fn list(&self) -> Result<Vec<Self>, String> {
        let entry = self.entry();
        let items = |items: Vec<Json>| items.into_iter().map(|item| Self::Json(item, entry)).collect();
        let text = match self {
            Self::Json(Json::Array(list), _) => return Ok(items(list.clone())),
            // The entry of a list holds its JSON.
            Self::Node(Node {
                value:
                    Some((
                        _,
                        Entry {
                            value: ConfigValue::Plain(text),
                            ..
                        },
                    )),
                ..
            }) => text.clone(),
            Self::Text(text, _) => text.clone(),
            other => return Err(other.scalar().shown()),
        };
        if text.trim_start().starts_with('[') {
            return serde_json::from_str(&text).map(items).map_err(|_| format!("{text:?}"));
        }
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        Ok(texts.map(|text| Self::Text(text.to_owned(), entry)).collect())
    }
}

impl Scalar {
    /// Returns the value as it may be shown: a secret without its content.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Secret => "a secret".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}
