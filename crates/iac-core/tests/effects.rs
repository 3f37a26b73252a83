//! The effects of a plan that the engine itself tells: changes that are taken back, steps that wait, other names.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod support;

use std::time::Duration;

use iac_core::declare::{Declaration, Declared as _};
use iac_core::plan::{DeleteData, Mode, Plan, Reason};
use iac_core::provider::{Phase, RiskKind};
use iac_core::state::{RunInfo, StepKind, Summary, Times, Took};
use iac_core::{Key, Value};
use serde_json::{Value as Json, json};
use support::harness::{Bench, declare, thing, value};
use support::memory::KIND;

/// The effects and risks of a step, as `LABEL: TEXT` and by their kinds.
fn told(plan: &Plan, name: &str) -> (Vec<String>, Vec<RiskKind>) {
    let step = plan.steps.iter().find(|step| step.key.name() == name).unwrap();
    let effects = step.effects.iter();
    (
        effects
            .map(|effect| format!("{}: {}", effect.label(), effect.text()))
            .collect(),
        step.risks.iter().map(|risk| risk.kind).collect(),
    )
}

#[tokio::test]
async fn a_change_of_others_that_is_taken_back_is_a_risk() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
        let _ = thing(stack, "b", value("1"));
    });
    bench.up(&program).await;
    bench
        .world
        .meddle(|objects| objects.get_mut("a").unwrap().inputs = Value::from(value("9")));
    let plan = bench.preview(&program).await;
    let (effects, risks) = told(&plan, "a");
    assert_eq!(
        effects,
        ["undo: takes back what somebody else changed: value; to keep it, change the program"]
    );
    assert_eq!(risks, [RiskKind::Undo]);
    assert_eq!(told(&plan, "b"), (vec![], vec![]));
    // A change that is taken in is not taken back.
    let refresh = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert!(refresh.steps.iter().all(|step| step.effects.is_empty()), "{refresh:?}");
}

#[tokio::test]
async fn what_an_object_came_to_by_itself_is_nobodys_change() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", json!({"value": "1", "state": "running"}));
    });
    bench.up(&program).await;
    bench.world.meddle(|objects| {
        objects.get_mut("a").unwrap().inputs = json!({"value": "1", "state": "exited with status 1"}).into();
    });
    let plan = bench.preview(&program).await;
    assert_eq!(told(&plan, "a"), (vec![], vec![]));
    let ended = Reason::NotReady {
        why: Some("exited with status 1".to_owned()),
        was: true,
    };
    assert_eq!(plan.steps[0].reasons, std::slice::from_ref(&ended));
    let refresh = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert_eq!(refresh.steps[0].reasons, [ended]);
    assert!(
        refresh.steps[0].changes.iter().all(|change| change.origin.is_none()),
        "{refresh:?}"
    );
}

/// A program whose one resource has this name, and works beside another one.
fn side_by_side(name: &'static str) -> Declaration {
    declare(move |stack| {
        let inputs: Json = json!({"value": "x", "image": "shop:1", "command": ["serve", "--all"], "labels": {"app": "shop"}, "side_by_side": true});
        let _ = thing(stack, name, inputs);
    })
}

#[tokio::test]
async fn a_resource_under_another_name_goes_once_the_new_one_is_ready() {
    let bench = Bench::new();
    bench.up(&side_by_side("old")).await;
    bench.world.take_log();
    let plan = bench.preview(&side_by_side("new")).await;
    let old = plan.steps.iter().find(|step| step.key.name() == "old").unwrap();
    let new = plan.steps.iter().find(|step| step.key.name() == "new").unwrap();
    assert_eq!(old.after, [(new.key.clone(), Phase::Ready)]);
    bench.world.fail(&["new"]);
    bench.up(&side_by_side("new")).await;
    assert!(
        bench.world.objects().contains_key("old"),
        "{:?}",
        bench.world.take_log()
    );
    bench.world.fail(&[]);
    bench.world.take_log();
    assert!(bench.up(&side_by_side("new")).await.is_ok());
    let log = bench.world.take_log();
    let place = |what: &str| log.iter().position(|line| line == what);
    assert!(
        place("create new") < place("delete old") && place("create new").is_some(),
        "{log:?}"
    );
}

#[tokio::test]
async fn steps_that_wait_for_another_one_are_told_with_it() {
    let bench = Bench::new();
    let program = |text: &'static str| {
        declare(move |stack| {
            let a = thing(stack, "a", value(text));
            let b = thing(stack, "b", value(text)).after(a.ready());
            let _ = thing(stack, "c", value("same")).after(b.ready());
        })
    };
    bench.up(&program("1")).await;
    let plan = bench.preview(&program("2")).await;
    assert_eq!(
        told(&plan, "a").0,
        ["order: Thing/b waits for it, and is not touched if this fails"]
    );
    // A resource that does not change waits for nothing.
    assert_eq!(told(&plan, "b").0, Vec::<String>::new());
    assert!(bench.preview(&program("1")).await.is_empty());
}

/// A resource of this key, with enough in it to be recognised.
fn large(name: &'static str, port: u16) -> Declaration {
    declare(move |stack| {
        let inputs: Json = json!({
            "value": "x", "image": "shop:1", "port": port, "command": ["serve", "--all"], "labels": {"app": "shop", "tier": "web"},
        });
        let _ = thing(stack, name, inputs);
        let _ = thing(stack, "small", value("1"));
    })
}

#[tokio::test]
async fn a_resource_under_another_name_is_recognised() {
    let bench = Bench::new();
    bench.up(&large("old", 80)).await;
    let plan = bench.preview(&large("new", 8080)).await;
    assert_eq!(
        told(&plan, "new").0,
        [
            "rename: it looks like Thing/old under another name; what uses the old name loses it: leave the name as it is, or change \
             its users as well; data that it alone holds has to be moved first"
        ]
    );
    assert_eq!(
        told(&plan, "old").0,
        ["rename: Thing/new looks like it under another name"]
    );
    // Two that have little in common, or too little to tell, are two.
    let others = declare(|stack| {
        let _ = thing(
            stack,
            "other",
            json!({"value": "y", "image": "db:1", "port": 5432, "user": "a", "password": "b"}),
        );
        let _ = thing(stack, "tiny", value("1"));
    });
    let plan = bench.preview(&others).await;
    assert!(plan.steps.iter().all(|step| step.effects.is_empty()), "{plan:?}");
}

/// Returns the times of a step: until the object was there, and from then on until it was ready.
fn took(there: u64, ready: u64) -> Took {
    Took {
        there,
        ready: Some(ready),
        gone: None,
    }
}

#[tokio::test]
async fn how_long_a_step_took_last_time_is_told_with_the_longest_chain() {
    let bench = Bench::new();
    let program = |text: &'static str, more: bool| {
        declare(move |stack| {
            let db = thing(stack, "db", value(text));
            let api = thing(stack, "api", value(text)).after(db.ready());
            let _ = thing(stack, "web", json!({ "value": text, "ref": "api" }));
            let _ = thing(stack, "side", value(text));
            if more {
                let _ = thing(stack, "new", value(text)).after(api.ready());
            }
        })
    };
    bench.up(&program("1", false)).await;
    let times = [
        ("db", StepKind::Update, took(2_000, 10_000)),
        ("api", StepKind::Update, took(1_000, 30_000)),
        ("web", StepKind::Update, took(500, 100)),
        ("side", StepKind::Create, took(90_000, 0)),
    ];
    let key = |name: &str| Key::new("", KIND, name).unwrap();
    let times = times.map(|(name, kind, took)| (key(name), Times::of(kind, took)));
    let run = RunInfo::current("up", "test");
    let writer = bench.store().begin(run, Duration::from_secs(5)).await.unwrap();
    writer.finish_timed(Summary::default(), times.into()).await.unwrap();

    let plan = bench.preview(&program("2", true)).await;
    let how_long = |name: &str| {
        let (effects, _) = told(&plan, name);
        effects.into_iter().find(|effect| effect.starts_with("how long"))
    };
    assert_eq!(
        how_long("db").unwrap(),
        "how long: its last update took 12 s, 10 s of it until it was ready"
    );
    assert_eq!(how_long("web"), None, "less than a second");
    assert_eq!(how_long("side"), None, "another kind of step");
    assert_eq!(how_long("new"), None, "nothing is known");
    let estimate = plan.estimate.unwrap();
    assert_eq!((estimate.seconds, estimate.known, estimate.steps), (43, 3, 5));
    assert_eq!(
        estimate.text(),
        "takes about 45 s, as far as earlier runs tell (no time is known for 2 of 5 steps)"
    );
    // A plan in which most steps are new gives none, and one without changes neither.
    let others = declare(|stack| {
        let _ = thing(stack, "db", value("2"));
        let _ = thing(stack, "x", value("2"));
        let _ = thing(stack, "y", value("2"));
        let _ = thing(stack, "z", value("2"));
    });
    assert_eq!(bench.preview(&others).await.estimate, None);
    assert_eq!(bench.preview(&program("1", false)).await.estimate, None);
}

#[tokio::test]
async fn a_run_records_how_long_its_steps_took() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let a = thing(stack, "a", value("1"));
        let _ = thing(stack, "b", value("1")).after(a.ready());
        let _ = thing(stack, "c", json!({})).after(a.ready());
    });
    bench.world.never_ready(&["c"]);
    let report = bench.up(&program).await;
    let key = |name: &str| Key::new("", KIND, name).unwrap();
    assert_eq!(report.timelines[&key("a")].waited_for, None);
    assert_eq!(report.timelines[&key("b")].waited_for, Some(key("a")));
    assert!(report.timelines[&key("c")].there.is_some());
    let times = bench.store().load().await.unwrap().times;
    let created = times[&key("b")].get(StepKind::Create).unwrap();
    assert!(created.ready.is_some() && created.gone.is_none());
    assert!(!times.contains_key(&key("c")), "it did not come to its end");
    bench.destroy(DeleteData::All).await;
    let times = bench.store().load().await.unwrap().times;
    assert!(times[&key("a")].get(StepKind::Delete).is_some() && times[&key("a")].create.is_some());
}
