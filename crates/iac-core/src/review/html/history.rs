//! The history of a stack as a page: its completed runs, newest first.

use std::time::Duration;

use maud::{Markup, html};

use super::parts::{slug, tag};
use super::tools::{Choice, bar};
use super::{frame, shell};
use crate::duration::for_people;
use crate::render::sanitize;
use crate::state::{StepKind, Version};
use crate::urn::Key;

/// The completed runs of a stack, given oldest first, as a page of HTML.
pub fn history_html(stack: &str, versions: &[Version]) -> String {
    let title = format!("History of stack {}", sanitize(stack));
    let lead = match versions.len() {
        1 => "1 completed run".to_owned(),
        count => format!("{count} completed runs"),
    };
    let body = html! {
        (frame::header(&html! { "History of stack " b { (sanitize(stack)) } }, &lead, &html! {}))
        main {
            section.steps id="steps" aria-labelledby="steps-title" tabindex="-1" {
                h2 id="steps-title" { "Runs" }
                @if !versions.is_empty() { (bar(&choices(versions), None)) }
                div.group { @for version in versions.iter().rev() { (run(version)) } }
            }
        }
    };
    shell::document(&title, &body)
}

fn choices(versions: &[Version]) -> [Choice; 2] {
    let mut choices = [Choice::new("action", "Command"), Choice::new("tag", "Outcome")];
    for version in versions {
        let command = sanitize(&version.run.command);
        choices[0].add(&slug(&command), &command);
        choices[1].add(outcome(version), outcome(version));
    }
    choices
}

fn outcome(version: &Version) -> &'static str {
    if version.summary.ok { "ok" } else { "incomplete" }
}

fn run(version: &Version) -> Markup {
    let summary = &version.summary;
    let command = sanitize(&version.run.command);
    let moment = version.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let counts = [
        ("+", summary.created),
        ("~", summary.updated),
        ("±", summary.replaced),
        ("-", summary.deleted),
        ("failed ", summary.failed),
    ];
    let lasted = Duration::try_from(version.finished.duration_since(version.started)).unwrap_or_default();
    let class = if summary.ok { "step" } else { "step risky" };
    html! {
        details class=(class) id=(format!("s{}", version.version)) data-action=(slug(&command)) data-tags=(outcome(version)) {
            summary {
                span.name { (version.version) ": " (command) } " " span.word { "started " (moment) ", took " (for_people(lasted)) } " "
                @if !summary.ok { (tag("incomplete")) " " }
                @for (sign, count) in counts { @if count > 0 { span.sign { (sign) (count) } " " } }
            }
            div.body {
                div { "by " (sanitize(&version.run.who)) " on " (sanitize(&version.run.host)) ", build " (sanitize(&version.run.build)) @if let Some(commit) = &version.run.commit { ", commit " (sanitize(commit)) } }
                @if version.changed.is_empty() { div { "nothing in the record changed" } } @else {
                    ul { @for key in &version.changed { li { code { (sanitize(key.as_str())) } (took(version, key)) } } }
                }
            }
        }
    }
}

/// Returns the times that the run took for a resource.
fn took(version: &Version, key: &Key) -> Markup {
    let times: Vec<String> = version
        .took
        .get(key)
        .into_iter()
        .flat_map(|times| times.steps())
        .map(|(kind, took)| format!("{} in {}", done(kind), for_people(Duration::from_millis(took.total()))))
        .collect();
    html! { @if !times.is_empty() { " " span.muted { (times.join(", ")) } } }
}

fn done(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Create => "created",
        StepKind::Update => "updated",
        StepKind::Replace => "replaced",
        StepKind::Adopt => "adopted",
        StepKind::Delete => "deleted",
    }
}
