//! `ignore_changes`.

use iac_core::Value;
use iac_core::config::Config;
use iac_core::declare::{Declaration, Declared as _, NewResource, Stack};
use iac_core::plan::{Action, DeleteData, Mode, Plan};
use serde_json::{Value as Json, json};

use super::support::harness::{Bench, actions, declare, thing};
use super::support::memory::KIND;
use super::{meddle, one, problems, there};

/// `a` with these inputs, of which one field is ignored.
fn ignoring(pattern: &str, inputs: Json) -> Declaration {
    one(inputs, |a| a.ignore_changes(pattern))
}

/// A bench on which a program ran.
async fn after(program: &Declaration) -> Bench {
    let bench = Bench::new();
    assert!(bench.up(program).await.is_ok());
    bench.world.take_log();
    bench
}

fn tree(json: Json) -> Value {
    json.into()
}

/// The fields that the first step changes.
fn changed(plan: &Plan) -> Vec<String> {
    let changes = plan.steps[0].changes.iter();
    changes.map(|change| change.path.to_string()).collect()
}

#[tokio::test]
async fn an_ignored_field_is_made_as_declared_at_first() {
    let bench = after(&ignoring("value", json!({"value": "1"}))).await;
    assert_eq!(there(&bench, "a"), tree(json!({"value": "1"})));
}

#[tokio::test]
async fn an_ignored_field_does_not_change_with_the_program() {
    let bench = after(&ignoring("value", json!({"value": "1", "other": "1"}))).await;
    for inputs in [json!({"value": "2", "other": "1"}), json!({"other": "1"})] {
        let plan = bench.preview(&ignoring("value", inputs)).await;
        assert!(plan.is_empty() && plan.problems.is_empty(), "{:?}", actions(&plan));
    }
}

#[tokio::test]
async fn an_ignored_field_keeps_its_value_when_another_field_changes() {
    let bench = after(&ignoring("value", json!({"value": "1", "other": "1"}))).await;
    let program = ignoring("value", json!({"value": "2", "other": "2"}));
    let plan = bench.preview(&program).await;
    assert_eq!(
        (actions(&plan), changed(&plan)),
        (vec!["update a".to_owned()], vec!["other".to_owned()])
    );
    assert!(bench.up(&program).await.is_ok());
    assert_eq!(there(&bench, "a"), tree(json!({"value": "1", "other": "2"})));
}

#[tokio::test]
async fn an_ignored_field_is_no_drift_for_up_drift_and_refresh() {
    let program = ignoring("value", json!({"value": "1", "other": "1"}));
    let bench = after(&program).await;
    meddle(&bench, "a", "value", "theirs");
    assert!(bench.preview(&program).await.is_empty());
    // `drift` and `refresh` know no program: the record says what is ignored.
    let compared = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert!(compared.is_empty(), "{:?}", actions(&compared));
    // Drift of another field is told, and taken back, without this one.
    meddle(&bench, "a", "other", "theirs");
    let compared = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    let told: Vec<String> = compared.steps[0]
        .changes
        .iter()
        .map(|change| change.path.to_string())
        .collect();
    assert_eq!(told, ["other"]);
    assert!(bench.up(&program).await.is_ok());
    assert_eq!(there(&bench, "a"), tree(json!({"value": "theirs", "other": "1"})));
    assert!(bench.preview(&program).await.is_empty());
}

#[tokio::test]
async fn what_somebody_wrote_into_an_ignored_field_stays_with_each_change() {
    let bench = after(&ignoring("value", json!({"value": "1", "other": "1"}))).await;
    for (theirs, other) in [("x", "2"), ("y", "3")] {
        meddle(&bench, "a", "value", theirs);
        assert!(
            bench
                .up(&ignoring("value", json!({"value": "9", "other": other})))
                .await
                .is_ok()
        );
        assert_eq!(there(&bench, "a"), tree(json!({"value": theirs, "other": other})));
    }
    // What somebody took away is not put back.
    bench.world.meddle(|objects| {
        objects
            .get_mut("a")
            .unwrap()
            .inputs
            .set_at(&"value".parse().unwrap(), None);
    });
    assert!(
        bench
            .up(&ignoring("value", json!({"value": "9", "other": "4"})))
            .await
            .is_ok()
    );
    assert_eq!(there(&bench, "a"), tree(json!({"other": "4"})));
}

#[tokio::test]
async fn an_ignored_field_is_made_as_declared_with_a_new_object() {
    let first = json!({"value": "1", "fixed": "1", "name": "one"});
    let second = |change: Json| {
        let mut inputs = json!({"value": "2", "fixed": "1", "name": "one"});
        inputs
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        inputs
    };
    // It was lost, it failed for good, a field cannot be changed in place, it gets another name.
    for (situation, change, name) in [
        ("lost", json!({}), "one"),
        ("spent", json!({}), "one"),
        ("immutable", json!({"fixed": "2"}), "one"),
        ("renamed", json!({"name": "two"}), "two"),
    ] {
        let bench = after(&ignoring("value", first.clone())).await;
        match situation {
            "lost" => bench.world.meddle(|objects| drop(objects.remove("one"))),
            "spent" => bench.world.spend("one"),
            _ => meddle(&bench, "one", "value", "theirs"),
        }
        let inputs = second(change);
        let program = ignoring("value", inputs.clone());
        let plan = bench.preview(&program).await;
        let step = &plan.steps[0];
        assert!(matches!(step.action, Action::Create | Action::Replace), "{situation}");
        if situation == "immutable" {
            assert!(
                step.changes.iter().any(|change| change.path.to_string() == "value"),
                "{step:?}"
            );
            assert!(
                step.notes.iter().any(|note| note.contains("ignore_changes")),
                "{step:?}"
            );
        }
        assert!(bench.up(&program).await.is_ok(), "{situation}");
        assert_eq!(there(&bench, name), tree(inputs), "{situation}");
        assert!(bench.preview(&program).await.is_empty(), "{situation}");
    }
}

#[tokio::test]
async fn a_new_object_has_nothing_of_what_others_wrote_into_the_old_one() {
    let bench = after(&ignoring("value", json!({"value": "1", "fixed": "1"}))).await;
    meddle(&bench, "a", "value", "theirs");
    let program = ignoring("value", json!({"value": "1", "fixed": "2"}));
    assert_eq!(actions(&bench.preview(&program).await), ["replace a"]);
    assert!(bench.up(&program).await.is_ok());
    assert_eq!(there(&bench, "a"), tree(json!({"value": "1", "fixed": "2"})));
}

#[tokio::test]
async fn an_immutable_ignored_field_replaces_nothing() {
    let bench = after(&ignoring("fixed", json!({"fixed": "1", "other": "1"}))).await;
    assert!(
        bench
            .preview(&ignoring("fixed", json!({"fixed": "2", "other": "1"})))
            .await
            .is_empty()
    );
    let both = ignoring("fixed", json!({"fixed": "2", "other": "2"}));
    assert_eq!(actions(&bench.preview(&both).await), ["update a"]);
}

#[tokio::test]
async fn an_ignored_field_of_what_is_taken_over_stays() {
    let bench = Bench::new();
    bench.world.meddle(|objects| {
        let inputs = json!({"value": "theirs", "other": "theirs"}).into();
        let object = super::support::memory::Object {
            uid: 77,
            inputs,
            ours: false,
            id: None,
        };
        objects.insert("a".to_owned(), object);
    });
    let program = one(json!({"value": "1", "other": "1"}), |a| {
        a.adopt().ignore_changes("value")
    });
    let plan = bench.preview(&program).await;
    assert_eq!(
        (actions(&plan), changed(&plan)),
        (vec!["adopt a".to_owned()], vec!["other".to_owned()])
    );
    assert!(bench.up(&program).await.is_ok());
    assert_eq!(there(&bench, "a"), tree(json!({"value": "theirs", "other": "1"})));
    assert!(bench.preview(&program).await.is_empty());
}

#[tokio::test]
async fn an_ignored_field_with_an_output_of_another_resource_does_not_follow_it() {
    let program = |value: &str| {
        declare(|stack| {
            let a = thing(stack, "a", json!({ "value": value }));
            let _ = thing(stack, "b", json!({ "value": a.output("/value") })).ignore_changes("value");
        })
    };
    let bench = after(&program("1")).await;
    assert_eq!(actions(&bench.preview(&program("2")).await), ["update a"]);
    assert!(bench.up(&program("2")).await.is_ok());
    assert_eq!(there(&bench, "b"), tree(json!({"value": "1"})));
}

#[tokio::test]
async fn a_new_list_element_below_a_wildcard_keeps_what_it_declares() {
    let items = |items: Json| ignoring("items.*.image", json!({ "items": items }));
    let bench = after(&items(json!([{"name": "a", "image": "1"}]))).await;
    let program = items(json!([{"name": "a", "image": "2"}, {"name": "b", "image": "2"}]));
    assert!(bench.up(&program).await.is_ok());
    let expected = json!({"items": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]});
    assert_eq!(there(&bench, "a"), tree(expected));
    // An element that the program takes away is not brought back.
    assert!(bench.up(&items(json!([{"name": "b", "image": "3"}]))).await.is_ok());
    assert_eq!(
        there(&bench, "a"),
        tree(json!({"items": [{"name": "b", "image": "2"}]}))
    );
}

#[tokio::test]
async fn an_ignored_field_that_nobody_has_is_a_problem_with_what_was_meant() {
    let bench = Bench::new();
    for (pattern, message, hint) in [
        (
            "spec.replicsa",
            "ignore_changes spec.replicsa: neither the program nor the record has such a field",
            "did you mean spec.replicas?",
        ),
        (
            "spec.items.*.image",
            "ignore_changes spec.items.*.image: neither the program nor the record has such a field",
            "spec.items is there: name one of its fields, or leave the option out",
        ),
        (
            "nothing.like.it",
            "ignore_changes nothing.like.it: neither the program nor the record has such a field",
            "leave the option out, or name a field that is there",
        ),
    ] {
        let plan = bench
            .preview(&ignoring(pattern, json!({"spec": {"replicas": 1, "items": []}})))
            .await;
        assert_eq!(problems(&plan), [(message.to_owned(), Some(hint.to_owned()))]);
    }
    // A field that the program no longer has, and the record has.
    let bench = after(&ignoring("value", json!({"value": "1"}))).await;
    let plan = bench.preview(&ignoring("value", json!({}))).await;
    assert!(plan.is_empty() && plan.problems.is_empty(), "{:?}", problems(&plan));
}

#[tokio::test]
async fn a_pattern_that_cannot_be_read_is_an_error_of_the_program() {
    for pattern in ["", " ", "a[", "a..b", "a[**]"] {
        let stack = Stack::new("test", Config::default());
        let declared = stack.declare::<()>(NewResource::new(KIND, "a", json!({})));
        declared.ignore_changes(pattern);
        let errors = stack.finish().unwrap_err();
        let text = errors[0].to_string();
        assert!(
            errors.len() == 1 && text.contains("tests/options/ignore.rs:") && text.contains("a: ignore_changes: "),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_removed_parent_is_drift_but_for_what_is_ignored() {
    let program = ignoring("map.x", json!({"map": {"x": "1", "y": "1"}, "only": {"z": "1"}}));
    let bench = after(&program).await;
    bench.world.meddle(|objects| {
        objects
            .get_mut("a")
            .unwrap()
            .inputs
            .set_at(&"map".parse().unwrap(), None);
    });
    let plan = bench.preview(&program).await;
    assert_eq!(actions(&plan), ["update a"]);
    assert!(bench.up(&program).await.is_ok());
    assert_eq!(there(&bench, "a"), tree(json!({"map": {"y": "1"}, "only": {"z": "1"}})));
    // Where nothing else was in it, that it is gone is nothing.
    let program = ignoring("only.z", json!({"map": {"y": "1"}, "only": {"z": "1"}}));
    assert!(bench.up(&program).await.is_ok());
    bench.world.meddle(|objects| {
        objects
            .get_mut("a")
            .unwrap()
            .inputs
            .set_at(&"only".parse().unwrap(), None);
    });
    assert!(bench.preview(&program).await.is_empty());
}

#[tokio::test]
async fn ignoring_everything_leaves_the_object_alone() {
    let bench = after(&ignoring("*", json!({"value": "1", "fixed": "1"}))).await;
    meddle(&bench, "a", "value", "theirs");
    let program = ignoring("*", json!({"value": "2", "fixed": "2", "more": "2"}));
    let plan = bench.preview(&program).await;
    assert!(plan.is_empty() && plan.problems.is_empty(), "{:?}", actions(&plan));
    let compared = bench.plan_for(Mode::Refresh, &program).await.unwrap().plan;
    assert!(compared.is_empty());
    // Nothing is declared, so nothing could be named: that is no problem.
    assert!(Bench::new().up(&ignoring("*", json!({}))).await.is_ok());
}

#[tokio::test]
async fn another_pattern_is_recorded_and_changes_nothing() {
    let bench = after(&ignoring("value", json!({"value": "1"}))).await;
    let program = one(json!({"value": "1"}), |a| a);
    assert_eq!(actions(&bench.preview(&program).await), ["record a"]);
    assert!(bench.up(&program).await.is_ok());
    assert!(bench.world.take_log().is_empty());
    meddle(&bench, "a", "value", "theirs");
    assert_eq!(actions(&bench.preview(&program).await), ["update a"]);
}

#[tokio::test]
async fn what_is_ignored_goes_with_the_object() {
    let bench = after(&ignoring("value", json!({"value": "1"}))).await;
    meddle(&bench, "a", "value", "theirs");
    assert!(bench.destroy(DeleteData::None).await.is_ok());
    assert!(bench.world.objects().is_empty());
}

#[tokio::test]
async fn an_ignored_secret_stays_secret() {
    let program = |secret: &str, other: &str| {
        let stack = Stack::new("test", Config::default());
        let secret: String = stack.secret("password", secret).into();
        let _ = thing(&stack, "a", json!({ "value": secret, "other": other })).ignore_changes("value");
        stack.finish().unwrap()
    };
    let bench = after(&program("hunter2-first", "1")).await;
    assert!(bench.up(&program("hunter2-second", "2")).await.is_ok());
    assert!(!bench.files().contains("hunter2"));
    let debug = format!("{:?}", bench.preview(&program("hunter2-third", "3")).await);
    assert!(!debug.contains("hunter2"), "{debug}");
}
