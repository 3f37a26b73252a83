//! The runs during which the kill comes.

use iac_core::Value;
use iac_core::apply::Report;
use iac_core::declare::{Declaration, Declared as _, Handle, Stack};
use iac_core::engine::EngineError;
use iac_core::plan::{DeleteData, Mode};
use serde_json::{Value as Json, json};

use crate::support::harness::{Bench, declare, thing};
use crate::support::memory::Object;

/// A command with its program.
pub(crate) struct Run {
    mode: Mode,
    program: Declaration,
    delete_data: DeleteData,
}

impl Run {
    fn up(program: Declaration) -> Self {
        Self {
            mode: Mode::Up,
            program,
            delete_data: DeleteData::All,
        }
    }

    pub(crate) async fn on(&self, bench: &Bench) -> Result<Report, EngineError> {
        bench.run_with(self.mode, &self.program, self.delete_data.clone()).await
    }

    /// True if anything is left to do.
    pub(crate) async fn is_settled(&self, bench: &Bench) -> bool {
        let planned = bench.plan_with(self.mode, &self.program, self.delete_data.clone());
        let planned = planned.await.unwrap();
        planned.plan.is_empty() && planned.plan.problems.is_empty() && !planned.recovers()
    }
}

/// A run that is killed, and what came before.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The run before, which the engine carried out, if there was one.
    pub(crate) before: Option<Run>,
    /// The changes that somebody else makes to the world then.
    pub(crate) meddle: fn(&mut std::collections::BTreeMap<String, Object>),
    /// The run that is killed, and run again until it gets through.
    pub(crate) run: Run,
    /// The former objects that stay recorded, since they hold data.
    pub(crate) keeps: &'static [&'static str],
}

fn scenario(name: &'static str, before: Declaration, after: Declaration) -> Scenario {
    Scenario {
        name,
        before: Some(Run::up(before)),
        meddle: |_| {},
        run: Run::up(after),
        keeps: &[],
    }
}

/// The same, in which no data may go.
fn keeping(name: &'static str, before: Declaration, after: Declaration, keeps: &'static [&'static str]) -> Scenario {
    let mut scenario = scenario(name, before, after);
    scenario.run.delete_data = DeleteData::None;
    Scenario { keeps, ..scenario }
}

fn nothing() -> Declaration {
    declare(|_| {})
}

/// Three resources of which each needs the one before, and one that needs none.
fn chain(value: &str) -> Declaration {
    declare(|stack| {
        let a = thing(stack, "a", json!({ "value": value }));
        let b = thing(stack, "b", json!({ "value": value, "uses": a.output("/name") }));
        let _ = thing(stack, "c", json!({ "value": value })).after(b.ready());
        let _ = thing(stack, "d", json!({ "value": value }));
    })
}

/// Two that wait for one another, and so are made ahead but for the first; the last one also uses an output.
fn levels() -> Declaration {
    declare(|stack| {
        let first = thing(stack, "first", json!({}));
        let _ = thing(stack, "second", json!({ "ordered_ref": "first" }));
        let _ = thing(
            stack,
            "third",
            json!({ "ordered_ref": "second", "uses": first.output("/name") }),
        );
    })
}

/// A resource with these inputs, and one that uses it.
fn pair(inputs: Json, options: impl FnOnce(Handle<()>) -> Handle<()>) -> Declaration {
    declare(|stack| {
        let a = options(thing(stack, "a", inputs));
        let _ = thing(stack, "b", json!({ "value": a.output("/name") }));
    })
}

fn with_password(stack: &Stack) {
    let password = stack.random_password("secret", 20);
    let _ = thing(stack, "a", json!({ "value": password.result() }));
}

/// Everything that a run can be doing.
pub(crate) fn all() -> Vec<Scenario> {
    let named = |name: &str| pair(json!({ "name": name }), |a| a);
    let first = |name: &str| pair(json!({ "name": name }), Handle::delete_before_replace);
    let alone = |name: &str| pair(json!({ "name": name, "exclusive": "port 80" }), |a| a);
    let fixed = |fixed: i32| pair(json!({ "fixed": fixed }), |a| a);
    let kept = || pair(json!({}), Handle::retain_on_delete);
    let create = scenario("create", nothing(), chain("1"));
    let password = scenario("create with a password", nothing(), declare(with_password));
    vec![
        Scenario { before: None, ..create },
        Scenario {
            before: None,
            ..password
        },
        Scenario {
            before: None,
            ..scenario("make ahead", nothing(), levels())
        },
        scenario("make ahead beside a deletion", chain("1"), levels()),
        scenario("update", chain("1"), chain("2")),
        scenario("replace, the new one first", named("one"), named("two")),
        scenario("replace, the old one first as asked", first("one"), first("two")),
        scenario("replace, the old one first as it must be", alone("one"), alone("two")),
        scenario("replace under the same name", fixed(1), fixed(2)),
        scenario("swap of names", swap("one", "two"), swap("two", "one")),
        scenario("delete", chain("1"), nothing()),
        scenario("delete some and create others", chain("1"), named("one")),
        scenario("forget what is retained", kept(), nothing()),
        scenario(
            "change options",
            named("one"),
            pair(json!({ "name": "one" }), Handle::protect),
        ),
        keeping("keep the data of what is renamed", data("one"), data("two"), &["one"]),
        keeping("keep data and delete the rest", data("one"), nothing(), &[]),
        keeping(
            "leave data behind",
            pair(json!({ "leaves": "left" }), |a| a),
            nothing(),
            &[],
        ),
        scenario("delete data", data("one"), nothing()),
        adoption(),
        drift(),
        destroy(),
        refresh(),
    ]
}

/// A resource with data of this name, and what uses it.
fn data(name: &str) -> Declaration {
    pair(json!({ "name": name, "data": true }), |a| a)
}

fn swap(a: &str, b: &str) -> Declaration {
    declare(|stack| {
        let _ = thing(stack, "a", json!({ "name": a, "value": "a" }));
        let _ = thing(stack, "b", json!({ "name": b, "value": "b" }));
    })
}

fn adoption() -> Scenario {
    let program = declare(|stack| {
        let _ = thing(stack, "a", json!({ "value": "1" })).adopt();
    });
    Scenario {
        meddle: |objects| {
            let inputs = Value::from(json!({ "value": "theirs" }));
            let ours = false;
            objects.insert(
                "a".into(),
                Object {
                    uid: 900,
                    inputs,
                    ours,
                    id: None,
                },
            );
        },
        ..scenario("adopt", nothing(), program)
    }
}

fn drift() -> Scenario {
    Scenario {
        meddle: |objects| {
            objects.remove("a");
            if let Some(object) = objects.get_mut("d") {
                object.inputs = Value::from(json!({ "value": "meddled" }));
            }
        },
        ..scenario("mend what others did", chain("1"), chain("1"))
    }
}

fn destroy() -> Scenario {
    let mut scenario = scenario("destroy", chain("1"), nothing());
    scenario.run.mode = Mode::Destroy;
    scenario
}

fn refresh() -> Scenario {
    let mut scenario = drift();
    scenario.name = "refresh";
    scenario.run.mode = Mode::Refresh;
    scenario
}
