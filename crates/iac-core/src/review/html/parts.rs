//! Small parts that stand in many places of a page.

use maud::{Markup, html};

use crate::review::model::StepView;

/// The number of characters of a text that are shown before it is folded.
const LONG: usize = 1_000;
/// The number of characters of a folded text that are shown.
const BEGINNING: usize = 200;
/// The number of entries of a list that are shown before the rest is folded.
const ENTRIES: usize = 20;

/// A text; a long one is folded, and all of it is there. It must not stand in a `p`, which cannot hold what folds.
pub(super) fn text(text: &str) -> Markup {
    let count = match text.len() > LONG {
        true => text.chars().count(),
        false => 0,
    };
    if count <= LONG {
        return html! { (text) };
    }
    let beginning: String = text.chars().take(BEGINNING).collect();
    html! {
        details.long {
            summary { (beginning) "… " span.muted { "(" (count) " characters)" } }
            (text)
        }
    }
}

/// A list; of a long one the rest is folded.
pub(super) fn list(entries: &[Markup]) -> Markup {
    let (first, rest) = entries.split_at(entries.len().min(ENTRIES));
    html! {
        ul { @for entry in first { li { (entry) } } }
        @if !rest.is_empty() {
            details {
                summary { (rest.len()) " more" }
                ul { @for entry in rest { li { (entry) } } }
            }
        }
    }
}

/// A risk's sort.
pub(super) fn tag(label: &str) -> Markup {
    html! { span.tag { (label) } }
}

/// A link to a step, by its name.
pub(super) fn link(step: usize, name: &str) -> Markup {
    html! { a href=(format!("#s{step}")) { (name) } }
}

/// The line that declares something.
pub(super) fn source(source: Option<&String>) -> Markup {
    html! { @if let Some(source) = source { span.source { (source) } } }
}

/// A word as part of an attribute's list of words.
pub(super) fn slug(label: &str) -> String {
    label.replace(' ', "-")
}

/// The words of an attribute that lists a step's risks.
pub(super) fn risk_words(step: &StepView) -> String {
    let mut words: Vec<String> = step.risks.iter().map(|risk| slug(&risk.label)).collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}
