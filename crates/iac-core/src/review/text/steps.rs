//! The steps of a plan for a terminal: what happens to each resource, why, and what changes in it.

use super::field::DIFF_LINES;
use super::fold::folded;
use super::page::Page;
use super::{TextOptions, heading};
use crate::render::Styles;
use crate::review::model::{ChangeView, Edge, FieldSign, FieldView, Group, Show, StepView, View};
use crate::review::words::weight;

/// The number of changed fields of one resource that are shown unless everything is asked for.
const FIELDS: usize = 40;
/// The number of lines that they may take before texts of several lines are only counted.
const LINES: usize = 40;
/// The number of lines of a new resource that are shown unless everything is asked for.
const NEW_LINES: usize = 120;

/// The number of lines that texts of several lines may take in the whole plan before they are only counted.
pub(super) const TEXTS: usize = 80;

/// The news of one step, or of several with the very same changes.
pub(in crate::review) struct Block {
    /// The actions and the resources.
    pub(in crate::review) heads: Vec<String>,
    /// The sign and the word of the action.
    pub(super) action: (String, String),
    /// The names of the resources.
    pub(super) names: Vec<String>,
    /// The causes, and what changes.
    pub(in crate::review) body: String,
    /// The rank of its worst risk: a block with a lower one is shown earlier.
    pub(in crate::review) weight: usize,
}

impl Page {
    /// All steps, group by group.
    pub(super) fn steps(&mut self, view: &View) {
        for group in &view.groups {
            if let Some(heading) = heading(group.kind, &group.component) {
                self.gap();
                self.line(0, &Styles::paint(self.options.styles.strong, heading));
            }
            for block in self.blocks(group) {
                self.heads(&block);
                self.out.push_str(&block.body);
            }
        }
    }

    /// The steps of a group; those that say the very same are one block.
    pub(in crate::review) fn blocks(&mut self, group: &Group) -> Vec<Block> {
        let mut blocks: Vec<(usize, Block)> = Vec::new();
        for step in &group.steps {
            let first = step.same_as.filter(|_| !self.options.verbose);
            let place = first.and_then(|first| blocks.binary_search_by_key(&first, |(id, _)| *id).ok());
            match place {
                Some(place) => {
                    blocks[place].1.heads.push(self.head(step));
                    blocks[place].1.names.push(step.name.clone());
                }
                None => blocks.push((step.id, self.block(step))),
            }
        }
        blocks.into_iter().map(|(_, block)| block).collect()
    }

    fn block(&mut self, step: &StepView) -> Block {
        let mut page = Self::new(self.options);
        page.texts = self.texts;
        page.body(step);
        self.texts = page.texts;
        let style = self.options.styles.action(step.action);
        Block {
            heads: vec![self.head(step)],
            action: (Styles::paint(style, &step.sign), Styles::paint(style, &step.word)),
            names: vec![step.name.clone()],
            body: page.out,
            weight: step
                .risks
                .iter()
                .map(|risk| weight(risk.kind))
                .min()
                .unwrap_or(usize::MAX),
        }
    }

    /// Returns the head of a step as a line: its resource and its action.
    pub(in crate::review) fn head(&self, step: &StepView) -> String {
        let styles = self.options.styles;
        let style = styles.action(step.action);
        let mut page = Self::new(self.options);
        page.line(
            0,
            &format!(
                "{} {}: {}{}",
                Styles::paint(style, &step.sign),
                Styles::paint(styles.strong, self.short(&step.name)),
                Styles::paint(style, &step.word),
                self.source(step.source.as_deref())
            ),
        );
        page.out
    }

    /// Why, and what changes in it.
    pub(in crate::review) fn body(&mut self, step: &StepView) {
        let styles = self.options.styles;
        if self.options.verbose {
            self.line(4, &Styles::paint(styles.dim, &step.urn));
        }
        for reason in &step.reasons {
            self.line(4, &format!("because {}", self.short(reason)));
        }
        for risk in &step.risks {
            let label = Styles::paint(styles.risk(risk.kind), &risk.label);
            self.line(4, &format!("! {label}: {}", self.short(&risk.message)));
        }
        for effect in &step.effects {
            self.line(4, &format!("{}: {}", effect.label, self.short(&effect.text)));
        }
        for line in &step.order {
            self.line(4, &self.short(line));
        }
        self.fields(step);
        if let Some(why) = &step.not_checked {
            self.line(4, &format!("not checked by the server: {}", self.short(why)));
        }
        for note in &step.notes {
            self.line(4, &format!("note: {}", self.short(note)));
        }
        if self.options.verbose {
            self.edges("after", &step.after);
            self.edges("ready after", &step.ready_after);
        }
    }

    fn fields(&mut self, step: &StepView) {
        let TextOptions { verbose, brief, .. } = self.options;
        match &step.new {
            // All of it is new, so all of it is to be reviewed.
            Some(lines) if verbose || !brief => self.new_fields(lines),
            _ => self.changed_fields(step),
        }
    }

    /// All of a new resource; of a very long one, such as a definition with its schemas, the beginning.
    fn new_fields(&mut self, lines: &[String]) {
        let TextOptions { verbose, styles, .. } = self.options;
        let sign = Styles::paint(styles.added, '+');
        let lines = match verbose {
            true => lines.to_vec(),
            false => folded(lines),
        };
        let most = match verbose || lines.len() <= NEW_LINES {
            true => lines.len(),
            false => NEW_LINES,
        };
        for line in &lines[..most] {
            let inner = line.len() - line.trim_start().len();
            self.hanging(4, 4 + inner, &format!("{sign} {}", self.short(line)));
        }
        if most < lines.len() {
            let more = grouped(lines.len() - most);
            self.line(4, &format!("… {more} more lines (--verbose shows them)"));
        }
    }

    fn changed_fields(&mut self, step: &StepView) {
        let verbose = self.options.verbose;
        let shown: Vec<&FieldView> = step
            .fields
            .iter()
            .filter(|field| verbose || field.show == Show::Always)
            .collect();
        let limit = if verbose { shown.len() } else { FIELDS };
        let mut left = LINES.min(self.texts);
        let before = left;
        for field in first(&shown, limit) {
            let lines = match &field.change {
                ChangeView::Lines { lines, .. } => lines.len() + 1,
                _ => 1,
            };
            let most = match verbose {
                true => usize::MAX,
                false if lines > 1 && lines > left => 0,
                false => DIFF_LINES,
            };
            let source = match verbose {
                true => field.source.as_deref(),
                false => step.place(field),
            };
            self.limited_field("", field, source, most);
            // A field on one line is no text.
            left = left.saturating_sub(if lines > most || lines == 1 { 0 } else { lines });
        }
        self.texts -= before - left;
        let others = |count: usize, what: &str| {
            let noun = if count == 1 { "change" } else { "changes" };
            format!("… {} other {noun}{what} (--verbose shows them)", grouped(count))
        };
        if shown.len() > limit {
            self.line(4, &others(shown.len() - limit, ""));
        }
        let counted = step.fields.iter().filter(|field| field.show == Show::Counted).count();
        if let Some(what) = step.counted.as_ref().filter(|_| counted > 0 && !verbose) {
            self.line(4, &others(counted, &format!(" {what}")));
        }
    }

    fn edges(&mut self, label: &str, edges: &[Edge]) {
        if edges.is_empty() {
            return;
        }
        let names: Vec<String> = edges
            .iter()
            .map(|edge| match edge.ready {
                true => format!("{} is ready", edge.name),
                false => edge.name.clone(),
            })
            .collect();
        self.line(4, &format!("{label} {}", names.join(", ")));
    }
}

/// The changes that are shown where there are more than a reader is to see: those of what is there come before what is new.
/// They keep their order.
fn first<'a>(fields: &[&'a FieldView], limit: usize) -> Vec<&'a FieldView> {
    let rank = |field: &FieldView| match field.sign {
        FieldSign::Changed => 0,
        FieldSign::Removed => 1,
        FieldSign::Added => 2,
    };
    let mut places: Vec<usize> = (0..fields.len()).collect();
    places.sort_by_key(|place| rank(fields[*place]));
    places.truncate(limit);
    places.sort_unstable();
    places.into_iter().map(|place| fields[place]).collect()
}

/// A number with its thousands apart: `1,234`.
pub(super) fn grouped(number: usize) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::field::field;
    use crate::value::diff::FieldChange;
    use crate::value::{FieldPath, Value};

    #[test]
    fn what_changes_is_shown_before_what_is_new() {
        let change = |name: &str, before: Option<&str>, after: Option<&str>| {
            field(&FieldChange {
                path: FieldPath::fields([name]),
                before: before.map(Value::from),
                after: after.map(Value::from),
                origin: None,
            })
        };
        let fields = [
            change("a", None, Some("1")),
            change("b", None, Some("1")),
            change("image", Some("1"), Some("2")),
            change("z", Some("1"), None),
        ];
        let fields: Vec<&FieldView> = fields.iter().collect();
        let shown = |limit| -> Vec<String> {
            first(&fields, limit)
                .into_iter()
                .map(|field| field.path.clone())
                .collect()
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
