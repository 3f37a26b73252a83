//! A plan for a terminal.

mod field;
mod fold;
mod page;
mod steps;

pub(super) use self::page::Page;
pub(super) use self::steps::Block;
use super::model::{GroupKind, View};
use super::value::in_brackets;
use super::words::{OFFLINE, mode};
use crate::render::Styles;

/// The number of risks that stand before the steps.
pub(super) const RISKS: usize = 20;

/// The number of lines that a plan may have to be read without a summary before it.
const SCREEN: usize = 40;

/// The way in which a plan is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Everything: unchanged resources, full names, order, long lists of changes.
    pub verbose: bool,
    /// New resources are shown without what they hold: nobody is asked whether the plan is right.
    pub brief: bool,
    /// Colours.
    pub styles: Styles,
    /// The width at which lines are wrapped; none where they are not.
    pub width: Option<usize>,
}

impl View {
    /// The plan as text, each line ended.
    pub fn to_text(&self, options: &TextOptions) -> String {
        let mut steps = Page::new(*options);
        steps.steps(self);
        let is_long = steps.out.lines().count() > SCREEN;
        let mut page = Page::new(*options);
        page.header(self);
        if is_long {
            page.line(0, &self.summary);
            page.line(0, "");
        }
        page.weighed(self);
        page.out.push_str(&steps.out);
        page.notes(self);
        page.kept(self);
        page.exports(self);
        page.problems(self);
        page.gap();
        page.line(0, &self.summary);
        page.out
    }
}

/// The heading of a group; none for the changes of resources outside any component.
pub(super) fn heading(kind: GroupKind, component: &str) -> Option<String> {
    match kind {
        GroupKind::Changes if component.is_empty() => None,
        GroupKind::Changes => Some(format!("Component {component}:")),
        GroupKind::Drift => Some("Changed since the last run, and put back:".to_owned()),
        GroupKind::Waits => Some("Only waited for:".to_owned()),
        GroupKind::Unchanged => Some("Unchanged:".to_owned()),
    }
}

impl Page {
    fn header(&mut self, view: &View) {
        let styles = self.options.styles;
        let title = format!("Preview of stack {} ({})", view.stack, mode(view.mode));
        let targets = match view.targets.is_empty() {
            true => String::new(),
            false => format!(": {}", view.targets.join("; ")),
        };
        self.line(0, &format!("{}{targets}", Styles::paint(styles.strong, title)));
        if !view.observed {
            let warning = Styles::paint(styles.warning, "offline");
            self.line(0, &format!("{warning}: {OFFLINE}"));
        }
        if let Some(commits) = &view.commits {
            self.line(0, &commits.text());
            for commit in &commits.newest {
                let id = Styles::paint(styles.dim, &commit.id);
                self.line(2, &format!("{id} {} ({})", commit.subject, commit.author));
            }
            if commits.more > 0 {
                self.line(2, &format!("and {} more", commits.more));
            }
        }
        self.line(0, "");
    }

    /// Writes the risks, the worst first: in a long plan they have to be seen before everything else.
    fn weighed(&mut self, view: &View) {
        let changes: usize = view
            .counts
            .iter()
            .filter(|count| count.action.is_change())
            .map(|count| count.count)
            .sum();
        if view.risks.is_empty() || changes < 2 {
            return;
        }
        self.line(0, "Risks:");
        for risk in view.risks.iter().take(RISKS) {
            let label = Styles::paint(self.options.styles.risk(risk.kind), &risk.label);
            self.line(
                2,
                &format!("! {label}: {}: {}", self.short(&risk.name), self.short(&risk.message)),
            );
        }
        if view.risks.len() > RISKS {
            self.line(2, &format!("… {} more at their steps below", view.risks.len() - RISKS));
        }
        self.line(0, "");
    }

    pub(super) fn notes(&mut self, view: &View) {
        if !view.notes.is_empty() {
            self.gap();
        }
        for note in &view.notes {
            let about = note.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            let source = self.source(note.source.as_deref());
            self.line(0, &format!("note: {about}{}{source}", self.short(&note.message)));
        }
    }

    pub(super) fn kept(&mut self, view: &View) {
        for (unmarked, title) in [
            (
                false,
                "Data that is kept (--delete-data NAME or --delete-data all deletes it):",
            ),
            (
                true,
                "Left as it is, not known to be this stack's (--delete-data NAME deletes it):",
            ),
        ] {
            let items: Vec<_> = view.kept.iter().filter(|item| item.unmarked == unmarked).collect();
            if items.is_empty() {
                continue;
            }
            self.gap();
            self.line(0, title);
            for item in items {
                let amount = match item.amount.is_empty() {
                    true => String::new(),
                    false => format!(", {}", item.amount),
                };
                self.line(
                    2,
                    &format!(
                        "= {} {}{amount} (of {})",
                        item.kind,
                        self.short(&item.name),
                        item.holder
                    ),
                );
            }
        }
    }

    fn exports(&mut self, view: &View) {
        if view.exports.is_empty() {
            return;
        }
        self.gap();
        self.line(0, "Exports:");
        for export in &view.exports {
            let remark = in_brackets(export.remark.as_deref());
            let name = self.short(&export.name);
            self.line(2, &format!("{name} = {}{remark}", self.short(&export.value)));
        }
    }

    pub(super) fn problems(&mut self, view: &View) {
        let styles = self.options.styles;
        for problem in &view.problems {
            self.gap();
            self.labelled(0, &Styles::paint(styles.error, "error:"), &problem.message);
            if let Some(urn) = &problem.urn {
                self.line(2, &format!("resource: {urn}"));
            }
            if let Some(source) = &problem.source {
                self.line(2, &format!("declared at: {source}"));
            }
            self.labelled(2, &Styles::paint(styles.hint, "hint:"), &problem.hint);
        }
    }

    /// A label and a text whose further lines are indented below the first.
    fn labelled(&mut self, indent: usize, label: &str, lines: &[String]) {
        for (position, line) in lines.iter().enumerate() {
            match position {
                0 => self.line(indent, &format!("{label} {}", self.short(line))),
                _ => self.line(4, &self.short(line)),
            }
        }
    }
}
