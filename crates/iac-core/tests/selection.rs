//! Runs about a part of the stack: only that part changes, nothing that stays loses what it needs, and the next run of the whole
//! stack does the rest.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod support;

use iac_core::apply::Report;
use iac_core::declare::Declaration;
use iac_core::engine::{EngineError, PlanOptions, Planned};
use iac_core::plan::{Action, DeleteData, Mode, Plan, Selection};
use iac_core::{Declared as _, Value};
use serde_json::{Value as Json, json};
use support::harness::{Bench, actions, declare, thing};

/// A selection of targets and of what is excluded.
fn part(target: &[&str], exclude: &[&str]) -> Selection {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Selection {
        target: names(target),
        exclude: names(exclude),
        ..Selection::default()
    }
}

/// Things of these values; `b` uses the name of `a`, and `c` that of `b`.
fn chain(value: &str) -> Declaration {
    chain_named("a", value)
}

/// The same, where the object of `a` has this name.
fn chain_named(name: &str, value: &str) -> Declaration {
    declare(|stack| {
        let a = thing(stack, "a", json!({ "name": name, "value": value }));
        let b = thing(stack, "b", json!({ "value": value, "uses": a.output("/name") }));
        let _ = thing(stack, "c", json!({ "value": value, "uses": b.output("/name") }));
    })
}

fn things(things: &[(&str, Json)]) -> Declaration {
    declare(|stack| {
        for (name, inputs) in things {
            let _ = thing(stack, name, inputs.clone());
        }
    })
}

async fn plan_of(bench: &Bench, mode: Mode, declaration: &Declaration, part: Selection) -> Planned {
    let options = PlanOptions::new(mode).delete_data(DeleteData::All).selection(part);
    bench.plan_options(declaration, options).await.unwrap()
}

async fn plan(bench: &Bench, declaration: &Declaration, part: Selection) -> Plan {
    plan_of(bench, Mode::Up, declaration, part).await.plan
}

async fn up(bench: &Bench, declaration: &Declaration, part: Selection) -> Report {
    let planned = plan_of(bench, Mode::Up, declaration, part).await;
    assert!(planned.plan.problems.is_empty(), "{:?}", planned.plan.problems);
    bench.world.take_log();
    bench.execute(planned, declaration).await.unwrap()
}

/// The problems as `NAME PATH: MESSAGE (HINT)`.
fn problems(plan: &Plan) -> Vec<String> {
    let text = |problem: &iac_core::plan::PlanProblem| {
        let key = problem.key.as_ref().unwrap();
        let hint = problem.hint.as_deref().unwrap_or_default();
        format!("{} {}: {} ({hint})", key.name(), problem.path, problem.message)
    };
    plan.problems.iter().map(text).collect()
}

fn notes(plan: &Plan) -> Vec<&str> {
    plan.notes.iter().map(|note| note.message.as_str()).collect()
}

fn names(bench: &Bench) -> Vec<String> {
    bench.world.objects().into_keys().collect()
}

/// The whole stack is as declared after one more run.
async fn settles(bench: &Bench, declaration: &Declaration, expected: &[&str]) {
    assert!(bench.up(declaration).await.is_ok());
    let left = bench.preview(declaration).await;
    assert!(left.is_empty() && left.problems.is_empty(), "{:?}", actions(&left));
    assert_eq!(names(bench), expected);
    assert!(bench.store().load().await.unwrap().pending.is_empty());
}

#[tokio::test]
async fn only_the_target_changes_and_the_rest_is_told() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let planned = plan(&bench, &chain("2"), part(&["b"], &[])).await;
    assert_eq!(actions(&planned), ["update b"]);
    assert_eq!(
        notes(&planned),
        ["left out by --target b: 2 resources; not as declared: Thing/a, Thing/c"]
    );
    assert!(up(&bench, &chain("2"), part(&["b"], &[])).await.is_ok());
    assert_eq!(bench.world.take_log(), ["update b"]);
    settles(&bench, &chain("2"), &["a", "b", "c"]).await;
}

#[tokio::test]
async fn what_is_excluded_stays_and_the_rest_changes() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    assert!(up(&bench, &chain("2"), part(&[], &["b"])).await.is_ok());
    assert_eq!(bench.world.take_log(), ["update a", "update c"]);
    settles(&bench, &chain("2"), &["a", "b", "c"]).await;
}

#[tokio::test]
async fn names_may_be_patterns_and_what_is_excluded_goes_before_targets() {
    let bench = Bench::new();
    let program = |value: &str| {
        declare(|stack| {
            let front = stack.component("front");
            let _ = thing(&front, "x", json!({ "value": value }));
            let _ = thing(&front, "y", json!({ "value": value }));
            let _ = thing(stack, "z", json!({ "value": value }));
        })
    };
    assert!(bench.up(&program("1")).await.is_ok());
    let table: [(&[&str], &[&str], &[&str]); 6] = [
        (&["front::*"], &[], &["x", "y"]),
        (&["Thing/*"], &["y"], &["x", "z"]),
        (&["*"], &["front::*"], &["z"]),
        (&["test::front::mem:core/Thing::x"], &[], &["x"]),
        (&["x", "z"], &["*"], &[]),
        (&[], &[], &["x", "y", "z"]),
    ];
    for (target, exclude, expected) in table {
        let planned = plan(&bench, &program("2"), part(target, exclude)).await;
        let mut changed: Vec<&str> = planned.changes().map(|step| step.key.name()).collect();
        changed.sort_unstable();
        assert_eq!(changed, expected, "{target:?} {exclude:?}");
    }
}

#[tokio::test]
async fn a_name_that_means_nothing_is_refused_before_anything_is_asked() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    bench.world.take_log();
    for (selection, option) in [(part(&["x"], &[]), "--target"), (part(&[], &["Thing/*x"]), "--exclude")] {
        let options = PlanOptions::new(Mode::Up).selection(selection);
        let error = bench.plan_options(&chain("2"), options).await.unwrap_err();
        assert!(matches!(error, EngineError::Selection(_)), "{error}");
        assert!(error.to_string().starts_with(option), "{error}");
        assert!(
            error.to_string().contains("no resource of stack test has that name"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_needs_targets_and_what_they_need_comes_along_when_asked() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let changed = |selection: Selection| {
        let bench = &bench;
        async move { actions(&plan(bench, &chain("2"), selection).await) }
    };
    let target = part(&["b"], &[]);
    let dependents = Selection {
        target_dependents: true,
        ..target.clone()
    };
    assert_eq!(changed(dependents.clone()).await, ["update b", "update c"]);
    let dependencies = Selection {
        target_dependencies: true,
        ..target
    };
    assert_eq!(changed(dependencies).await, ["update a", "update b"]);
    let both = Selection {
        target_dependencies: true,
        ..dependents
    };
    assert_eq!(changed(both).await, ["update a", "update b", "update c"]);
    let exclude = Selection {
        exclude_dependents: true,
        ..part(&[], &["b"])
    };
    assert_eq!(changed(exclude).await, ["update a"]);
}

#[tokio::test]
async fn a_target_that_needs_something_new_is_a_problem_with_the_option_that_helps() {
    let bench = Bench::new();
    let planned = plan(&bench, &chain("1"), part(&["b"], &[])).await;
    assert_eq!(
        problems(&planned),
        [
            "b : it needs Thing/a, which is not there and which this run leaves out (add --target Thing/a, or --target-dependencies)"
        ]
    );
    let planned = plan(&bench, &chain("1"), part(&[], &["a"])).await;
    assert_eq!(
        problems(&planned),
        [
            "b : it needs Thing/a, which is not there and which this run leaves out (do not exclude Thing/a, or add --exclude-dependents)"
        ]
    );
    let with_needs = Selection {
        target_dependencies: true,
        ..part(&["b"], &[])
    };
    assert!(up(&bench, &chain("1"), with_needs).await.is_ok());
    assert_eq!(bench.world.take_log(), ["create a", "create b"]);
    // And one that was there, and that somebody deleted.
    bench.world.meddle(|objects| {
        objects.remove("a");
    });
    let planned = plan(&bench, &chain("2"), part(&["b"], &[])).await;
    assert_eq!(problems(&planned).len(), 1, "{:?}", planned.problems);
}

#[tokio::test]
async fn drift_of_what_is_left_out_stays() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    bench.world.meddle(|objects| {
        for name in ["a", "b"] {
            objects.get_mut(name).unwrap().inputs = Value::from(json!({ "value": "theirs" }));
        }
    });
    assert!(up(&bench, &chain("1"), part(&[], &["a"])).await.is_ok());
    assert_eq!(bench.world.take_log(), ["update b"]);
    let refresh = plan_of(&bench, Mode::Refresh, &declare(|_| {}), part(&["b", "c"], &[]))
        .await
        .plan;
    assert!(refresh.is_empty(), "{:?}", actions(&refresh));
    let refresh = plan_of(&bench, Mode::Refresh, &declare(|_| {}), part(&["a"], &[]))
        .await
        .plan;
    assert_eq!(actions(&refresh), ["update a"]);
}

#[tokio::test]
async fn a_left_out_resource_that_the_program_renames_keeps_its_object_and_record() {
    let bench = Bench::new();
    assert!(bench.up(&chain_named("one", "1")).await.is_ok());
    let report = up(&bench, &chain_named("two", "2"), part(&["b"], &[])).await;
    assert!(report.is_ok());
    assert_eq!(bench.world.take_log(), ["update b"]);
    assert_eq!(bench.world.objects()["b"].inputs.get("uses"), Some(&Value::from("one")));
    settles(&bench, &chain_named("two", "2"), &["b", "c", "two"]).await;
}

#[tokio::test]
async fn a_renamed_target_is_a_problem_where_what_uses_it_is_left_out() {
    let bench = Bench::new();
    assert!(bench.up(&chain_named("one", "1")).await.is_ok());
    let planned = plan(&bench, &chain_named("two", "1"), part(&["a"], &[])).await;
    assert_eq!(
        problems(&planned),
        [
            "a : an object that it was before is to be deleted, and Thing/b, which this run leaves out, may still use that (add --target Thing/b, or --target-dependents)"
        ]
    );
    let with_users = Selection {
        target_dependents: true,
        ..part(&["a"], &[])
    };
    assert!(up(&bench, &chain_named("two", "1"), with_users).await.is_ok());
    assert_eq!(bench.world.take_log(), ["create two", "update b", "delete one"]);
}

#[tokio::test]
async fn a_swap_of_names_with_a_left_out_resource_is_a_problem() {
    let bench = Bench::new();
    let named = |a: &str, b: &str| things(&[("a", json!({ "name": a })), ("b", json!({ "name": b }))]);
    assert!(bench.up(&named("one", "two")).await.is_ok());
    let planned = plan(&bench, &named("two", "one"), part(&["a"], &[])).await;
    let problems = problems(&planned);
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("two is recorded as Thing/b, which this run leaves out")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn what_a_left_out_object_holds_is_a_problem_for_what_needs_it() {
    let bench = Bench::new();
    let port = |name: &str| (name.to_owned(), json!({ "exclusive": "port 80" }));
    let old = things(&[("old", port("old").1)]);
    assert!(bench.up(&old).await.is_ok());
    let new = things(&[("new", port("new").1)]);
    let planned = plan(&bench, &new, part(&[], &["old"])).await;
    let problems = problems(&planned);
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("this run leaves Thing/old as it is")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_target_that_something_left_out_needs_cannot_be_deleted() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let nothing = declare(|_| {});
    let planned = plan_of(&bench, Mode::Destroy, &nothing, part(&["a"], &[])).await.plan;
    assert_eq!(
        problems(&planned),
        [
            "a : it cannot be deleted: Thing/b, which this run leaves out, needs it (add --target Thing/b, or --target-dependents)"
        ]
    );
    let with_users = Selection {
        target_dependents: true,
        ..part(&["b"], &[])
    };
    let planned = plan_of(&bench, Mode::Destroy, &nothing, with_users).await;
    assert!(planned.plan.problems.is_empty());
    assert!(bench.execute(planned, &nothing).await.unwrap().is_ok());
    assert_eq!(names(&bench), ["a"]);
    assert_eq!(bench.store().load().await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn destroy_of_all_but_one_keeps_what_that_needs() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let nothing = declare(|_| {});
    let planned = plan_of(&bench, Mode::Destroy, &nothing, part(&[], &["b"])).await;
    assert_eq!(actions(&planned.plan), ["delete c"]);
    assert_eq!(
        notes(&planned.plan),
        [
            "left out by --exclude b: 2 resources; would be deleted: Thing/b; would be deleted, and stay since Thing/b needs it: Thing/a"
        ]
    );
    assert!(bench.execute(planned, &nothing).await.unwrap().is_ok());
    assert_eq!(names(&bench), ["a", "b"]);
    assert!(bench.destroy(DeleteData::All).await.is_ok());
    assert!(names(&bench).is_empty());
}

#[tokio::test]
async fn what_the_program_no_longer_declares_goes_only_where_the_run_is_about_it() {
    let bench = Bench::new();
    let all = things(&[("a", json!({})), ("b", json!({})), ("c", json!({}))]);
    let one = things(&[("a", json!({ "value": "2" }))]);
    assert!(bench.up(&all).await.is_ok());
    assert_eq!(actions(&plan(&bench, &one, part(&["a"], &[])).await), ["update a"]);
    assert!(up(&bench, &one, part(&["b"], &[])).await.is_ok());
    assert_eq!(names(&bench), ["a", "c"]);
    settles(&bench, &one, &["a"]).await;
}

#[tokio::test]
async fn problems_of_what_is_left_out_stop_nobody() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    bench.world.meddle(|objects| {
        let theirs = objects["b"].clone();
        objects.insert("new".to_owned(), iac_object(theirs));
    });
    let with_theirs = |value: &str| {
        let mut program = chain(value);
        program.resources.extend(things(&[("new", json!({}))]).resources);
        program
    };
    assert_eq!(
        plan(&bench, &with_theirs("2"), Selection::default())
            .await
            .problems
            .len(),
        1
    );
    assert!(up(&bench, &with_theirs("2"), part(&[], &["new"])).await.is_ok());
    assert_eq!(bench.world.take_log(), ["update a", "update b", "update c"]);
}

/// An object without our mark.
fn iac_object(object: support::memory::Object) -> support::memory::Object {
    support::memory::Object { ours: false, ..object }
}

#[tokio::test]
async fn an_interrupted_operation_on_what_is_left_out_stays_open_and_is_settled_later() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    // Killed in the middle of the creation of d.
    let with_d = |value: &str| {
        let mut program = chain(value);
        program.resources.extend(things(&[("d", json!({}))]).resources);
        program
    };
    let mut boundary = 0;
    loop {
        let other = Bench::new();
        assert!(other.up(&chain("1")).await.is_ok());
        if !other.up_killed_at(boundary, &with_d("1")).await {
            break;
        }
        let pending = other.store().load().await.unwrap().pending.len();
        let report = up(&other, &with_d("2"), part(&["b"], &[])).await;
        assert!(report.is_ok(), "boundary {boundary}");
        let state = other.store().load().await.unwrap();
        assert_eq!(state.pending.len(), pending, "boundary {boundary}: {:?}", state.pending);
        settles(&other, &with_d("2"), &["a", "b", "c", "d"]).await;
        boundary += 1;
    }
    assert!(boundary > 0);
}

#[tokio::test]
async fn what_an_interrupted_run_made_and_nobody_declares_goes_only_where_the_run_is_about_it() {
    let bench = Bench::new();
    assert!(bench.up(&things(&[("a", json!({}))])).await.is_ok());
    let both = things(&[("a", json!({})), ("b", json!({}))]);
    assert!(bench.up_killed_at(2, &both).await, "killed after the effect");
    assert_eq!(names(&bench), ["a", "b"]);
    let nothing = declare(|_| {});
    assert!(up(&bench, &nothing, part(&["a"], &[])).await.is_ok());
    assert_eq!(names(&bench), ["b"]);
    assert!(up(&bench, &nothing, part(&["b"], &[])).await.is_ok());
    assert!(names(&bench).is_empty());
    settles(&bench, &nothing, &[]).await;
}

#[tokio::test]
async fn a_run_that_changes_nothing_of_its_part_has_no_steps() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let planned = plan(&bench, &chain("1"), part(&["b"], &[])).await;
    assert!(planned.is_empty());
    assert!(planned.steps.iter().all(|step| step.action == Action::Same));
    assert_eq!(planned.steps.len(), 3);
    assert_eq!(notes(&planned), ["left out by --target b: 2 resources"]);
}

#[tokio::test]
async fn what_a_target_needs_and_is_not_ready_is_told_and_not_waited_for() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    bench.world.never_ready(&["a"]);
    let planned = plan(&bench, &chain("2"), part(&["b"], &[])).await;
    assert!(
        notes(&planned)[0].ends_with("; not ready, and not waited for: Thing/a"),
        "{:?}",
        notes(&planned)
    );
    assert!(up(&bench, &chain("2"), part(&["b"], &[])).await.is_ok());
}

#[tokio::test]
async fn a_part_of_a_stack_is_saved_with_its_plan() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let planned = plan(&bench, &chain("2"), part(&["b"], &["c"])).await;
    let json = iac_core::saved::plan_json(&planned, &|_| String::new());
    assert_eq!(json["selection"], json!({ "target": ["b"], "exclude": ["c"] }));
    let whole = plan(&bench, &chain("2"), Selection::default()).await;
    assert!(
        iac_core::saved::plan_json(&whole, &|_| String::new())
            .get("selection")
            .is_none()
    );
}

/// A selection that replaces these.
fn replacing(names: &[&str]) -> Selection {
    Selection {
        replace: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Selection::default()
    }
}

#[tokio::test]
async fn a_resource_gets_a_new_object_when_asked() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let uid = bench.world.objects()["b"].uid;
    let planned = plan(&bench, &chain("1"), replacing(&["b"])).await;
    // Its users follow.
    assert_eq!(actions(&planned), ["replace b", "update c"]);
    assert!(up(&bench, &chain("1"), replacing(&["b"])).await.is_ok());
    assert_eq!(bench.world.take_log()[..2], ["delete b", "create b"]);
    assert_ne!(bench.world.objects()["b"].uid, uid);
    settles(&bench, &chain("1"), &["a", "b", "c"]).await;
}

#[tokio::test]
async fn to_ask_for_what_is_new_only_makes_it() {
    let bench = Bench::new();
    let planned = plan(&bench, &chain("1"), replacing(&["b"])).await;
    assert_eq!(actions(&planned), ["create a", "create b", "create c"]);
}

#[tokio::test]
async fn to_ask_for_what_is_not_declared_or_left_out_is_refused() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    let one = things(&[("a", json!({}))]);
    let left_out = Selection {
        exclude: vec!["a".to_owned()],
        ..replacing(&["a"])
    };
    for (selection, message) in [
        (
            replacing(&["b"]),
            "--replace b: no resource of stack test has that name",
        ),
        (left_out, "--replace Thing/a: this run leaves it out"),
    ] {
        let options = PlanOptions::new(Mode::Up).selection(selection);
        let error = bench.plan_options(&one, options).await.unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[tokio::test]
async fn protected_retained_and_data_holding_resources_are_not_replaced_by_asking() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", json!({})).protect();
        let _ = thing(stack, "b", json!({})).retain_on_delete();
        let _ = thing(stack, "c", json!({ "holds": "files" }));
    });
    assert!(bench.up(&program).await.is_ok());
    for name in ["a", "b", "c"] {
        let options = PlanOptions::new(Mode::Up).selection(replacing(&[name]));
        let planned = bench.plan_options(&program, options).await.unwrap().plan;
        assert_eq!(planned.problems.len(), 1, "{name}: {:?}", planned.problems);
    }
}

/// Taints a resource, or takes that back.
async fn taint(bench: &Bench, name: &str, tainted: bool) {
    let run = iac_core::state::RunInfo::current("state taint", "test");
    let writer = bench.store().begin(run, std::time::Duration::ZERO).await.unwrap();
    let keys = writer.state().records.keys().filter(|key| key.name() == name);
    let keys = keys.cloned().collect();
    assert_eq!(writer.taint(&keys, tainted).await.unwrap().len(), 1);
    writer.finish(iac_core::state::Summary::default()).await.unwrap();
}

#[tokio::test]
async fn a_tainted_resource_is_replaced_once() {
    let bench = Bench::new();
    assert!(bench.up(&chain("1")).await.is_ok());
    taint(&bench, "b", true).await;
    assert_eq!(actions(&bench.preview(&chain("1")).await), ["replace b", "update c"]);
    taint(&bench, "b", false).await;
    assert!(bench.preview(&chain("1")).await.is_empty());
    taint(&bench, "b", true).await;
    // A run that leaves it out leaves it tainted.
    assert!(up(&bench, &chain("2"), part(&["a"], &[])).await.is_ok());
    assert_eq!(actions(&bench.preview(&chain("2")).await), ["replace b", "update c"]);
    settles(&bench, &chain("2"), &["a", "b", "c"]).await;
}

#[tokio::test]
async fn a_kill_while_a_tainted_resource_is_replaced_loses_nothing() {
    let mut boundary = 0;
    loop {
        let bench = Bench::new();
        assert!(bench.up(&chain("1")).await.is_ok());
        let uid = bench.world.objects()["b"].uid;
        taint(&bench, "b", true).await;
        if !bench.up_killed_at(boundary, &chain("1")).await {
            break;
        }
        settles(&bench, &chain("1"), &["a", "b", "c"]).await;
        assert_ne!(bench.world.objects()["b"].uid, uid, "boundary {boundary}");
        boundary += 1;
    }
    assert!(boundary > 1);
}
