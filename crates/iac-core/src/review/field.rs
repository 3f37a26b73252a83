//! One changed field: two values on a line, or the lines that differ.

use similar::{ChangeTag, TextDiff};

use super::model::{ChangeView, FieldSign, FieldView, Piece, Show, Tag};
use super::value::{SECRET, path_text, quoted, remark, value_text};
use super::yaml;
use crate::plan::{Action, Step};
use crate::render::sanitize;
use crate::value::Value;
use crate::value::diff::FieldChange;

/// How many unchanged lines stand around a changed one.
const CONTEXT_LINES: usize = 2;

/// The fields of a step that change; those that are set where an object is made and no change is known.
pub(super) fn fields(step: &Step) -> Vec<FieldView> {
    let is_minor = |change: &FieldChange| {
        let minor = step.minor.as_ref();
        minor.is_some_and(|minor| minor.paths.contains(&change.path))
    };
    let changed = step.changes.iter().map(|change| FieldView {
        show: if is_minor(change) { Show::Counted } else { Show::Always },
        ..field(change)
    });
    let makes = matches!(step.action, Action::Create | Action::Replace | Action::Adopt);
    match &step.inputs {
        Some(inputs) if makes && step.changes.is_empty() => leaves(inputs, step.action == Action::Create),
        _ => changed.collect(),
    }
}

/// Every value of an object that is made. Those that are known are shown on demand, and not at all where `unknown` says so.
fn leaves(inputs: &Value, unknown: bool) -> Vec<FieldView> {
    let mut found = Vec::new();
    inputs.walk(&mut |trail, leaf| {
        let is_known = leaf.is_known();
        if is_known && unknown {
            return;
        }
        found.push(FieldView {
            path: path_text(&trail.path()),
            sign: FieldSign::Added,
            origin: None,
            show: if is_known { Show::Verbose } else { Show::Always },
            change: on_a_line(None, Some(leaf)),
        });
    });
    found
}

/// A changed field, to be shown always.
pub(super) fn field(change: &FieldChange) -> FieldView {
    let (sign, view) = match (&change.before, &change.after) {
        (None, Some(new)) => (FieldSign::Added, one_sided(new, Tag::Added)),
        // Of what is taken over nothing was recorded.
        (Some(Value::Null), Some(new)) if yaml::is_block(new) => (FieldSign::Added, one_sided(new, Tag::Added)),
        (Some(old), Some(new)) => (FieldSign::Changed, two_sided(old, new)),
        (Some(old), None) => (FieldSign::Removed, one_sided(old, Tag::Removed)),
        (None, None) => (FieldSign::Changed, ChangeView::Hidden),
    };
    FieldView {
        path: path_text(&change.path),
        sign,
        origin: change.origin.as_deref().map(|origin| sanitize(origin).into_owned()),
        show: Show::Always,
        change: view,
    }
}

/// True if a value holds secrets only now: then it is not shown as it was before.
pub(crate) fn became_secret(old: &Value, new: &Value) -> bool {
    new.has_secret() && !old.has_secret() && *old != Value::Null
}

fn two_sided(old: &Value, new: &Value) -> ChangeView {
    if let Some((old, new)) = texts(old, new) {
        return line_diff(old, new);
    }
    if (yaml::is_block(old) || yaml::is_block(new)) && !new.has_secret() {
        let text = |value: &Value| yaml::lines(value).join("\n") + "\n";
        return line_diff(&text(old), &text(new));
    }
    match (old, new) {
        (Value::Secret(old), Value::Secret(new)) if old.shown() == new.shown() => ChangeView::Secret {
            shown: new.shown().map(quoted),
        },
        (_, Value::Secret(new)) if new.shown().is_none() => ChangeView::Secret { shown: None },
        (old, new) if became_secret(old, new) => ChangeView::Line {
            before: Some(SECRET.to_owned()),
            after: Some(value_text(new)),
            remark: remark(new),
            words: None,
        },
        (old, new) => on_a_line(Some(old), Some(new)),
    }
}

fn on_a_line(old: Option<&Value>, new: Option<&Value>) -> ChangeView {
    ChangeView::Line {
        before: old.map(value_text),
        after: new.map(value_text),
        remark: new.and_then(remark),
        words: None,
    }
}

/// A value that comes or goes as a whole.
fn one_sided(value: &Value, tag: Tag) -> ChangeView {
    if !yaml::is_block(value) {
        return match tag {
            Tag::Removed => on_a_line(Some(value), None),
            _ => on_a_line(None, Some(value)),
        };
    }
    let lines: Vec<Piece> = yaml::lines(value).into_iter().map(|text| Piece { tag, text }).collect();
    let count = lines.len();
    let (added, removed) = if tag == Tag::Removed { (0, count) } else { (count, 0) };
    ChangeView::Lines { lines, added, removed }
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

/// The lines that differ, with some of the others around them.
fn line_diff(old: &str, new: &str) -> ChangeView {
    let diff = TextDiff::from_lines(old, new);
    let (mut lines, mut added, mut removed) = (Vec::new(), 0, 0);
    for (position, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if position > 0 {
            lines.push(Piece {
                tag: Tag::Gap,
                text: String::new(),
            });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let tag = match change.tag() {
                ChangeTag::Delete => Tag::Removed,
                ChangeTag::Insert => Tag::Added,
                ChangeTag::Equal => Tag::Same,
            };
            added += usize::from(tag == Tag::Added);
            removed += usize::from(tag == Tag::Removed);
            let text = change.value().trim_end_matches(['\n', '\r']);
            lines.push(Piece {
                tag,
                text: sanitize(text).into_owned(),
            });
        }
    }
    ChangeView::Lines { lines, added, removed }
}
