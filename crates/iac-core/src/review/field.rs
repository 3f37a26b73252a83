//! One changed field: two values on a line, or the lines that differ.

use similar::{ChangeTag, TextDiff};

use super::inline;
use super::model::{ChangeView, FieldSign, FieldView, Piece, Show, Tag};
use super::value::{SECRET, path_text, quoted, remark, value_text};
use super::yaml;
use crate::declare::SourceLine;
use crate::plan::{Action, Step};
use crate::render::sanitize;
use crate::value::Value;
use crate::value::diff::FieldChange;

/// The number of unchanged lines around a changed one.
const CONTEXT_LINES: usize = 2;

/// Beyond so many lines that may differ, all of them are taken as replaced.
const MOST_LINES: usize = 8_000;

/// The fields of a step that change; those that are set where an object is made and no change is known.
pub(super) fn fields(step: &Step) -> Vec<FieldView> {
    let is_minor = |change: &FieldChange| {
        let minor = step.minor.as_ref();
        minor.is_some_and(|minor| minor.paths.contains(&change.path))
    };
    let changed = step.changes.iter().map(|change| FieldView {
        show: if is_minor(change) { Show::Counted } else { Show::Always },
        ..placed(step, change)
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
            source: None,
            show: if is_known { Show::Verbose } else { Show::Always },
            change: on_a_line(None, Some(leaf)),
        });
    });
    found
}

/// A field that a step changes, with the place of its new value.
pub(super) fn placed(step: &Step, change: &FieldChange) -> FieldView {
    // Of a list, what goes and what comes may have the same position.
    let line = step.lines.get(&change.path).filter(|_| change.after.is_some());
    let is_file = |line: &SourceLine| step.source.as_ref().is_some_and(|source| source.file == line.file);
    let text = |line: &SourceLine| match is_file(line) {
        true => format!("line {}", line.line),
        false => sanitize(&format!("{}:{}", line.file, line.line)).into_owned(),
    };
    FieldView {
        source: line.map(text),
        ..field(change)
    }
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
        source: None,
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
    let (before, after) = (old.map(value_text), new.map(value_text));
    let words = match (&before, &after) {
        (Some(before), Some(after)) => inline::words(before, after),
        _ => None,
    };
    ChangeView::Line {
        before,
        after,
        remark: new.and_then(remark),
        words,
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

/// Returns the visible parts of two texts, if either has several lines and the parts differ.
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
    if let Some((start, end)) = too_much(old, new) {
        return replaced_lines(old, new, start, end);
    }
    let diff = TextDiff::from_lines(old, new);
    let (mut places, mut added, mut removed) = (Vec::new(), 0, 0);
    for group in diff.grouped_ops(CONTEXT_LINES) {
        let mut lines = Vec::new();
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let tag = match change.tag() {
                ChangeTag::Delete => Tag::Removed,
                ChangeTag::Insert => Tag::Added,
                ChangeTag::Equal => Tag::Same,
            };
            added += usize::from(tag == Tag::Added);
            removed += usize::from(tag == Tag::Removed);
            lines.push(line(tag, change.value()));
        }
        places.push(lines);
    }
    let lines = each_once(places);
    ChangeView::Lines { lines, added, removed }
}

/// The changed places of a text with gaps between them. What changes in the very same way at several places is told once.
fn each_once(places: Vec<Vec<Piece>>) -> Vec<Piece> {
    let mut distinct: Vec<(Vec<Piece>, usize)> = Vec::new();
    for place in places {
        match distinct.iter_mut().find(|(first, _)| *first == place) {
            Some((_, again)) => *again += 1,
            None => distinct.push((place, 0)),
        }
    }
    let last = distinct.len().saturating_sub(1);
    let mut lines = Vec::new();
    for (position, (place, again)) in distinct.into_iter().enumerate() {
        lines.extend(place);
        let text = match again {
            0 if position == last => continue,
            0 => String::new(),
            1 => "the same change at 1 more place".to_owned(),
            again => format!("the same change at {again} more places"),
        };
        lines.push(Piece { tag: Tag::Gap, text });
    }
    lines
}

fn line(tag: Tag, text: &str) -> Piece {
    Piece {
        tag,
        text: sanitize(text.trim_end_matches(['\n', '\r'])).into_owned(),
    }
}

/// The lines in which two texts begin and end alike, if those between are too many to find the way from one to the other.
fn too_much(old: &str, new: &str) -> Option<(usize, usize)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = rest.take_while(|(a, b)| a == b).count();
    (old.len() + new.len() - 2 * (start + end) > MOST_LINES).then_some((start, end))
}

/// All lines between the first and the last ones, as replaced.
fn replaced_lines(old: &str, new: &str, start: usize, end: usize) -> ChangeView {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    let before = old[start.saturating_sub(CONTEXT_LINES)..start]
        .iter()
        .map(|text| line(Tag::Same, text));
    let removed = old[start..old_end].iter().map(|text| line(Tag::Removed, text));
    let added = new[start..new_end].iter().map(|text| line(Tag::Added, text));
    let after = old[old_end..]
        .iter()
        .take(CONTEXT_LINES)
        .map(|text| line(Tag::Same, text));
    ChangeView::Lines {
        lines: before.chain(removed).chain(added).chain(after).collect(),
        added: new_end - start,
        removed: old_end - start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_texts_that_differ_in_very_many_lines_all_are_replaced() {
        let text = |middle: &str| format!("{}{}{}", "a\n".repeat(5), middle.repeat(5_000), "z\n".repeat(5));
        let ChangeView::Lines { lines, added, removed } = line_diff(&text("old\n"), &text("new\n")) else {
            unreachable!("several lines")
        };
        assert_eq!((added, removed, lines.len()), (5_000, 5_000, 10_004));
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            (&texts[..3], &texts[10_001..]),
            (&["a", "a", "old"][..], &["new", "z", "z"][..])
        );
    }

    #[test]
    fn the_same_change_at_several_places_is_told_once() {
        let text = |one: &str, other: &str| {
            let place = |middle: &str| format!("a\nb\n{middle}\nc\nd\n{}", "-\n".repeat(9));
            [place(one), place(one), place(other), place(one)].concat()
        };
        let ChangeView::Lines { lines, added, removed } = line_diff(&text("old", "was"), &text("new", "is")) else {
            unreachable!("several lines")
        };
        let told: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let expected = [
            &["a", "b", "old", "new", "c", "d", "the same change at 2 more places"][..],
            &["a", "b", "was", "is", "c", "d"],
        ];
        assert_eq!((told, added, removed), (expected.concat(), 4, 4));
    }
}
