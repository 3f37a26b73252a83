//! A plan for a terminal.

use std::collections::BTreeMap;

use super::change::{lines as change_lines, path_text};
use super::diagnostic::Diagnostic;
use super::reason;
use super::sanitize::sanitize;
use super::style::Styles;
use super::value::{remark, value_text};
use crate::plan::{Action, Fate, Mode, Order, Plan, Step};
use crate::provider::{Checked, Phase, RiskKind};
use crate::urn::Key;
use crate::value::FieldPath;
use crate::value::diff::FieldChange;

/// How many changed fields of one resource are shown unless everything is asked for.
const FIELDS: usize = 40;

/// How a plan is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Everything: unchanged resources, full names, fields of new resources, order, texts in full length.
    pub verbose: bool,
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
    for step in &plan.steps {
        if options.verbose || step.action != Action::Same {
            page.step(plan, step);
        }
    }
    page.notes(plan);
    page.kept(plan);
    page.exports(plan);
    page.problems(plan);
    page.gap();
    page.line(0, &summary(plan));
    page.out
}

/// The sign that stands before a step.
pub(super) fn symbol(step: &Step) -> &'static str {
    match step.action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace if step.order == Some(Order::CreateFirst) => "+-",
        Action::Replace => "±",
        Action::Record => "*",
        Action::Cleanup => "/",
        Action::Delete => "-",
        Action::Adopt => ">",
        Action::Forget => "x",
        Action::Wait => ".",
        Action::Keep => "=",
        Action::Same => " ",
    }
}

/// What an action is called in a sentence.
pub(super) fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Adopt => "adopt",
        Action::Forget => "forget",
        Action::Wait => "wait",
        Action::Keep => "keep",
        Action::Same => "unchanged",
        Action::Record => "record",
        Action::Cleanup => "clean up",
    }
}

/// What a mode is called.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Up => "up",
        Mode::Destroy => "destroy",
        Mode::Refresh => "refresh",
    }
}

/// The name of a resource for people: its kind and its name in the outside world (`Deployment codelab/api`); the name
/// in the program where it has none out there.
pub fn short_name(key: &Key, identity: &str) -> String {
    let name = match identity.split_once(' ') {
        Some((kind, name)) => format!("{} {name}", kind.rsplit('/').next().unwrap_or(kind)),
        None => key.short(),
    };
    sanitize(&name).into_owned()
}

/// What an action is called in a plan of this mode: a refresh does nothing to the world, it tells what was done to it.
fn word(plan: &Plan, action: Action) -> &'static str {
    match (plan.mode, action) {
        (Mode::Refresh, Action::Update) => "changed",
        (Mode::Refresh, Action::Forget | Action::Delete) => "gone",
        (_, action) => verb(action),
    }
}

/// One line that counts the steps.
pub fn summary(plan: &Plan) -> String {
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    for step in &plan.steps {
        *counts.entry(step.action).or_default() += 1;
    }
    let changes: Vec<String> = counts
        .iter()
        .filter(|(action, _)| action.is_change())
        .map(|(action, count)| match action {
            action if plan.mode == Mode::Refresh => format!("{count} {}", word(plan, *action)),
            Action::Wait => format!("{count} to wait for"),
            action => format!("{count} to {}", verb(*action)),
        })
        .collect();
    let changes = if changes.is_empty() {
        match plan.mode {
            Mode::Refresh => "none".to_owned(),
            Mode::Up | Mode::Destroy => "no changes".to_owned(),
        }
    } else {
        changes.join(", ")
    };
    let title = if plan.mode == Mode::Refresh { "Drift" } else { "Plan" };
    let mut text = format!("{title}: {changes}");
    for (action, word) in [(Action::Same, "unchanged"), (Action::Keep, "kept")] {
        if let Some(count) = counts.get(&action) {
            text.push_str(&format!("; {count} {word}"));
        }
    }
    text + &risks(plan)
}

/// The risks of a plan by their sort, for the end of its summary.
fn risks(plan: &Plan) -> String {
    let mut counts: BTreeMap<RiskKind, usize> = BTreeMap::new();
    for risk in plan.steps.iter().flat_map(|step| &step.risks) {
        *counts.entry(risk.kind).or_default() += 1;
    }
    let risks: Vec<String> = counts
        .iter()
        .map(|(kind, count)| format!("{count} {}", risk_name(*kind)))
        .collect();
    if risks.is_empty() {
        return String::new();
    }
    format!("; risks: {}", risks.join(", "))
}

fn risk_name(kind: RiskKind) -> &'static str {
    match kind {
        RiskKind::DataLoss => "data-loss",
        RiskKind::Downtime => "downtime",
        RiskKind::Exposure => "exposure",
        RiskKind::Privilege => "privilege",
        RiskKind::Irreversible => "irreversible",
    }
}

/// Which of two objects goes first, and what becomes of those that the step leaves.
fn order_lines(step: &Step) -> Vec<String> {
    let order = step.order.map(|order| match order {
        Order::CreateFirst => "the new one is made first".to_owned(),
        Order::DeleteFirst => "the old one is deleted first".to_owned(),
    });
    let leftovers = step.leftovers.iter().map(|leftover| {
        let name = short_name(&step.key, &leftover.identity);
        match &leftover.fate {
            Fate::Delete if leftover.first || matches!(step.action, Action::Delete | Action::Cleanup) => {
                format!("- {name} is deleted")
            }
            Fate::Delete => format!("- {name} is deleted once this is ready and what used it is changed"),
            Fate::Keep => format!("= {name} is kept for its data"),
            Fate::Forget { because } => format!("x {name} is dropped from the record: {}", sanitize(because)),
            Fate::Handover { to } => format!("x {name} is taken over by {}", sanitize(&to.short())),
        }
    });
    order.into_iter().chain(leftovers).collect()
}

/// The changes that are shown where there are more than a reader is to see: those of what is there come before what is new.
/// They keep their order.
fn first<'a>(changes: &[&'a FieldChange], limit: usize) -> Vec<&'a FieldChange> {
    let rank = |change: &FieldChange| match (&change.before, &change.after) {
        (Some(_), Some(_)) => 0,
        (_, None) => 1,
        (None, Some(_)) => 2,
    };
    let mut places: Vec<usize> = (0..changes.len()).collect();
    places.sort_by_key(|place| rank(changes[*place]));
    places.truncate(limit);
    places.sort_unstable();
    places.into_iter().map(|place| changes[place]).collect()
}

/// A number with its thousands apart: `1,234`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

struct Page {
    out: String,
    options: TextOptions,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
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
        let targets: Vec<String> = plan
            .targets
            .iter()
            // Generated values have no place that could be the wrong one.
            .filter(|(name, _)| name.as_str() != "random")
            .map(|(name, target)| format!("{}: {}", sanitize(name), sanitize(&target.description)))
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

    fn step(&mut self, plan: &Plan, step: &Step) {
        let styles = self.options.styles;
        let style = styles.action(step.action);
        let sign = Styles::paint(style, symbol(step));
        let name = Styles::paint(styles.strong, short_name(&step.key, &step.identity));
        let action = Styles::paint(style, word(plan, step.action));
        let source = step.source.as_ref().map_or_else(String::new, |source| {
            let source = format!("  {source}");
            Styles::paint(styles.dim, sanitize(&source))
        });
        self.line(0, &format!("{sign} {name}: {action}{source}"));
        if self.options.verbose {
            let urn = step.key.in_stack(&plan.stack).to_string();
            self.line(4, &Styles::paint(styles.dim, sanitize(&urn)));
        }
        for reason in &step.reasons {
            self.line(4, &format!("because {}", reason::text(reason)));
        }
        for risk in &step.risks {
            let name = Styles::paint(styles.risk(risk.kind), risk_name(risk.kind));
            self.line(4, &format!("! {name}: {}", sanitize(&risk.message)));
        }
        for line in order_lines(step) {
            self.line(4, &line);
        }
        self.fields(step);
        if let Checked::Locally(why) = &step.checked
            && step.action.touches_world()
            && plan.observed
        {
            self.line(4, &format!("not checked by the server: {}", sanitize(why)));
        }
        for note in &step.notes {
            self.line(4, &format!("note: {}", sanitize(note)));
        }
        if self.options.verbose {
            self.order(step);
        }
    }

    fn fields(&mut self, step: &Step) {
        let TextOptions { verbose, styles } = self.options;
        self.changed_fields(step);
        // The fields of a new resource are what the program says, so they only repeat it; what they wait for does not.
        let Some(inputs) = step.inputs.as_ref().filter(|_| step.changes.is_empty()) else {
            return;
        };
        if !matches!(step.action, Action::Create | Action::Replace | Action::Adopt) {
            return;
        }
        let mut lines = Vec::new();
        inputs.walk(&mut |path, leaf| {
            if verbose || !leaf.is_known() {
                let sign = Styles::paint(styles.added, '+');
                lines.push(format!(
                    "{sign} {}: {}{}",
                    path_text(path),
                    value_text(leaf),
                    remark(leaf)
                ));
            }
        });
        lines.iter().for_each(|line| self.line(4, line));
    }

    fn changed_fields(&mut self, step: &Step) {
        let TextOptions { verbose, styles } = self.options;
        let is_shown =
            |path: &FieldPath| verbose || step.minor.as_ref().is_none_or(|minor| !minor.paths.contains(path));
        let shown: Vec<&FieldChange> = step.changes.iter().filter(|change| is_shown(&change.path)).collect();
        let limit = if verbose { shown.len() } else { FIELDS };
        for line in first(&shown, limit)
            .into_iter()
            .flat_map(|change| change_lines(change, &styles, verbose))
        {
            self.line(4, &line);
        }
        let others = |count: usize, what: &str| {
            let noun = if count == 1 { "change" } else { "changes" };
            format!("… {} other {noun}{what} (--verbose shows them)", grouped(count))
        };
        if shown.len() > limit {
            self.line(4, &others(shown.len() - limit, ""));
        }
        let counted = step.changes.len() - shown.len();
        if let Some(minor) = step.minor.as_ref().filter(|_| counted > 0) {
            self.line(4, &others(counted, &format!(" {}", sanitize(&minor.what))));
        }
    }

    fn order(&mut self, step: &Step) {
        let names = |edges: &[(Key, Phase)]| {
            let names: Vec<String> = edges
                .iter()
                .map(|(key, phase)| match phase {
                    Phase::Exists => sanitize(&key.short()).into_owned(),
                    Phase::Ready => format!("{} is ready", sanitize(&key.short())),
                })
                .collect();
            names.join(", ")
        };
        if !step.after.is_empty() {
            self.line(4, &format!("after {}", names(&step.after)));
        }
        if !step.ready_after.is_empty() {
            self.line(4, &format!("ready after {}", names(&step.ready_after)));
        }
    }

    fn notes(&mut self, plan: &Plan) {
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

    fn kept(&mut self, plan: &Plan) {
        if plan.kept.is_empty() {
            return;
        }
        self.gap();
        self.line(
            0,
            "Data that is kept (--delete-data NAME or --delete-data all deletes it):",
        );
        for kept in &plan.kept {
            let holder = sanitize(&kept.key.short()).into_owned();
            for item in &kept.items {
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
                &format!("{} = {}{}", sanitize(name), value_text(value), remark(value)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn what_changes_is_shown_before_what_is_new() {
        let change = |name: &str, before: Option<&str>, after: Option<&str>| FieldChange {
            path: FieldPath::fields([name]),
            before: before.map(Value::from),
            after: after.map(Value::from),
            origin: None,
        };
        let changes = [
            change("a", None, Some("1")),
            change("b", None, Some("1")),
            change("image", Some("1"), Some("2")),
            change("z", Some("1"), None),
        ];
        let changes: Vec<&FieldChange> = changes.iter().collect();
        let shown = |limit| -> Vec<String> {
            let shown = first(&changes, limit).into_iter();
            shown.map(|change| change.path.to_string()).collect()
        };
        assert_eq!(shown(1), ["image"]);
        assert_eq!(shown(3), ["a", "image", "z"]);
        assert_eq!(shown(9), ["a", "b", "image", "z"]);
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
