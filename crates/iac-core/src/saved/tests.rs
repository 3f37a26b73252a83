//! Tests of saved plans: the contents of the file, and when the plan still holds.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::plan::{Action, Mode, Order, Plan};
use crate::provider::DeleteData;
use crate::review::samples::{everything, key, line};
use crate::review::{COMMENT, TextOptions, View};
use crate::state::{DataKey, Vault};
use crate::urn::Key;
use crate::value::diff::FieldChange;
use crate::value::{FieldPath, Value};

fn hash(secret: &str) -> String {
    format!("hash-of-{}-characters", secret.len())
}

#[test]
fn a_plan_as_json() {
    let json = plan_json(&everything(), &hash);
    let text = serde_json::to_string_pretty(&json).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!("json", text);
}

#[test]
fn the_digest_covers_what_is_done_and_not_where_it_is_declared() {
    let digest = |plan: &Plan| plan_json(plan, &hash)["digest"].clone();
    let plan = everything();
    let mut moved = plan.clone();
    moved.steps[0].source = line(999);
    moved.steps[4].lines.clear();
    moved.build = "another".into();
    moved.notes.clear();
    assert_eq!(digest(&plan), digest(&moved));
    let mut edits: Vec<fn(&mut Plan)> = Vec::new();
    edits.push(|plan| plan.steps[1].inputs = Some(json!({"length": 25}).into()));
    edits.push(|plan| plan.steps[2].after.clear());
    edits.push(|plan| plan.steps[3].options.protect = true);
    edits.push(|plan| plan.steps[4].action = Action::Replace);
    edits.push(|plan| plan.steps[14].order = Some(Order::DeleteFirst));
    edits.push(|plan| plan.steps[14].leftovers.clear());
    edits.push(|plan| plan.delete_data = DeleteData::All);
    edits.push(|plan| plan.observed = false);
    edits.push(|plan| plan.kept.clear());
    edits.push(|plan| plan.targets.clear());
    edits.push(|plan| plan.steps.iter_mut().for_each(|step| step.risks.clear()));
    for (position, edit) in edits.into_iter().enumerate() {
        let mut other = plan.clone();
        edit(&mut other);
        assert_ne!(digest(&plan), digest(&other), "edit {position}");
    }
}

fn saved(plan: &Plan) -> SavedPlan {
    SavedPlan::parse(&crate::value::canonical::to_string(&plan_json(plan, &hash))).unwrap()
}

#[test]
fn a_saved_plan_reads_back_and_holds() {
    let plan = everything();
    let comparison = compare(&saved(&plan), &plan, &hash);
    assert_eq!(comparison, Comparison::default());
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    let text = plan_json(&everything(), &hash).to_string();
    let edited = text.replace("\"length\":24", "\"length\":4");
    assert_ne!(text, edited);
    assert!(matches!(SavedPlan::parse(&edited), Err(SavedPlanError::Digest)));
    let other = text.replace(FORMAT, "iac.plan/9");
    assert!(matches!(SavedPlan::parse(&other), Err(SavedPlanError::Format { .. })));
    assert!(matches!(SavedPlan::parse("{}"), Err(SavedPlanError::Format { .. })));
    assert!(matches!(SavedPlan::parse("Preview"), Err(SavedPlanError::Json(_))));
}

/// Returns the things that moved, as `resource: what: planned | now`.
fn moves(edit: impl FnOnce(&mut Plan)) -> Vec<String> {
    let plan = everything();
    let mut fresh = plan.clone();
    edit(&mut fresh);
    let comparison = compare(&saved(&plan), &fresh, &hash);
    let name = |moved: &Moved| moved.key.as_ref().map_or("plan".to_owned(), Key::short);
    comparison
        .moved
        .iter()
        .map(|moved| format!("{}: {}: {} | {}", name(moved), moved.what, moved.planned, moved.now))
        .collect()
}

#[test]
fn what_moved_is_named() {
    assert_eq!(
        moves(|plan| plan.steps[4].changes[1].before = Some(4.into())),
        ["Deployment/api: spec.replicas: 3 -> 2 | 4 -> 2"]
    );
    assert_eq!(
        moves(|plan| plan.steps[5].precondition.uid = Some("uid-9".into())),
        ["StatefulSet/postgres: object: the object uid-2 | the object uid-9"]
    );
    assert_eq!(
        moves(|plan| plan.steps[1].inputs = Some(json!({"length": 30}).into())),
        ["Password/db: length: 24 | 30"]
    );
    assert_eq!(
        moves(|plan| {
            plan.steps.remove(0);
        }),
        ["Namespace/codelab: action: create | neither declared nor recorded"]
    );
    assert_eq!(
        moves(|plan| plan.steps[0].action = Action::Update),
        ["Namespace/codelab: action: create | update"]
    );
    assert_eq!(
        moves(|plan| plan.targets.get_mut("kubernetes").unwrap().id = "cluster-2".into()).len(),
        1
    );
    assert_eq!(
        moves(|plan| plan.steps[14].order = Some(Order::DeleteFirst)),
        ["ConfigMap/settings: order: the new one first | the old one first"]
    );
    assert_eq!(
        moves(|plan| {
            plan.steps[16].leftovers.pop();
        })
        .len(),
        1
    );
    let secret = moves(|plan| plan.steps[3].changes[1].after = Some(Value::Secret("longer-hunter2".into())));
    assert_eq!(
        secret,
        ["ConfigMap/api: data.token: (secret) -> (secret) | (secret) -> (secret)"]
    );
}

#[test]
fn what_does_not_touch_a_step_does_not_count() {
    assert_eq!(
        moves(|plan| {
            plan.steps[0].source = line(99);
            plan.steps[0].notes.push("more".to_owned());
            plan.exports.clear();
        }),
        Vec::<String>::new()
    );
}

#[test]
fn finished_steps_are_done_and_new_ones_are_refused() {
    let plan = everything();
    let mut fresh = plan.clone();
    fresh.steps[1].action = Action::Same;
    fresh.steps[9].action = Action::Same;
    let comparison = compare(&saved(&plan), &fresh, &hash);
    assert_eq!(comparison.moved, []);
    assert_eq!(
        comparison.done,
        [key("random:core/Password::db"), key("kubernetes:batch/Job::migrate")]
    );
    for action in [Action::Update, Action::Keep] {
        assert_eq!(moves(|plan| plan.steps[13].action = action).len(), 1, "{action:?}");
    }
}

/// Somebody takes something out of a saved plan, and puts its digest right.
fn forged(edit: impl FnOnce(&mut serde_json::Value)) -> SavedPlan {
    let mut json = plan_json(&everything(), &hash);
    edit(&mut json);
    json["digest"] = super::write::digest(&json).into();
    SavedPlan::parse(&json.to_string()).unwrap()
}

#[test]
fn nothing_can_be_taken_out_of_a_saved_plan() {
    type Edit = fn(&mut serde_json::Value);
    let edits: [(&str, Edit); 10] = [
        ("a step", |plan| drop(plan["steps"].as_array_mut().unwrap().remove(4))),
        ("what is kept", |plan| {
            let steps = plan["steps"].as_array_mut().unwrap();
            steps.retain(|step| step["action"] != "keep");
        }),
        ("all steps", |plan| plan["steps"] = json!([])),
        ("the targets", |plan| plan["targets"] = json!({})),
        ("the look at the world", |plan| plan["observed"] = false.into()),
        ("the data that stays", |plan| plan["kept"] = json!([])),
        ("a change", |plan| {
            drop(plan["steps"][4]["changes"].as_array_mut().unwrap().pop());
        }),
        ("the risks", |plan| {
            for step in plan["steps"].as_array_mut().unwrap() {
                step["risks"] = json!([]);
            }
        }),
        ("the old objects", |plan| plan["steps"][13]["leftovers"] = json!([])),
        ("which object it is", |plan| {
            plan["steps"][5]["precondition"] = json!({"exists": true});
        }),
    ];
    for (what, edit) in edits {
        assert_ne!(compare(&forged(edit), &everything(), &hash).moved, [], "{what}");
    }
    assert_eq!(compare(&forged(|_| {}), &everything(), &hash).moved, []);
}

#[test]
fn the_stacks_key_vouches_for_all_of_a_saved_plan() {
    let vault = |key: &DataKey| Vault::new(key, "prod");
    let (key, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
    let json = seal_plan(plan_json(&everything(), &hash), &vault(&key));
    let check =
        |json: &serde_json::Value, vault: &Vault| SavedPlan::parse(&json.to_string()).unwrap().check_seal(vault);
    assert!(check(&json, &vault(&key)).is_ok());
    assert!(matches!(check(&json, &vault(&other)), Err(SavedPlanError::Seal)));
    assert!(matches!(
        check(&json, &Vault::new(&key, "dev")),
        Err(SavedPlanError::Seal)
    ));
    let ephemeral = Vault::ephemeral("prod").unwrap();
    assert!(matches!(check(&json, &ephemeral), Err(SavedPlanError::Seal)));
    // The digest covers none of this.
    for (field, other) in [
        ("build", json!("x")),
        ("notes", json!([])),
        ("exports", json!({})),
        ("summary", json!(1)),
    ] {
        let mut edited = json.clone();
        edited[field] = other;
        assert!(
            matches!(check(&edited, &vault(&key)), Err(SavedPlanError::Seal)),
            "{field}"
        );
    }
    let bare = seal_plan(plan_json(&everything(), &hash), &ephemeral);
    assert!(check(&bare, &ephemeral).is_ok());
    assert!(matches!(check(&bare, &vault(&key)), Err(SavedPlanError::Unsealed)));
}

#[test]
fn a_plan_of_an_older_version_is_to_be_made_anew() {
    for older in ["iac.plan/1", "iac.plan/2"] {
        let text = plan_json(&everything(), &hash).to_string().replace(FORMAT, older);
        assert!(matches!(SavedPlan::parse(&text), Err(SavedPlanError::Older)));
    }
}

#[test]
fn a_secret_hashed_before_there_was_a_key_fits_any() {
    let plan = everything();
    let unkeyed = SavedPlan::parse(&plan_json(&plan, &|_| String::new()).to_string()).unwrap();
    assert_eq!(compare(&unkeyed, &plan, &hash), Comparison::default());
}

/// Plans of every mode, seen and not, with texts that nobody should have written.
fn plans() -> Vec<Plan> {
    let everything = everything();
    let with = |edit: &dyn Fn(&mut Plan)| {
        let mut plan = everything.clone();
        edit(&mut plan);
        plan
    };
    vec![
        everything.clone(),
        with(&|plan| plan.mode = Mode::Destroy),
        with(&|plan| plan.mode = Mode::Refresh),
        with(&|plan| plan.observed = false),
        with(&|plan| plan.steps.retain(|step| step.action == Action::Same)),
        with(&|plan| plan.steps.iter_mut().for_each(|step| step.changes.clear())),
        with(&hostile),
    ]
}

fn hostile(plan: &mut Plan) {
    let text = "\u{1b}[31m\u{202e}<script>`#|$secret\r\n\u{0}";
    for step in plan.steps.iter_mut().filter(|step| step.action != Action::Same) {
        step.identity = format!("{} {text}", step.identity);
        step.notes = vec![text.to_owned()];
        step.inputs =
            Some(json!({"$secret": {"hash": text}, "b": {"$output": [text]}, text: [{"$object": text}]}).into());
        let (before, after) = (json!({"$secret": text, "x": 1.0}), json!({"$concat": [text, 1e300]}));
        step.changes.push(FieldChange {
            path: FieldPath::fields(["a", text]),
            before: Some(before.into()),
            after: Some(after.into()),
            origin: Some(text.to_owned()),
        });
    }
}

#[test]
fn what_is_shown_of_a_saved_plan_is_what_was_shown() {
    for plan in plans() {
        let saved = saved(&plan);
        for unchanged in [false, true] {
            let (made, read) = (View::of(&plan, unchanged), saved.view(unchanged).unwrap());
            assert!(read == made);
            for verbose in [false, true] {
                let options = TextOptions {
                    verbose,
                    ..TextOptions::default()
                };
                assert_eq!(read.to_text(&options), made.to_text(&options));
            }
            assert_eq!(read.to_markdown(COMMENT), made.to_markdown(COMMENT));
        }
    }
}

#[test]
fn a_saved_plan_names_the_lines_of_fields_where_there_are_any() {
    let plan = everything();
    let json = plan_json(&plan, &hash);
    let lines = json!({
        "spec.template.spec.containers[name=api].image": "stacks/prod.rs:23:5",
        "spec.template.spec.containers[name=api].env[name=KEY]": "k8s/common.yaml:7:9",
    });
    assert_eq!(json["steps"][4]["lines"], lines);
    assert_eq!(json["steps"][3].get("lines"), None);
    let text = saved(&plan).view(false).unwrap().to_text(&TextOptions::default());
    assert!(
        text.contains(" (line 23)\n") && text.contains(" (k8s/common.yaml:7)\n"),
        "{text}"
    );
    // A plan that an earlier version wrote holds none.
    let mut older = json;
    older["steps"][4].as_object_mut().unwrap().remove("lines");
    let older = SavedPlan::parse(&older.to_string()).unwrap();
    assert_eq!(compare(&older, &plan, &hash), Comparison::default());
    let text = older.view(false).unwrap().to_text(&TextOptions::default());
    assert!(!text.contains("(line 23)"), "{text}");
}

#[test]
fn the_digest_does_not_depend_on_what_may_be_seen_of_a_secret() {
    let secret = |shown: &str| Value::Secret(crate::Secret::from("hunter2").shown_as(shown));
    let with = |value: &Value| {
        let mut plan = everything();
        plan.steps[1].inputs = Some(Value::Object([("url".to_owned(), value.clone())].into()));
        plan
    };
    let (one, other) = (with(&secret("(secret)")), with(&secret("hunter(secret)")));
    assert_eq!(plan_json(&one, &hash)["digest"], plan_json(&other, &hash)["digest"]);
    assert_eq!(compare(&saved(&one), &other, &hash), Comparison::default());
}

#[test]
fn a_value_that_no_plan_holds_is_refused_with_its_place() {
    let saved = forged(|plan| plan["steps"][1]["inputs"]["length"] = json!({"$secret": 1}));
    let error = saved.view(false).unwrap_err().to_string();
    assert_eq!(
        error,
        "a value of it cannot be read: inputs of random:core/Password::db: length: it is no hash of a secret"
    );
}

#[test]
fn secrets_without_hashes_are_no_news() {
    let parse =
        |plan: &Plan, hash: &dyn Fn(&str) -> String| SavedPlan::parse(&plan_json(plan, hash).to_string()).unwrap();
    let mut later = everything();
    later.steps[3].changes[1].after = Some(Value::Secret("some other".into()));
    let (unkeyed, keyed) = (parse(&everything(), &|_| String::new()), parse(&later, &hash));
    assert!(!unkeyed.tells_secrets_apart() && keyed.tells_secrets_apart());
    assert!(unkeyed.difference(&keyed).unwrap().is_empty());
    assert!(!parse(&everything(), &hash).difference(&keyed).unwrap().is_empty());
}

#[test]
fn what_became_secret_is_hidden_whatever_it_was() {
    for before in [
        json!("canary"),
        json!({"a": "canary"}),
        json!(["x\n", "canary"]),
        json!({"canary": {"b": 1}}),
    ] {
        for after in [
            Value::Secret("new".into()),
            Value::Array(vec![Value::Secret("new".into())]),
        ] {
            let mut plan = everything();
            plan.steps[4].changes[0].before = Some(before.clone().into());
            plan.steps[4].changes[0].after = Some(after);
            let options = TextOptions {
                verbose: true,
                ..TextOptions::default()
            };
            for shown in [
                plan_json(&plan, &hash).to_string(),
                View::of(&plan, true).to_text(&options),
            ] {
                assert!(!shown.contains("canary"), "{before}: {shown}");
            }
            assert!(saved(&plan).view(true).unwrap() == View::of(&plan, true));
        }
    }
}
