//! Names of resources: [`Key`] within a stack, [`Urn`] across stacks.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The separator between the parts of a URN; no part may contain it.
const SEPARATOR: &str = "::";

/// A resource's name within its stack: `component/path::provider:group/Kind::name`.
///
/// The first part is left out for a resource outside any component. The API version is no part of it, so moving from
/// `autoscaling/v1` to `v2` is no replacement. Keys order by their text, which groups components together.
#[derive(Clone, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Arc<str>);

/// Why a text is no [`Key`] or [`Urn`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A part is empty, or holds `::` or a control character.
    #[error("{part} {text:?} may not be empty nor hold \"::\" or control characters")]
    Part {
        /// Which part: "name", "kind", "component" or "stack".
        part: &'static str,
        /// The text that was given.
        text: String,
    },
    /// The text has the wrong number of parts.
    #[error("{0:?} is no resource name: expected [component::]provider:group/Kind::name")]
    Shape(String),
}

impl Key {
    /// Builds a key from its parts; `component` is empty for a resource outside any component, `kind` is
    /// `provider:group/Kind`.
    ///
    /// # Errors
    /// When a part is empty (except `component`), or holds `::` or a control character.
    pub fn new(component: &str, kind: &str, name: &str) -> Result<Self, KeyError> {
        check("kind", kind)?;
        check("name", name)?;
        if !kind.contains(':') {
            return Err(KeyError::Shape(kind.to_owned()));
        }
        if component.is_empty() {
            return Ok(Self(format!("{kind}{SEPARATOR}{name}").into()));
        }
        check("component", component)?;
        Ok(Self(format!("{component}{SEPARATOR}{kind}{SEPARATOR}{name}").into()))
    }

    /// A key that no resource can have; stands for one whose name was refused.
    pub(crate) fn invalid() -> Self {
        Self("".into())
    }

    /// True if both are the same text in memory, and so certainly equal.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The component path, empty when there is none.
    pub fn component(&self) -> &str {
        let mut parts = self.0.rsplitn(3, SEPARATOR);
        parts.nth(2).unwrap_or("")
    }

    /// The type: `provider:group/Kind`.
    pub fn kind(&self) -> &str {
        self.0.rsplit(SEPARATOR).nth(1).unwrap_or("")
    }

    /// The provider's name: what precedes the colon of the type.
    pub fn provider(&self) -> &str {
        self.kind().split(':').next().unwrap_or("")
    }

    /// The last part: the name the program gave.
    pub fn name(&self) -> &str {
        self.0.rsplit(SEPARATOR).next().unwrap_or("")
    }

    /// A short text for people: `Kind/name`.
    pub fn short(&self) -> String {
        let kind = self.kind();
        let kind = kind.rsplit(['/', ':']).next().unwrap_or(kind);
        format!("{kind}/{}", self.name())
    }

    /// This resource's name across stacks.
    pub fn in_stack(&self, stack: &str) -> Urn {
        Urn {
            stack: stack.into(),
            key: self.clone(),
        }
    }
}

// Most keys that are compared and equal are clones of one: for those, neither text is looked at.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.0 == other.0
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.is_same(other) {
            true => Ordering::Equal,
            false => self.0.cmp(&other.0),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn check(part: &'static str, text: &str) -> Result<(), KeyError> {
    if text.is_empty() || text.contains(SEPARATOR) || text.chars().any(char::is_control) {
        return Err(KeyError::Part {
            part,
            text: text.to_owned(),
        });
    }
    Ok(())
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let parts: Vec<&str> = text.split(SEPARATOR).collect();
        match parts[..] {
            [kind, name] => Self::new("", kind, name),
            [component, kind, name] => {
                check("component", component)?;
                Self::new(component, kind, name)
            }
            _ => Err(KeyError::Shape(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.as_ref().to_owned()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A resource's name across stacks: `stack::component/path::provider:group/Kind::name`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Urn {
    stack: Arc<str>,
    key: Key,
}

impl Urn {
    /// The stack's name.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The name within the stack.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.stack, self.key)
    }
}

impl fmt::Debug for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_parts_back() {
        let key = Key::new("shop/db", "kubernetes:apps/StatefulSet", "postgres").expect("valid");
        assert_eq!(key.to_string(), "shop/db::kubernetes:apps/StatefulSet::postgres");
        assert_eq!(
            (key.component(), key.provider(), key.name()),
            ("shop/db", "kubernetes", "postgres")
        );
        assert_eq!(key.short(), "StatefulSet/postgres");
        assert_eq!(key.to_string().parse::<Key>(), Ok(key.clone()));
        assert_eq!(key.in_stack("prod").to_string(), format!("prod::{key}"));
    }

    #[test]
    fn a_key_without_component_is_two_parts() {
        let key: Key = "docker:compose/Service::web".parse().expect("valid");
        assert_eq!(
            (key.component(), key.kind(), key.name()),
            ("", "docker:compose/Service", "web")
        );
    }

    #[test]
    fn bad_keys_are_refused() {
        for text in ["", "a", "a::b", "x:y::", "::x:y::n", "x:y::a\nb", "a::x:y::n::m"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }
}
