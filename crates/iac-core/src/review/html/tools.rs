//! The bar that filters the steps. It needs the script, so it is hidden until that runs.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts::slug;
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

/// A filter for the steps of a page: the name of the attribute that it reads, and the values.
pub(super) struct Choice {
    name: &'static str,
    legend: &'static str,
    /// Each value, the word for it, and the number of steps that have it.
    values: Vec<(String, String, usize)>,
}

impl Choice {
    pub(super) fn new(name: &'static str, legend: &'static str) -> Self {
        Self {
            name,
            legend,
            values: Vec::new(),
        }
    }

    /// Counts a value.
    pub(super) fn add(&mut self, value: &str, word: &str) {
        match self.values.iter_mut().find(|(known, ..)| known == value) {
            Some((.., count)) => *count += 1,
            None => self.values.push((value.to_owned(), word.to_owned(), 1)),
        }
    }
}

/// The actions and the risks of a plan.
pub(super) fn choices(view: &View) -> [Choice; 2] {
    let mut choices = [Choice::new("action", "Action"), Choice::new("tag", "Risk")];
    for step in view.steps() {
        choices[0].add(step.action.name(), &step.word);
    }
    for risk in &view.risks {
        choices[1].add(&slug(&risk.label), &risk.label);
    }
    choices
}

/// Search, the choices, the components, and the number of steps that are left.
pub(super) fn bar(choices: &[Choice], components: Option<&Components<'_>>) -> Markup {
    let components = components.filter(|components| components.numbers.len() > 1);
    html! {
        div.tools id="tools" role="search" aria-label="Filter the steps" hidden {
            label.search { "Search " input type="search" id="search" autocomplete="off" spellcheck="false"; }
            @for choice in choices { (fieldset(choice)) }
            @if let Some(components) = components {
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
                button type="button" id="reset" { "Show all" }
            }
            p id="shown" role="status" {}
        }
        p.nothing id="nothing" hidden { "Nothing is left by these filters." }
    }
}

/// The values of a choice; none where it would choose all or nothing.
fn fieldset(choice: &Choice) -> Markup {
    let is_choice = choice.values.len() > 1 || choice.name == "tag" && !choice.values.is_empty();
    html! {
        @if is_choice {
            fieldset {
                legend { (choice.legend) }
                @for (value, word, count) in &choice.values {
                    label { input type="checkbox" name=(choice.name) value=(value); " " (word) " " span.muted { (count) } }
                }
            }
        }
    }
}
