//! The markup of small pages.

use iac_core::plan::Action;
use iac_core::review::View;

use super::views::{broken, group, shop, step, view};

/// The body of a page without its script, with each block on a line of its own.
fn body(view: &View) -> String {
    let page = view.to_html();
    assert_eq!(page, view.to_html(), "equal plans give equal bytes");
    body_of(&page)
}

pub(crate) fn body_of(page: &str) -> String {
    let (_, body) = page.split_once("<body>").expect("a body");
    let (body, _) = body.rsplit_once("<script>").expect("a script");
    let mut lines = body.to_owned();
    for block in [
        "section", "details", "summary", "div", "p", "li", "h1", "h2", "h3", "header", "main", "svg", "rect", "text",
        "path", "fieldset", "label",
    ] {
        for after in [' ', '>'] {
            lines = lines.replace(&format!("<{block}{after}"), &format!("\n<{block}{after}"));
        }
    }
    lines
}

#[test]
fn a_page_with_one_of_everything() {
    insta::assert_snapshot!(body(&shop()));
}

#[test]
fn a_page_of_a_plan_that_cannot_be_carried_out() {
    insta::assert_snapshot!(body(&broken()));
}

#[test]
fn a_page_of_no_change() {
    let mut none = view(Vec::new());
    none.summary = "Plan: no changes; 12 unchanged".to_owned();
    insta::assert_snapshot!(body(&none));
}

#[test]
fn a_page_of_one_step() {
    insta::assert_snapshot!(body(&view(vec![group(
        "web",
        vec![step(1, "web", "Deployment web", Action::Create)]
    )])));
}

#[test]
fn nothing_of_a_page_lies_elsewhere_or_runs_inline() {
    let page = shop().to_html();
    let (head, body) = page.split_once("<body>").expect("a body");
    assert!(head.contains("default-src 'none'"));
    assert_eq!(
        (page.matches("<script").count(), page.matches("<style").count()),
        (1, 1)
    );
    for word in [
        " src=",
        " style=",
        " onclick",
        " onload",
        "javascript:",
        "<link",
        "<iframe",
        "<form action",
    ] {
        assert!(!body.contains(word), "{word}");
    }
}

#[test]
fn a_drawing_has_boxes_that_can_be_read_or_is_said_to_be_missing() {
    let of = |groups: usize, steps: usize| {
        let group_of = |number: usize| {
            let first = number * steps + 1;
            let steps =
                (first..first + steps).map(|id| step(id, &format!("c{number}"), &format!("x{id}"), Action::Create));
            group(&format!("c{number}"), steps.collect())
        };
        view((0..groups).map(group_of).collect()).to_html()
    };
    for (groups, steps, boxes, said) in [
        (1, 1, 0, ""),
        (1, 2, 2, "Each arrow leads to what waits"),
        (3, 100, 300, "Each arrow leads to what waits"),
        (7, 43, 7, "each box is a component"),
        (301, 1, 0, "301 steps are too many for a drawing"),
        (1, 301, 0, "301 steps are too many for a drawing"),
    ] {
        let page = of(groups, steps);
        assert_eq!(
            page.matches("class=\"node").count(),
            boxes,
            "{groups} groups of {steps}"
        );
        assert!(page.contains(said), "{groups} groups of {steps}");
        assert_eq!(page.contains(">in the graph<"), boxes > 0);
    }
}
