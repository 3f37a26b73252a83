//! The options of a plan.

use super::Observe;
use crate::plan::{DeleteData, Mode, Selection};

/// The options of a plan: all that the user says besides the program.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PlanOptions {
    /// The purpose of the plan.
    pub mode: Mode,
    /// Whether the outside world is looked at.
    pub observe: Observe,
    /// Which data may go.
    pub delete_data: DeleteData,
    /// The part of the stack that it is about.
    pub selection: Selection,
}

impl PlanOptions {
    /// A plan for the whole stack, which has to look at the world and keeps all data.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            observe: Observe::Required,
            delete_data: DeleteData::None,
            selection: Selection::default(),
        }
    }

    /// Sets whether the outside world is looked at.
    #[must_use]
    pub fn observe(self, observe: Observe) -> Self {
        Self { observe, ..self }
    }

    /// Sets which data may go.
    #[must_use]
    pub fn delete_data(self, delete_data: DeleteData) -> Self {
        Self { delete_data, ..self }
    }

    /// Sets the part of the stack that it is about.
    #[must_use]
    pub fn selection(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }
}
