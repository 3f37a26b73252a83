//! A plan as a page: one file that needs no network and no script to be read.
//!
//! Every text of the plan passes through `maud`, which escapes it. The page's policy lets nothing run or load but the
//! style sheet and the script that stand in it, known by their digests. Equal plans give equal bytes.

mod change;
mod difference;
mod frame;
mod graph;
mod history;
mod parts;
mod run;
mod shell;
mod step;
mod tools;
mod top;

use maud::{Markup, html};

use self::graph::Boxes;
pub use self::history::history_html;
use super::model::{Group, GroupKind, View};

impl View {
    /// The plan as a page of HTML.
    pub fn to_html(&self) -> String {
        page(self)
    }
}

fn page(view: &View) -> String {
    let boxes = Boxes::of(view);
    let title = format!("{} (stack {})", view.summary, view.stack);
    let body = html! {
        (top::header(view))
        main {
            (top::problems(view))
            (top::summary(view))
            (graph::section(view, boxes))
            (steps(view, boxes))
            (top::notes(view))
            (top::exports(view))
        }
    };
    shell::document(&title, &body)
}

/// All steps, group by group.
fn steps(view: &View, boxes: Boxes) -> Markup {
    let components = tools::components(view);
    let context = step::Context::new(view, &components, boxes);
    html! {
        section.steps id="steps" aria-labelledby="steps-title" tabindex="-1" {
            h2 id="steps-title" { "Steps" }
            @if view.steps().next().is_none() {
                p { "There is nothing to do." }
            } @else {
                (tools::bar(&tools::choices(view), Some(&components)))
            }
            @for (number, group) in view.groups.iter().enumerate() {
                section.group id=(format!("c{number}")) aria-labelledby=(format!("c{number}-title")) {
                    h3 id=(format!("c{number}-title")) { (title(group)) " " span.count { (group.steps.len()) } }
                    @for one in &group.steps {
                        (step::step(one, number, &context))
                    }
                }
            }
        }
    }
}

/// The heading of a group.
fn title(group: &Group) -> &str {
    match group.kind {
        GroupKind::Changes if group.component.is_empty() => "Outside any component",
        GroupKind::Changes => &group.component,
        GroupKind::Drift => "Changed since the last run",
        GroupKind::Waits => "Only waited for",
        GroupKind::Unchanged => "Unchanged",
    }
}
