//! Resources that only wait for others are made ahead, and completed once those are there; if those fail, they are deleted. And a
//! resource that only waits for its own end holds up nobody.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    reason = "a test may stop at once, and shares its support with others"
)]

#[path = "support/mod.rs"]
mod support;

use iac_core::apply::{Cancel, Event, Outcome, Report};
use iac_core::declare::Declaration;
use iac_core::plan::{DeleteData, Mode};
use serde_json::json;
use support::harness::{Bench, declare, thing};
use tokio::sync::watch;

/// A database, a service that waits for it, one that waits for that, and one that uses its output as well.
fn levels() -> Declaration {
    declare(|stack| {
        let db = thing(stack, "db", json!({}));
        let _ = thing(stack, "api", json!({ "ordered_ref": "db" }));
        let _ = thing(stack, "web", json!({ "ordered_ref": "api" }));
        let _ = thing(
            stack,
            "admin",
            json!({ "ordered_ref": "api", "uses": db.output("/uid") }),
        );
    })
}

fn outcomes(report: &Report) -> Vec<String> {
    let told = report.outcomes.iter().map(|(key, outcome)| match outcome {
        Outcome::Done(_) => format!("{} done", key.name()),
        Outcome::Skipped(because) => format!("{} needs {}", key.name(), because.name()),
        Outcome::Cancelled => format!("{} cancelled", key.name()),
        Outcome::NotReady(_) => format!("{} not ready", key.name()),
        other => format!("{} {other:?}", key.name()),
    });
    told.collect()
}

/// Nothing is recorded as under way.
async fn is_settled(bench: &Bench) -> bool {
    bench.store().load().await.unwrap().pending.is_empty()
}

#[tokio::test]
async fn what_waits_for_others_is_made_before_they_are_there() {
    let bench = Bench::new();
    assert!(bench.up(&levels()).await.is_ok());
    let log = bench.world.take_log();
    let at = |what: &str| log.iter().position(|entry| entry == what).unwrap();
    assert!(at("prepare api") < at("create api"), "{log:?}");
    assert!(at("prepare web") < at("create api"), "{log:?}");
    assert!(
        at("create db") < at("prepare admin"),
        "an output is needed for that: {log:?}"
    );
    assert!(
        at("create db") < at("create api") && at("create api") < at("create web"),
        "{log:?}"
    );
    assert!(is_settled(&bench).await);
    let events = bench.take_events();
    let started = events
        .iter()
        .filter(|event| matches!(event, Event::Started { .. }))
        .count();
    assert_eq!(started, 4, "each begins once");
    assert!(bench.preview(&levels()).await.is_empty());
    assert!(bench.up(&levels()).await.is_ok());
    assert_eq!(
        bench.world.take_log(),
        [""; 0],
        "and nothing is made ahead of what is there"
    );
}

#[tokio::test]
async fn what_was_made_ahead_of_something_that_fails_is_taken_away() {
    let bench = Bench::new();
    bench.world.never_ready(&["db"]);
    let report = bench.up(&levels()).await;
    assert_eq!(
        outcomes(&report),
        ["admin needs api", "api needs db", "db not ready", "web needs api"]
    );
    assert_eq!(bench.world.objects().into_keys().collect::<Vec<_>>(), ["db"]);
    assert!(is_settled(&bench).await);
    bench.world.never_ready(&[]);
    assert!(bench.up(&levels()).await.is_ok());
    assert_eq!(bench.world.objects().len(), 4);
}

#[tokio::test]
async fn what_cannot_be_made_ahead_fails_in_its_turn() {
    let bench = Bench::new();
    bench.world.fail(&["web"]);
    let report = bench.up(&levels()).await;
    let told = outcomes(&report);
    assert!(told.iter().any(|outcome| outcome.starts_with("web Failed")), "{told:?}");
    assert!(!bench.world.objects().contains_key("web"));
    assert!(is_settled(&bench).await);
}

#[tokio::test]
async fn what_was_made_ahead_goes_when_the_run_is_cancelled() {
    let bench = Bench::new();
    let cancel = watch::Sender::new(Cancel::No);
    bench.world.not_ready_yet(&["db"]);
    let program = levels();
    let run = bench.run_until(Mode::Up, &program, DeleteData::All, &cancel);
    let stop = async {
        while !bench.world.objects().contains_key("web") {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        cancel.send_replace(Cancel::Gently);
    };
    let (report, ()) = tokio::join!(run, stop);
    let told = outcomes(&report.unwrap());
    assert!(told.contains(&"api cancelled".to_owned()), "{told:?}");
    assert_eq!(bench.world.objects().into_keys().collect::<Vec<_>>(), ["db"]);
    assert!(is_settled(&bench).await);
}

#[tokio::test]
async fn an_operation_that_only_waits_holds_up_no_other() {
    let bench = Bench::new().parallel(2);
    let program = declare(|stack| {
        for number in 0..7 {
            let _ = thing(stack, &format!("t{number}"), json!({}));
        }
    });
    assert!(bench.up(&program).await.is_ok());
    bench.world.delete_together(7);
    let nothing = declare(|_| {});
    let destroyed = bench.run(Mode::Destroy, &nothing);
    let report = tokio::time::timeout(std::time::Duration::from_secs(60), destroyed).await;
    assert!(report.expect("they wait for one another").unwrap().is_ok());
    assert!(bench.world.objects().is_empty());
}
