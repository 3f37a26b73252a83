//! The fields that a step changes: two values on a line, or a diff whose sides stand beside one another where there is room.

use maud::{Markup, html};

use super::parts::text;
use crate::review::model::{ChangeView, FieldSign, FieldView, Piece, Show, StepView, Tag};

/// The number of lines that a diff may have to be open.
const DIFF_LINES: usize = 200;
/// The number of bytes that a line may have to stand on both sides.
const OTHER: usize = 500;

/// The changed fields; those that matter to few are folded.
pub(super) fn fields(step: &StepView) -> Markup {
    let (shown, folded): (Vec<&FieldView>, Vec<&FieldView>) =
        step.fields.iter().partition(|field| field.show == Show::Always);
    let what = step.counted.as_deref().unwrap_or_default();
    html! {
        @for one in shown { (field(one, step)) }
        @if !folded.is_empty() {
            details.folded {
                summary { (folded.len()) " more " @if folded.len() == 1 { "field" } @else { "fields" } @if !what.is_empty() { " " (what) } }
                @for one in folded { (field(one, step)) }
            }
        }
    }
}

/// All of a new resource.
pub(super) fn new(step: &StepView) -> Markup {
    html! {
        @if let Some(lines) = &step.new {
            pre.new tabindex="0" aria-label=(format!("All of {}", step.name)) {
                @for line in lines { (text(line)) "\n" }
            }
        }
    }
}

/// One changed field.
pub(super) fn field(field: &FieldView, step: &StepView) -> Markup {
    let source = step.place(field);
    let (class, sign) = match field.sign {
        FieldSign::Added => ("field added", "+"),
        FieldSign::Changed => ("field changed", "~"),
        FieldSign::Removed => ("field removed", "-"),
    };
    html! {
        div class=(class) {
            span.sign aria-hidden="true" { (sign) } " "
            code.path { (field.path) } ": "
            (value(&field.change))
            @if let Some(origin) = &field.origin { " " span.muted { "(from " (origin) ")" } }
            @if let Some(source) = source { " " span.muted { "(" (source) ")" } }
            @if let ChangeView::Lines { lines, .. } = &field.change { (diff(lines)) }
        }
    }
}

/// Returns the markup of a change behind the name of its field.
fn value(change: &ChangeView) -> Markup {
    match change {
        ChangeView::Line {
            before,
            after,
            remark,
            words,
        } => html! {
            @match words {
                Some(words) => (pieces(words)),
                None => {
                    @if let Some(before) = before { del { (text(before)) } }
                    @if before.is_some() && after.is_some() { " → " }
                    @if let Some(after) = after { ins { (text(after)) } }
                }
            }
            @if let Some(remark) = remark { " " span.muted { "(" (remark) ")" } }
        },
        ChangeView::Lines { added, removed, .. } => html! { span.muted { (counted(*added, *removed)) } },
        ChangeView::Secret { shown } => html! { @if let Some(shown) = shown { (text(shown)) " " } "(secret, changed)" },
        ChangeView::Hidden => html! { "(secret)" },
    }
}

fn counted(added: usize, removed: usize) -> String {
    let lines = |count: usize| format!("{count} {}", if count == 1 { "line" } else { "lines" });
    match (removed, added) {
        (removed, 0) => format!("{} removed", lines(removed)),
        (0, added) => format!("{} added", lines(added)),
        (removed, added) => format!("{} removed, {} added", lines(removed), lines(added)),
    }
}

/// Both texts in one.
fn pieces(pieces: &[Piece]) -> Markup {
    html! {
        @for piece in pieces {
            @match piece.tag {
                Tag::Added => ins { (piece.text) },
                Tag::Removed => del { (piece.text) },
                Tag::Same => (piece.text),
                Tag::Gap => "…",
            }
        }
    }
}

/// The lines that differ. Those that go and those that come at one place stand together, so that a style can put them
/// side by side.
fn diff(lines: &[Piece]) -> Markup {
    let is_change = |piece: &Piece| matches!(piece.tag, Tag::Added | Tag::Removed);
    let runs = lines.chunk_by(|one, other| is_change(one) && is_change(other));
    let one_sided =
        !(lines.iter().any(|line| line.tag == Tag::Added) && lines.iter().any(|line| line.tag == Tag::Removed));
    let body = html! {
        div class=(if one_sided { "diff" } else { "diff sides" }) {
            @for run in runs {
                @if run.first().is_some_and(is_change) {
                    div.run { @for piece in run { (line(piece)) } }
                } @else {
                    @for piece in run { (line(piece)) }
                }
            }
        }
    };
    html! {
        @if lines.len() > DIFF_LINES {
            details.folded { summary { (lines.len()) " lines" } (body) }
        } @else {
            (body)
        }
    }
}

fn line(piece: &Piece) -> Markup {
    match piece.tag {
        Tag::Added => html! { ins { "+ " (text(&piece.text)) } },
        Tag::Removed => html! { del { "- " (text(&piece.text)) } },
        Tag::Same => html! { div.same data-other=[other(piece)] { span { "  " (text(&piece.text)) } } },
        Tag::Gap => html! { div.gap { "… " (piece.text) } },
    }
}

/// Returns the copy of an unchanged line for the other side; none for a long line.
fn other(piece: &Piece) -> Option<String> {
    (piece.text.len() < OTHER).then(|| format!("  {}", piece.text))
}
