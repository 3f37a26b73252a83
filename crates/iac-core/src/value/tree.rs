//! The tree itself.

use std::collections::BTreeMap;

use serde_json::Number;

use super::{Expr, FieldPath, Map, OutputRef, Secret, Trail};

/// A JSON tree whose string leaves may be secret, or not known yet.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Value {
    /// JSON's null.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A string that must not be shown.
    Secret(Secret),
    /// A string that depends on outputs which are not resolved.
    Expr(Expr),
    /// A list.
    Array(Vec<Self>),
    /// An object.
    Object(Map),
}

impl Value {
    /// A child of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(map) => map.get(key),
            _ => None,
        }
    }

    /// The node at an RFC 6901 pointer.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        let rest = pointer.strip_prefix('/')?;
        rest.split('/')
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .try_fold(self, |node, token| match node {
                Self::Object(map) => map.get(&token),
                Self::Array(items) => items.get(token.parse::<usize>().ok()?),
                _ => None,
            })
    }

    /// The text of a plain string; none for a secret or an unresolved one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// True if every leaf is known.
    pub fn is_known(&self) -> bool {
        !self.any_leaf(&|leaf| matches!(leaf, Self::Expr(_)))
    }

    /// True if any leaf is secret, resolved or not.
    pub fn has_secret(&self) -> bool {
        self.any_leaf(&|leaf| match leaf {
            Self::Secret(_) => true,
            Self::Expr(expr) => expr.is_secret(),
            _ => false,
        })
    }

    /// True if a test holds for any leaf. Trees may be large: no path is made, and nothing is copied.
    fn any_leaf(&self, test: &impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::Object(map) => map.values().any(|child| child.any_leaf(test)),
            Self::Array(items) => items.iter().any(|item| item.any_leaf(test)),
            leaf => test(leaf),
        }
    }

    /// The secrets among its leaves.
    pub fn secrets(&self) -> Vec<&Secret> {
        fn step<'a>(node: &'a Value, found: &mut Vec<&'a Secret>) {
            match node {
                Value::Object(map) => map.values().for_each(|child| step(child, found)),
                Value::Array(items) => items.iter().for_each(|item| step(item, found)),
                Value::Secret(secret) => found.push(secret),
                _ => {}
            }
        }
        let mut found = Vec::new();
        step(self, &mut found);
        found
    }

    /// Every output that the tree uses, with the path of the leaf that uses it.
    pub fn outputs(&self) -> Vec<(FieldPath, OutputRef)> {
        let mut found = Vec::new();
        self.walk(&mut |trail, leaf| {
            if let Self::Expr(expr) = leaf {
                found.extend(expr.outputs().map(|output| (trail.path(), output.clone())));
            }
        });
        found
    }

    /// Calls `visit` for each leaf (empty lists and objects count as leaves), in order.
    pub fn walk(&self, visit: &mut impl FnMut(&Trail<'_>, &Self)) {
        fn step(node: &Value, trail: &Trail<'_>, visit: &mut impl FnMut(&Trail<'_>, &Value)) {
            match node {
                Value::Object(map) if !map.is_empty() => {
                    map.iter()
                        .for_each(|(key, child)| step(child, &trail.field(key), visit));
                }
                Value::Array(items) if !items.is_empty() => {
                    items
                        .iter()
                        .enumerate()
                        .for_each(|(index, child)| step(child, &trail.index(index), visit));
                }
                leaf => visit(trail, leaf),
            }
        }
        step(self, &Trail::root(), visit);
    }

    /// The same tree with each leaf replaced.
    ///
    /// # Errors
    /// The first error of `replace`.
    pub fn try_map_leaves<E>(&self, replace: &mut impl FnMut(&Trail<'_>, &Self) -> Result<Self, E>) -> Result<Self, E> {
        fn step<E>(
            node: &Value,
            trail: &Trail<'_>,
            replace: &mut impl FnMut(&Trail<'_>, &Value) -> Result<Value, E>,
        ) -> Result<Value, E> {
            match node {
                Value::Object(map) if !map.is_empty() => map
                    .iter()
                    .map(|(key, child)| Ok((key.clone(), step(child, &trail.field(key), replace)?)))
                    .collect::<Result<Map, E>>()
                    .map(Value::Object),
                Value::Array(items) if !items.is_empty() => items
                    .iter()
                    .enumerate()
                    .map(|(index, child)| step(child, &trail.index(index), replace))
                    .collect::<Result<Vec<_>, E>>()
                    .map(Value::Array),
                leaf => replace(trail, leaf),
            }
        }
        step(self, &Trail::root(), replace)
    }

    /// The tree as plain JSON with secrets in clear: for the system that is to receive them, and nothing else.
    ///
    /// # Errors
    /// The path of the first leaf that is not resolved.
    pub fn expose(&self) -> Result<serde_json::Value, FieldPath> {
        let mut unresolved = None;
        let json = self.to_json(&mut |path, leaf| match leaf {
            Self::Secret(secret) => serde_json::Value::String(secret.expose().clone()),
            _ => {
                unresolved.get_or_insert_with(|| path.clone());
                serde_json::Value::Null
            }
        });
        unresolved.map_or(Ok(json), Err)
    }

    /// The tree as JSON; `special` says what stands for a secret or unresolved leaf.
    pub fn to_json(&self, special: &mut impl FnMut(&FieldPath, &Self) -> serde_json::Value) -> serde_json::Value {
        fn step(
            node: &Value,
            trail: &Trail<'_>,
            special: &mut impl FnMut(&FieldPath, &Value) -> serde_json::Value,
        ) -> serde_json::Value {
            match node {
                Value::Null => serde_json::Value::Null,
                Value::Bool(value) => (*value).into(),
                Value::Number(number) => number.clone().into(),
                Value::String(text) => text.clone().into(),
                Value::Secret(_) | Value::Expr(_) => special(&trail.path(), node),
                Value::Array(items) => {
                    let items = items.iter().enumerate();
                    items
                        .map(|(index, child)| step(child, &trail.index(index), special))
                        .collect()
                }
                Value::Object(map) => map
                    .iter()
                    .map(|(key, child)| (key.clone(), step(child, &trail.field(key), special)))
                    .collect::<serde_json::Map<_, _>>()
                    .into(),
            }
        }
        step(self, &Trail::root(), special)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(number) => Self::Number(number),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(items) => items.into_iter().collect(),
            serde_json::Value::Object(map) => {
                Self::Object(map.into_iter().map(|(key, child)| (key, child.into())).collect())
            }
        }
    }
}

impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<Secret> for Value {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

impl From<BTreeMap<String, Self>> for Value {
    fn from(map: BTreeMap<String, Self>) -> Self {
        Self::Object(map.into())
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Object(map)
    }
}
