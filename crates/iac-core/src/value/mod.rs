//! The engine's data model: JSON trees whose string leaves may be secret, or not known yet.
//!
//! - [`Value`]: the tree itself.
//! - [`Expr`]: a string that is put together from literals and other resources' outputs.
//! - [`FieldPath`]: where in a tree something is.
//! - [`canonical`]: the one byte sequence that stands for a tree, for digests and files.
//! - [`diff`]: what changed between two trees.
//! - [`token`]: how an output travels inside a plain Rust string.

mod access;
pub mod canonical;
pub mod codec;
mod conceal;
pub mod diff;
mod expr;
mod known;
mod map;
mod packed;
mod path;
pub mod pattern;
mod secret;
pub mod token;
mod trail;
mod tree;

pub use conceal::Secrets;
pub(crate) use expr::hex;
pub use expr::{Expr, OutputRef, Part, Source, Transform};
pub(crate) use known::{HIDDEN, KnownSecrets};
pub use map::Map;
pub use packed::Packed;
pub use path::{FieldPath, FieldPathError, Segment};
pub use pattern::FieldPattern;
pub use secret::Secret;
pub use trail::Trail;
pub use tree::Value;
