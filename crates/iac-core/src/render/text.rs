//! A plan for a terminal.

use super::diagnostic::Diagnostic;
use super::sanitize::sanitize;
use super::style::Styles;
use crate::plan::{Plan, Step};
use crate::provider::{DataItem, Risk};
use crate::review::value::{in_brackets, remark, value_text};
use crate::review::words::{mode, risk_name, short_name, summary, weight};

/// How many risks stand before the steps.
pub(super) const RISKS: usize = 20;

/// How a plan is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Everything: unchanged resources, full names, order, long lists of changes.
    pub verbose: bool,
    /// What new resources hold is left out: nobody is asked whether the plan is right.
    pub brief: bool,
    /// Colours.
    pub styles: Styles,
}

/// The plan as text, each line ended.
pub fn plan_text(plan: &Plan, options: &TextOptions) -> String {
    let mut page = Page {
        out: String::new(),
        options: *options,
    };
    page.header(plan);
    page.weighed(plan);
    page.steps(plan);
    page.notes(plan);
    page.kept(plan);
    page.exports(plan);
    page.problems(plan);
    page.gap();
    page.line(0, &summary(plan));
    page.out
}

/// What the plan is connected to, each as `NAME: DESCRIPTION`.
pub(super) fn described_targets(plan: &Plan) -> impl Iterator<Item = String> {
    // Generated values have no place that could be the wrong one.
    let targets = plan.targets.iter().filter(|(name, _)| name.as_str() != "random");
    targets.map(|(name, target)| format!("{name}: {}", target.description))
}

/// All risks with their steps, the worst first.
pub(super) fn risks_by_weight(plan: &Plan) -> Vec<(&Risk, &Step)> {
    let mut risks: Vec<(&Risk, &Step)> = plan
        .steps
        .iter()
        .flat_map(|step| step.risks.iter().map(move |risk| (risk, step)))
        .collect();
    risks.sort_by_key(|(risk, _)| weight(risk.kind));
    risks
}

/// The text so far.
pub(super) struct Page {
    pub(super) out: String,
    pub(super) options: TextOptions,
}

impl Page {
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        if !text.is_empty() {
            self.out.extend(std::iter::repeat_n(' ', indent));
            self.out.push_str(text);
        }
        self.out.push('\n');
    }

    /// An empty line, unless there is one.
    fn gap(&mut self) {
        if !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn header(&mut self, plan: &Plan) {
        let styles = self.options.styles;
        let title = format!("Preview of stack {} ({})", sanitize(&plan.stack), mode(plan.mode));
        let targets: Vec<String> = described_targets(plan)
            .map(|target| sanitize(&target).into_owned())
            .collect();
        let targets = if targets.is_empty() {
            String::new()
        } else {
            format!(": {}", targets.join("; "))
        };
        self.line(0, &format!("{}{targets}", Styles::paint(styles.strong, title)));
        if !plan.observed {
            let warning = Styles::paint(styles.warning, "not observed");
            self.line(0, &format!("{warning}: the record stands in for what is really there"));
        }
        self.line(0, "");
    }

    /// What could hurt, the worst first: in a long plan it is to be seen before everything else.
    fn weighed(&mut self, plan: &Plan) {
        let risks = risks_by_weight(plan);
        if risks.is_empty() || plan.changes().nth(1).is_none() {
            return;
        }
        self.line(0, "Risks:");
        let more = risks.len().saturating_sub(RISKS);
        for (risk, step) in risks.into_iter().take(RISKS) {
            let name = Styles::paint(self.options.styles.risk(risk.kind), risk_name(risk.kind));
            let who = short_name(&step.key, &step.identity);
            self.line(2, &format!("! {name}: {who}: {}", sanitize(&risk.message)));
        }
        if more > 0 {
            self.line(2, &format!("… {more} more at their steps below"));
        }
        self.line(0, "");
    }

    pub(super) fn notes(&mut self, plan: &Plan) {
        if !plan.notes.is_empty() {
            self.gap();
        }
        for note in &plan.notes {
            let about = note
                .key
                .as_ref()
                .map_or_else(String::new, |key| format!("{}: ", sanitize(&key.short())));
            let source = note.source.as_ref().map_or_else(String::new, |source| {
                let source = format!("  {source}");
                Styles::paint(self.options.styles.dim, sanitize(&source))
            });
            self.line(0, &format!("note: {about}{}{source}", sanitize(&note.message)));
        }
    }

    pub(super) fn kept(&mut self, plan: &Plan) {
        let data = "Data that is kept (--delete-data NAME or --delete-data all deletes it):";
        self.kept_items(plan, data, |item| !item.unmarked);
        let left = "Left as it is, not known to be this stack's (--delete-data NAME deletes it):";
        self.kept_items(plan, left, |item| item.unmarked);
    }

    fn kept_items(&mut self, plan: &Plan, title: &str, wanted: impl Fn(&DataItem) -> bool) {
        let mut items = plan.kept.iter().flat_map(|kept| &kept.items);
        if !items.any(&wanted) {
            return;
        }
        self.gap();
        self.line(0, title);
        for kept in &plan.kept {
            let holder = sanitize(&kept.key.short()).into_owned();
            for item in kept.items.iter().filter(|item| wanted(item)) {
                let amount = if item.amount.is_empty() {
                    String::new()
                } else {
                    format!(", {}", item.amount)
                };
                let line = format!("= {} {}{amount} (of {holder})", item.kind, item.name);
                self.line(2, &sanitize(&line));
            }
        }
    }

    fn exports(&mut self, plan: &Plan) {
        if plan.exports.is_empty() {
            return;
        }
        self.gap();
        self.line(0, "Exports:");
        for (name, value) in &plan.exports {
            self.line(
                2,
                &format!(
                    "{} = {}{}",
                    sanitize(name),
                    value_text(value),
                    in_brackets(remark(value).as_deref())
                ),
            );
        }
    }

    fn problems(&mut self, plan: &Plan) {
        for problem in &plan.problems {
            self.gap();
            let text = Diagnostic::from_problem(problem, &plan.stack).render(&self.options.styles);
            self.out.push_str(&text);
        }
    }
}
