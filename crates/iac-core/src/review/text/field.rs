//! One changed field as text: a line, or the lines that differ.

use super::page::Page;
use crate::render::Styles;
use crate::review::model::{ChangeView, FieldSign, FieldView, Piece, Tag};
use crate::review::value::{SECRET, in_brackets};

/// The number of lines that a text's diff may have to be shown although not everything is asked for.
pub(super) const DIFF_LINES: usize = 40;

/// The length of text that stays as it is, beyond which a line shows only its ends.
const SAME: usize = 120;

impl Page {
    /// Appends a field, with some words before it.
    pub(in crate::review) fn field(&mut self, before: &str, field: &FieldView) {
        let most = if self.options.verbose { usize::MAX } else { DIFF_LINES };
        self.limited_field(before, field, field.source.as_deref(), most);
    }

    /// As [`field`](Self::field), with the place to name; of a change of more than `most` lines only how many there are.
    pub(super) fn limited_field(&mut self, before: &str, field: &FieldView, source: Option<&str>, most: usize) {
        let styles = self.options.styles;
        let (sign, style) = match field.sign {
            FieldSign::Added => ('+', styles.added),
            FieldSign::Changed => ('~', styles.changed),
            FieldSign::Removed => ('-', styles.removed),
        };
        let head = format!("{before}{} {}", Styles::paint(style, sign), self.short(&field.path));
        let origin = field
            .origin
            .as_ref()
            .map_or_else(String::new, |origin| format!(" (from {})", self.short(origin)));
        let source = source.map_or_else(String::new, |source| {
            format!(" {}", Styles::paint(styles.dim, format_args!("({source})")))
        });
        let after = format!("{origin}{source}");
        match &field.change {
            ChangeView::Lines { lines, .. } if lines.len() <= most => {
                self.line(4, &format!("{head}:{after}"));
                lines.iter().for_each(|line| self.diff_line(line));
            }
            ChangeView::Lines { added, removed, .. } => {
                // The beginning of a long one tells little.
                let counts = counted(*added, *removed);
                self.line(4, &format!("{head}: {counts} (--verbose shows them){after}"));
            }
            change => {
                let text = self.on_a_line(change);
                self.line(4, &format!("{head}: {text}{after}"));
            }
        }
    }

    fn diff_line(&mut self, line: &Piece) {
        let styles = self.options.styles;
        // A line that continues another stands below its text, not below its sign.
        let hanging = 4 + line.text.len() - line.text.trim_start().len();
        let text = self.short(&line.text);
        match line.tag {
            Tag::Added => self.hanging(8, hanging, &Styles::paint(styles.added, format_args!("+ {text}"))),
            Tag::Removed => self.hanging(8, hanging, &Styles::paint(styles.removed, format_args!("- {text}"))),
            Tag::Same if text.trim().is_empty() => self.line(0, ""),
            Tag::Same => self.hanging(8, hanging, &format!("  {}", text.trim_end())),
            Tag::Gap if line.text.is_empty() => self.line(8, "…"),
            Tag::Gap => self.line(8, &format!("… {}", line.text)),
        }
    }

    fn on_a_line(&self, change: &ChangeView) -> String {
        let ChangeView::Line {
            before,
            after,
            remark,
            words,
        } = change
        else {
            return match change {
                ChangeView::Secret { shown: Some(shown) } => format!("{shown} (secret, changed)"),
                ChangeView::Secret { shown: None } => "(secret, changed)".to_owned(),
                _ => SECRET.to_owned(),
            };
        };
        let remark = in_brackets(remark.as_deref());
        match (before, after, words) {
            (_, _, Some(words)) => format!("{}{remark}", self.words(words)),
            (Some(before), Some(after), None) => format!("{} -> {}{remark}", self.short(before), self.short(after)),
            (Some(value), None, None) | (None, Some(value), None) => format!("{}{remark}", self.short(value)),
            (None, None, None) => String::new(),
        }
    }

    /// Two texts in one: `the [-old-]{+new+} text`.
    fn words(&self, words: &[Piece]) -> String {
        let styles = self.options.styles;
        let piece = |piece: &Piece| match piece.tag {
            Tag::Removed => Styles::paint(styles.removed, format_args!("[-{}-]", self.short(&piece.text))),
            Tag::Added => Styles::paint(styles.added, format_args!("{{+{}+}}", self.short(&piece.text))),
            Tag::Same | Tag::Gap => self.ends(&piece.text),
        };
        words.iter().map(piece).collect()
    }

    /// A text that stays, without its middle where it is long.
    fn ends(&self, text: &str) -> String {
        let length = text.chars().count();
        if self.options.verbose || length <= SAME {
            return text.to_owned();
        }
        let start: String = text.chars().take(SAME / 2).collect();
        let end: String = text.chars().skip(length - SAME / 2).collect();
        format!("{start} … {end}")
    }
}

/// The number of lines that come and go.
fn counted(added: usize, removed: usize) -> String {
    let lines = |count: usize| format!("{count} {}", if count == 1 { "line" } else { "lines" });
    match (removed, added) {
        (removed, 0) => format!("{} removed", lines(removed)),
        (0, added) => format!("{} added", lines(added)),
        (removed, added) => format!("{} removed, {} added", lines(removed), lines(added)),
    }
}
