//! Strings that are put together from literals and other resources' outputs.

use std::fmt;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::provider::Phase;
use crate::urn::Key;

/// Where an output comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A resource of the stack.
    Resource(Key),
    /// A secret configuration value, by its key.
    Config(String),
    /// A secret that the program made, by the label it was given.
    Local(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(key) => f.write_str(&key.short()),
            Self::Config(key) => write!(f, "config {key}"),
            Self::Local(label) => write!(f, "secret {label}"),
        }
    }
}

/// A pure, named and versioned function from text to text; a plan can carry it, which a closure's code cannot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transform {
    /// Standard base64 with padding.
    Base64,
    /// SHA-256, in lower-case hexadecimal.
    Sha256,
    /// Percent-encoding of everything but RFC 3986's unreserved characters; fit for any part of a URL.
    UrlEncode,
    /// A JSON string, quotes included.
    JsonString,
    /// The part of a JSON text that an RFC 6901 pointer names; a string comes without quotes.
    JsonPointer(String),
}

/// Why a transform refused its input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// The input is no JSON.
    #[error("json_pointer: the value is not JSON")]
    NotJson,
    /// The JSON has nothing at the pointer.
    #[error("json_pointer: nothing at {0:?}")]
    NoSuchPointer(String),
}

impl Transform {
    /// Applies the function.
    ///
    /// # Errors
    /// Only [`Transform::JsonPointer`] can fail: on an input that is no JSON, or has nothing there.
    pub fn apply(&self, input: &str) -> Result<String, TransformError> {
        match self {
            Self::Base64 => Ok(base64::engine::general_purpose::STANDARD.encode(input)),
            Self::Sha256 => Ok(hex(&Sha256::digest(input.as_bytes()))),
            Self::UrlEncode => Ok(percent_encoding::utf8_percent_encode(input, UNRESERVED).to_string()),
            Self::JsonString => Ok(serde_json::Value::from(input).to_string()),
            Self::JsonPointer(pointer) => {
                let json: serde_json::Value = serde_json::from_str(input).map_err(|_| TransformError::NotJson)?;
                match json.pointer(pointer) {
                    Some(serde_json::Value::String(text)) => Ok(text.clone()),
                    Some(other) => Ok(other.to_string()),
                    None => Err(TransformError::NoSuchPointer(pointer.clone())),
                }
            }
        }
    }
}

/// Everything but RFC 3986's unreserved characters.
const UNRESERVED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64 => f.write_str("base64"),
            Self::Sha256 => f.write_str("sha256"),
            Self::UrlEncode => f.write_str("url_encode"),
            Self::JsonString => f.write_str("json_string"),
            Self::JsonPointer(pointer) => write!(f, "json_pointer({pointer})"),
        }
    }
}

/// A value that another resource, the configuration or the program provides, not known when the program runs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct OutputRef {
    /// The resource, configuration value or program that provides it.
    pub source: Source,
    /// Where it lies in the provider's outputs (RFC 6901 pointer; empty for the whole).
    pub path: String,
    /// When it is there: with the object, or only once that is ready.
    pub phase: Phase,
    /// True if it must never be shown.
    pub secret: bool,
    /// The transforms that are applied to it, first to last.
    pub transforms: Vec<Transform>,
}

impl fmt::Display for OutputRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if !self.path.is_empty() {
            write!(f, "{}", self.path.replace('/', "."))?;
        }
        self.transforms
            .iter()
            .try_for_each(|transform| write!(f, "|{transform}"))
    }
}

/// A piece of an [`Expr`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Text as it stands.
    Literal(String),
    /// An output.
    Output(OutputRef),
}

/// A string made of literals and outputs, at least one of the latter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expr {
    /// The pieces, in order.
    pub parts: Vec<Part>,
}

impl Expr {
    /// The outputs it uses.
    pub fn outputs(&self) -> impl Iterator<Item = &OutputRef> {
        self.parts.iter().filter_map(|part| match part {
            Part::Output(output) => Some(output),
            Part::Literal(_) => None,
        })
    }

    /// True if any of its outputs is secret, and with it the whole string.
    pub fn is_secret(&self) -> bool {
        self.outputs().any(|output| output.secret)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Output(output) => write!(f, "<{output}>"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_exact() {
        let cases = [
            (Transform::Base64, "a:b", "YTpi"),
            (Transform::UrlEncode, "p@ss/w~rd é", "p%40ss%2Fw~rd%20%C3%A9"),
            (Transform::JsonString, "a\"b", "\"a\\\"b\""),
            (Transform::JsonPointer("/a/0".into()), "{\"a\":[1]}", "1"),
            (Transform::JsonPointer("/a".into()), "{\"a\":\"x\"}", "x"),
            (
                Transform::Sha256,
                "",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
        ];
        for (transform, input, expected) in cases {
            assert_eq!(transform.apply(input).as_deref(), Ok(expected), "{transform}");
        }
        assert_eq!(
            Transform::JsonPointer("/x".into()).apply("{}"),
            Err(TransformError::NoSuchPointer("/x".into()))
        );
    }
}
