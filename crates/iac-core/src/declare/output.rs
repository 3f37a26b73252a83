//! Values that are known only once something else has been applied.

use std::fmt;
use std::marker::PhantomData;

use serde::de::Visitor;

use crate::provider::Phase;
use crate::settings::SECRET_NAME;
use crate::urn::Key;
use crate::value::{OutputRef, Source, Transform, token};

/// A value of type `T` that a resource will have, or that must not be shown.
///
/// An `Output<String>` can be put into any string: `format!("postgres://app:{password}@db")`. What stands there until
/// the engine knows the value is a token, so printing an output shows a description and never the value. Its own
/// methods transform it; cutting or changing the text is found and refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Output<T = String> {
    reference: OutputRef,
    of: PhantomData<fn() -> T>,
}

impl<T> Output<T> {
    /// An output of a resource, at an RFC 6901 pointer into its outputs, there in the given phase.
    pub fn of_resource(key: &Key, path: &str, phase: Phase, secret: bool) -> Self {
        Self::new(Source::Resource(key.clone()), path, phase, secret)
    }

    pub(crate) fn new(source: Source, path: &str, phase: Phase, secret: bool) -> Self {
        let reference = OutputRef {
            source,
            path: path.to_owned(),
            phase,
            secret,
            transforms: Vec::new(),
        };
        Self {
            reference,
            of: PhantomData,
        }
    }

    /// Returns the output that it refers to.
    pub fn reference(&self) -> &OutputRef {
        &self.reference
    }

    /// The same value, never to be shown: what it is put into becomes secret as well.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.reference.secret = true;
        self
    }
}

impl Output<String> {
    fn then(mut self, transform: Transform) -> Self {
        self.reference.transforms.push(transform);
        self
    }

    /// Percent-encodes it for any part of a URL.
    #[must_use]
    pub fn url_encode(self) -> Self {
        self.then(Transform::UrlEncode)
    }

    /// Encodes it in base64.
    #[must_use]
    pub fn base64(self) -> Self {
        self.then(Transform::Base64)
    }

    /// Its SHA-256 in hexadecimal. A digest of a secret stays secret, since short secrets can be guessed from it.
    #[must_use]
    pub fn sha256(self) -> Self {
        self.then(Transform::Sha256)
    }

    /// It as a JSON string, quotes included.
    #[must_use]
    pub fn json_string(self) -> Self {
        self.then(Transform::JsonString)
    }

    /// A part of it, which has to be JSON, at an RFC 6901 pointer.
    #[must_use]
    pub fn json_pointer(self, pointer: impl Into<String>) -> Self {
        self.then(Transform::JsonPointer(pointer.into()))
    }
}

impl fmt::Display for Output<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&token::encode(&self.reference))
    }
}

impl<T> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.reference)
    }
}

impl From<Output<Self>> for String {
    fn from(output: Output<Self>) -> Self {
        output.to_string()
    }
}

impl From<&Output<Self>> for String {
    fn from(output: &Output<Self>) -> Self {
        output.to_string()
    }
}

/// From a token alone: that of [`Stack::settings`](crate::Stack::settings), where the field is a secret of the
/// configuration, or what an output was serialized to.
impl<'de> serde::Deserialize<'de> for Output<String> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SECRET_NAME, Token)
    }
}

struct Token;

impl<'de> Visitor<'de> for Token {
    type Value = Output;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an output, which only the settings of a stack hold")
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Output, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Output, E> {
        match token::only(text) {
            Some(reference) => Ok(Output {
                reference,
                of: PhantomData,
            }),
            None => Err(E::custom("this is no output, which only the settings of a stack hold")),
        }
    }
}

/// As in a string: the token, so that outputs can stand in `json!` and in one's own serialized types.
impl serde::Serialize for Output<String> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
