//! The difference between two plans as a page: what somebody who has reviewed the first one has not seen.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::parts::{risk_words, slug, source, tag, text};
use super::tools::{Choice, bar};
use super::{change, frame, shell, step};
use crate::review::difference::{LineDiff, PlanDiff, Side, StepDiff};

impl PlanDiff {
    /// The difference as a page of HTML.
    pub fn to_html(&self) -> String {
        let title = format!("{} (stack {})", self.summary, self.stack);
        let more = html! {
            p { "before: " (self.before) }
            p { "now: " (self.after) }
        };
        let body = html! {
            (frame::header(&html! { "What is new in the plan of stack " b { (self.stack) } }, &self.summary, &more))
            main {
                (about(self))
                section.steps id="steps" aria-labelledby="steps-title" tabindex="-1" {
                    h2 id="steps-title" { "Steps" }
                    @if self.steps.is_empty() { p { "No step is new, gone or changed." } } @else { (bar(&choices(self), None)) }
                    div.group { @for (number, one) in self.steps.iter().enumerate() { (of_step(one, number)) } }
                }
            }
        };
        shell::document(&title, &body)
    }
}

/// The plan as a whole, and its risks.
fn about(diff: &PlanDiff) -> Markup {
    html! {
        @if !diff.about.is_empty() {
            section aria-labelledby="about-title" {
                h2 id="about-title" { "The plan as a whole" }
                (lines(&diff.about))
            }
        }
        @if !diff.risks.is_empty() {
            section aria-labelledby="risks-title" {
                h2 id="risks-title" { "Risks" }
                @for risk in &diff.risks {
                    div.risk { (side(risk.side)) " " (tag(&risk.risk.label)) " " b { (risk.risk.name) } ": " (text(&risk.risk.message)) }
                }
            }
        }
    }
}

fn choices(diff: &PlanDiff) -> [Choice; 2] {
    let mut choices = [Choice::new("action", "Difference"), Choice::new("tag", "Risk")];
    for one in &diff.steps {
        choices[0].add(one.side.word(), one.side.word());
        let labels: BTreeSet<&str> = one.step.risks.iter().map(|risk| risk.label.as_str()).collect();
        for label in labels {
            choices[1].add(&slug(label), label);
        }
    }
    choices
}

fn of_step(one: &StepDiff, number: usize) -> Markup {
    let step = &one.step;
    let class = if step.risks.is_empty() { "step" } else { "step risky" };
    html! {
        details class=(class) id=(format!("s{}", number + 1)) data-action=(one.side.word()) data-tags=(risk_words(step)) open[one.side != Side::Gone] {
            summary {
                (side(one.side)) " "
                span.sign aria-hidden="true" { (step.sign) } " "
                span.name { (step.name) } " "
                span.word { (step.word) } " "
                (source(step.source.as_ref()))
            }
            div.body {
                p.urn { code { (step.urn) } }
                @if one.side == Side::New {
                    (step::causes(step)) (change::fields(step)) (change::new(step)) (step::remarks(step))
                } @else {
                    (lines(&one.lines))
                    @for field in &one.fields {
                        div { @if field.side != Side::Changed { (side(field.side)) " " } (change::field(&field.field, step)) }
                    }
                }
            }
        }
    }
}

fn lines(lines: &[LineDiff]) -> Markup {
    html! { @for line in lines { div { (side(line.side)) " " (text(&line.text)) } } }
}

/// The word for the plan that has something.
fn side(side: Side) -> Markup {
    html! {
        @match side {
            Side::New | Side::Now => ins { (side.word()) },
            Side::Gone | Side::Was => del { (side.word()) },
            Side::Changed => b { (side.word()) },
        }
    }
}
