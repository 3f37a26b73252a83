//! The sections around the steps: the header, the summary, problems, notes and exports.

use maud::{Markup, html};

use super::frame;
use super::parts::{link, list, source, tag, text};
use crate::review::model::{Commits, Count, KeptView, StepView, View};
use crate::review::words::{OFFLINE, mode};

/// The stack, the purpose and the targets.
pub(super) fn header(view: &View) -> Markup {
    let title = html! { "Plan of stack " b { (view.stack) } " (" (mode(view.mode)) ")" };
    let more = html! {
        @if !view.targets.is_empty() {
            ul.targets aria-label="Targets" { @for target in &view.targets { li { (target) } } }
        }
        @if !view.observed {
            p.warning { b { "Offline" } ": " (OFFLINE) "." }
        }
        @if let Some(commits) = &view.commits { (since(commits)) }
    };
    frame::header(&title, &view.summary, &more)
}

fn since(commits: &Commits) -> Markup {
    html! {
        details.commits {
            summary { (commits.text()) }
            ul {
                @for commit in &commits.newest { li { code { (commit.id) } " " (commit.subject) " " span.muted { (commit.author) } } }
                @if commits.more > 0 { li { "and " (commits.more) " more" } }
            }
        }
    }
}

/// Returns the section with the problems of the plan.
pub(super) fn problems(view: &View) -> Markup {
    html! {
        @if !view.problems.is_empty() {
            section.problems aria-labelledby="problems-title" {
                h2 id="problems-title" { "This plan cannot be carried out as it is" }
                @for problem in &view.problems {
                    div.problem {
                        @for line in &problem.message { div { (text(line)) } }
                        @if let Some(urn) = &problem.urn { p.muted { code { (urn) } " " (source(problem.source.as_ref())) } }
                        @for line in &problem.hint { div.hint { (text(line)) } }
                    }
                }
            }
        }
    }
}

/// Counts, risks, interruptions and data.
pub(super) fn summary(view: &View) -> Markup {
    let risks: Vec<Markup> = view
        .risks
        .iter()
        .map(|risk| html! { (tag(&risk.label)) " " (link(risk.step, &risk.name)) ": " (text(&risk.message)) })
        .collect();
    // Changes come first.
    let (mut counts, others): (Vec<&Count>, Vec<&Count>) =
        view.counts.iter().partition(|count| count.action.is_change());
    counts.extend(others);
    let restarts = effects(view, &["restart", "scale"]);
    let data = effects(view, &["data"]);
    let (kept, left): (Vec<&KeptView>, Vec<&KeptView>) = view.kept.iter().partition(|kept| !kept.unmarked);
    html! {
        section.summary aria-labelledby="summary-title" {
            h2 id="summary-title" { "Summary" }
            ul.counts {
                @for count in counts {
                    li class=(count.action.name()) {
                        @if let Some(sign) = sign(view, count.action.name()) { span.sign aria-hidden="true" { (sign) } " " }
                        b { (count.count) } " " (count.word)
                    }
                }
            }
            @if risks.is_empty() {
                p { "No risk is known." }
            } @else {
                h3 { "Risks" } (list(&risks))
            }
            @if !restarts.is_empty() { h3 { "What restarts" } (list(&restarts)) }
            @if !data.is_empty() { h3 { "Data" } (list(&data)) }
            (kept_data("Data that is kept", "--delete-data NAME or --delete-data all deletes it", &kept))
            (kept_data("Left as it is, not known to be this stack's", "--delete-data NAME deletes it", &left))
        }
    }
}

/// The sign of an action, as the first step with it has it.
fn sign<'a>(view: &'a View, action: &str) -> Option<&'a str> {
    let step = view.steps().find(|step| step.action.name() == action)?;
    Some(step.sign.trim()).filter(|sign| !sign.is_empty())
}

/// The effects of these sorts, with links to their steps.
fn effects(view: &View, labels: &[&str]) -> Vec<Markup> {
    let of = |step: &StepView| -> Vec<Markup> {
        let effects = step
            .effects
            .iter()
            .filter(|effect| labels.contains(&effect.label.as_str()));
        effects
            .map(|effect| html! { (link(step.id, &step.name)) ": " (text(&effect.text)) })
            .collect()
    };
    view.steps().flat_map(of).collect()
}

fn kept_data(title: &str, how: &str, kept: &[&KeptView]) -> Markup {
    let entries: Vec<Markup> = kept
        .iter()
        .map(|kept| {
            html! {
                (kept.kind) " " b { (kept.name) }
                @if !kept.amount.is_empty() { ", " (kept.amount) }
                " " span.muted { "(of " (kept.holder) ")" }
            }
        })
        .collect();
    html! {
        @if !entries.is_empty() {
            h3 { (title) }
            p.muted { "(" (how) ")" }
            (list(&entries))
        }
    }
}

/// Notes about the plan as a whole.
pub(super) fn notes(view: &View) -> Markup {
    let notes: Vec<Markup> = view
        .notes
        .iter()
        .map(|note| {
            html! {
                @if let Some(name) = &note.name { b { (name) } ": " }
                (text(&note.message)) " " (source(note.source.as_ref()))
            }
        })
        .collect();
    html! {
        @if !notes.is_empty() {
            section.notes aria-labelledby="notes-title" { h2 id="notes-title" { "Notes" } (list(&notes)) }
        }
    }
}

/// Returns the section with the exports of the stack.
pub(super) fn exports(view: &View) -> Markup {
    html! {
        @if !view.exports.is_empty() {
            section.exports aria-labelledby="exports-title" {
                h2 id="exports-title" { "Exports" }
                dl {
                    @for export in &view.exports {
                        dt { (export.name) }
                        dd {
                            code { (text(&export.value)) }
                            @if let Some(remark) = &export.remark { " " span.muted { "(" (remark) ")" } }
                        }
                    }
                }
            }
        }
    }
}
