//! The name of a write, which no other write has: by it, a client knows its own after an answer was lost.

use std::fmt;

/// A number that was drawn for one write, all its attempts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WriteId(pub(crate) i64);

impl WriteId {
    /// Draws one.
    pub(crate) fn draw() -> Result<Self, String> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| format!("no random number can be had: {error}"))?;
        Ok(Self(i64::from_le_bytes(bytes)))
    }
}

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
