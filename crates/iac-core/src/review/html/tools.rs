//! The bar that filters the steps. It needs the script, so it is hidden until that runs.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts::{look, slug};
use crate::review::model::View;

/// The components of a plan by their numbers: a page refers to them by these.
pub(super) struct Components<'a> {
    numbers: BTreeMap<&'a str, usize>,
}

impl Components<'_> {
    pub(super) fn number(&self, component: &str) -> usize {
        self.numbers.get(component).copied().unwrap_or_default()
    }
}

/// The components of all steps.
pub(super) fn components(view: &View) -> Components<'_> {
    let mut numbers: BTreeMap<&str, usize> = view.steps().map(|step| (step.component.as_str(), 0)).collect();
    numbers
        .values_mut()
        .enumerate()
        .for_each(|(number, place)| *place = number);
    Components { numbers }
}

/// Search, filters by action, risk and component, and the number of steps that are left.
pub(super) fn bar(view: &View, components: &Components<'_>) -> Markup {
    let mut actions: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for step in view.steps() {
        actions.entry(look(step.action)).or_insert((&step.word, 0)).1 += 1;
    }
    let mut risks: Vec<(&str, usize)> = Vec::new();
    for risk in &view.risks {
        match risks.iter_mut().find(|(label, _)| *label == risk.label) {
            Some((_, count)) => *count += 1,
            None => risks.push((&risk.label, 1)),
        }
    }
    html! {
        div.tools id="tools" role="search" aria-label="Filter the steps" hidden {
            label.search { "Search " input type="search" id="search" autocomplete="off" spellcheck="false"; }
            @if actions.len() > 1 {
                fieldset {
                    legend { "Action" }
                    @for (name, (word, count)) in &actions { (checkbox("action", name, word, *count)) }
                }
            }
            @if !risks.is_empty() {
                fieldset {
                    legend { "Risk" }
                    @for (label, count) in &risks { (checkbox("risk", &slug(label), label, *count)) }
                }
            }
            @if components.numbers.len() > 1 {
                label { "Component "
                    select id="component" {
                        option value="" { "all" }
                        @for (name, number) in &components.numbers {
                            option value=(number) { @if name.is_empty() { "(none)" } @else { (name) } }
                        }
                    }
                }
            }
            p.buttons {
                button type="button" id="open-all" { "Open all" }
                button type="button" id="close-all" { "Close all" }
                button type="button" id="reset" { "Show all steps" }
            }
            p id="shown" role="status" {}
        }
        p.nothing id="nothing" hidden { "No step is left by these filters." }
    }
}

fn checkbox(name: &str, value: &str, label: &str, count: usize) -> Markup {
    html! {
        label { input type="checkbox" name=(name) value=(value); " " (label) " " span.muted { (count) } }
    }
}
