//! A program's configuration as one struct: `let s: Settings = stack.settings()?`.
//!
//! The struct derives `serde::Deserialize`; its fields are keys, structs in it are tables, and all that is missing or
//! wrong is reported at once. serde stops at the first error, so the struct is read again and again: what a field cannot
//! use is noted and replaced by a value of the field's type ([`input`]), and what a field's own conversion refuses is read
//! last from then on ([`passes`]), until nothing new is found.
//!
//! | module | what it knows |
//! |---|---|
//! | [`passes`] | how to get all errors out of serde |
//! | [`reader`] | the deserializer of one place |
//! | [`values`] | what a place gives, or gives instead |
//! | [`access`] | the fields, items and variants of one place |
//! | [`input`] | what stands at a place |
//! | [`tree`] | the configuration by tables |
//! | [`kind`] | types in plain words |
//! | [`report`] | what is wrong, and how to set it right |
//! | [`describe`] | what a program takes |
//! | [`structs`] | structs with their defaults, written shortly |
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the table above is a map for those who read the source"
)]

mod access;
mod describe;
mod fault;
mod input;
mod kind;
mod passes;
mod path;
mod reader;
mod report;
mod structs;
mod tree;
mod values;

#[cfg(test)]
mod tests;

pub use self::describe::Setting;
pub(crate) use self::passes::read;
pub use self::report::{Problem, SettingsError, Trouble};

/// The name under which an output asks a deserializer for a secret of the configuration.
pub(crate) const SECRET_NAME: &str = "$iac::Output";
