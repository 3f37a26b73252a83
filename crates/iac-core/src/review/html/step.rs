//! One step of a plan, to be opened.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::change;
use super::parts::{link, look, risk_words, source, tag, text};
use crate::review::model::{Edge, StepView};

/// How many steps a plan may have for all of them to be open.
pub(super) const OPEN: usize = 5;

/// A step; it is open if it has risks, or if the plan has few steps. `in_graph` is the place of its box.
pub(super) fn step(step: &StepView, component: usize, in_graph: Option<&str>, open_all: bool) -> Markup {
    let risky = if step.risks.is_empty() { "" } else { " risky" };
    let class = format!("step {}{risky}", look(step.action));
    let labels: BTreeSet<&str> = step.risks.iter().map(|risk| risk.label.as_str()).collect();
    html! {
        details
            class=(class)
            id=(format!("s{}", step.id))
            data-action=(look(step.action))
            data-risks=(risk_words(step))
            data-component=(component)
            open[open_all || !step.risks.is_empty()]
        {
            summary {
                span.sign aria-hidden="true" { (step.sign) } " "
                span.name { (step.name) } " "
                span.word { (step.word) } " "
                @for label in labels { (tag(label)) " " }
                (source(step.source.as_ref()))
            }
            div.body { (body(step, in_graph)) }
        }
    }
}

fn body(step: &StepView, in_graph: Option<&str>) -> Markup {
    html! {
        p.urn {
            code { (step.urn) }
            @if let Some(place) = in_graph { " " a href=(format!("#{place}")) { "in the graph" } }
        }
        @for reason in &step.reasons { div { "because " (text(reason)) } }
        @for risk in &step.risks { div.risk { (tag(&risk.label)) " " (text(&risk.message)) } }
        @for effect in &step.effects { div.effect { b { (effect.label) } ": " (text(&effect.text)) } }
        @for line in &step.order { div { (text(line)) } }
        @match step.same_as {
            Some(first) => p { "The very same changes as in " (link(first, "the step before it that has them")) "." },
            None => { (change::fields(step)) (change::new(step)) },
        }
        @if let Some(why) = &step.not_checked { div { "not checked by the server: " (text(why)) } }
        @for note in &step.notes { div.note { "note: " (text(note)) } }
        (edges("after", &step.after))
        (edges("ready after", &step.ready_after))
    }
}

fn edges(title: &str, edges: &[Edge]) -> Markup {
    html! {
        @if !edges.is_empty() {
            p.muted {
                (title) " "
                @for (place, edge) in edges.iter().enumerate() {
                    @if place > 0 { ", " }
                    @match edge.step { Some(step) => (link(step, &edge.name)), None => (edge.name) }
                    @if edge.ready { " is ready" }
                }
            }
        }
    }
}
