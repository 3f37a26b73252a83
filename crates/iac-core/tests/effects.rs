//! What the engine itself tells of a plan's effects: changes that are taken back, steps that wait, other names.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod support;

use iac_core::Value;
use iac_core::declare::Declaration;
use iac_core::plan::{Mode, Plan};
use iac_core::provider::RiskKind;
use serde_json::{Value as Json, json};
use support::harness::{Bench, declare, thing, value};

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
        ["undo: takes back what somebody else changed: value; to keep it, put it into the program"]
    );
    assert_eq!(risks, [RiskKind::Undo]);
    assert_eq!(told(&plan, "b"), (vec![], vec![]));
    // What is taken in is not taken back.
    let refresh = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert!(refresh.steps.iter().all(|step| step.effects.is_empty()), "{refresh:?}");
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
        ["order: Thing/b waits for it, and stays as it is if this fails"]
    );
    // What does not change waits for nothing.
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
            "rename: it looks like Thing/old under another name; what uses the old name loses it, and its data is not moved"
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
