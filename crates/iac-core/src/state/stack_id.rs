//! The id of a stack: its name alone does not tell it from another stack of the name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::VaultError;
use crate::value::hex;

/// The number of random bytes.
const LENGTH: usize = 16;

/// 128 random bits, as 32 hexadecimal digits. A stack draws its id before it makes its first object, keeps it in its state, and
/// writes it on all that it makes or changes. It is no secret: whoever sees an object sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StackId(String);

impl StackId {
    /// Draws one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn draw() -> Result<Self, VaultError> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| VaultError::Random(error.to_string()))?;
        Ok(Self(hex(&bytes)))
    }

    /// The id as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StackId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for StackId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == 2 * LENGTH && text.bytes().all(is_digit) {
            true => Ok(Self(text)),
            false => Err(format!(
                "{text:?} is no id of a stack: expected {} hexadecimal digits",
                2 * LENGTH
            )),
        }
    }
}

impl From<StackId> for String {
    fn from(id: StackId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_random_and_reads_back_as_it_was() {
        let id = StackId::draw().expect("random");
        assert_ne!(id, StackId::draw().expect("random"));
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in [
            "",
            "0",
            "0123456789abcdef0123456789abcdeF",
            "0123456789abcdef0123456789abcdef0",
        ] {
            assert!(other.parse::<StackId>().is_err(), "{other}");
        }
    }
}
