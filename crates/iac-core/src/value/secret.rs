//! Secret values as a type: no `Display`, no `Serialize`, memory wiped on drop.

use std::fmt;

use zeroize::Zeroize;

use super::HIDDEN;

/// A value that must not be printed, logged or written in clear.
///
/// It has neither `Display` nor `Serialize`, its `Debug` is a placeholder, and its memory is wiped when it is dropped.
/// Reading it takes a call that can be searched for: [`Secret::expose`].
#[derive(Clone)]
pub struct Secret<T: Zeroize = String> {
    value: T,
    shown: Option<Box<str>>,
}

impl<T: Zeroize> Secret<T> {
    /// Marks `value` as secret.
    pub fn new(value: T) -> Self {
        Self { value, shown: None }
    }

    /// The same, of which only parts are secret: `shown` is what may be seen of it, with a placeholder for each part.
    #[must_use]
    pub fn shown_as(mut self, shown: impl Into<Box<str>>) -> Self {
        self.shown = Some(shown.into());
        self
    }

    /// The value in clear; for handing it to the system that needs it, and nothing else.
    pub fn expose(&self) -> &T {
        &self.value
    }

    /// Returns the text that may be seen of it where only parts of it are secret: `postgres://app:(secret)@db`.
    pub fn shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }
}

impl Secret {
    /// The parts that must not be seen: all of it, unless [`shown`](Self::shown) says otherwise.
    pub fn hidden(&self) -> Vec<&str> {
        let text = self.value.as_str();
        let Some(shown) = self.shown() else {
            return vec![text];
        };
        let mut pieces = shown.split(HIDDEN);
        let start = pieces.next().unwrap_or_default();
        let mut rest = text.strip_prefix(start);
        let mut hidden = Vec::new();
        let mut pieces = pieces.peekable();
        while let Some(piece) = pieces.next() {
            let is_last = pieces.peek().is_none();
            let end = rest.and_then(|rest| match is_last {
                true => rest.strip_suffix(piece).map(str::len),
                false => rest.find(piece),
            });
            let (Some(text), Some(end)) = (rest, end) else {
                // The text that may be seen does not fit the value: then nothing of the value may be seen.
                return vec![self.value.as_str()];
            };
            hidden.push(&text[..end]);
            rest = Some(&text[end + piece.len()..]);
        }
        hidden
    }
}

/// Two secrets are the same when their values are, whatever may be seen of them.
impl<T: Zeroize + PartialEq> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Zeroize + Eq> Eq for Secret<T> {}

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
        self.value.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_found_again() {
        for (text, shown, hidden) in [
            ("pg://a:one@b", "pg://a:(secret)@b", vec!["one"]),
            ("one and two", "(secret) and (secret)", vec!["one", "two"]),
            ("a-a-a", "a-(secret)-a", vec!["a"]),
            ("xone", "x(secret)", vec!["one"]),
            ("other", "pg://a:(secret)@b", vec!["other"]),
        ] {
            assert_eq!(Secret::from(text).shown_as(shown).hidden(), hidden, "{text}");
        }
        assert_eq!(Secret::from("all").hidden(), ["all"]);
    }
}
