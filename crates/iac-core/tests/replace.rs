//! Replacements in both orders: nothing is left over and nothing is missing, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod support;

use iac_core::Value;
use iac_core::apply::{Outcome, Report};
use iac_core::declare::{Declaration, Declared as _, Handle};
use iac_core::plan::{Action, DeleteData, Fate, Mode, Order, Plan, Reason, Step};
use iac_core::provider::RiskKind;
use serde_json::{Value as Json, json};
use support::harness::{Bench, actions, declare, thing, value};

/// A resource `a` whose object is called `name`, and a resource `b` that uses it.
fn pair(name: &str) -> Declaration {
    declare(|stack| {
        let a = thing(stack, "a", json!({ "name": name, "value": "1" }));
        let _ = thing(stack, "b", json!({ "value": a.output("/name") }));
    })
}

/// One resource `a` with these inputs and options.
fn one(inputs: Json, options: impl FnOnce(Handle<()>) -> Handle<()>) -> Declaration {
    declare(|stack| {
        let _ = options(thing(stack, "a", inputs));
    })
}

fn named(name: &str) -> Declaration {
    one(json!({ "name": name }), |a| a)
}

fn step<'a>(plan: &'a Plan, name: &str) -> &'a Step {
    plan.steps.iter().find(|step| step.key.name() == name).unwrap()
}

fn names(bench: &Bench) -> Vec<String> {
    bench.world.objects().into_keys().collect()
}

/// Everything is as declared, and nobody has anything left to do.
async fn settled(bench: &Bench, program: &Declaration, expected: &[&str], context: &str) {
    assert_eq!(names(bench), expected, "{context}");
    let plan = bench.preview(program).await;
    let left: Vec<&Step> = plan.changes().collect();
    assert!(plan.is_empty() && plan.problems.is_empty(), "{context}: {left:?}");
    let state = bench.store().load().await.unwrap();
    assert!(state.pending.is_empty(), "{context}: {:?}", state.pending);
    for record in state.records.values() {
        assert!(record.formers.is_empty() && !record.gone, "{context}: {record:?}");
    }
}

#[tokio::test]
async fn a_rename_makes_the_new_one_first_and_deletes_the_old_one_last() {
    let bench = Bench::new();
    assert!(bench.up(&pair("one")).await.is_ok());
    bench.world.take_log();
    let plan = bench.preview(&pair("two")).await;
    assert_eq!(actions(&plan), ["replace a", "update b"]);
    let a = step(&plan, "a");
    assert_eq!(a.order, Some(Order::CreateFirst));
    assert!(matches!(&a.reasons[0], Reason::Renamed { from } if from == "one"));
    assert_eq!(
        (a.leftovers[0].identity.as_str(), &a.leftovers[0].fate),
        ("one", &Fate::Delete)
    );
    assert!(a.risks.is_empty(), "{:?}", a.risks);
    assert!(bench.up(&pair("two")).await.is_ok());
    assert_eq!(bench.world.take_log(), ["create two", "update b", "delete one"]);
    assert_eq!(
        bench.world.objects()["b"].inputs.get("value"),
        Some(&Value::from("two"))
    );
    settled(&bench, &pair("two"), &["b", "two"], "renamed").await;
}

#[tokio::test]
async fn what_only_one_can_hold_or_the_program_asks_makes_the_old_one_go_first() {
    let exclusive = |name: &str| one(json!({ "name": name, "exclusive": "port 80" }), |a| a);
    let asked = |name: &str| one(json!({ "name": name }), Handle::delete_before_replace);
    let programs: [&dyn Fn(&str) -> Declaration; 2] = [&exclusive, &asked];
    for (position, program) in programs.into_iter().enumerate() {
        let bench = Bench::new();
        assert!(bench.up(&program("one")).await.is_ok());
        bench.world.take_log();
        let plan = bench.preview(&program("two")).await;
        let a = step(&plan, "a");
        assert_eq!((a.action, a.order), (Action::Replace, Some(Order::DeleteFirst)));
        let why = a.reasons.iter().any(|reason| match reason {
            Reason::Exclusive { what, .. } => position == 0 && what == "port 80",
            Reason::Option(option) => position == 1 && option == "delete_before_replace",
            _ => false,
        });
        assert!(why, "{:?}", a.reasons);
        assert!(a.risks.iter().any(|risk| risk.kind == RiskKind::Downtime));
        assert!(bench.up(&program("two")).await.is_ok());
        assert_eq!(bench.world.take_log(), ["delete one", "create two"]);
        settled(&bench, &program("two"), &["two"], "delete first").await;
    }
}

#[tokio::test]
async fn a_chain_of_renamed_resources_goes_in_reverse() {
    let program = |suffix: &str| {
        declare(|stack| {
            let a = thing(stack, "a", json!({ "name": format!("a{suffix}") }));
            let b = json!({ "name": format!("b{suffix}"), "value": a.output("/name") });
            let b = thing(stack, "b", b).after(&a);
            let c = json!({ "name": format!("c{suffix}"), "value": b.output("/name") });
            let _ = thing(stack, "c", c).after(&b);
        })
    };
    let bench = Bench::new();
    assert!(bench.up(&program("1")).await.is_ok());
    bench.world.take_log();
    assert!(bench.up(&program("2")).await.is_ok());
    let log = bench.world.take_log();
    assert_eq!(
        log,
        [
            "create a2",
            "create b2",
            "create c2",
            "delete c1",
            "delete b1",
            "delete a1"
        ]
    );
    settled(&bench, &program("2"), &["a2", "b2", "c2"], "chain").await;
}

#[tokio::test]
async fn killed_anywhere_the_next_run_ends_either_replacement() {
    let exclusive = |name: &str| {
        declare(|stack| {
            let a = thing(stack, "a", json!({ "name": name, "exclusive": "port 80" }));
            let _ = thing(stack, "b", json!({ "value": a.output("/name") }));
        })
    };
    let programs: [&dyn Fn(&str) -> Declaration; 2] = [&pair, &exclusive];
    for program in programs {
        for boundary in 1.. {
            let context = format!("boundary {boundary}");
            let bench = Bench::new();
            assert!(bench.up(&program("one")).await.is_ok());
            let killed = bench.up_killed_at(boundary, &program("two")).await;
            bench.take_recovered();
            let open = bench.store().load().await.unwrap().pending.len();
            assert!(bench.up(&program("two")).await.is_ok(), "{context}");
            assert_eq!(bench.take_recovered().len(), open, "{context}: one line for each");
            settled(&bench, &program("two"), &["b", "two"], &context).await;
            if !killed {
                assert!(boundary > 6, "every boundary was tried");
                break;
            }
        }
    }
}

#[tokio::test]
async fn killed_anywhere_and_the_program_changed_back_or_on_or_empty() {
    let nothing = declare(|_| {});
    let cases: [(Declaration, &[&str]); 3] = [
        (pair("one"), &["b", "one"]),
        (pair("three"), &["b", "three"]),
        (nothing, &[]),
    ];
    for (then, expected) in &cases {
        for boundary in 1.. {
            let context = format!("{expected:?} after boundary {boundary}");
            let bench = Bench::new();
            assert!(bench.up(&pair("one")).await.is_ok());
            let killed = bench.up_killed_at(boundary, &pair("two")).await;
            assert!(bench.up(then).await.is_ok(), "{context}");
            settled(&bench, then, expected, &context).await;
            if !killed {
                break;
            }
        }
    }
}

#[tokio::test]
async fn killed_twice_with_another_name_each_time_leaves_nothing() {
    for first in 1..8 {
        for second in 1..10 {
            let context = format!("boundaries {first} and {second}");
            let bench = Bench::new();
            assert!(bench.up(&pair("one")).await.is_ok());
            bench.up_killed_at(first, &pair("two")).await;
            bench.up_killed_at(second, &pair("three")).await;
            assert!(bench.up(&pair("four")).await.is_ok(), "{context}");
            settled(&bench, &pair("four"), &["b", "four"], &context).await;
        }
    }
}

#[tokio::test]
async fn two_resources_swap_their_objects() {
    let program = |a: &str, b: &str| {
        declare(|stack| {
            let _ = thing(stack, "a", json!({ "name": a, "value": "of a" }));
            let _ = thing(stack, "b", json!({ "name": b, "value": "of b" }));
        })
    };
    for boundary in 1.. {
        let context = format!("boundary {boundary}");
        let bench = Bench::new();
        assert!(bench.up(&program("one", "two")).await.is_ok());
        let uids = bench.world.objects();
        let killed = bench.up_killed_at(boundary, &program("two", "one")).await;
        assert!(bench.up(&program("two", "one")).await.is_ok(), "{context}");
        settled(&bench, &program("two", "one"), &["one", "two"], &context).await;
        let objects = bench.world.objects();
        assert_eq!(
            objects["two"].inputs.get("value"),
            Some(&Value::from("of a")),
            "{context}"
        );
        assert_eq!(objects["one"].uid, uids["one"].uid, "{context}: neither was deleted");
        assert_eq!(objects["two"].uid, uids["two"].uid, "{context}");
        if !killed {
            assert!(boundary > 4, "every boundary was tried");
            break;
        }
    }
}

#[tokio::test]
async fn names_move_along_a_chain_of_resources() {
    let program = |a: &str, b: &str| {
        declare(|stack| {
            let _ = thing(stack, "a", json!({ "name": a }));
            let _ = thing(stack, "b", json!({ "name": b }));
        })
    };
    for boundary in 1.. {
        let context = format!("boundary {boundary}");
        let bench = Bench::new();
        assert!(bench.up(&program("one", "two")).await.is_ok());
        let killed = bench.up_killed_at(boundary, &program("two", "three")).await;
        assert!(bench.up(&program("two", "three")).await.is_ok(), "{context}");
        settled(&bench, &program("two", "three"), &["three", "two"], &context).await;
        if !killed {
            break;
        }
    }
}

#[tokio::test]
async fn an_object_that_another_key_declares_now_is_never_deleted() {
    let first = declare(|stack| {
        let _ = thing(stack, "a", json!({ "name": "one" }));
    });
    // `a` is called otherwise now, and `c` takes its old object.
    let second = declare(|stack| {
        let _ = thing(stack, "a", json!({ "name": "two" }));
        let _ = thing(stack, "c", json!({ "name": "one" }));
    });
    for boundary in 1.. {
        let context = format!("boundary {boundary}");
        let bench = Bench::new();
        assert!(bench.up(&first).await.is_ok());
        let uid = bench.world.objects()["one"].uid;
        let killed = bench.up_killed_at(boundary, &second).await;
        assert!(bench.up(&second).await.is_ok(), "{context}");
        settled(&bench, &second, &["one", "two"], &context).await;
        assert_eq!(bench.world.objects()["one"].uid, uid, "{context}");
        if !killed {
            break;
        }
    }
}

fn is_failed(report: &Report, name: &str) -> bool {
    let of = |(key, outcome): (&iac_core::Key, &Outcome)| key.name() == name && matches!(outcome, Outcome::Failed(_));
    report.outcomes.iter().any(of)
}

#[tokio::test]
async fn what_could_not_be_deleted_is_tried_again_until_it_is() {
    let bench = Bench::new();
    assert!(bench.up(&pair("one")).await.is_ok());
    bench.world.fail(&["one"]);
    assert!(is_failed(&bench.up(&pair("two")).await, "a"));
    assert_eq!(names(&bench), ["b", "one", "two"]);
    let plan = bench.preview(&pair("two")).await;
    assert_eq!(actions(&plan), ["cleanup a"]);
    assert!(matches!(&step(&plan, "a").reasons[..], [Reason::Leftover(names)] if names == &["one"]));
    // Renamed again meanwhile: now two are left.
    assert!(is_failed(&bench.up(&pair("three")).await, "a"));
    assert_eq!(names(&bench), ["b", "one", "three"]);
    bench.world.fail(&[]);
    bench.world.take_log();
    assert!(bench.up(&pair("three")).await.is_ok());
    assert_eq!(bench.world.take_log(), ["delete one"]);
    settled(&bench, &pair("three"), &["b", "three"], "in the end").await;
}

#[tokio::test]
async fn leftovers_go_with_a_destroy_and_with_the_resource() {
    for destroy in [true, false] {
        let bench = Bench::new();
        assert!(bench.up(&pair("one")).await.is_ok());
        bench.world.fail(&["one"]);
        bench.up(&pair("two")).await;
        bench.world.fail(&[]);
        let nothing = declare(|_| {});
        let report = if destroy {
            bench.destroy(DeleteData::None).await
        } else {
            bench.up(&nothing).await
        };
        assert!(report.is_ok(), "{:?}", report.outcomes);
        settled(&bench, &nothing, &[], "destroyed").await;
        assert!(bench.store().load().await.unwrap().records.is_empty());
    }
}

#[tokio::test]
async fn a_leftover_outlives_the_object_that_replaced_it() {
    let bench = Bench::new();
    assert!(bench.up(&pair("one")).await.is_ok());
    bench.world.fail(&["one"]);
    bench.up(&pair("two")).await;
    // The new object goes, by somebody else's hand or by a deletion that the old one hinders.
    bench.world.meddle(|objects| {
        objects.remove("two");
    });
    let refresh = bench.plan_for(Mode::Refresh, &pair("two")).await.unwrap();
    bench.execute(refresh, &pair("two")).await.unwrap();
    let nothing = declare(|_| {});
    assert!(is_failed(&bench.up(&nothing).await, "a"));
    assert_eq!(names(&bench), ["one"]);
    bench.world.fail(&[]);
    assert!(bench.up(&nothing).await.is_ok());
    settled(&bench, &nothing, &[], "in the end").await;
}

#[tokio::test]
async fn a_failed_creation_or_dependent_leaves_the_old_object_in_use() {
    let bench = Bench::new();
    assert!(bench.up(&pair("one")).await.is_ok());
    bench.world.fail(&["two"]);
    assert!(is_failed(&bench.up(&pair("two")).await, "a"));
    assert_eq!(names(&bench), ["b", "one"]);
    bench.world.fail(&["b"]);
    assert!(is_failed(&bench.up(&pair("two")).await, "b"));
    assert_eq!(names(&bench), ["b", "one", "two"], "b still uses the old one");
    bench.world.fail(&[]);
    let report = bench.up(&pair("two")).await;
    assert!(report.is_ok(), "{:?}", report.outcomes);
    bench.world.never_ready(&["three"]);
    assert!(!bench.up(&pair("three")).await.is_ok());
    assert_eq!(names(&bench), ["b", "three", "two"], "the new one does not work yet");
    bench.world.never_ready(&[]);
    assert!(bench.up(&pair("three")).await.is_ok());
    settled(&bench, &pair("three"), &["b", "three"], "in the end").await;
}

#[tokio::test]
async fn protection_and_retention_hold_for_replacements() {
    let protected = |name: &str| one(json!({ "name": name }), Handle::protect);
    let bench = Bench::new();
    assert!(bench.up(&protected("one")).await.is_ok());
    for program in [protected("two"), named("two")] {
        let plan = bench.preview(&program).await;
        assert!(plan.problems[0].message.contains("protected"), "{:?}", plan.problems);
    }

    let plan = bench.preview(&named("one")).await;
    assert_eq!(actions(&plan), ["record a"]);
    assert!(step(&plan, "a").notes[0].contains("protection is lifted"));

    let retained = |name: &str| one(json!({ "name": name }), Handle::retain_on_delete);
    let bench = Bench::new();
    assert!(bench.up(&retained("one")).await.is_ok());
    let plan = bench.preview(&retained("two")).await;
    let fate = &step(&plan, "a").leftovers[0].fate;
    assert!(
        matches!(fate, Fate::Forget { because } if because == "retain_on_delete"),
        "{fate:?}"
    );
    assert!(bench.up(&retained("two")).await.is_ok());
    settled(&bench, &retained("two"), &["one", "two"], "the old one stays").await;

    let both = one(json!({ "name": "three" }), |a| {
        a.retain_on_delete().delete_before_replace()
    });
    let plan = bench.preview(&both).await;
    assert!(plan.problems[0].message.contains("retained"), "{:?}", plan.problems);
    assert!(plan.problems[0].hint.is_some());
}

#[tokio::test]
async fn a_change_of_options_alone_is_recorded() {
    let edits: [fn(Handle<()>) -> Handle<()>; 4] = [
        Handle::protect,
        Handle::retain_on_delete,
        Handle::delete_before_replace,
        |a| a.timeout(std::time::Duration::from_secs(7)),
    ];
    for edit in edits {
        let bench = Bench::new();
        assert!(bench.up(&one(value("1"), |a| a)).await.is_ok());
        bench.world.take_log();
        let program = one(value("1"), edit);
        let plan = bench.preview(&program).await;
        assert_eq!(actions(&plan), ["record a"]);
        assert!(bench.up(&program).await.is_ok());
        assert!(bench.world.take_log().is_empty(), "the object is not touched");
        settled(&bench, &program, &["a"], "recorded").await;
        let state = bench.store().load().await.unwrap();
        let record = state.records.values().next().unwrap();
        assert_eq!(record.options, program.resources[0].options);
        assert!(record.ready);
    }
}

#[tokio::test]
async fn every_interrupted_operation_is_looked_at_and_told() {
    let bench = Bench::new();
    assert!(bench.up_killed_at(2, &named("one")).await, "made, and not recorded");
    // Leftovers are deleted first; that this one cannot be deleted now keeps nothing else.
    bench.world.fail(&["one"]);
    assert!(bench.up_killed_at(3, &named("two")).await, "made, and not recorded");
    bench.world.fail(&["one", "two"]);
    assert!(bench.up_killed_at(3, &named("three")).await, "not made");
    bench.world.fail(&[]);
    assert_eq!(bench.store().load().await.unwrap().pending.len(), 3);
    let plan = bench.preview(&named("four")).await;
    let mut left: Vec<&str> = step(&plan, "a")
        .leftovers
        .iter()
        .map(|left| left.identity.as_str())
        .collect();
    left.sort_unstable();
    assert_eq!(left, ["one", "two"]);
    bench.take_recovered();
    assert!(bench.up(&named("four")).await.is_ok());
    let mut told = bench.take_recovered();
    told.sort();
    assert_eq!(
        told,
        [
            "a: its create as one was interrupted; it is there: deleted",
            "a: its create as three was interrupted; nothing of the name is there: nothing was to be done",
            "a: its create as two was interrupted; it is there: deleted",
        ]
    );
    settled(&bench, &named("four"), &["four"], "in the end").await;
}

#[tokio::test]
async fn an_interrupted_creation_of_what_can_not_be_changed_is_made_anew() {
    let program = |fixed: i32| one(json!({ "fixed": fixed }), |a| a);
    let bench = Bench::new();
    assert!(bench.up_killed_at(2, &program(1)).await, "made, and not recorded");
    assert!(bench.up(&program(2)).await.is_ok());
    settled(&bench, &program(2), &["a"], "made anew").await;
    let object = &bench.world.objects()["a"];
    assert_eq!(object.inputs.get("fixed").and_then(Value::as_i64), Some(2));
}

#[tokio::test]
async fn somebody_elses_object_under_an_interrupted_name_is_left_alone() {
    let bench = Bench::new();
    assert!(bench.up_killed_at(1, &named("one")).await, "not made");
    assert!(bench.up(&one(value("x"), |a| a)).await.is_ok());
    let bench = Bench::new();
    assert!(bench.up_killed_at(2, &named("one")).await, "made, and not recorded");
    bench
        .world
        .meddle(|objects| objects.get_mut("one").unwrap().ours = false);
    let elsewhere = named("two");
    assert!(bench.up(&elsewhere).await.is_ok());
    settled(&bench, &elsewhere, &["one", "two"], "not ours").await;
}

#[tokio::test]
async fn a_deletion_that_was_interrupted_is_taken_back_by_a_program_that_wants_it() {
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
    });
    let nothing = declare(|_| {});
    for boundary in 1..=2 {
        let bench = Bench::new();
        assert!(bench.up(&program).await.is_ok());
        assert!(bench.up_killed_at(boundary, &nothing).await);
        bench.take_recovered();
        assert!(bench.up(&program).await.is_ok());
        assert_eq!(bench.take_recovered().len(), 1);
        settled(&bench, &program, &["a"], "wanted again").await;
    }
}

#[tokio::test]
async fn what_an_interrupted_run_made_does_not_stand_in_the_way() {
    let program = |name: &str| one(json!({ "name": name, "exclusive": "port 80" }), |a| a);
    let bench = Bench::new();
    assert!(bench.up_killed_at(2, &program("one")).await, "made, and not recorded");
    bench.world.take_log();
    assert!(bench.up(&program("two")).await.is_ok());
    assert_eq!(bench.world.take_log(), ["delete one", "create two"]);
    settled(&bench, &program("two"), &["two"], "the port is free").await;
}

#[tokio::test]
async fn an_object_that_was_made_anew_under_the_name_is_the_one_that_is_replaced() {
    let program = |fixed: u8| one(json!({ "fixed": fixed }), |a| a);
    for made_by_a_killed_run in [true, false] {
        let bench = Bench::new();
        assert!(bench.up(&program(0)).await.is_ok());
        bench.world.meddle(|objects| {
            let mut object = objects.remove("a").unwrap();
            if !made_by_a_killed_run {
                object.uid = 99;
                objects.insert("a".into(), object);
            }
        });
        if made_by_a_killed_run {
            // Behind the creation, before its outcome is known.
            assert!(bench.up_killed_at(2, &program(0)).await);
        }
        let plan = bench.preview(&program(1)).await;
        assert_eq!(actions(&plan), ["replace a"]);
        let report = bench.up(&program(1)).await;
        assert!(report.is_ok(), "{:?}", report.outcomes);
        settled(&bench, &program(1), &["a"], "made anew").await;
    }
}
