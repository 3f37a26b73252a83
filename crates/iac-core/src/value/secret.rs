//! Secret values as a type: no `Display`, no `Serialize`, memory wiped on drop.

use std::fmt;

use zeroize::Zeroize;

/// A value that must not be printed, logged or written in clear.
///
/// It has neither `Display` nor `Serialize`, its `Debug` is a placeholder, and its memory is wiped when it is dropped.
/// Reading it takes a call that can be searched for: [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize = String>(T);

impl<T: Zeroize> Secret<T> {
    /// Marks `value` as secret.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value in clear; for handing it to the system that needs it, and nothing else.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
