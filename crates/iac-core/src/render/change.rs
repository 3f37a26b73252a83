//! One changed field: a line, or a line diff where the text has several.

use similar::{ChangeTag, TextDiff};

use super::sanitize::sanitize;
use super::style::Styles;
use crate::review::value::{SECRET, in_brackets, path_text, quoted, remark, value_text};
use crate::review::yaml;
use crate::value::Value;
use crate::value::diff::FieldChange;

/// How many lines a text's diff may have to be shown although not everything is asked for.
const DIFF_LINES: usize = 40;
/// How many unchanged lines stand around a changed one.
const CONTEXT_LINES: usize = 2;

/// The lines for a change, without indentation.
pub(super) fn lines(change: &FieldChange, styles: &Styles, verbose: bool) -> Vec<String> {
    let most = if verbose { usize::MAX } else { DIFF_LINES };
    limited(change, styles, most)
}

/// A change in one line: how many lines of a text go and come.
pub(super) fn brief(change: &FieldChange, styles: &Styles) -> Vec<String> {
    limited(change, styles, 0)
}

fn limited(change: &FieldChange, styles: &Styles, most: usize) -> Vec<String> {
    let origin = origin(change.origin.as_deref());
    let path = path_text(&change.path);
    match (&change.before, &change.after) {
        (None, Some(new)) => added(new, &path, &origin, styles, most),
        // Of what is taken over nothing was recorded.
        (Some(Value::Null), Some(new)) if yaml::is_block(new) => added(new, &path, &origin, styles, most),
        (Some(old), Some(new)) if texts(old, new).is_some() => {
            let (old, new) = texts(old, new).unwrap_or_default();
            let sign = Styles::paint(styles.changed, '~');
            block(&format!("{sign} {path}"), &origin, text_diff(old, new, styles), most)
        }
        (Some(old), Some(new)) if (yaml::is_block(old) || yaml::is_block(new)) && !new.has_secret() => {
            let text = |value: &Value| yaml::lines(value).join("\n") + "\n";
            let sign = Styles::paint(styles.changed, '~');
            block(
                &format!("{sign} {path}"),
                &origin,
                text_diff(&text(old), &text(new), styles),
                most,
            )
        }
        (Some(old), Some(new)) => {
            let text = match (old, new) {
                (Value::Secret(old), Value::Secret(new)) if old.shown().is_some() && old.shown() == new.shown() => {
                    format!("{} (secret, changed)", quoted(new.shown().unwrap_or_default()))
                }
                (Value::Secret(_), Value::Secret(new)) if new.shown().is_some() => {
                    format!("{} -> {}", value_text(old), value_text(&Value::Secret(new.clone())))
                }
                // A value that is secret now is not shown as it was before it became one.
                (_, Value::Secret(new)) => new.shown().map_or_else(
                    || "(secret, changed)".to_owned(),
                    |shown| format!("{SECRET} -> {}", quoted(shown)),
                ),
                (Value::String(_), new) if new.has_secret() => {
                    format!("{SECRET} -> {}{}", value_text(new), in_brackets(remark(new).as_deref()))
                }
                (old, new) => format!(
                    "{} -> {}{}",
                    value_text(old),
                    value_text(new),
                    in_brackets(remark(new).as_deref())
                ),
            };
            vec![format!("{} {path}: {text}{origin}", Styles::paint(styles.changed, '~'))]
        }
        (Some(old), None) => {
            let sign = Styles::paint(styles.removed, '-');
            if yaml::is_block(old) {
                return block(
                    &format!("{sign} {path}"),
                    &origin,
                    one_sided(old, styles.removed, '-'),
                    most,
                );
            }
            vec![format!("{sign} {path}: {}{origin}", value_text(old))]
        }
        // It exists on neither side that may be shown: only its name is known.
        (None, None) => vec![format!(
            "{} {path}: {SECRET}{origin}",
            Styles::paint(styles.changed, '~')
        )],
    }
}

/// What there was not before.
fn added(new: &Value, path: &str, origin: &str, styles: &Styles, most: usize) -> Vec<String> {
    let sign = Styles::paint(styles.added, '+');
    if yaml::is_block(new) {
        return block(
            &format!("{sign} {path}"),
            origin,
            one_sided(new, styles.added, '+'),
            most,
        );
    }
    vec![format!(
        "{sign} {path}: {}{}{origin}",
        value_text(new),
        in_brackets(remark(new).as_deref())
    )]
}

/// A change of several lines, or how many there are where that is more than is to be shown.
fn block(head: &str, origin: &str, diff: LineDiff, most: usize) -> Vec<String> {
    if diff.lines.len() <= most {
        return [format!("{head}:{origin}")].into_iter().chain(diff.lines).collect();
    }
    // The beginning of a long one tells little.
    vec![format!("{head}: {} (--verbose shows them){origin}", diff.counts())]
}

/// A value that comes or goes as a whole.
fn one_sided(value: &Value, style: anstyle::Style, sign: char) -> LineDiff {
    let lines = yaml::lines(value);
    let count = lines.len();
    let (added, removed) = if sign == '+' { (count, 0) } else { (0, count) };
    let lines = lines
        .into_iter()
        .map(|line| Styles::paint(style, format_args!("    {sign} {line}")));
    LineDiff {
        lines: lines.collect(),
        removed,
        added,
    }
}

/// What may be seen of two texts, if either has several lines and they differ in what may be seen.
fn texts<'a>(old: &'a Value, new: &'a Value) -> Option<(&'a str, &'a str)> {
    let text = |value: &'a Value| match value {
        Value::String(text) => Some(text.as_str()),
        Value::Secret(secret) => secret.shown(),
        _ => None,
    };
    // A text that became secret only now is not shown as it was.
    if matches!((old, new), (Value::String(_), Value::Secret(_))) {
        return None;
    }
    let (old, new) = (text(old)?, text(new)?);
    ((old.contains('\n') || new.contains('\n')) && old != new).then_some((old, new))
}

fn origin(origin: Option<&str>) -> String {
    origin.map_or_else(String::new, |origin| format!(" (from {})", sanitize(origin)))
}

/// What of a text's lines changed.
struct LineDiff {
    /// The changed lines with some unchanged ones around them.
    lines: Vec<String>,
    removed: usize,
    added: usize,
}

impl LineDiff {
    fn counts(&self) -> String {
        let lines = |count: usize| format!("{count} {}", if count == 1 { "line" } else { "lines" });
        match (self.removed, self.added) {
            (removed, 0) => format!("{} removed", lines(removed)),
            (0, added) => format!("{} added", lines(added)),
            (removed, added) => format!("{} removed, {} added", lines(removed), lines(added)),
        }
    }
}

fn text_diff(old: &str, new: &str, styles: &Styles) -> LineDiff {
    let diff = TextDiff::from_lines(old, new);
    let mut found = LineDiff {
        lines: Vec::new(),
        removed: 0,
        added: 0,
    };
    for (position, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if position > 0 {
            found.lines.push("    …".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = change.value().trim_end_matches(['\n', '\r']);
            let text = sanitize(text);
            found.lines.push(match change.tag() {
                ChangeTag::Delete => {
                    found.removed += 1;
                    Styles::paint(styles.removed, format_args!("    - {text}"))
                }
                ChangeTag::Insert => {
                    found.added += 1;
                    Styles::paint(styles.added, format_args!("    + {text}"))
                }
                ChangeTag::Equal => format!("      {text}").trim_end().to_owned(),
            });
        }
    }
    found
}
