//! Texts of a container's environment and files: plain, secret or taken from another part.

use iac_core::Output;
use iac_core::value::{FieldPath, Value, token};

/// A text with the parts of the application that it needs.
///
/// Plain texts, outputs and secrets turn into one. Values of a binding, such as [`Postgres::url`](crate::Postgres::url),
/// remember their part: whatever has one in its environment waits until that part is ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    pub(crate) text: String,
    pub(crate) needs: Vec<String>,
    /// Ports of what it names outside of the application.
    pub(crate) outside: Vec<u16>,
    /// Marks that were to be replaced and are not in it.
    pub(crate) missing: Vec<String>,
}

impl Text {
    /// A text that needs the named part.
    pub(crate) fn of(part: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            needs: part.map(str::to_owned).into_iter().collect(),
            outside: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// This text followed by another one; it needs what both need.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.text.push_str(&other.text);
        self.needs.extend(other.needs);
        self.outside.extend(other.outside);
        self.missing.extend(other.missing);
        self
    }

    /// This text with another one in the place of a mark, such as `@API@` in a configuration file; it needs what both need. A
    /// mark that is not there is reported with the part that has the text.
    #[must_use]
    pub fn replace(mut self, mark: &str, other: impl Into<Self>) -> Self {
        if !self.text.contains(mark) {
            self.missing.push(mark.to_owned());
        }
        let mut other = other.into();
        self.text = self.text.replace(mark, &std::mem::take(&mut other.text));
        self.and(other)
    }

    /// The text, with tokens where outputs stand.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if some part of it is secret.
    pub(crate) fn is_secret(&self) -> bool {
        match token::parse(&self.text, &FieldPath::root()) {
            Ok(Value::Expr(expr)) => expr.outputs().any(|output| output.secret),
            _ => false,
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::of(None, text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::of(None, text)
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::of(None, text)
    }
}

impl From<Output> for Text {
    fn from(output: Output) -> Self {
        Self::of(None, output)
    }
}

impl From<&Output> for Text {
    fn from(output: &Output) -> Self {
        Self::of(None, output)
    }
}

impl From<&Self> for Text {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

macro_rules! displayed {
    ($($type:ty),*) => {$(
        impl From<$type> for Text {
            fn from(value: $type) -> Self {
                Self::of(None, value.to_string())
            }
        }
    )*};
}

displayed!(bool, u16, u32, u64, i32, i64);
