//! The report, the history and the record of a run say the actions that were carried out, even if a step failed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use iac_core::apply::{Cancel, Outcome, Report};
use iac_core::plan::{DeleteData, Mode};
use iac_core::provider::ErrorKind;
use iac_core::state::{Record, Summary, Version};
use iac_core::{Declared as _, Stack};
use serde_json::json;
use support::harness::{Bench, declare, thing};
use tokio::sync::watch;

/// The trouble with the object of the resource `a`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Trouble {
    /// Nothing.
    Fine,
    /// Its operation fails before anything is done.
    Fails,
    /// It fails, and says what it had made.
    FailsLate,
    /// It has its effect, and nobody hears of it.
    Unheard,
    /// It never becomes ready.
    NeverReady,
    /// The run is given up while the operation is under way.
    GivenUp,
    /// The run is cancelled while it waits.
    Cancelled,
}

use Trouble::*;

/// A change of the program: what it declares before and after.
type Change = (fn(&Stack), fn(&Stack));

fn nothing(_: &Stack) {}

fn one(stack: &Stack) {
    thing(stack, "a", json!({ "name": "one", "value": "1" }));
}

fn other_value(stack: &Stack) {
    thing(stack, "a", json!({ "name": "one", "value": "2" }));
}

fn other_fixed(stack: &Stack) {
    thing(stack, "a", json!({ "name": "one", "value": "1", "fixed": "2" }));
}

fn other_name(stack: &Stack) {
    thing(stack, "a", json!({ "name": "two", "value": "1" }));
}

fn adopted(stack: &Stack) {
    thing(stack, "a", json!({ "name": "foreign", "value": "1" })).adopt();
}

fn protected(stack: &Stack) {
    thing(stack, "a", json!({ "name": "one", "value": "1" })).protect();
}

fn retained(stack: &Stack) {
    thing(stack, "a", json!({ "name": "one", "value": "1" })).retain_on_delete();
}

/// `b` is made after `a` is ready; `c` is made at once, and ready only once `a` is.
fn dependents(stack: &Stack) {
    let a = thing(stack, "a", json!({ "name": "one", "value": "1" }));
    thing(stack, "b", json!({ "name": "b" })).after(a.ready());
    thing(stack, "c", json!({ "name": "c", "ready_ref": "one" }));
}

const CREATE: Change = (nothing, one);
const UPDATE: Change = (one, other_value);
const REPLACE: Change = (one, other_fixed);
const RENAME: Change = (one, other_name);
const DELETE: Change = (one, nothing);
const ADOPT: Change = (nothing, adopted);
const RECORD: Change = (one, protected);
const FORGET: Change = (retained, nothing);
const DEPENDENTS: Change = (nothing, dependents);

/// Runs the change with the trouble; gives the report, the version that it made, and what that changed in the record.
async fn run(change: Change, trouble: Trouble) -> (Report, Version, Vec<String>) {
    let bench = Bench::in_memory();
    bench.up(&declare(change.0)).await;
    let foreign = support::memory::Object {
        uid: 99,
        inputs: json!({"value": "0"}).into(),
        ours: false,
        id: None,
    };
    bench.world.meddle(|objects| {
        objects.insert("foreign".to_owned(), foreign);
    });
    let names = ["one", "two", "foreign"];
    match trouble {
        Fine => {}
        Fails => bench.world.fail(&names),
        FailsLate => bench.world.fail_late(&names, ErrorKind::Failed),
        Unheard => bench.world.fail_late(&names, ErrorKind::Timeout),
        NeverReady => bench.world.never_ready(&names),
        GivenUp => bench.world.hang_at(Some(1)),
        Cancelled => bench.world.hang_at(Some(3)),
    }
    let cancel = watch::Sender::new(Cancel::No);
    let declaration = declare(change.1);
    let run = bench.run_until(Mode::Up, &declaration, DeleteData::All, &cancel);
    let stop = async {
        if matches!(trouble, GivenUp | Cancelled) {
            bench.world.hung().await;
            cancel.send_replace(if trouble == GivenUp {
                Cancel::AtOnce
            } else {
                Cancel::Gently
            });
        }
    };
    let (report, ()) = tokio::join!(run, stop);
    let report = report.unwrap();
    let (version, before, after) = bench.store().version(report.version.unwrap()).await.unwrap();
    let changed = version.changed.iter();
    let changed = changed.map(|key| sign(before.records.get(key), after.records.get(key)).to_owned() + key.name());
    let changed = changed.collect();
    (report, version, changed)
}

/// Returns the sign for a resource's change, as the record has it.
fn sign(before: Option<&Record>, after: Option<&Record>) -> &'static str {
    let there = |record: Option<&Record>| record.is_some_and(|record| !record.gone);
    match (before, after) {
        _ if !there(before) && there(after) => "+",
        _ if there(before) && !there(after) => "-",
        (Some(before), Some(after)) if before.uid != after.uid => "±",
        (Some(before), Some(after)) if before.inputs != after.inputs || before.options != after.options => "~",
        _ => ".",
    }
}

fn outcome(report: &Report, name: &str) -> String {
    let found = report.outcomes.iter().find(|(key, _)| key.name() == name);
    let Some((key, outcome)) = found else {
        return "nothing".to_owned();
    };
    let word = match outcome {
        Outcome::Done(_) => "done",
        Outcome::Failed(_) => "failed",
        Outcome::NotReady(_) => "not ready",
        Outcome::Skipped(_) => "skipped",
        Outcome::NotWaited(_) => "not waited",
        Outcome::Interrupted => "interrupted",
        Outcome::Cancelled => "cancelled",
    };
    match report.done.get(key) {
        Some(action) => format!("{word}, {}", json!(action).as_str().unwrap()),
        None => word.to_owned(),
    }
}

fn counts(summary: Summary) -> String {
    let Summary {
        created,
        updated,
        replaced,
        deleted,
        failed,
        ok,
    } = summary;
    let ok = if ok { "ok" } else { "incomplete" };
    format!("+{created} ~{updated} ±{replaced} -{deleted}, {failed} failed, {ok}")
}

#[tokio::test]
async fn every_action_is_counted_however_it_ends() {
    #[rustfmt::skip]
    let table = [
        ("create", CREATE, Fine, "done, create", "+1 ~0 ±0 -0, 0 failed, ok", "+a"),
        ("create", CREATE, Fails, "failed", "+0 ~0 ±0 -0, 1 failed, incomplete", ""),
        ("create", CREATE, FailsLate, "failed, create", "+1 ~0 ±0 -0, 1 failed, incomplete", "+a"),
        ("create", CREATE, Unheard, "failed", "+0 ~0 ±0 -0, 1 failed, incomplete", ""),
        ("create", CREATE, NeverReady, "not ready, create", "+1 ~0 ±0 -0, 1 failed, incomplete", "+a"),
        ("create", CREATE, GivenUp, "interrupted", "+0 ~0 ±0 -0, 0 failed, incomplete", ""),
        ("create", CREATE, Cancelled, "interrupted, create", "+1 ~0 ±0 -0, 0 failed, incomplete", "+a"),
        ("update", UPDATE, Fine, "done, update", "+0 ~1 ±0 -0, 0 failed, ok", "~a"),
        ("update", UPDATE, Fails, "failed", "+0 ~0 ±0 -0, 1 failed, incomplete", ""),
        ("update", UPDATE, FailsLate, "failed, update", "+0 ~1 ±0 -0, 1 failed, incomplete", "~a"),
        ("update", UPDATE, NeverReady, "not ready, update", "+0 ~1 ±0 -0, 1 failed, incomplete", "~a"),
        ("update", UPDATE, GivenUp, "interrupted", "+0 ~0 ±0 -0, 0 failed, incomplete", ""),
        ("update", UPDATE, Cancelled, "interrupted, update", "+0 ~1 ±0 -0, 0 failed, incomplete", "~a"),
        // The old one is deleted first: boundaries 1 and 2 are its deletion, 3 and 4 the creation.
        ("replace", REPLACE, Fine, "done, replace", "+0 ~0 ±1 -0, 0 failed, ok", "±a"),
        ("replace", REPLACE, Fails, "failed", "+0 ~0 ±0 -0, 1 failed, incomplete", ""),
        ("replace", REPLACE, FailsLate, "failed, replace", "+0 ~0 ±1 -0, 1 failed, incomplete", "±a"),
        ("replace", REPLACE, Unheard, "failed, delete", "+0 ~0 ±0 -1, 1 failed, incomplete", "-a"),
        ("replace", REPLACE, NeverReady, "not ready, replace", "+0 ~0 ±1 -0, 1 failed, incomplete", "±a"),
        ("replace", REPLACE, GivenUp, "interrupted", "+0 ~0 ±0 -0, 0 failed, incomplete", ""),
        // The new one is made first, under another name.
        ("rename", RENAME, Fine, "done, replace", "+0 ~0 ±1 -0, 0 failed, ok", "±a"),
        ("rename", RENAME, Fails, "failed", "+0 ~0 ±0 -0, 1 failed, incomplete", ""),
        ("rename", RENAME, NeverReady, "not ready, replace", "+0 ~0 ±1 -0, 1 failed, incomplete", "±a"),
        ("rename", RENAME, Cancelled, "interrupted, replace", "+0 ~0 ±1 -0, 0 failed, incomplete", "±a"),
        ("delete", DELETE, Fine, "done, delete", "+0 ~0 ±0 -1, 0 failed, ok", "-a"),
        ("delete", DELETE, Fails, "failed", "+0 ~0 ±0 -0, 1 failed, incomplete", ""),
        ("delete", DELETE, GivenUp, "interrupted", "+0 ~0 ±0 -0, 0 failed, incomplete", ""),
        ("adopt", ADOPT, Fine, "done, adopt", "+1 ~0 ±0 -0, 0 failed, ok", "+a"),
        ("adopt", ADOPT, Fails, "failed", "+0 ~0 ±0 -0, 1 failed, incomplete", ""),
        ("adopt", ADOPT, NeverReady, "not ready, adopt", "+1 ~0 ±0 -0, 1 failed, incomplete", "+a"),
        ("record", RECORD, Fine, "done, record", "+0 ~1 ±0 -0, 0 failed, ok", "~a"),
        ("forget", FORGET, Fine, "done, forget", "+0 ~0 ±0 -1, 0 failed, ok", "-a"),
    ];
    for (name, change, trouble, expected, summary, signs) in table {
        let (report, version, changed) = run(change, trouble).await;
        let context = format!("{name}, {trouble:?}: {:?}", report.outcomes);
        assert_eq!(outcome(&report, "a"), expected, "{context}");
        assert_eq!(counts(version.summary), summary, "{context}");
        assert_eq!(report.summary(), version.summary, "{context}");
        assert_eq!(changed.join(" "), signs, "{context}");
    }
}

#[tokio::test]
async fn what_depends_on_a_step_is_counted_as_it_ended() {
    #[rustfmt::skip]
    let table = [
        (Fine, ["done, create", "done, create", "done, create"], "+3 ~0 ±0 -0, 0 failed, ok"),
        (Fails, ["failed", "skipped", "not waited, create"], "+1 ~0 ±0 -0, 1 failed, incomplete"),
        (NeverReady, ["not ready, create", "skipped", "not waited, create"], "+2 ~0 ±0 -0, 1 failed, incomplete"),
    ];
    for (trouble, expected, summary) in table {
        let (report, version, changed) = run(DEPENDENTS, trouble).await;
        let outcomes = ["a", "b", "c"].map(|name| outcome(&report, name));
        assert_eq!(outcomes, expected, "{trouble:?}");
        assert_eq!(counts(version.summary), summary, "{trouble:?}");
        assert_eq!(changed.len() as u64, version.summary.created, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_wait_is_no_change_and_a_clean_up_no_deletion() {
    let bench = Bench::in_memory();
    bench.world.never_ready(&["one"]);
    bench.up(&declare(one)).await;
    bench.world.never_ready(&[]);
    let report = bench.up(&declare(one)).await;
    assert_eq!(outcome(&report, "a"), "done, wait");
    assert_eq!(counts(report.summary()), "+0 ~0 ±0 -0, 0 failed, ok");
    // The old object of a rename cannot be deleted at first.
    bench.world.fail(&["one"]);
    let report = bench.up(&declare(other_name)).await;
    assert_eq!(outcome(&report, "a"), "failed, replace");
    assert_eq!(counts(report.summary()), "+0 ~0 ±1 -0, 1 failed, incomplete");
    bench.world.fail(&[]);
    let report = bench.up(&declare(other_name)).await;
    assert_eq!(outcome(&report, "a"), "done, cleanup");
    assert_eq!(counts(report.summary()), "+0 ~1 ±0 -0, 0 failed, ok");
}
