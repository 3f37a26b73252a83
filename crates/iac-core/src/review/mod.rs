//! Reviewing a plan: what people see of it is computed once, as a [`View`], and written as text, markdown or HTML.

mod difference;
mod field;
mod html;
mod inline;
mod markdown;
pub mod model;
mod reason;
pub mod run;
mod same;
mod text;
pub(crate) mod value;
mod view;
pub(crate) mod words;
pub(crate) mod yaml;

pub use difference::{DIFF_FORMAT, FieldDiff, LineDiff, PlanDiff, RiskDiff, Side, StepDiff};
pub(crate) use field::became_secret;
pub use html::history_html;
pub use markdown::COMMENT;
pub use model::View;
pub use run::RunView;
pub use text::TextOptions;
pub use value::value_text;
pub use words::{short_name, summary};

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod samples_lists;
#[cfg(test)]
mod tests;
