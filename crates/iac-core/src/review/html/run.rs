//! A finished run as a page: how each step ended, when it began, what it waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};

use super::parts::{link, list, slug, tag, text};
use super::tools::{Choice, bar};
use super::{frame, graph, shell};
use crate::duration::for_people;
use crate::review::run::{RunStep, RunView};

/// The number of the slowest steps that stand before all of them.
const SLOWEST: usize = 5;

impl RunView {
    /// The run as a page of HTML.
    pub fn to_html(&self) -> String {
        let title = format!("Run of {} on stack {}", self.verb(), self.stack);
        let names: BTreeMap<usize, &str> = self.steps.iter().map(|step| (step.id, step.name.as_str())).collect();
        let body = html! {
            (frame::header(&html! { "Run of " (self.verb()) " on stack " b { (self.stack) } }, &self.summary, &html! {}))
            main {
                (summary(self, &names))
                (graph::of_run(self))
                (steps(self, &names))
            }
        };
        shell::document(&title, &body)
    }
}

/// All steps, in the order in which they began.
fn steps(run: &RunView, names: &BTreeMap<usize, &str>) -> Markup {
    let ends = run
        .steps
        .iter()
        .filter_map(|step| Some(step.began?.saturating_add(step.total())));
    let end = ends.max().unwrap_or(0);
    html! {
        section.steps id="steps" aria-labelledby="steps-title" tabindex="-1" {
            h2 id="steps-title" { "Steps" }
            @if run.steps.is_empty() {
                p { "There was nothing to do." }
            } @else {
                (bar(&choices(run), None))
                p.muted {
                    "The bars show when each step worked: "
                    span.there { "■" } " until it was there, " span.ready { "■" } " until it was ready, "
                    span.gone { "■" } " to delete the old one."
                }
                div.group { @for step in &run.steps { (row(step, names, end)) } }
            }
        }
    }
}

fn choices(run: &RunView) -> [Choice; 2] {
    let mut choices = [Choice::new("action", "Action"), Choice::new("tag", "Outcome")];
    for step in &run.steps {
        choices[0].add(step.action.name(), &step.word);
        choices[1].add(&slug(&step.outcome), &step.outcome);
    }
    choices
}

/// Returns the summary of a run: the steps that failed, and those that took longest.
fn summary(run: &RunView, names: &BTreeMap<usize, &str>) -> Markup {
    let failed = run.steps.iter().filter(|step| !step.is_done());
    let failed: Vec<Markup> = failed
        .map(|step| {
            html! {
                (tag(&step.outcome)) " " (link(step.id, &step.name))
                @if let Some(first) = step.why.first() { ": " (text(first)) }
            }
        })
        .collect();
    let mut slowest: Vec<&RunStep> = run.steps.iter().filter(|step| step.total() > 0).collect();
    slowest.sort_by_key(|step| (std::cmp::Reverse(step.total()), step.id));
    let slowest: Vec<Markup> = slowest
        .into_iter()
        .take(SLOWEST)
        .map(|step| html! { (link(step.id, &step.name)) ": " (time(step.total())) (waited(step, names)) })
        .collect();
    html! {
        section.summary aria-labelledby="summary-title" {
            h2 id="summary-title" { "Summary" }
            @if failed.is_empty() { p { "Everything was done." } } @else { h3 { "Not done" } (list(&failed)) }
            @if !slowest.is_empty() { h3 { "What took longest" } (list(&slowest)) }
        }
    }
}

fn waited(step: &RunStep, names: &BTreeMap<usize, &str>) -> Markup {
    let last = step.waited_for.and_then(|id| Some((id, names.get(&id)?)));
    html! {
        @if let Some(began) = step.began {
            @match last {
                Some((id, name)) => { ", began at " (time(began)) ", after " (link(id, name)) },
                None => { ", began at " (time(began)) },
            }
        }
    }
}

/// One step: a bar on the time of the whole run, to be opened.
fn row(step: &RunStep, names: &BTreeMap<usize, &str>, end: u64) -> Markup {
    let bad = !step.is_done();
    let class = format!("step {}{}", step.action.name(), if bad { " risky" } else { "" });
    let parts = [
        ("until it was there", step.there),
        ("until it was ready", step.ready),
        ("to delete the old one", step.gone),
    ];
    html! {
        details class=(class) id=(format!("s{}", step.id)) data-action=(step.action.name()) data-tags=(slug(&step.outcome)) open[bad] {
            summary {
                span.sign aria-hidden="true" { (step.sign) } " "
                span.name { (step.name) } " " span.word { (step.word) } " "
                @if bad { (tag(&step.outcome)) " " }
                span.muted { (time(step.total())) }
                (time_bar(step, end))
            }
            div.body {
                div { (step.outcome) (waited(step, names)) }
                @for (what, took) in parts { @if took > 0 { div { (time(took)) " " (what) } } }
                @for line in &step.why { div.risk { (text(line)) } }
                @if !step.after.is_empty() {
                    div.muted {
                        "needed "
                        @for (place, id) in step.after.iter().enumerate() {
                            @if place > 0 { ", " }
                            (link(*id, names.get(id).unwrap_or(&"another step")))
                        }
                    }
                }
            }
        }
    }
}

/// The place of a step in the time of the run.
fn time_bar(step: &RunStep, end: u64) -> Markup {
    let Some(began) = step.began.filter(|_| end > 0) else {
        return html! {};
    };
    let scaled = |time: u64| time.saturating_mul(1_000) / end;
    let (there, ready) = (
        began.saturating_add(step.there),
        began.saturating_add(step.there).saturating_add(step.ready),
    );
    let parts = [
        ("there", began, there),
        ("ready", there, ready),
        ("gone", ready, ready.saturating_add(step.gone)),
    ];
    html! {
        svg.time viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
            @for (part, from, to) in parts {
                @let (from, to) = (scaled(from), scaled(to));
                @if part == "there" || to > from { rect class=(part) x=(from) y="0" width=((to - from).max(2)) height="10" {} }
            }
        }
    }
}

fn time(milliseconds: u64) -> String {
    for_people(Duration::from_millis(milliseconds))
}
