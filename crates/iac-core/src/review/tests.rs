//! What plans look like.
#![allow(clippy::unwrap_used)]

use super::samples::{everything, key};
use super::*;
use crate::plan::{Action, Mode, Plan};
use crate::render::Styles;

fn text_of(plan: &Plan, options: &TextOptions) -> String {
    View::of(plan, options.verbose).to_text(options)
}

fn markdown(plan: &Plan) -> String {
    View::of(plan, false).to_markdown(COMMENT)
}

#[test]
fn a_plan_as_text() {
    let text = text_of(&everything(), &TextOptions::default());
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
    insta::assert_snapshot!("text", text);
}

#[test]
fn a_plan_as_text_in_full() {
    let text = text_of(
        &everything(),
        &TextOptions {
            verbose: true,
            ..TextOptions::default()
        },
    );
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!("text_verbose", text);
}

#[test]
fn colours_only_add_to_the_text() {
    let plain = text_of(&everything(), &TextOptions::default());
    let colored = text_of(
        &everything(),
        &TextOptions {
            styles: Styles::colored(),
            ..TextOptions::default()
        },
    );
    assert_ne!(plain, colored);
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
}

#[test]
fn a_plan_without_changes_says_so() {
    let mut plan = everything();
    plan.steps.retain(|step| step.action == Action::Same);
    plan.observed = false;
    plan.mode = Mode::Destroy;
    (plan.exports, plan.notes, plan.kept, plan.problems) = Default::default();
    insta::assert_snapshot!(text_of(&plan, &TextOptions::default()), @"
    Preview of stack prod (destroy): kubernetes: context prod, server https://10.0.0.1:6443
    not observed: the record stands in for what is really there

    Plan: no changes; 1 unchanged
    ");
}

#[test]
fn the_same_changes_are_shown_once_and_long_texts_are_counted() {
    let mut plan = everything();
    let update = |name: &str, from: &str, to: &str| {
        let mut step = everything()
            .steps
            .into_iter()
            .find(|step| step.action == Action::Update)
            .unwrap();
        step.key = key(&format!("kubernetes:core/ConfigMap::{name}"));
        step.identity = format!("core/ConfigMap {name}");
        step.source = None;
        step.reasons = Vec::new();
        step.risks = Vec::new();
        step.notes = Vec::new();
        step.minor = None;
        step.changes = vec![crate::value::diff::FieldChange {
            path: crate::value::FieldPath::fields(["a"]),
            before: Some(from.into()),
            after: Some(to.into()),
            origin: None,
        }];
        step
    };
    plan.steps = vec![update("x", "1", "2"), update("y", "1", "3"), update("z", "1", "2")];
    let text = text_of(&plan, &TextOptions::default());
    let expected = "~ ConfigMap x: update\n~ ConfigMap z: update\n    ~ a: \"1\" -> \"2\"\n~ ConfigMap y: update\n    ~ a: \"1\" -> \"3\"\n";
    assert!(text.contains(expected), "{text}");
    let lines = |from: usize| (from..from + 12).map(|line| format!("{line}\n")).collect::<String>();
    let mut long = update("x", "", "");
    long.changes = (0..4)
        .map(|field| crate::value::diff::FieldChange {
            path: crate::value::FieldPath::fields([format!("f{field}").as_str()]),
            before: Some(lines(0).into()),
            after: Some(lines(100).into()),
            origin: None,
        })
        .collect();
    plan.steps = vec![long];
    let text = text_of(&plan, &TextOptions::default());
    let shown: Vec<&str> = text.lines().filter(|line| line.contains("~ f")).collect();
    assert_eq!(shown[0], "    ~ f0:");
    assert!(shown[3].contains("--verbose shows them"), "{text}");
}

#[test]
fn a_plan_as_markdown() {
    let text = markdown(&everything());
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
    insta::assert_snapshot!("markdown", text);
    let mut quiet = everything();
    quiet.steps.retain(|step| step.action == Action::Same);
    quiet.problems.clear();
    assert_eq!(markdown(&quiet), "");
}

#[test]
fn markdown_fits_into_a_comment() {
    let mut plan = everything();
    let step = plan
        .steps
        .iter()
        .find(|step| step.action == Action::Create)
        .unwrap()
        .clone();
    let risky = plan.steps.iter().find(|step| !step.risks.is_empty()).unwrap().clone();
    plan.steps = vec![step; 3000];
    plan.steps.push(risky.clone());
    let text = markdown(&plan);
    assert!(text.len() <= COMMENT, "{}", text.len());
    assert!(text.contains("more steps are left out"), "{text}");
    // What could hurt is there however long the rest is, and so is what is wrong with the plan.
    let (name, problem) = (short_name(&risky.key, &risky.identity), &plan.problems[0].message);
    assert!(text.matches(&name).count() > 1 && text.contains(problem), "{text}");
    assert_eq!(text, markdown(&plan));
}

#[test]
fn lines_are_wrapped_at_the_width_of_the_terminal() {
    let plain = text_of(&everything(), &TextOptions::default());
    for width in [80, 200] {
        let at_width = |styles| TextOptions {
            width: Some(width),
            styles,
            ..TextOptions::default()
        };
        let text = text_of(&everything(), &at_width(Styles::plain()));
        let widest = text.lines().map(textwrap::core::display_width).max().unwrap();
        assert!(widest <= width, "{widest}: {text}");
        // Nothing is lost, and nothing else comes.
        let words = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(words(&text), words(&plain));
        let colored = text_of(&everything(), &at_width(Styles::colored()));
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), text);
        insta::assert_snapshot!(format!("text_{width}"), text);
    }
}
