//! Checks custom resources against the schema of their definition, where no server can: the definition is in the same stack
//! and not served yet, or the server still has an older one.
//!
//! A definition's schema is a structural one, so little is needed: types, required fields, enumerations, bounds, patterns,
//! duplicates in lists, and which fields there are. Rules in CEL, `oneOf` and its like, and formats are counted, and left to
//! the server.

mod defaults;
mod definition;
mod value;

pub(crate) use self::defaults::{fill, forget_texts};
pub(crate) use self::definition::{Schemas, Verdict};

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests;
