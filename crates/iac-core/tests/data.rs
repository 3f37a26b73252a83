//! Data stays unless `--delete-data` names it, whatever way its resource leaves the program; what stays is said, is no
//! change from then on, can be taken back, and can be deleted later.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

mod support;

use std::collections::BTreeMap;

use iac_core::declare::{Declaration, Declared as _, Handle, Stack};
use iac_core::plan::{Action, DeleteData, Fate, Mode, Plan, Reason};
use iac_core::provider::RiskKind;
use serde_json::{Value as Json, json};
use support::harness::{Bench, action_of, actions, declare, thing, value};

/// One resource with data, under this key and this name, and one without.
fn store(key: &str, name: &str) -> Declaration {
    with(key, json!({ "name": name, "data": true }), |a| a)
}

fn with(key: &str, inputs: Json, options: impl FnOnce(Handle<()>) -> Handle<()>) -> Declaration {
    declare(|stack| {
        let _ = options(thing(stack, key, inputs));
        let _ = thing(stack, "other", value("1"));
    })
}

fn other() -> Declaration {
    declare(|stack| {
        let _ = thing(stack, "other", value("1"));
    })
}

/// A space with data in it, a server that uses it with a generated password, and something that needs none of it.
fn database(stack: &Stack) {
    let password = stack.random_password("db", 20);
    let space = thing(stack, "space", json!({ "holds": "volume" }));
    let data = thing(stack, "volume", json!({ "data": true })).after(&space);
    let _ = thing(stack, "server", json!({ "value": password.result() })).after(&data);
}

fn uids(bench: &Bench) -> BTreeMap<String, u64> {
    let objects = bench.world.objects().into_iter();
    objects.map(|(name, object)| (name, object.uid)).collect()
}

fn kept(plan: &Plan) -> Vec<&str> {
    let items = plan.kept.iter().flat_map(|kept| &kept.items);
    items.map(|item| item.name.as_str()).collect()
}

/// Nothing is left to do, and what is kept is still told.
async fn settled(bench: &Bench, program: &Declaration, names: &[&str], context: &str) {
    let plan = bench.preview(program).await;
    let left: Vec<_> = plan.changes().collect();
    assert!(left.is_empty() && plan.problems.is_empty(), "{context}: {left:?}");
    assert_eq!(kept(&plan), names, "{context}");
    let state = bench.store().load().await.unwrap();
    assert!(state.pending.is_empty(), "{context}: {:?}", state.pending);
    let drift = bench.plan_for(Mode::Refresh, program).await.unwrap().plan;
    assert!(drift.is_empty(), "{context}: {drift:?}");
}

#[tokio::test]
async fn up_keeps_data_on_every_route_and_deletes_what_is_named() {
    let first = |a: Handle<()>| a.delete_before_replace();
    let routes = [
        ("removed", store("data", "old"), other()),
        ("all removed", store("data", "old"), declare(|_| {})),
        ("another key", store("data", "old"), store("pgdata", "new")),
        ("another name", store("data", "old"), store("data", "new")),
        (
            "another name, the old one first",
            store("data", "old"),
            with("data", json!({ "name": "new", "data": true }), first),
        ),
        (
            "another name, without data",
            store("data", "old"),
            with("data", json!({ "name": "new" }), |a| a),
        ),
    ];
    for (route, before, after) in routes {
        let bench = Bench::new();
        assert!(bench.up(&before).await.is_ok());
        let old = uids(&bench)["old"];
        let plan = bench.preview(&after).await;
        assert!(plan.problems.is_empty(), "{route}: {:?}", plan.problems);
        assert_eq!(kept(&plan), ["old"], "{route}");
        let risks: Vec<_> = plan.steps.iter().flat_map(|step| &step.risks).collect();
        assert!(risks.is_empty(), "{route}: {risks:?}");
        let notes: Vec<&String> = plan.steps.iter().flat_map(|step| &step.notes).collect();
        assert!(
            notes.iter().any(|note| note.contains("--delete-data old")),
            "{route}: {notes:?}"
        );
        assert!(bench.up(&after).await.is_ok());
        assert_eq!(uids(&bench).get("old"), Some(&old), "{route}");
        settled(&bench, &after, &["old"], route).await;
        // A destroy keeps it as well.
        assert!(bench.destroy(DeleteData::None).await.is_ok());
        assert_eq!(uids(&bench).get("old"), Some(&old), "{route}");
        assert!(bench.up(&after).await.is_ok());
        settled(&bench, &after, &["old"], route).await;
        // It goes once it is named, and nothing else does.
        assert!(bench.preview_deleting(&after, &["another"]).await.is_empty());
        let plan = bench.preview_deleting(&after, &["old"]).await;
        let risks: Vec<RiskKind> = plan
            .steps
            .iter()
            .flat_map(|step| &step.risks)
            .map(|risk| risk.kind)
            .collect();
        assert_eq!(risks, [RiskKind::DataLoss], "{route}");
        assert!(bench.up_deleting(&after, &["old"]).await.is_ok());
        assert!(!uids(&bench).contains_key("old"), "{route}");
        settled(&bench, &after, &[], route).await;
        assert!(bench.destroy(DeleteData::All).await.is_ok());
        assert!(bench.store().load().await.unwrap().records.is_empty(), "{route}");
    }
}

#[tokio::test]
async fn kept_data_is_taken_back_by_whoever_is_given_its_name() {
    let routes = [
        ("removed and declared again", other(), store("data", "old")),
        ("removed, then another resource's", other(), store("pgdata", "old")),
        ("renamed and renamed back", store("data", "new"), store("data", "old")),
        (
            "renamed, then another resource's",
            store("data", "new"),
            store("pgdata", "old"),
        ),
    ];
    for (route, between, again) in routes {
        let bench = Bench::new();
        assert!(bench.up(&store("data", "old")).await.is_ok());
        let old = uids(&bench)["old"];
        assert!(bench.up(&between).await.is_ok());
        let report = bench.up(&again).await;
        assert!(report.is_ok(), "{route}: {:?}", report.outcomes);
        assert_eq!(uids(&bench).get("old"), Some(&old), "{route}");
        let still: &[&str] = if uids(&bench).contains_key("new") {
            &["new"]
        } else {
            &[]
        };
        settled(&bench, &again, still, route).await;
    }
}

#[tokio::test]
async fn up_keeps_what_data_needs_and_the_rest_goes() {
    let bench = Bench::new();
    assert!(bench.up(&declare(database)).await.is_ok());
    let plan = bench.preview(&other()).await;
    assert_eq!(kept(&plan), ["volume"]);
    for (name, action) in [
        ("volume", Action::Keep),
        ("space", Action::Keep),
        ("db", Action::Keep),
        ("server", Action::Delete),
    ] {
        assert_eq!(action_of(&plan, name), Some(action), "{name}");
    }
    assert!(bench.up(&other()).await.is_ok());
    assert_eq!(
        uids(&bench).into_keys().collect::<Vec<_>>(),
        ["other", "space", "volume"]
    );
    settled(&bench, &other(), &["volume"], "kept").await;
    // The password is still the one that the data was made with.
    let plan = bench.preview(&declare(database)).await;
    assert_eq!(actions(&plan), ["create server", "delete other"]);
    assert!(bench.up_deleting(&other(), &["volume"]).await.is_ok());
    settled(&bench, &other(), &[], "gone").await;
    assert_eq!(bench.store().load().await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn a_replacement_that_must_delete_data_needs_its_name() {
    let fixed = |number: u8| with("data", json!({ "name": "old", "data": true, "fixed": number }), |a| a);
    let port = |name: &str| {
        with(
            "data",
            json!({ "name": name, "data": true, "exclusive": "port 80" }),
            |a| a,
        )
    };
    for (route, before, after) in [("in place", fixed(1), fixed(2)), ("only one", port("old"), port("new"))] {
        let bench = Bench::new();
        assert!(bench.up(&before).await.is_ok());
        let plan = bench.preview(&after).await;
        let problem = &plan.problems[0];
        assert!(problem.message.contains("data old"), "{route}: {problem:?}");
        assert!(
            problem.hint.as_ref().unwrap().contains("--delete-data old"),
            "{route}: {problem:?}"
        );
        assert!(
            bench.preview_deleting(&after, &["other"]).await.problems.len() == 1,
            "{route}"
        );
        let plan = bench.preview_deleting(&after, &["old"]).await;
        assert!(plan.problems.is_empty(), "{route}: {:?}", plan.problems);
        assert!(
            plan.steps
                .iter()
                .flat_map(|step| &step.risks)
                .any(|risk| risk.kind == RiskKind::DataLoss)
        );
        assert!(bench.up_deleting(&after, &["old"]).await.is_ok());
        settled(&bench, &after, &[], route).await;
    }
}

#[tokio::test]
async fn data_that_is_kept_and_stands_in_the_way_is_a_problem() {
    // Kept without anything exclusive at first: only what it is declared to hold later collides.
    let port = |name: &str, data: bool| with("data", json!({ "name": name, "data": data, "exclusive": name }), |a| a);
    let bench = Bench::new();
    assert!(bench.up(&port("one", true)).await.is_ok());
    assert!(bench.up(&port("two", false)).await.is_ok());
    let holds_one = with("data", json!({ "name": "three", "exclusive": "one" }), |a| a);
    let plan = bench.preview(&holds_one).await;
    assert!(
        plan.problems[0].hint.as_ref().unwrap().contains("--delete-data one"),
        "{:?}",
        plan.problems
    );
    assert!(bench.up_deleting(&holds_one, &["one"]).await.is_ok());
    settled(&bench, &holds_one, &[], "out of the way").await;
}

#[tokio::test]
async fn data_that_a_killed_run_made_is_kept_and_recorded() {
    for (route, after) in [("removed", other()), ("another name", store("data", "new"))] {
        let bench = Bench::new().parallel(1);
        assert!(
            bench.up_killed_at(2, &store("data", "old")).await,
            "made, and not recorded"
        );
        assert!(bench.up(&after).await.is_ok(), "{route}");
        settled(&bench, &after, &["old"], route).await;
        assert!(bench.up_deleting(&after, &["old"]).await.is_ok());
        settled(&bench, &after, &[], route).await;
        assert!(!uids(&bench).contains_key("old"), "{route}");
    }
}

#[tokio::test]
async fn former_objects_without_data_go_and_those_with_data_stay() {
    let bench = Bench::new();
    for program in [store("data", "one"), with("data", json!({ "name": "two" }), |a| a)] {
        assert!(bench.up(&program).await.is_ok());
    }
    bench.world.fail(&["two"]);
    let three = store("data", "three");
    bench.up(&three).await;
    bench.world.fail(&[]);
    // "one" and "three" hold data, "two" does not and is still to be deleted.
    let plan = bench.preview(&three).await;
    let step = plan.changes().next().unwrap();
    assert_eq!(step.action, Action::Cleanup);
    let fates: Vec<&Fate> = step.leftovers.iter().map(|left| &left.fate).collect();
    assert_eq!(fates, [&Fate::Keep, &Fate::Delete]);
    let plan = bench.preview(&other()).await;
    assert_eq!(
        (action_of(&plan, "data"), kept(&plan)),
        (Some(Action::Cleanup), vec!["three", "one"])
    );
    assert!(bench.up(&other()).await.is_ok());
    assert_eq!(uids(&bench).into_keys().collect::<Vec<_>>(), ["one", "other", "three"]);
    settled(&bench, &other(), &["three", "one"], "only data is left").await;
    assert!(bench.up_deleting(&other(), &["three"]).await.is_ok());
    settled(&bench, &other(), &["one"], "one of two").await;
    // Somebody else deletes the last of it.
    bench.world.meddle(|objects| drop(objects.remove("one")));
    assert!(bench.up(&other()).await.is_ok());
    settled(&bench, &other(), &[], "nothing is left").await;
    assert_eq!(bench.store().load().await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn what_is_retained_is_forgotten_with_its_data() {
    let bench = Bench::new();
    let retained = with("data", json!({ "name": "old", "data": true }), Handle::retain_on_delete);
    assert!(bench.up(&retained).await.is_ok());
    assert!(bench.up(&other()).await.is_ok());
    assert!(uids(&bench).contains_key("old"));
    settled(&bench, &other(), &[], "nobody's").await;
    assert_eq!(bench.store().load().await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn a_name_that_no_data_has_is_said() {
    let bench = Bench::new();
    assert!(bench.up(&store("data", "old")).await.is_ok());
    let plan = bench.preview_deleting(&other(), &["odl"]).await;
    assert!(plan.notes[0].message.contains("--delete-data odl"), "{:?}", plan.notes);
    assert_eq!(kept(&plan), ["old"]);
}

#[tokio::test]
async fn data_that_outlives_its_resource_is_recorded_by_itself() {
    let leaving = |name: &str| with("server", json!({ "name": name, "leaves": "left" }), |a| a);
    for (route, after) in [("removed", other()), ("another name", leaving("new"))] {
        let bench = Bench::new();
        assert!(bench.up(&leaving("old")).await.is_ok());
        let plan = bench.preview(&after).await;
        assert_eq!(kept(&plan), ["left"], "{route}");
        assert!(plan.steps.iter().all(|step| step.risks.is_empty()), "{route}");
        assert!(bench.up(&after).await.is_ok());
        assert!(
            !uids(&bench).contains_key("old") && uids(&bench).contains_key("left"),
            "{route}"
        );
        settled(&bench, &after, &["left"], route).await;
        let records = bench.store().load().await.unwrap().records;
        assert!(records.keys().any(|key| key.name() == "left"), "{route}");
        assert!(bench.up_deleting(&after, &["left"]).await.is_ok());
        settled(&bench, &after, &[], route).await;
        assert!(!uids(&bench).contains_key("left"), "{route}");
    }
    // Named at once, it goes with its resource, which is a risk.
    let bench = Bench::new();
    assert!(bench.up(&leaving("old")).await.is_ok());
    let plan = bench.preview_deleting(&other(), &["left"]).await;
    let risks: Vec<RiskKind> = plan
        .steps
        .iter()
        .flat_map(|step| &step.risks)
        .map(|risk| risk.kind)
        .collect();
    assert_eq!((risks, kept(&plan)), (vec![RiskKind::DataLoss], Vec::new()));
    assert!(bench.up_deleting(&other(), &["left"]).await.is_ok());
    assert_eq!(uids(&bench).into_keys().collect::<Vec<_>>(), ["other"]);
    settled(&bench, &other(), &[], "all gone").await;
}

#[tokio::test]
async fn what_a_change_takes_from_its_owner_is_recorded_and_kept() {
    let with_volume = with("server", json!({ "name": "a", "leaves": "left" }), |a| a);
    let without = with("server", json!({ "name": "a" }), |a| a);
    let mut killed_before = 0;
    for boundary in 1..5 {
        let bench = Bench::in_memory();
        let context = format!("killed at {boundary}");
        assert!(bench.up(&with_volume).await.is_ok());
        let plan = bench.preview(&without).await;
        assert_eq!(kept(&plan), ["left"], "{context}");
        assert!(plan.steps.iter().all(|step| step.risks.is_empty()), "{context}");
        killed_before += usize::from(bench.up_killed_at(boundary, &without).await);
        assert!(bench.up(&without).await.is_ok(), "{context}");
        settled(&bench, &without, &["left"], &context).await;
        assert!(uids(&bench).contains_key("left"), "{context}");
        assert!(bench.up_deleting(&without, &["left"]).await.is_ok(), "{context}");
        settled(&bench, &without, &[], &context).await;
        assert!(!uids(&bench).contains_key("left"), "{context}");
    }
    assert!(killed_before > 1, "some of these moments are in the middle of it");
    // Named at once, it goes with the change, which is a risk.
    let bench = Bench::new();
    assert!(bench.up(&with_volume).await.is_ok());
    let plan = bench.preview_deleting(&without, &["left"]).await;
    let risks: Vec<RiskKind> = plan
        .steps
        .iter()
        .flat_map(|step| &step.risks)
        .map(|risk| risk.kind)
        .collect();
    assert_eq!((risks, kept(&plan)), (vec![RiskKind::DataLoss], Vec::new()));
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
    assert!(bench.up_deleting(&without, &["left"]).await.is_ok());
    assert!(!uids(&bench).contains_key("left"));
    settled(&bench, &without, &[], "all gone").await;
}

#[tokio::test]
async fn an_object_that_has_the_name_of_a_recorded_one_is_told_as_such() {
    let bench = Bench::new();
    assert!(bench.up(&with("server", json!({ "name": "a" }), |a| a)).await.is_ok());
    bench.world.meddle(|objects| objects.get_mut("a").unwrap().uid = 999);
    let drift = bench.plan_for(Mode::Refresh, &other()).await.unwrap().plan;
    for plan in [bench.preview(&other()).await, drift] {
        let step = plan.changes().next().unwrap();
        assert!(step.reasons.contains(&Reason::Another), "{:?}", step.reasons);
        assert!(!step.reasons.contains(&Reason::Gone), "{:?}", step.reasons);
    }
    bench.world.meddle(|objects| drop(objects.remove("a")));
    let plan = bench.preview(&other()).await;
    assert!(plan.changes().next().unwrap().reasons.contains(&Reason::Gone));
}

/// Each thing under its key: its name, and whether it holds data. All want the same port.
fn on_port(things: &[(&str, &str, bool)]) -> Declaration {
    declare(|stack| {
        for (key, name, data) in things {
            let _ = thing(
                stack,
                key,
                json!({ "name": name, "data": data, "exclusive": "port 80" }),
            );
        }
    })
}

#[tokio::test]
async fn what_an_interrupted_run_left_goes_before_what_needs_its_port() {
    for (key, data) in [("a", false), ("a", true), ("b", false), ("b", true)] {
        let mut in_the_way = 0;
        for boundary in 1..8 {
            let context = format!("{key} {data} {boundary}");
            let bench = Bench::in_memory();
            bench.up_killed_at(boundary, &on_port(&[("a", "old", data)])).await;
            let is_there = bench.world.objects().contains_key("old");
            let next = on_port(&[(key, "new", false)]);
            let plan = bench.preview(&next).await;
            let problems = usize::from(is_there && data);
            assert_eq!(plan.problems.len(), problems, "{context}: {:?}", plan.problems);
            let hints = plan.problems.iter().filter_map(|problem| problem.hint.as_deref());
            assert!(
                hints.into_iter().all(|hint| hint.contains("--delete-data old")),
                "{:?}",
                plan.problems
            );
            let names: &[&str] = if is_there && data { &["old"] } else { &[] };
            let report = bench.up_deleting(&next, names).await;
            assert!(report.is_ok(), "{context}: {:?}", report.outcomes);
            assert!(!bench.world.objects().contains_key("old"), "{context}");
            in_the_way += usize::from(is_there);
        }
        assert!(in_the_way > 0);
    }
}

#[tokio::test]
async fn what_an_earlier_replacement_left_goes_before_what_needs_its_port() {
    let without_port = |key: &str| with(key, json!({ "name": "mine" }), |a| a);
    for data in [false, true] {
        let bench = Bench::in_memory();
        assert!(bench.up(&on_port(&[("a", "old", data)])).await.is_ok());
        bench.world.fail(&["old"]);
        drop(bench.up(&without_port("a")).await);
        bench.world.fail(&[]);
        assert!(bench.world.objects().contains_key("old"));
        let next = declare(|stack| {
            let _ = thing(stack, "a", json!({ "name": "mine" }));
            let _ = thing(stack, "other", value("1"));
            let _ = thing(stack, "b", json!({ "name": "new", "exclusive": "port 80" }));
        });
        let plan = bench.preview(&next).await;
        assert_eq!(plan.problems.len(), usize::from(data), "{:?}", plan.problems);
        let names: &[&str] = if data { &["old"] } else { &[] };
        let report = bench.up_deleting(&next, names).await;
        assert!(report.is_ok(), "{data}: {:?}", report.outcomes);
        assert!(!bench.world.objects().contains_key("old"), "{data}");
    }
}
