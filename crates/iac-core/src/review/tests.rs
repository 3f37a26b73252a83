//! Tests of the text and markdown of plans.
#![allow(clippy::unwrap_used)]

use super::samples::{everything, key, line};
use super::*;
use crate::plan::{Action, Commit, Commits, Mode, Plan, Reason};
use crate::provider::{Checked, Effect, Risk, RiskKind};
use crate::render::Styles;
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, Value};

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
    offline: the plan compares with the record alone; what exists, and whether the images, storage classes and Secrets of others that it names do, was not looked at

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
fn steps_that_say_the_same_on_other_lines_are_one_without_its_lines() {
    let with = |lines: [Option<u32>; 2]| {
        let mut plan = everything();
        let mut step = plan.steps.remove(4);
        step.changes.truncate(1);
        step.lines.clear();
        let steps = lines.into_iter().zip(["x", "y"]).map(|(number, name)| {
            let path = step.changes[0].path.clone();
            let lines = number.and_then(line).map(|line| (path, line));
            crate::plan::Step {
                key: key(&format!("kubernetes:apps/Deployment::{name}")),
                lines: lines.into_iter().collect(),
                ..step.clone()
            }
        });
        plan.steps = steps.collect();
        plan
    };
    for (lines, brief, verbose, page) in [
        ([Some(7), Some(7)], 1, 2, 1),
        ([Some(7), Some(8)], 0, 2, 0),
        ([Some(7), None], 0, 1, 0),
        ([None, None], 0, 0, 0),
    ] {
        let plan = with(lines);
        let count = |text: &str| text.matches("(line ").count();
        let view = View::of(&plan, false);
        let told = view.to_text(&TextOptions::default());
        assert_eq!(told.matches("image: ").count(), 1, "{told}");
        assert_eq!(count(&told), brief, "{told}");
        let range = told.contains(", lines 7 to 8)");
        assert_eq!(range, lines == [Some(7), Some(8)], "{told}");
        assert_eq!(count(&view.to_markdown(COMMENT)), brief, "{lines:?}");
        let options = TextOptions {
            verbose: true,
            ..TextOptions::default()
        };
        assert_eq!(count(&view.to_text(&options)), verbose, "{lines:?}");
        assert_eq!(count(&view.to_html()), page, "{lines:?}");
    }
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
    // The risks are there however long the rest is, and so are the problems of the plan.
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

#[test]
fn the_header_names_the_commits_since_the_last_up() {
    let commit = |subject: &str| Commit {
        id: "0123456789ab".into(),
        subject: subject.into(),
        author: "A. <b>".into(),
    };
    let mut plan = everything();
    plan.commits = Some(Commits {
        from: "a1b2c3d4e5f6".into(),
        newest: vec![commit("Fix #1 for @all"), commit("\u{1b}[2J\u{202e}<script>")],
        more: 3,
        uncommitted: true,
        ..Commits::default()
    });
    let (text, markdown) = (text_of(&plan, &TextOptions::default()), markdown(&plan));
    let lines: Vec<&str> = text.lines().skip(1).take(4).collect();
    assert_eq!(
        lines,
        [
            "Since the last up at a1b2c3d4e5f6: 5 commits, and changes that are not committed",
            "  0123456789ab Fix #1 for @all (A. <b>)",
            "  0123456789ab \\u{1b}[2J\\u{202e}<script> (A. <b>)",
            "  and 3 more",
        ]
    );
    assert!(
        markdown.contains("- 0123456789ab Fix &#35;1 for &#64;all (A. &#60;b&#62;)\n"),
        "{markdown}"
    );
    assert!(markdown.contains("- and 3 more\n\n"), "{markdown}");
}

/// A plan in which every text is one that nobody should have written.
fn hostile(text: &str) -> Plan {
    let mut plan = everything();
    plan.stack = text.into();
    make_hostile(&mut plan, text);
    plan
}

fn make_hostile(plan: &mut Plan, text: &str) {
    for step in &mut plan.steps {
        step.identity = format!("core/ConfigMap {text}");
        step.notes = vec![text.to_owned()];
        step.reasons.push(Reason::Interrupted(text.to_owned()));
        step.checked = Checked::Locally(text.to_owned());
        step.risks.push(Risk {
            kind: RiskKind::Downtime,
            message: text.to_owned(),
        });
        step.effects.push(Effect::other(text));
        step.inputs = Some(Value::Object([(text.to_owned(), text.into())].into()));
        for (before, after) in [
            (text.to_owned(), format!("{text}!")),
            (format!("{text}\na"), format!("{text}\nb")),
        ] {
            step.changes.push(FieldChange {
                path: FieldPath::fields([text]),
                before: Some(before.into()),
                after: Some(after.into()),
                origin: Some(text.to_owned()),
            });
        }
    }
    plan.notes[0].message = text.into();
    plan.problems[0].message = text.into();
    plan.kept[0].items[0].name = text.into();
    plan.exports.insert(text.to_owned(), text.into());
}

#[test]
fn hostile_texts_are_harmless_in_every_format() {
    let nasty = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{200b}\r\u{0}<script>alert(1)</script>`````@all #1 [x](http://y)";
    let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
    let view = View::of(&hostile(nasty), true);
    for width in [None, Some(80)] {
        for verbose in [false, true] {
            let options = TextOptions {
                verbose,
                width,
                ..TextOptions::default()
            };
            let text = view.to_text(&options);
            assert!(!text.contains(steers), "{text:?}");
        }
    }
    let markdown = view.to_markdown(usize::MAX);
    assert!(!markdown.contains(steers), "{markdown:?}");
    // Outside of fences, nothing means anything.
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        match fence {
            None if ticks.len() > 2 => fence = Some(ticks),
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None => assert!(
                !line.contains("<script") && !line.contains("@all") && !line.contains("://y"),
                "{line}"
            ),
        }
    }
    assert_eq!(fence, None);
}

#[test]
fn very_long_texts_are_cut_with_their_number_of_characters() {
    let text = "long ".repeat(200_000);
    let mut plan = everything();
    plan.steps = vec![plan.steps[2].clone(), plan.steps[4].clone()];
    make_hostile(&mut plan, &text);
    let view = View::of(&plan, true);
    let shown = view.to_text(&TextOptions::default());
    let too_long = shown.lines().filter(|line| line.len() > 20_000);
    let too_long: Vec<String> = too_long.map(|line| line.chars().take(99).collect()).collect();
    assert_eq!(too_long, Vec::<String>::new());
    assert!(shown.contains("more characters, --verbose shows them)"));
    assert!(view.to_markdown(COMMENT).len() <= COMMENT);
    let many = "x\n".repeat(500_000);
    let mut plan = everything();
    plan.steps[4].changes[0].before = Some(many.as_str().into());
    plan.steps[4].changes[0].after = Some(many.replace('x', "y").into());
    let shown = text_of(&plan, &TextOptions::default());
    assert!(shown.contains("500000 lines removed, 500000 lines added (--verbose shows them)"));
}

#[test]
fn long_texts_that_differ_in_a_few_words_are_one_text() {
    let mut plan = everything();
    let text = |level: &str| {
        let flags = "--one=1 --two=2 ".repeat(20);
        format!("exec /usr/bin/server {flags}--level={level} {flags}")
    };
    plan.steps[4].changes[0].before = Some(text("info").into());
    plan.steps[4].changes[0].after = Some(text("debug").into());
    plan.steps = vec![plan.steps[4].clone()];
    let options = |verbose, width| TextOptions {
        verbose,
        width,
        ..TextOptions::default()
    };
    let shown = text_of(&plan, &options(false, None));
    assert!(shown.contains("--level=[-info-]{+debug+} --one=1"), "{shown}");
    assert!(shown.contains(" … "), "{shown}");
    assert!(!text_of(&plan, &options(true, None)).contains('…'));
    for width in [80, 200] {
        let shown = text_of(&plan, &options(true, Some(width)));
        assert!(shown.lines().all(|line| line.chars().count() <= width), "{shown}");
    }
}
