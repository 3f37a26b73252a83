//! An amount of memory or storage.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::parse;

/// An amount of memory or storage in bytes; written as compose does (`512m`, 1024-based).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub u64);

impl Bytes {
    /// So many times 1024 × 1024 bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// So many times 1024 × 1024 × 1024 bytes.
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    /// As the engine's API wants it.
    pub(crate) fn as_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&parse::bytes::format(self.0))
    }
}

impl std::str::FromStr for Bytes {
    type Err = parse::bytes::BytesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::bytes::parse(text).map(Self)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = super::lenient::text(input)?;
        text.parse().map_err(D::Error::custom)
    }
}
