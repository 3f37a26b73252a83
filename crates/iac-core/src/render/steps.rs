//! The steps of a plan for a terminal: what happens to each resource, why, and what changes in it.

use std::collections::HashMap;

use super::change::{brief, lines as change_lines};
use super::sanitize::sanitize;
use super::style::Styles;
use super::text::{Page, TextOptions};
use crate::plan::{Action, Fate, Order, Plan, Step};
use crate::provider::{Checked, Phase};
use crate::review::reason;
use crate::review::value::{in_brackets, path_text, remark, value_text};
use crate::review::words::{risk_name, short_name, symbol, weight, word};
use crate::review::yaml;
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, Value};

/// How many changed fields of one resource are shown unless everything is asked for.
const FIELDS: usize = 40;
/// How many lines they may take before texts of several lines are only counted.
const LINES: usize = 40;
/// How many lines of a new resource are shown unless everything is asked for.
const NEW_LINES: usize = 120;

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

/// What is said of one step, or of several with the very same changes.
pub(super) struct Block {
    /// What happens to which resources.
    pub(super) heads: Vec<String>,
    /// Why, and what changes in them.
    pub(super) body: String,
    /// How soon it is to be seen: by the worst of its risks.
    pub(super) weight: usize,
}

impl Page {
    /// All steps.
    pub(super) fn steps(&mut self, plan: &Plan) {
        for block in self.blocks(plan) {
            block.heads.iter().for_each(|head| self.line(0, head));
            self.out.push_str(&block.body);
        }
    }

    /// All steps. Resources in which the very same changes follow one another, with what changes in them once: a new label
    /// on a hundred objects is one piece of news.
    pub(super) fn blocks(&self, plan: &Plan) -> Vec<Block> {
        let verbose = self.options.verbose;
        let mut blocks: Vec<Block> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for step in &plan.steps {
            if !verbose && step.action == Action::Same {
                continue;
            }
            let (head, body) = (self.head(plan, step), self.body(plan, step));
            let shares = !verbose && step.action == Action::Update && !step.changes.is_empty();
            let place = places.get(&body).filter(|_| shares).copied();
            match place {
                Some(place) => blocks[place].heads.push(head),
                None => {
                    if shares {
                        places.insert(body.clone(), blocks.len());
                    }
                    let worst = step.risks.iter().map(|risk| weight(risk.kind)).min();
                    blocks.push(Block {
                        heads: vec![head],
                        body,
                        weight: worst.unwrap_or(usize::MAX),
                    });
                }
            }
        }
        blocks
    }

    /// What happens to which resource.
    fn head(&self, plan: &Plan, step: &Step) -> String {
        let styles = self.options.styles;
        let style = styles.action(step.action);
        let sign = Styles::paint(style, symbol(step));
        let name = Styles::paint(styles.strong, short_name(&step.key, &step.identity));
        let action = Styles::paint(style, word(plan.mode, step.action));
        let source = step.source.as_ref().map_or_else(String::new, |source| {
            let source = format!("  {source}");
            Styles::paint(styles.dim, sanitize(&source))
        });
        format!("{sign} {name}: {action}{source}")
    }

    /// Why, and what changes in it.
    fn body(&self, plan: &Plan, step: &Step) -> String {
        let mut page = Self {
            out: String::new(),
            options: self.options,
        };
        page.write_body(plan, step);
        page.out
    }

    fn write_body(&mut self, plan: &Plan, step: &Step) {
        let styles = self.options.styles;
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
        for effect in step.effects.iter().filter(|effect| effect.risk().is_none()) {
            self.line(4, &format!("{}: {}", effect.label(), sanitize(&effect.text())));
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
        let TextOptions { verbose, brief, styles } = self.options;
        let makes = matches!(step.action, Action::Create | Action::Replace | Action::Adopt);
        let Some(inputs) = step.inputs.as_ref().filter(|_| makes) else {
            return self.changed_fields(step);
        };
        if step.action == Action::Create && !brief {
            // All of it is new, so all of it is to be reviewed.
            return self.new_fields(inputs);
        }
        self.changed_fields(step);
        if !step.changes.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        inputs.walk(&mut |trail, leaf| {
            if verbose || !leaf.is_known() {
                let sign = Styles::paint(styles.added, '+');
                lines.push(format!(
                    "{sign} {}: {}{}",
                    path_text(&trail.path()),
                    value_text(leaf),
                    in_brackets(remark(leaf).as_deref())
                ));
            }
        });
        lines.iter().for_each(|line| self.line(4, line));
    }

    /// All of a new resource; of a very long one, such as a definition with its schemas, the beginning.
    fn new_fields(&mut self, inputs: &Value) {
        let TextOptions { verbose, styles, .. } = self.options;
        let lines = yaml::lines(inputs);
        let most = if verbose || lines.len() <= NEW_LINES {
            lines.len()
        } else {
            NEW_LINES
        };
        let sign = Styles::paint(styles.added, '+');
        for line in &lines[..most] {
            self.line(4, &format!("{sign} {line}"));
        }
        if most < lines.len() {
            let more = grouped(lines.len() - most);
            self.line(4, &format!("… {more} more lines (--verbose shows them)"));
        }
    }

    fn changed_fields(&mut self, step: &Step) {
        let TextOptions { verbose, styles, .. } = self.options;
        let is_shown =
            |path: &FieldPath| verbose || step.minor.as_ref().is_none_or(|minor| !minor.paths.contains(path));
        let shown: Vec<&FieldChange> = step.changes.iter().filter(|change| is_shown(&change.path)).collect();
        let limit = if verbose { shown.len() } else { FIELDS };
        let mut left = LINES;
        for change in first(&shown, limit) {
            let mut lines = change_lines(change, &styles, verbose);
            if !verbose && lines.len() > 1 && lines.len() > left {
                lines = brief(change, &styles);
            }
            left = left.saturating_sub(lines.len());
            lines.iter().for_each(|line| self.line(4, line));
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
