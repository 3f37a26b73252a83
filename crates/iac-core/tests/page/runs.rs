//! The pages of a finished run and of the history.

use std::error::Error;

use iac_core::plan::{Action, Mode};
use iac_core::review::history_html;
use iac_core::review::run::{RunStep, RunView};
use iac_core::state::{RunInfo, StepKind, Summary, Times, Took, Version};
use iac_testbed::Layout;
use iac_testbed::browser;
use serde_json::json;

use super::browser::{click, follow, picture, with_text};
use super::golden::body_of;

fn step(id: usize, name: &str, began: Option<u64>, took: (u64, u64), outcome: &str) -> RunStep {
    RunStep {
        id,
        name: name.to_owned(),
        sign: "+".to_owned(),
        action: Action::Create,
        word: "create".to_owned(),
        outcome: outcome.to_owned(),
        why: Vec::new(),
        after: Vec::new(),
        waited_for: None,
        began,
        there: took.0,
        ready: took.1,
        gone: 0,
    }
}

fn run() -> RunView {
    let namespace = step(1, "Namespace shop", Some(0), (120, 0), "done");
    let mut database = step(2, "StatefulSet shop/db", Some(125), (300, 42_000), "done");
    (database.after, database.waited_for) = (vec![1], Some(1));
    let mut migrate = step(3, "Job shop/migrate", Some(42_500), (200, 9_000), "failed");
    (migrate.after, migrate.waited_for) = (vec![1, 2], Some(2));
    migrate.why = vec![
        "the job failed".to_owned(),
        "last lines: relation <users> exists".to_owned(),
    ];
    let mut web = step(4, "Deployment shop/web", None, (0, 0), "skipped");
    (web.after, web.why) = (vec![3], vec!["it needs Job shop/migrate".to_owned()]);
    RunView {
        stack: "prod".to_owned(),
        mode: Mode::Up,
        summary: "Stack prod: 2 created, 1 failed, 1 skipped in 52 s (version 7)".to_owned(),
        ok: false,
        steps: vec![namespace, database, migrate, web],
    }
}

fn versions() -> Vec<Version> {
    let key = "kubernetes:apps/Deployment::web"
        .parse::<iac_core::Key>()
        .expect("a key");
    let version = |number: u64, ok: bool| Version {
        version: number,
        run: RunInfo {
            who: "a <b>".to_owned(),
            host: "ci\u{1b}[2J".to_owned(),
            pid: 1,
            command: if number == 3 { "destroy" } else { "up" }.to_owned(),
            build: "1a2b3c4".to_owned(),
            commit: ok.then(|| "5d6e7f8-dirty".to_owned()),
        },
        started: "2026-11-30T10:00:00Z".parse().expect("a moment"),
        finished: "2026-11-30T10:01:05Z".parse().expect("a moment"),
        summary: Summary {
            created: 1,
            ok,
            failed: u64::from(!ok),
            ..Summary::default()
        },
        changed: vec![key.clone()],
        took: [(
            key.clone(),
            Times::of(
                StepKind::Create,
                Took {
                    there: 400,
                    ready: Some(12_000),
                    gone: None,
                },
            ),
        )]
        .into(),
    };
    vec![version(1, true), version(2, false), version(3, true)]
}

#[test]
fn a_page_of_a_run() {
    let page = run().to_html();
    assert_eq!(page, run().to_html());
    insta::assert_snapshot!(body_of(&page));
}

#[test]
fn a_page_of_the_history() {
    insta::assert_snapshot!(body_of(&history_html("prod", &versions())));
}

#[test]
fn runs_are_filtered_and_read_like_plans() -> Result<(), Box<dyn Error>> {
    let axe = browser::axe(&Layout::of_this_checkout())?;
    let check = "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; ')))";
    for (name, page) in [("run", run().to_html()), ("history", history_html("prod", &versions()))] {
        with_text(&page, |page, _| {
            page.evaluate(&axe)?;
            for (width, colours) in [(320, "light"), (1280, "light"), (1280, "dark")] {
                page.resize(width, 900)?;
                page.medium("screen", colours)?;
                assert_eq!(page.evaluate(check)?, json!([]), "{name}, {width} wide, {colours}");
                assert_eq!(
                    page.evaluate("document.documentElement.scrollWidth <= innerWidth")?,
                    true,
                    "{name}"
                );
                picture(page, &format!("{name}-{colours}-{width}"))?;
            }
            Ok(())
        })?;
    }
    with_text(&run().to_html(), |page, _| {
        let shown = "document.querySelector('#shown').textContent";
        assert_eq!(page.evaluate(shown)?, "All 4");
        click(page, "input[value=failed]")?;
        assert_eq!(page.evaluate(shown)?, "1 of 4");
        follow(page, "#s3 .body a")?;
        assert_eq!(page.evaluate("document.activeElement.closest('.step').id")?, "s2");
        Ok(())
    })
}
