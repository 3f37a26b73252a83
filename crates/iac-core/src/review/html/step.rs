//! One step of a plan, to be opened.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::change;
use super::graph::Boxes;
use super::parts::{link, risk_words, source, tag, text};
use super::tools::Components;
use crate::review::model::{Edge, StepView, View};

/// The number of steps that a plan may have for all of them to be open.
const OPEN: usize = 5;

/// The parts of the plan that the markup of one step needs.
pub(super) struct Context<'a> {
    components: &'a Components<'a>,
    boxes: Boxes,
    open_all: bool,
    /// The names of the steps that others refer to.
    firsts: BTreeMap<usize, &'a str>,
}

impl<'a> Context<'a> {
    pub(super) fn new(view: &'a View, components: &'a Components<'a>, boxes: Boxes) -> Self {
        let wanted: BTreeSet<usize> = view.steps().filter_map(|step| step.same_as).collect();
        let firsts = view.steps().filter(|step| wanted.contains(&step.id));
        Self {
            components,
            boxes,
            open_all: view.steps().filter(|step| step.action.is_change()).count() <= OPEN,
            firsts: firsts.map(|step| (step.id, step.name.as_str())).collect(),
        }
    }
}

/// A step of a group; it is open if it has risks, or if the plan has few steps.
pub(super) fn step(step: &StepView, group: usize, context: &Context<'_>) -> Markup {
    let risky = if step.risks.is_empty() { "" } else { " risky" };
    let class = format!("step {}{risky}", step.action.name());
    let labels: BTreeSet<&str> = step.risks.iter().map(|risk| risk.label.as_str()).collect();
    html! {
        details
            class=(class)
            id=(format!("s{}", step.id))
            data-action=(step.action.name())
            data-tags=(risk_words(step))
            data-component=(context.components.number(&step.component))
            open[context.open_all || !step.risks.is_empty()]
        {
            summary {
                span.sign aria-hidden="true" { (step.sign) } " "
                span.name { (step.name) } " "
                span.word { (step.word) } " "
                @for label in labels { (tag(label)) " " }
                (source(step.source.as_ref()))
            }
            div.body { (body(step, group, context)) }
        }
    }
}

fn body(step: &StepView, group: usize, context: &Context<'_>) -> Markup {
    html! {
        p.urn {
            code { (step.urn) }
            @if let Some(place) = context.boxes.place(step, group) { " " a href=(format!("#{place}")) { "in the graph" } }
        }
        (causes(step))
        @match step.same_as {
            Some(first) => div { "the very same changes as in " (link(first, context.firsts.get(&first).unwrap_or(&"another step"))) },
            None => { (change::fields(step)) (change::new(step)) },
        }
        (remarks(step))
        (edges("after", &step.after))
        (edges("ready after", &step.ready_after))
    }
}

/// Why a step is there, and what it does to what runs.
pub(super) fn causes(step: &StepView) -> Markup {
    html! {
        @for reason in &step.reasons { div { "because " (text(reason)) } }
        @for risk in &step.risks { div.risk { (tag(&risk.label)) " " (text(&risk.message)) } }
        @for effect in &step.effects { div.effect { b { (effect.label) } ": " (text(&effect.text)) } }
        @for line in &step.order { div { (text(line)) } }
    }
}

/// What else a reviewer should know of a step.
pub(super) fn remarks(step: &StepView) -> Markup {
    html! {
        @if let Some(why) = &step.not_checked { div { "not checked by the server: " (text(why)) } }
        @for note in &step.notes { div.note { "note: " (text(note)) } }
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
