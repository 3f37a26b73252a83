//! The engine, seen from outside: declare, plan, apply, look at the world.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod support;

use std::sync::Arc;

use iac_core::apply::Outcome;
use iac_core::declare::{Declared as _, FieldLines, SourceLine};
use iac_core::plan::{Action, DeleteData, Mode, Plan, Reason};
use iac_core::review::{TextOptions, View};
use iac_core::value::Segment;
use iac_core::{FieldPath, Value};
use serde_json::json;
use support::harness::{Bench, action_of, actions, declare, thing, value};

#[tokio::test]
async fn what_is_applied_is_there_and_a_second_plan_is_empty() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let a = thing(stack, "a", value("1"));
        let _ = thing(stack, "b", json!({ "value": format!("uid is {}", a.output("/uid")) }));
    });
    assert_eq!(actions(&bench.preview(&program).await), ["create a", "create b"]);
    assert!(bench.up(&program).await.is_ok());
    assert_eq!(
        bench.world.objects()["b"].inputs.get("value"),
        Some(&Value::from("uid is u1"))
    );
    assert!(bench.preview(&program).await.is_empty());
}

#[tokio::test]
async fn a_change_names_its_field_its_line_and_its_consequence() {
    let bench = Bench::new();
    let program = |text: &'static str| {
        declare(move |stack| {
            let a = thing(stack, "a", value(text));
            let _ = thing(stack, "b", json!({ "value": a.output("/value") , "other": "x" }));
            let _ = thing(stack, "c", value("c"));
        })
    };
    bench.up(&program("1")).await;
    let plan = bench.preview(&program("2")).await;
    assert_eq!(actions(&plan), ["update a", "update b"]);
    let a = plan.changes().next().unwrap();
    assert!(matches!(&a.reasons[..], [Reason::Inputs(paths)] if paths[0].to_string() == "value"));
    assert!(a.source.as_ref().unwrap().file.ends_with("engine.rs"));
    let b = plan.changes().nth(1).unwrap();
    assert!(
        matches!(&b.reasons[..], [Reason::Upstream { path, from }] if path.to_string() == "value" && from.name() == "a")
    );
    assert_eq!(
        b.changes[0].after,
        Some(Value::from("2")),
        "the provider predicts the output"
    );
    assert!(bench.up(&program("2")).await.is_ok());
    assert!(bench.preview(&program("2")).await.is_empty());
}

/// A file in which each field has the line that its last position says, or the tenth.
struct Lines;

impl FieldLines for Lines {
    fn line(&self, path: &FieldPath) -> Option<SourceLine> {
        let line = match path.segments().last()? {
            Segment::Index(index) => 20 + u32::try_from(*index).ok()?,
            Segment::Field(name) if name == "first" => 1,
            _ => 10,
        };
        Some(file_line(line))
    }
}

fn file_line(line: u32) -> SourceLine {
    SourceLine {
        file: "a.yaml".to_owned(),
        line,
        column: 3,
    }
}

#[tokio::test]
async fn a_changed_field_names_its_line_in_the_file() {
    let bench = Bench::new();
    let program = |inputs: serde_json::Value| {
        declare(move |stack| {
            let _ = thing(&stack.at_lines(file_line(1), Arc::new(Lines)), "a", inputs.clone());
            let _ = thing(stack, "b", json!({ "value": inputs["value"] }));
        })
    };
    let lines = |plan: &Plan| -> Vec<String> {
        let lines = plan.changes().flat_map(|step| &step.lines);
        lines.map(|(path, line)| format!("{path} {line}")).collect()
    };
    let first = program(json!({ "value": "1", "first": 1, "gone": 1, "list": ["x", "y"] }));
    // Of what is new, all is new.
    assert_eq!(lines(&bench.preview(&first).await), [""; 0]);
    bench.up(&first).await;
    // What goes has no line, what stands where the resource begins none of its own, and what the program says neither.
    let second = program(json!({ "value": "2", "first": 2, "list": ["x", "z"] }));
    let plan = bench.preview(&second).await;
    assert_eq!(lines(&plan), ["list[1] a.yaml:21:3", "value a.yaml:10:3"]);
    let text = View::of(&plan, false).to_text(&TextOptions::default());
    assert!(text.contains("~ value: \"1\" -> \"2\" (line 10)\n"), "{text}");
    assert!(text.contains("- gone: 1\n"), "{text}");
}

#[tokio::test]
async fn a_fixed_field_makes_a_replacement_and_protection_refuses_it() {
    let bench = Bench::new();
    let program = |fixed: i32, protect: bool| {
        declare(move |stack| {
            let a = thing(stack, "a", json!({ "fixed": fixed, "data": true }));
            let _ = if protect { a.protect() } else { a };
        })
    };
    bench.up(&program(1, false)).await;
    let plan = bench.preview_deleting(&program(2, false), &["a"]).await;
    assert_eq!(actions(&plan), ["replace a"]);
    let step = plan.changes().next().unwrap();
    assert!(
        step.reasons
            .iter()
            .any(|reason| matches!(reason, Reason::Immutable { .. }))
    );
    assert_eq!(step.risks.len(), 2, "it is away for a while, and its data goes");
    let protected = bench.preview_deleting(&program(2, true), &["a"]).await;
    assert_eq!(protected.problems.len(), 1);
    bench.world.take_log();
    assert!(bench.up_deleting(&program(2, false), &["a"]).await.is_ok());
    assert_eq!(bench.world.take_log(), ["delete a", "create a"]);
    assert!(bench.preview(&program(2, false)).await.is_empty());
}

#[tokio::test]
async fn what_leaves_the_program_is_deleted_after_what_needed_it() {
    let bench = Bench::new();
    let full = declare(|stack| {
        let a = thing(stack, "a", value("a"));
        let b = thing(stack, "b", value("b")).after(&a);
        let _ = thing(stack, "c", value("c")).after(&b);
    });
    bench.up(&full).await;
    bench.world.take_log();
    let nothing = declare(|_| {});
    assert_eq!(
        actions(&bench.preview(&nothing).await),
        ["delete c", "delete b", "delete a"]
    );
    assert!(bench.up(&nothing).await.is_ok());
    assert_eq!(bench.world.take_log(), ["delete c", "delete b", "delete a"]);
    assert!(bench.world.objects().is_empty());
}

#[tokio::test]
async fn readiness_that_waits_for_a_dependent_stops_no_deletion() {
    let bench = Bench::new();
    let program = declare(|stack| {
        // As a Service and the StatefulSet behind it: the set needs the service, which is ready once the set is.
        let _ = thing(stack, "service", json!({ "ready_ref": "set" }));
        let _ = thing(stack, "set", json!({ "ref": "service" }));
    });
    assert!(bench.up(&program).await.is_ok());
    bench.world.take_log();
    let report = bench.destroy(DeleteData::None).await;
    assert!(report.is_ok(), "{:?}", report.outcomes);
    assert_eq!(bench.world.take_log(), ["delete set", "delete service"]);
}

#[tokio::test]
async fn drift_is_seen_and_undone() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
        let _ = thing(stack, "b", value("1"));
    });
    bench.up(&program).await;
    bench.world.meddle(|objects| {
        objects.get_mut("a").unwrap().inputs = Value::from(value("9"));
        objects.remove("b");
    });
    let refresh = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert_eq!(actions(&refresh), ["update a", "forget b"]);
    let plan = bench.preview(&program).await;
    assert_eq!(actions(&plan), ["update a", "create b"]);
    assert!(matches!(plan.changes().next().unwrap().reasons[..], [Reason::Drift(_)]));
    bench.up(&program).await;
    assert_eq!(bench.world.objects()["a"].inputs, Value::from(value("1")));
}

#[tokio::test]
async fn what_is_being_deleted_is_drift_and_made_again_in_the_same_run() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
        let _ = thing(stack, "b", value("1"));
    });
    bench.up(&program).await;
    let old = bench.world.objects()["a"].uid;
    bench.world.leave(&["a"]);
    let refresh = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert_eq!(actions(&refresh), ["forget a"]);
    let plan = bench.preview(&program).await;
    assert_eq!(actions(&plan), ["create a"]);
    let why = Reason::Leaving("held by a test".to_owned());
    assert_eq!(plan.changes().next().unwrap().reasons, [why]);
    bench.up(&program).await;
    assert_ne!(bench.world.objects()["a"].uid, old);
    assert!(bench.preview(&program).await.is_empty());
}

#[tokio::test]
async fn an_object_that_somebody_made_again_is_drift() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
    });
    bench.up(&program).await;
    bench.world.meddle(|objects| {
        let object = objects.get_mut("a").unwrap();
        (object.uid, object.ours) = (99, false);
    });
    let refresh = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert_eq!(actions(&refresh), ["forget a"]);
}

#[tokio::test]
async fn accepted_drift_becomes_the_record() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
    });
    bench.up(&program).await;
    bench
        .world
        .meddle(|objects| objects.get_mut("a").unwrap().inputs = Value::from(value("9")));
    let refresh = bench.plan_for(Mode::Refresh, &program).await.unwrap();
    bench.execute(refresh, &program).await.unwrap();
    assert!(bench.plan_for(Mode::Refresh, &program).await.unwrap().plan.is_empty());
    let plan = bench.preview(&program).await;
    assert!(matches!(
        plan.changes().next().unwrap().reasons[..],
        [Reason::Inputs(_)]
    ));
}

#[tokio::test]
async fn somebody_elses_object_is_not_taken_over_unless_asked() {
    let bench = Bench::new();
    let program = |adopt: bool| {
        declare(move |stack| {
            let a = thing(stack, "a", value("1"));
            let _ = if adopt { a.adopt() } else { a };
        })
    };
    bench.up(&program(false)).await;
    let mut foreign = bench.world.objects()["a"].clone();
    foreign.ours = false;
    foreign.uid = 99;
    bench.world.meddle(|objects| {
        objects.insert("a".into(), foreign);
    });
    let plan = bench.preview(&program(false)).await;
    assert!(
        plan.problems[0].message.contains("exists already"),
        "{:?}",
        plan.problems
    );
    assert_eq!(actions(&bench.preview(&program(true)).await), ["adopt a"]);
    bench.up(&program(true)).await;
    // It was about that run: nothing is to be recorded once the word is gone from the program.
    assert!(bench.preview(&program(false)).await.is_empty());
    assert!(bench.preview(&program(true)).await.is_empty());
}

#[tokio::test]
async fn a_renamed_declaration_keeps_its_object() {
    let bench = Bench::new();
    let program = |key: &'static str| {
        declare(move |stack| {
            let _ = thing(stack, key, json!({ "name": "one", "value": "1" }));
        })
    };
    bench.up(&program("old")).await;
    bench.world.take_log();
    let plan = bench.preview(&program("new")).await;
    assert_eq!(
        (action_of(&plan, "new"), action_of(&plan, "old")),
        (Some(Action::Adopt), Some(Action::Forget))
    );
    assert!(bench.up(&program("new")).await.is_ok());
    assert_eq!(bench.world.take_log(), ["adopt one"]);
    assert!(bench.preview(&program("new")).await.is_empty());
}

#[tokio::test]
async fn a_failure_stops_only_what_depends_on_it() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let a = thing(stack, "a", value("a"));
        let b = thing(stack, "b", value("b")).after(&a);
        let _ = thing(stack, "c", value("c")).after(&b);
        let _ = thing(stack, "d", value("d"));
    });
    bench.world.fail(&["a"]);
    let report = bench.up(&program).await;
    let outcomes: Vec<_> = report
        .outcomes
        .iter()
        .map(|(key, outcome)| (key.name(), outcome))
        .collect();
    assert!(matches!(
        outcomes[..],
        [
            ("a", Outcome::Failed(_)),
            ("b", Outcome::Skipped(_)),
            ("c", Outcome::Skipped(_)),
            ("d", Outcome::Done(_))
        ]
    ));
    bench.world.fail(&[]);
    assert!(bench.up(&program).await.is_ok());
    assert_eq!(bench.world.objects().len(), 4);
}

#[tokio::test]
async fn a_wait_that_failed_is_taken_up_again() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let a = thing(stack, "a", value("a"));
        let _ = thing(stack, "b", value("b")).after(a.ready());
    });
    bench.world.never_ready(&["a"]);
    let report = bench.up(&program).await;
    assert!(
        report
            .outcomes
            .values()
            .any(|outcome| matches!(outcome, Outcome::NotReady(_)))
    );
    assert_eq!(bench.world.objects().len(), 1, "b waits for a to be ready");
    assert_eq!(actions(&bench.preview(&program).await), ["wait a", "create b"]);
    bench.world.never_ready(&[]);
    assert!(bench.up(&program).await.is_ok());
    assert!(bench.preview(&program).await.is_empty());
}

#[tokio::test]
async fn what_is_not_waited_for_is_done_once_it_is_there() {
    let bench = Bench::new();
    let program = |waits: bool, text: &'static str| {
        declare(move |stack| {
            let a = thing(stack, "a", value(text));
            let a = if waits { a } else { a.skip_wait() };
            let _ = thing(stack, "b", value("b")).after(&a);
        })
    };
    bench.world.never_ready(&["a"]);
    let plan = bench.preview(&program(false, "1")).await;
    let notes = plan.changes().map(|step| step.notes.len()).collect::<Vec<_>>();
    assert_eq!(notes, [1, 0], "the plan says that a is not waited for");
    assert!(bench.up(&program(false, "1")).await.is_ok());
    assert!(bench.preview(&program(false, "1")).await.is_empty());
    assert!(bench.up(&program(false, "2")).await.is_ok());
    assert!(bench.preview(&program(false, "2")).await.is_empty());
    assert_eq!(actions(&bench.preview(&program(true, "2")).await), ["wait a"]);
    bench.world.never_ready(&[]);
    assert!(bench.up(&program(true, "2")).await.is_ok());
    assert_eq!(actions(&bench.preview(&program(false, "2")).await), ["record a"]);
    assert!(bench.up(&program(false, "2")).await.is_ok());
    assert!(bench.preview(&program(false, "2")).await.is_empty());
}

#[tokio::test]
async fn whether_it_was_ready_is_told_apart() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("a"));
    });
    let reason = async || bench.preview(&program).await.changes().next().unwrap().reasons[0].clone();
    bench.world.never_ready(&["a"]);
    bench.up(&program).await;
    assert!(matches!(
        reason().await,
        Reason::NotReady {
            why: Some(_),
            was: false
        }
    ));
    bench.world.never_ready(&[]);
    assert!(matches!(reason().await, Reason::NotReady { why: None, was: false }));
    assert!(bench.up(&program).await.is_ok());
    bench.world.never_ready(&["a"]);
    assert!(matches!(
        reason().await,
        Reason::NotReady {
            why: Some(_),
            was: true
        }
    ));
}

#[tokio::test]
async fn what_has_failed_for_good_is_made_anew_by_the_next_run() {
    let bench = Bench::new();
    let program = |text: &'static str| {
        declare(move |stack| {
            let _ = thing(stack, "job", value(text));
        })
    };
    assert!(bench.up(&program("1")).await.is_ok());
    for text in ["1", "2"] {
        bench.world.spend("job");
        let plan = bench.preview(&program(text)).await;
        assert_eq!(actions(&plan), ["replace job"]);
        let reasons = &plan.changes().next().unwrap().reasons;
        assert!(matches!(reasons.last(), Some(Reason::Spent(why)) if why == "out of attempts"));
        bench.world.take_log();
        assert!(bench.up(&program(text)).await.is_ok());
        assert_eq!(bench.world.take_log(), ["delete job", "create job"]);
        assert!(bench.preview(&program(text)).await.is_empty());
    }
    let protected = declare(|stack| {
        let _ = thing(stack, "job", value("2")).protect();
    });
    assert!(bench.up(&protected).await.is_ok());
    bench.world.spend("job");
    let plan = bench.preview(&protected).await;
    assert_eq!(actions(&plan), ["wait job"]);
    assert!(plan.problems.is_empty(), "other changes can still be made");
}

#[tokio::test]
async fn destroy_keeps_data_and_what_belongs_to_it() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let password = stack.random_password("db", 20);
        let space = thing(stack, "space", json!({ "holds": "volume" }));
        let data = thing(stack, "volume", json!({ "data": true })).after(&space);
        let _ = thing(stack, "server", json!({ "value": password.result() })).after(&data);
    });
    assert!(bench.up(&program).await.is_ok());
    let plan = bench.plan_for(Mode::Destroy, &declare(|_| {})).await.unwrap().plan;
    let kept: Vec<_> = plan
        .kept
        .iter()
        .map(|kept| (kept.key.name(), kept.items.len()))
        .collect();
    assert_eq!(kept, [("volume", 1)], "what two resources hold is told once");
    assert!(bench.destroy(DeleteData::None).await.is_ok());
    let left: Vec<String> = bench.world.objects().into_keys().collect();
    assert_eq!(left, ["space", "volume"]);
    let plan = bench.preview(&program).await;
    assert_eq!(
        actions(&plan),
        ["create server"],
        "the password that the data was made with is still there"
    );
    bench.up(&program).await;
    assert!(bench.destroy(DeleteData::All).await.is_ok());
    assert!(bench.world.objects().is_empty());
    assert!(bench.store().load().await.unwrap().records.is_empty());
}

#[tokio::test]
async fn references_order_and_dangling_ones_are_reported() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", json!({ "ref": "b" }));
        let _ = thing(stack, "b", value("b"));
        let _ = thing(stack, "c", json!({ "ref": "nowhere" }));
    });
    let plan = bench.preview(&program).await;
    assert_eq!(actions(&plan), ["create b", "create a", "create c"]);
    let problem = &plan.problems[0];
    assert_eq!(
        (problem.key.as_ref().unwrap().name(), problem.path.to_string().as_str()),
        ("c", "ref")
    );
    assert!(problem.source.is_some());
}

#[tokio::test]
async fn a_missing_name_stops_only_what_needs_it_at_once_and_is_about_to_change() {
    let bench = Bench::new();
    let program = |target: bool, text: &'static str, field: &'static str| {
        declare(move |stack| {
            if target {
                let _ = thing(stack, "target", value("x"));
            }
            let _ = thing(stack, "a", json!({ field: "target", "value": text }));
            let _ = thing(stack, "b", json!({ field: "target" }));
            let _ = thing(stack, "other", value(text));
        })
    };
    let notes = |plan: &iac_core::plan::Plan| -> Vec<String> {
        let steps = plan.steps.iter();
        steps
            .flat_map(|step| step.notes.iter().map(|note| format!("{}: {note}", step.key.name())))
            .collect()
    };
    for (field, problems, noted) in [
        ("ref", 1, vec![]),
        (
            "later_ref",
            0,
            vec!["a: later_ref names Thing target, which neither this stack declares nor the target has"],
        ),
        ("optional_ref", 0, vec![]),
    ] {
        bench.up(&program(true, "1", field)).await;
        // Somebody deletes it, and the stack declares it no longer.
        bench.world.meddle(|objects| drop(objects.remove("target")));
        let unchanged = bench.preview(&program(false, "1", field)).await;
        assert!(unchanged.problems.is_empty(), "{field}: {:?}", unchanged.problems);
        let changed = bench.preview(&program(false, "2", field)).await;
        assert_eq!(changed.problems.len(), problems, "{field}: {:?}", changed.problems);
        assert_eq!(notes(&changed), noted, "{field}");
        bench.destroy(DeleteData::All).await;
    }
    let fresh = bench.preview(&program(false, "1", "ref")).await;
    assert_eq!(fresh.problems.len(), 1, "one name, one problem: {:?}", fresh.problems);
    let message = &fresh.problems[0].message;
    assert!(message.contains("one other resource names it too"), "{message}");
}

#[tokio::test]
async fn two_declarations_of_one_object_are_a_problem() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", json!({ "name": "same" }));
        let _ = thing(stack, "b", json!({ "name": "same" }));
    });
    let plan = bench.preview(&program).await;
    assert!(
        plan.problems[0].message.contains("declared already at"),
        "{:?}",
        plan.problems
    );
}

#[tokio::test]
async fn a_secret_reaches_the_world_and_no_file() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let secret = stack.secret("canary", "CANARY-c0ffee");
        let password = stack.random_password("db", 20);
        let _ = thing(
            stack,
            "a",
            json!({ "value": format!("x{secret}y"), "other": password.result() }),
        );
        stack.export("password", password.result());
    });
    assert!(bench.up(&program).await.is_ok());
    let object = bench.world.objects()["a"].inputs.clone();
    let Some(Value::Secret(whole)) = object.get("value") else {
        panic!("not secret: {object:?}")
    };
    assert_eq!(whole.expose(), "xCANARY-c0ffeey");
    let Some(Value::Secret(password)) = object.get("other") else {
        panic!("not secret: {object:?}")
    };
    let files = bench.files();
    for canary in ["CANARY", password.expose()] {
        assert!(!files.contains(canary));
    }
    let debug = format!("{:?}{:?}", bench.preview(&program).await, bench.events.lock().unwrap());
    assert!(!debug.contains("CANARY") && !debug.contains(password.expose().as_str()));
    assert!(bench.preview(&program).await.is_empty());
}

#[tokio::test]
async fn killed_at_any_boundary_the_next_run_finishes() {
    let first = declare(|stack| {
        let a = thing(stack, "a", json!({ "fixed": 1 }));
        let _ = thing(stack, "b", json!({ "value": a.output("/uid") }));
        let _ = thing(stack, "old", value("x"));
    });
    let second = declare(|stack| {
        let a = thing(stack, "a", json!({ "fixed": 2 }));
        let b = thing(stack, "b", json!({ "value": a.output("/uid") }));
        let _ = thing(stack, "new", value("y")).after(&b);
    });
    for boundary in 1.. {
        let bench = Bench::new();
        let killed = bench.up_killed_at(boundary, &first).await;
        assert!(bench.up(&first).await.is_ok(), "first program, boundary {boundary}");
        assert!(
            bench.preview(&first).await.is_empty(),
            "first program, boundary {boundary}"
        );
        let killed_again = bench.up_killed_at(boundary, &second).await;
        assert!(bench.up(&second).await.is_ok(), "second program, boundary {boundary}");
        assert!(
            bench.preview(&second).await.is_empty(),
            "second program, boundary {boundary}"
        );
        let names: Vec<String> = bench.world.objects().into_keys().collect();
        assert_eq!(names, ["a", "b", "new"], "boundary {boundary}");
        assert!(bench.store().load().await.unwrap().pending.is_empty());
        if !killed && !killed_again {
            assert!(boundary > 6, "every boundary was tried");
            break;
        }
    }
}

#[tokio::test]
async fn what_an_interrupted_run_made_and_nobody_wants_any_more_is_cleaned_up() {
    let bench = Bench::new();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
    });
    assert!(
        bench.up_killed_at(2, &program).await,
        "killed after the effect, before the outcome was recorded"
    );
    assert_eq!(bench.world.objects().len(), 1);
    let nothing = declare(|_| {});
    assert_eq!(actions(&bench.preview(&nothing).await), ["delete a"]);
    assert!(bench.up(&nothing).await.is_ok());
    assert!(bench.world.objects().is_empty());
    assert!(bench.store().load().await.unwrap().pending.is_empty());
}

#[tokio::test]
async fn what_others_hold_of_our_object_is_taken_over_only_when_asked() {
    let bench = Bench::new();
    let plain = declare(|stack| drop(thing(stack, "a", value("1"))));
    let adopting = declare(|stack| drop(thing(stack, "a", value("1")).adopt()));
    assert!(bench.up(&plain).await.is_ok());
    assert!(bench.preview(&adopting).await.is_empty());
    bench.world.co_own("a", "kubectl-client-side-apply");
    assert!(bench.preview(&plain).await.is_empty());
    let plan = bench.preview(&adopting).await;
    let step = plan.changes().next().unwrap();
    let owners = vec!["kubectl-client-side-apply".to_owned()];
    assert_eq!(
        (step.action, &step.reasons),
        (Action::Update, &vec![Reason::CoOwned(owners)])
    );
    assert!(step.notes.is_empty(), "{:?}", step.notes);
    assert!(bench.up(&adopting).await.is_ok());
    assert!(bench.preview(&adopting).await.is_empty());
}

#[tokio::test]
async fn a_failure_stops_what_needs_it_and_all_that_has_not_begun_where_that_is_asked_for() {
    let program = declare(|stack| {
        let a = thing(stack, "a", value("1"));
        let _ = thing(stack, "b", json!({ "value": a.output("/name") }));
        let _ = thing(stack, "c", value("1"));
        let _ = thing(stack, "d", value("1"));
    });
    let outcomes = |report: &iac_core::apply::Report| -> Vec<(String, &'static str)> {
        let word = |outcome: &Outcome| match outcome {
            Outcome::Done(_) => "done",
            Outcome::Failed(_) => "failed",
            Outcome::Cancelled => "not begun",
            _ => "skipped",
        };
        let outcomes = report.outcomes.iter();
        outcomes
            .map(|(key, outcome)| (key.name().to_owned(), word(outcome)))
            .collect()
    };
    let owned = |expected: [(&str, &'static str); 4]| expected.map(|(name, word)| (name.to_owned(), word)).to_vec();
    let bench = Bench::new().parallel(1);
    bench.world.fail(&["a"]);
    let report = bench.up(&program).await;
    let expected = [("a", "failed"), ("b", "skipped"), ("c", "done"), ("d", "done")];
    assert_eq!(outcomes(&report), owned(expected));
    let bench = Bench::new().parallel(1).fail_fast();
    bench.world.fail(&["a"]);
    let report = bench.up(&program).await;
    let expected = [
        ("a", "failed"),
        ("b", "skipped"),
        ("c", "not begun"),
        ("d", "not begun"),
    ];
    assert_eq!(outcomes(&report), owned(expected));
    assert!(!report.is_ok());
    bench.world.fail(&[]);
    assert!(bench.up(&program).await.is_ok());
    assert!(bench.preview(&program).await.is_empty());
}
