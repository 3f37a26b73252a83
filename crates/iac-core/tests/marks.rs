//! Ownership of objects: whatever a record says, one that does not bear the stack's mark is neither deleted nor changed, unless
//! the stack's key vouches for the record or a person names the object.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at once")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use iac_core::declare::{Declaration, Declared as _, Options};
use iac_core::plan::{Action, DeleteData, Mode, Plan};
use iac_core::provider::Recorded;
use iac_core::state::{FormerObject, NewRecord, OpKind, Operation, RunInfo, StackId};
use iac_core::{Key, Value};
use proptest::prelude::*;
use serde_json::json;
use support::harness::{Bench, actions, declare, thing, value};
use support::memory::{KIND, Object};
use support::programs::{Program, cases, declaration, name, programs, tell};

/// Objects with these numbers are somebody else's; programs declare those below the first, and some of these.
const THEIRS: std::ops::Range<usize> = 3..8;

/// The id of another stack of the same name.
fn another() -> StackId {
    "0123456789abcdef0123456789abcdef".parse().unwrap()
}

/// Of those with odd numbers, another stack of the same name made each; the others bear no mark.
fn theirs(number: usize) -> Object {
    let namesake = !number.is_multiple_of(2);
    Object {
        uid: 100 + number as u64,
        inputs: json!({ "value": "theirs", "fixed": number % 2, "data": number.is_multiple_of(3) }).into(),
        ours: namesake,
        id: namesake.then(another),
    }
}

/// A forged record: somebody who may write the state puts it there.
#[derive(Debug, Clone)]
struct Forged {
    key: usize,
    /// The object that it names.
    object: usize,
    /// As the object's own, as another one's, or not at all.
    uid: Option<bool>,
    known_inputs: bool,
    ready: bool,
    as_former: bool,
    gone: bool,
    interrupted: Option<OpKind>,
}

fn forged() -> impl Strategy<Value = Forged> {
    let kinds = prop_oneof![
        Just(OpKind::Create),
        Just(OpKind::Update),
        Just(OpKind::Adopt),
        Just(OpKind::Delete)
    ];
    let numbers = (0..THEIRS.end, THEIRS);
    let flags = (any::<Option<bool>>(), any::<[bool; 4]>());
    (numbers, flags, prop::option::weighted(0.4, kinds)).prop_map(|((key, object), (uid, flags), interrupted)| Forged {
        key,
        object,
        uid,
        known_inputs: flags[0],
        ready: flags[1],
        as_former: flags[2],
        gone: flags[3],
        interrupted,
    })
}

impl Forged {
    fn recorded(&self, object: &Object) -> Recorded {
        Recorded {
            key: key(&name(self.key)),
            identity: name(self.object),
            uid: self
                .uid
                .map(|own| if own { object.uid.to_string() } else { "1".to_owned() }),
            inputs: if self.known_inputs {
                object.inputs.clone()
            } else {
                Value::Null
            },
            outputs: Value::Null,
            private: Default::default(),
            dependencies: Vec::new(),
            ready: self.ready,
        }
    }

    async fn write(&self, bench: &Bench) {
        let recorded = self.recorded(&theirs(self.object));
        let writer = bench
            .store()
            .begin(RunInfo::current("up", "forged"), Duration::from_secs(1))
            .await
            .unwrap();
        match self.interrupted {
            Some(kind) => {
                let operation = Operation {
                    kind,
                    key: recorded.key.clone(),
                    identity: recorded.identity.clone(),
                    uid: recorded.uid.clone(),
                    inputs_digest: String::new(),
                };
                writer.begin_op(operation).await.unwrap();
            }
            None => {
                let mut record = NewRecord::new(recorded.clone(), Options::default(), None);
                if self.as_former {
                    record.recorded.identity = name(self.key);
                    record.formers.push(FormerObject {
                        recorded,
                        options: Options::default(),
                    });
                    record.gone = self.gone;
                }
                writer.put(record).await.unwrap();
            }
        }
        writer.abandon().await;
    }
}

fn key(name: &str) -> Key {
    Key::new("", KIND, name).unwrap()
}

/// Returns the objects that are not ours.
fn foreign(bench: &Bench) -> BTreeMap<String, Object> {
    let mut objects = bench.world.objects();
    objects.retain(|_, object| !object.ours || object.id == Some(another()));
    objects
}

async fn story(runs: Vec<(Program, Option<usize>, Vec<Forged>)>) {
    let bench = Bench::in_memory();
    bench
        .world
        .meddle(|objects| objects.extend(THEIRS.map(|number| (name(number), theirs(number)))));
    let before = foreign(&bench);
    for (program, kill, forged) in runs {
        for forged in &forged {
            forged.write(&bench).await;
        }
        let declaration = declaration(&program);
        bench.world.hang_at(kill);
        tokio::select! {
            // Problems and failures are as good as anything else, as long as nothing of others is touched.
            result = bench.run(Mode::Up, &declaration) => drop(result),
            () = bench.world.hung() => {}
        }
        bench.world.hang_at(None);
        while bench.store().holder().await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(foreign(&bench), before, "after an up");
        let nothing = declare(|_| {});
        drop(bench.run(Mode::Up, &nothing).await);
        assert_eq!(foreign(&bench), before, "after an up of nothing");
        drop(bench.run(Mode::Destroy, &nothing).await);
        assert_eq!(foreign(&bench), before, "after a destroy");
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn whatever_is_recorded_nothing_without_the_mark_is_touched(
        runs in prop::collection::vec(
            (programs(), prop::option::weighted(0.3, 1..12_usize), prop::collection::vec(forged(), 1..5)),
            1..3,
        ),
    ) {
        tell(story(runs));
    }
}

/// A world with an object of somebody else's, and a record that says it is ours.
async fn named_by_a_record() -> Bench {
    let bench = Bench::in_memory();
    record_theirs(&bench, 4).await;
    bench
}

/// Puts an object of somebody else's into the world, and a record of it as ours.
async fn record_theirs(bench: &Bench, number: usize) {
    bench
        .world
        .meddle(|objects| drop(objects.insert(name(number), theirs(number))));
    let forged = Forged {
        key: number,
        object: number,
        uid: Some(true),
        known_inputs: true,
        ready: true,
        as_former: false,
        gone: false,
        interrupted: None,
    };
    forged.write(bench).await;
}

fn with_value(text: &'static str, adopt: bool) -> Declaration {
    declare(|stack| {
        let one = thing(stack, &name(4), json!({ "value": text, "fixed": 0, "data": false }));
        let _ = if adopt { one.adopt() } else { one };
    })
}

fn problems(plan: &Plan) -> Vec<String> {
    let problem = |problem: &iac_core::plan::PlanProblem| {
        format!("{}; {}", problem.message, problem.hint.clone().unwrap_or_default())
    };
    plan.problems.iter().map(problem).collect()
}

#[tokio::test]
async fn what_a_record_names_and_does_not_bear_the_mark_goes_by_its_name_only() {
    let bench = named_by_a_record().await;
    let nothing = declare(|_| {});
    for mode in [Mode::Up, Mode::Destroy] {
        let plan = bench.plan_with(mode, &nothing, DeleteData::All).await.unwrap().plan;
        assert_eq!(plan.steps[0].action, Action::Keep);
        assert_eq!(
            plan.steps[0].notes,
            [
                "that a record names it is not enough to delete it: object n4 (it does not bear this stack's mark: made by a test); --delete-data n4 deletes it, `state rm Thing/n4` drops it from the record"
            ]
        );
        assert!(plan.kept[0].items[0].unmarked, "{:?}", plan.kept);
        assert!(bench.run(mode, &nothing).await.unwrap().is_ok());
        assert_eq!(foreign(&bench), [(name(4), theirs(4))].into());
    }
    let named = DeleteData::of(&[name(4)]);
    let plan = bench
        .plan_with(Mode::Destroy, &nothing, named.clone())
        .await
        .unwrap()
        .plan;
    assert_eq!(actions(&plan), ["delete n4"]);
    assert!(plan.steps[0].risks[0].message.contains("does not bear"), "{plan:?}");
    assert!(bench.run_with(Mode::Destroy, &nothing, named).await.unwrap().is_ok());
    assert!(bench.world.objects().is_empty());
}

#[tokio::test]
async fn what_a_record_names_and_does_not_bear_the_mark_is_taken_over_by_its_name_only() {
    let bench = named_by_a_record().await;
    assert!(
        problems(&bench.preview(&with_value("theirs", false)).await).is_empty(),
        "it is as declared"
    );
    let changed = bench.preview(&with_value("mine", false)).await;
    assert_eq!(
        problems(&changed),
        [
            "n4 does not bear this stack's mark (made by a test), and that a record names it is not enough to change it; take it over with --adopt Thing/n4 (in a program: .adopt()), or give yours another name"
        ]
    );
    // A field that can only be changed by deleting the object needs the object's name too.
    let anew = declare(|stack| {
        let _ = thing(stack, &name(4), json!({ "value": "mine", "fixed": 1, "data": false }));
    });
    let replaced = problems(&bench.preview(&anew).await);
    assert_eq!(replaced.len(), 1);
    assert!(
        replaced[0].contains("needs more than a record that names it") && replaced[0].contains("--delete-data n4"),
        "{replaced:?}"
    );
    bench.world.spend(&name(4));
    let spent = problems(&bench.preview(&with_value("theirs", false)).await);
    assert!(spent[0].contains("--delete-data n4"), "{spent:?}");

    let bench = named_by_a_record().await;
    assert_eq!(actions(&bench.preview(&with_value("mine", true)).await), ["adopt n4"]);
    assert!(bench.up(&with_value("mine", true)).await.is_ok());
    assert!(bench.world.objects()[&name(4)].ours);
    assert!(bench.destroy(DeleteData::None).await.is_ok());
    assert!(bench.world.objects().is_empty());
}

#[tokio::test]
async fn an_object_that_loses_its_mark_after_the_plan_is_left() {
    let bench = Bench::in_memory();
    let program = declare(|stack| {
        let _ = thing(stack, "a", value("1"));
    });
    bench.up(&program).await;
    let nothing = declare(|_| {});
    let planned = bench.plan_with(Mode::Destroy, &nothing, DeleteData::All).await.unwrap();
    bench.world.meddle(|objects| objects.get_mut("a").unwrap().ours = false);
    let report = bench.execute(planned, &nothing).await.unwrap();
    let outcome = format!("{:?}", report.outcomes[&key("a")]);
    assert!(outcome.contains("does not bear this stack's mark"), "{outcome}");
    assert_eq!(bench.world.objects().len(), 1);
}

#[tokio::test]
async fn what_came_since_the_plan_keeps_what_would_take_it_along() {
    let bench = Bench::in_memory();
    let program = declare(|stack| {
        let _ = thing(stack, "a", json!({"holds": "theirs"}));
        let _ = thing(stack, "b", value("1"));
        let _ = thing(stack, "c", value("1"));
    });
    bench.up(&program).await;
    let nothing = declare(|_| {});
    let planned = bench.plan_with(Mode::Destroy, &nothing, DeleteData::All).await.unwrap();
    bench
        .world
        .meddle(|objects| objects.get_mut("b").unwrap().inputs = json!({"holds": "new"}).into());
    let report = bench.execute(planned, &nothing).await.unwrap();
    let outcome = format!("{:?}", report.outcomes[&key("b")]);
    assert!(outcome.contains("b stays: new came"), "{outcome}");
    assert_eq!(
        bench.world.objects().keys().collect::<Vec<_>>(),
        ["b"],
        "the rest goes on"
    );
    // The next plan names it, and asks.
    let plan = bench
        .plan_with(Mode::Destroy, &nothing, DeleteData::None)
        .await
        .unwrap()
        .plan;
    assert_eq!(plan.kept[0].items[0].name, "new");
    assert!(bench.destroy(DeleteData::of(&["new".to_owned()])).await.is_ok());
    assert!(bench.world.objects().is_empty());
}

#[tokio::test]
async fn a_record_under_the_seal_of_the_stacks_key_is_believed() {
    let program = |with_one: bool| {
        declare(move |stack| {
            let password = stack.random_password("db", 16);
            stack.export("password", password.result());
            if with_one {
                let _ = thing(stack, "a", value("1"));
            }
        })
    };
    for secrets in [true, false] {
        let bench = Bench::in_memory();
        match secrets {
            true => bench.up(&program(true)).await,
            false => {
                bench
                    .up(&declare(|stack| {
                        let _ = thing(stack, "a", value("1"));
                    }))
                    .await
            }
        };
        // A volume that was taken over has no place for a mark.
        bench.world.meddle(|objects| objects.get_mut("a").unwrap().ours = false);
        assert!(bench.destroy(DeleteData::All).await.is_ok());
        assert_eq!(bench.world.objects().is_empty(), secrets);
    }
}

/// A program of two things, one of them with data.
fn two(text: &'static str) -> Declaration {
    declare(|stack| {
        let _ = thing(stack, "a", value(text));
        let _ = thing(stack, "b", json!({ "value": text, "data": true }));
    })
}

/// Another stack of the same name in the same world, with a state of its own.
fn elsewhere(bench: &Bench) -> Bench {
    bench.elsewhere(bench.world.clone(), support::storage::Memory::new())
}

#[tokio::test]
async fn two_stacks_of_one_name_leave_each_others_objects() {
    let first = Bench::in_memory();
    assert!(first.up(&two("1")).await.is_ok());
    let made = first.world.objects();
    let second = elsewhere(&first);
    // The same program, another one, one that recreates, and none.
    for program in [two("1"), two("2")] {
        let told = problems(&second.preview(&program).await);
        assert_eq!(
            told,
            ["a", "b"].map(|name| format!(
                "{name} exists already, and it bears the mark of another stack of this name: of another project, or of a state that was lost; take it over with --adopt Thing/{name} (in a program: .adopt()), or bring back the state that it belongs to (`state import`), give yours another name, or delete it"
            ))
        );
        assert!(second.run(Mode::Up, &program).await.is_err());
    }
    for mode in [Mode::Up, Mode::Destroy, Mode::Refresh] {
        drop(second.run(mode, &declare(|_| {})).await);
    }
    assert_eq!(first.world.objects(), made);
    // Somebody names one of them.
    let adopting = declare(|stack| {
        let _ = thing(stack, "a", value("2")).adopt();
    });
    assert!(second.up(&adopting).await.is_ok());
    assert!(
        problems(&second.preview(&adopting).await).is_empty(),
        "it is the second one's"
    );
    let changed = problems(&first.preview(&two("3")).await);
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(
        changed[0].contains("a does not bear this stack's mark (it bears the mark of another stack"),
        "{changed:?}"
    );
    assert!(first.destroy(DeleteData::All).await.is_ok());
    assert_eq!(first.world.objects().keys().collect::<Vec<_>>(), ["a"]);
    assert!(second.destroy(DeleteData::None).await.is_ok());
    assert!(first.world.objects().is_empty());
}

#[tokio::test]
async fn a_record_that_claims_what_another_stack_of_the_name_made_goes_by_its_name_only() {
    for sealed in [false, true] {
        let bench = Bench::in_memory();
        if sealed {
            bench.up(&declare(|stack| drop(stack.random_password("db", 16)))).await;
        }
        record_theirs(&bench, 5).await;
        let nothing = declare(|_| {});
        for mode in [Mode::Up, Mode::Destroy] {
            assert!(bench.run(mode, &nothing).await.unwrap().is_ok());
            assert_eq!(foreign(&bench), [(name(5), theirs(5))].into(), "sealed: {sealed}");
        }
        let named = DeleteData::of(&[name(5)]);
        assert!(bench.run_with(Mode::Destroy, &nothing, named).await.unwrap().is_ok());
        assert!(bench.world.objects().is_empty());
    }
}

/// The same stack with the state of a version that drew no ids.
async fn without_id(bench: &Bench) -> Bench {
    let old = elsewhere(bench);
    let state = bench.store().load().await.unwrap();
    let records = state.open(&bench.store().vault().await.unwrap()).unwrap();
    let writer = old
        .store()
        .begin(RunInfo::current("up", "old"), Duration::from_secs(1))
        .await
        .unwrap();
    for record in records.into_values() {
        writer.put(record).await.unwrap();
    }
    writer.abandon().await;
    old
}

#[tokio::test]
async fn what_a_version_without_ids_made_stays_ours_and_gets_the_id_when_it_is_written() {
    for old_state in [false, true] {
        let bench = Bench::in_memory();
        bench.up(&two("1")).await;
        let drawn = bench.store().load().await.unwrap().id;
        assert!(drawn.is_some());
        bench
            .world
            .meddle(|objects| objects.values_mut().for_each(|object| object.id = None));
        let bench = if old_state { without_id(&bench).await } else { bench };
        assert!(
            bench.preview(&two("1")).await.changes().next().is_none(),
            "no change by itself"
        );
        let changed = declare(|stack| {
            let _ = thing(stack, "a", value("2"));
            let _ = thing(stack, "b", json!({ "value": "1", "data": true }));
        });
        assert!(bench.up(&changed).await.is_ok());
        let now = bench.store().load().await.unwrap().id;
        assert!(now.is_some() && (old_state || now == drawn), "{now:?}");
        let objects = bench.world.objects();
        assert_eq!((&objects["a"].id, &objects["b"].id), (&now, &None));
        assert!(bench.destroy(DeleteData::All).await.is_ok());
        assert!(bench.world.objects().is_empty());
    }
}

#[tokio::test]
async fn whichever_plan_is_carried_out_its_objects_are_the_stacks() {
    let bench = Bench::in_memory();
    let first = bench.plan_for(Mode::Up, &two("1")).await.unwrap();
    let _second = bench.plan_for(Mode::Up, &two("1")).await.unwrap();
    bench.execute(first, &two("1")).await.unwrap();
    let id = bench.store().load().await.unwrap().id;
    assert!(bench.world.objects().values().all(|object| object.id == id));
}
