//! Reviewing a plan: what people see of it is computed once, as a [`View`], and written as text, markdown or HTML.

mod field;
pub mod model;
pub(crate) mod reason;
pub(crate) mod value;
mod view;
pub(crate) mod words;
pub(crate) mod yaml;

pub use model::View;
