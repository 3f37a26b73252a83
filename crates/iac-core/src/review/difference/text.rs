//! The difference between two plans as text.

use super::{PlanDiff, Side, StepDiff};
use crate::render::Styles;
use crate::review::TextOptions;
use crate::review::text::Page;

impl Side {
    /// The word that stands before what is of this side.
    pub(in crate::review) fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Was => "was",
            Self::Now => "now",
            Self::Changed => "changed",
        }
    }

    fn style(self, styles: &Styles) -> anstyle::Style {
        match self {
            Self::New | Self::Now => styles.added,
            Self::Gone | Self::Was => styles.removed,
            Self::Changed => styles.changed,
        }
    }
}

impl PlanDiff {
    /// The difference as text, each line ended.
    pub fn to_text(&self, options: &TextOptions) -> String {
        let mut page = Page::new(*options);
        let title = format!("What is new in the plan of stack {}", self.stack);
        page.line(0, &Styles::paint(options.styles.strong, title));
        page.line(2, &format!("before: {}", self.before));
        page.line(2, &format!("now:    {}", self.after));
        page.gap();
        page.about(self);
        for step in &self.steps {
            page.out.push_str(&page.step_head(step));
            page.step_body(step);
        }
        page.gap();
        page.line(0, &self.summary);
        page.out
    }
}

impl Page {
    /// Writes the lines about the plan as a whole, and the risks.
    pub(super) fn about(&mut self, diff: &PlanDiff) {
        for line in &diff.about {
            let side = self.side(line.side);
            self.line(0, &format!("{side} {}", line.text));
        }
        if !diff.about.is_empty() {
            self.gap();
        }
        if diff.risks.is_empty() {
            return;
        }
        self.line(0, "Risks:");
        for risk in &diff.risks {
            let side = self.side(risk.side);
            let risk = &risk.risk;
            let label = Styles::paint(self.options.styles.risk(risk.kind), &risk.label);
            self.line(2, &format!("{side} ! {label}: {}: {}", risk.name, risk.message));
        }
        self.gap();
    }

    /// Returns the head of a step as a line, with the side that it is on.
    pub(super) fn step_head(&self, step: &StepDiff) -> String {
        format!("{} {}", self.side(step.side), self.head(&step.step))
    }

    /// All of a new step, and what is not the same in a changed one.
    pub(super) fn step_body(&mut self, step: &StepDiff) {
        if step.side == Side::New {
            return self.body(&step.step);
        }
        for line in &step.lines {
            let side = self.side(line.side);
            self.line(4, &format!("{side} {}", line.text));
        }
        for field in &step.fields {
            let side = match field.side {
                Side::Changed => String::new(),
                side => format!("{} ", self.side(side)),
            };
            self.field(&side, &field.field);
        }
    }

    fn side(&self, side: Side) -> String {
        Styles::paint(side.style(&self.options.styles), side.word())
    }
}
