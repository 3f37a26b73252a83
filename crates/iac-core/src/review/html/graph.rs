//! The graph of the change: the resources that change, and what waits for what.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::title;
use crate::drawing::{Node, svg};
use crate::plan::Action;
use crate::review::model::{Group, StepView, View};
use crate::review::run::{RunStep, RunView};

/// The number of boxes that a reader is shown.
const BOXES: usize = 300;
/// The name of the drawing.
const TITLE: &str = "Drawing of the change";

/// Which boxes the drawing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boxes {
    /// One for each step.
    Steps,
    /// One for each group of steps.
    Groups,
    /// None: too many, or too few.
    None,
}

impl Boxes {
    /// The boxes that fit a plan.
    pub(super) fn of(view: &View) -> Self {
        let groups = view.groups.iter().filter(|group| changed(group).next().is_some());
        match (view.groups.iter().flat_map(changed).count(), groups.count()) {
            (0 | 1, _) => Self::None,
            (..=BOXES, _) => Self::Steps,
            (_, 2..=BOXES) => Self::Groups,
            _ => Self::None,
        }
    }

    /// The place of a step's box in the page.
    pub(super) fn place(self, step: &StepView, group: usize) -> Option<String> {
        match self {
            Self::Steps if step.action.is_change() => Some(format!("g{}", step.id)),
            Self::Groups if step.action.is_change() => Some(format!("g-c{group}")),
            _ => None,
        }
    }
}

/// The graph.
pub(super) fn section(view: &View, boxes: Boxes) -> Markup {
    const NAME: &str = "Graph of the change";
    match boxes {
        Boxes::Steps => framed(
            NAME,
            "Each arrow leads to what waits for its start. What follows from other arrows has none of its own.",
            &of_steps(view),
        ),
        Boxes::Groups => framed(
            NAME,
            "There are many steps, so each box is a component, with the number of its steps.",
            &of_groups(view),
        ),
        Boxes::None => undrawn(NAME, view.groups.iter().flat_map(changed).count()),
    }
}

/// The graph of a finished run: what needed what.
pub(super) fn of_run(run: &RunView) -> Markup {
    const NAME: &str = "Graph of the run";
    let mut steps: Vec<&RunStep> = run.steps.iter().collect();
    steps.sort_by_key(|step| step.id);
    if !(2..=BOXES).contains(&steps.len()) {
        return undrawn(NAME, steps.len());
    }
    let places: BTreeMap<usize, usize> = steps.iter().enumerate().map(|(place, step)| (step.id, place)).collect();
    let node = |step: &&RunStep| Node {
        sign: Some(step.sign.clone()),
        name: step.name.clone(),
        title: format!("{} {}: {}", step.word, step.name, step.outcome),
        look: box_look(step.action, !step.is_done()),
        link: Some((format!("g{}", step.id), format!("s{}", step.id))),
    };
    let nodes: Vec<Node> = steps.iter().map(node).collect();
    let edges = steps.iter().enumerate().flat_map(|(place, step)| {
        let needed = step.after.iter().filter_map(|id| places.get(id));
        needed.map(move |needed| (*needed, place))
    });
    let drawing = svg(TITLE, &nodes, &edges.collect::<Vec<_>>());
    framed(NAME, "Each arrow leads to what waited.", &drawing)
}

fn framed(title: &str, said: &str, drawing: &Markup) -> Markup {
    html! {
        section.graph aria-labelledby="graph-title" {
            h2 id="graph-title" { (title) }
            details open {
                summary { (said) }
                div.scroll role="region" aria-label=(TITLE) tabindex="0" { (drawing) }
            }
        }
    }
}

/// A word on a drawing that is not there; nothing where nothing waits for anything.
fn undrawn(title: &str, steps: usize) -> Markup {
    html! {
        @if steps > 1 {
            section.graph aria-labelledby="graph-title" {
                h2 id="graph-title" { (title) }
                p { (steps) " steps are too many for a drawing. Each step below names what it waits for." }
            }
        }
    }
}

fn of_steps(view: &View) -> Markup {
    let mut steps: Vec<&StepView> = view.groups.iter().flat_map(changed).collect();
    steps.sort_by_key(|step| step.id);
    let places: BTreeMap<usize, usize> = steps.iter().enumerate().map(|(place, step)| (step.id, place)).collect();
    let nodes: Vec<Node> = steps.iter().map(|step| node(step)).collect();
    let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (place, step) in steps.iter().enumerate() {
        let needed = step.after.iter().filter_map(|edge| edge.step);
        edges.extend(needed.filter_map(|id| Some((*places.get(&id)?, place))));
    }
    svg(TITLE, &nodes, &Vec::from_iter(edges))
}

fn node(step: &StepView) -> Node {
    let risks: BTreeSet<&str> = step.risks.iter().map(|risk| risk.label.as_str()).collect();
    let risks: Vec<&str> = risks.into_iter().collect();
    let title = match risks.is_empty() {
        true => format!("{} {}", step.word, step.name),
        false => format!("{} {} (risk: {})", step.word, step.name, risks.join(", ")),
    };
    Node {
        sign: Some(step.sign.clone()),
        name: step.name.clone(),
        title,
        look: box_look(step.action, !step.risks.is_empty()),
        link: Some((format!("g{}", step.id), format!("s{}", step.id))),
    }
}

fn box_look(action: Action, risky: bool) -> String {
    format!("{}{}", action.name(), if risky { " risky" } else { "" })
}

/// The groups, in the order of their first steps.
fn of_groups(view: &View) -> Markup {
    let numbered = view.groups.iter().enumerate();
    let mut groups: Vec<(usize, usize, &Group)> = numbered
        .filter_map(|(number, group)| Some((changed(group).map(|step| step.id).min()?, number, group)))
        .collect();
    groups.sort_by_key(|(first, ..)| *first);
    let mut place_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (place, (_, _, group)) in groups.iter().enumerate() {
        place_of.extend(changed(group).map(|step| (step.id, place)));
    }
    let nodes: Vec<Node> = groups
        .iter()
        .map(|(_, number, group)| group_node(*number, group))
        .collect();
    let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
    for step in view.steps() {
        let Some(place) = place_of.get(&step.id) else { continue };
        let needed = step.after.iter().filter_map(|edge| place_of.get(&edge.step?));
        edges.extend(needed.filter(|needed| *needed != place).map(|needed| (*needed, *place)));
    }
    svg(TITLE, &nodes, &Vec::from_iter(edges))
}

fn changed(group: &Group) -> impl Iterator<Item = &StepView> {
    group.steps.iter().filter(|step| step.action.is_change())
}

fn group_node(number: usize, group: &Group) -> Node {
    let name = format!("{}: {}", title(group), changed(group).count());
    let risky = changed(group).filter(|step| !step.risks.is_empty()).count();
    let (sign, title, look) = match risky {
        0 => (None, format!("{name} steps"), "part"),
        risky => (
            Some("!".to_owned()),
            format!("{name} steps, {risky} with risks"),
            "part risky",
        ),
    };
    let link = Some((format!("g-c{number}"), format!("c{number}")));
    Node {
        sign,
        name,
        title,
        look: look.to_owned(),
        link,
    }
}
