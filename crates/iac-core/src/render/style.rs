//! Colours as labels: what a piece of text means decides how it looks.

use std::fmt::Display;

use anstyle::{AnsiColor, Effects, Style};

use crate::plan::Action;
use crate::provider::RiskKind;

/// The styles of the sorts of text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    /// Something comes.
    pub added: Style,
    /// Something changes.
    pub changed: Style,
    /// Something goes.
    pub removed: Style,
    /// Headings and names.
    pub strong: Style,
    /// Less important text: source lines, reasons.
    pub dim: Style,
    /// An error's first word.
    pub error: Style,
    /// A warning's first word, and risks.
    pub warning: Style,
    /// A hint's first word.
    pub hint: Style,
    /// Success.
    pub good: Style,
}

impl Styles {
    /// No colours at all.
    pub fn plain() -> Self {
        Self::default()
    }

    /// The sixteen colours that every terminal has.
    pub fn colored() -> Self {
        let color = |color: AnsiColor| color.on_default();
        Self {
            added: color(AnsiColor::Green),
            changed: color(AnsiColor::Yellow),
            removed: color(AnsiColor::Red),
            strong: Style::new().effects(Effects::BOLD),
            dim: Style::new().effects(Effects::DIMMED),
            error: color(AnsiColor::Red).effects(Effects::BOLD),
            warning: color(AnsiColor::Yellow).effects(Effects::BOLD),
            hint: color(AnsiColor::Cyan).effects(Effects::BOLD),
            good: color(AnsiColor::Green).effects(Effects::BOLD),
        }
    }

    /// The text in a style.
    pub fn paint(style: Style, text: impl Display) -> String {
        format!("{style}{text}{style:#}")
    }

    /// Returns the style of an action.
    pub(crate) fn action(&self, action: Action) -> Style {
        match action {
            Action::Create | Action::Adopt => self.added,
            Action::Update | Action::Wait | Action::Record => self.changed,
            Action::Replace | Action::Delete | Action::Cleanup => self.removed,
            Action::Forget | Action::Keep | Action::Same => self.dim,
        }
    }

    /// Returns the style of a risk.
    pub(crate) fn risk(&self, kind: RiskKind) -> Style {
        match kind {
            RiskKind::DataLoss | RiskKind::EmptyData | RiskKind::Irreversible | RiskKind::BrokenReference => self.error,
            RiskKind::Downtime | RiskKind::Undo | RiskKind::Exposure | RiskKind::Privilege => self.warning,
        }
    }
}
