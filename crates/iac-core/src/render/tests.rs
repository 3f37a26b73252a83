//! What plans and errors look like, and when a saved plan holds.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::samples::{everything, key, line};
use super::*;
use crate::plan::{Action, Mode, Order, Plan};
use crate::provider::{DeleteData, ProviderError};
use crate::state::{DataKey, Vault};
use crate::urn::Key;
use crate::value::Value;

fn hash(secret: &str) -> String {
    format!("hash-of-{}-characters", secret.len())
}

#[test]
fn a_plan_as_text() {
    let text = plan_text(&everything(), &TextOptions::default());
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
    insta::assert_snapshot!("text", text);
}

#[test]
fn a_plan_as_text_in_full() {
    let text = plan_text(
        &everything(),
        &TextOptions {
            verbose: true,
            brief: false,
            styles: Styles::plain(),
        },
    );
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!("text_verbose", text);
}

#[test]
fn colours_only_add_to_the_text() {
    let plain = plan_text(&everything(), &TextOptions::default());
    let colored = plan_text(
        &everything(),
        &TextOptions {
            verbose: false,
            brief: false,
            styles: Styles::colored(),
        },
    );
    assert_ne!(plain, colored);
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
}

#[test]
fn a_plan_without_changes_says_so() {
    let mut plan = everything();
    plan.steps.retain(|step| step.action == Action::Same);
    plan.observed = false;
    plan.mode = Mode::Destroy;
    (plan.exports, plan.notes, plan.kept, plan.problems) = Default::default();
    insta::assert_snapshot!(plan_text(&plan, &TextOptions::default()), @"
    Preview of stack prod (destroy): kubernetes: context prod, server https://10.0.0.1:6443
    not observed: the record stands in for what is really there

    Plan: no changes; 1 unchanged
    ");
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

/// What moved, as `resource: what: planned | now`.
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
    json["digest"] = super::json::digest(&json).into();
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
    for field in ["build", "notes", "exports", "summary"] {
        let mut edited = json.clone();
        edited[field] = "x".into();
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
    let text = plan_json(&everything(), &hash)
        .to_string()
        .replace(FORMAT, "iac.plan/1");
    assert!(matches!(SavedPlan::parse(&text), Err(SavedPlanError::Older)));
}

#[test]
fn a_secret_hashed_before_there_was_a_key_fits_any() {
    let plan = everything();
    let unkeyed = SavedPlan::parse(&plan_json(&plan, &|_| String::new()).to_string()).unwrap();
    assert_eq!(compare(&unkeyed, &plan, &hash), Comparison::default());
}

#[test]
fn errors_name_resource_place_cause_and_remedy() {
    let provider = ProviderError::new(
        crate::provider::ErrorKind::Failed,
        "the image cannot be pulled: not found\nsecond line\u{7}",
    )
    .with_details(["event: Failed to pull image \"api:nope\"".to_owned()])
    .with_hint("check the name");
    let deployment = key("kubernetes:apps/Deployment::api");
    let diagnostic = Diagnostic::from_provider("Deployment codelab/api cannot become ready", &provider)
        .about(&deployment, "prod")
        .at(line(40));
    insta::assert_snapshot!(diagnostic.render(&Styles::plain()), @r#"
    error: Deployment codelab/api cannot become ready
      resource: prod::kubernetes:apps/Deployment::api
      declared at: stacks/prod.rs:40:5
      caused by: the image cannot be pulled: not found
        second line\u{7}
        event: Failed to pull image "api:nope"
      hint: check the name
    "#);
    let warning =
        Diagnostic::warning("configuration \"api.replica\" is not used").hint("did you mean \"api.replicas\"?");
    insta::assert_snapshot!(warning.render(&Styles::plain()), @r#"
    warning: configuration "api.replica" is not used
      hint: did you mean "api.replicas"?
    "#);
}

#[test]
fn the_same_changes_are_shown_once_and_long_texts_are_counted() {
    let mut plan = everything();
    let update = |name: &str, from: &str, to: &str| {
        let mut step = everything()
            .steps
            .into_iter()
            .find(|step| step.action == Action::Update)
            .unwrap();
        step.identity = format!("core/ConfigMap {name}");
        step.source = None;
        step.reasons = Vec::new();
        step.risks = Vec::new();
        step.notes = Vec::new();
        step.minor = None;
        step.changes = vec![crate::value::diff::FieldChange {
            path: crate::value::FieldPath::fields(["a"]),
            before: Some(from.into()),
            after: Some(to.into()),
            origin: None,
        }];
        step
    };
    plan.steps = vec![update("x", "1", "2"), update("y", "1", "3"), update("z", "1", "2")];
    let text = plan_text(&plan, &TextOptions::default());
    let expected = "~ ConfigMap x: update\n~ ConfigMap z: update\n    ~ a: \"1\" -> \"2\"\n~ ConfigMap y: update\n    ~ a: \"1\" -> \"3\"\n";
    assert!(text.contains(expected), "{text}");
    let lines = |from: usize| (from..from + 12).map(|line| format!("{line}\n")).collect::<String>();
    let mut long = update("x", "", "");
    long.changes = (0..4)
        .map(|field| crate::value::diff::FieldChange {
            path: crate::value::FieldPath::fields([format!("f{field}").as_str()]),
            before: Some(lines(0).into()),
            after: Some(lines(100).into()),
            origin: None,
        })
        .collect();
    plan.steps = vec![long];
    let text = plan_text(&plan, &TextOptions::default());
    let shown: Vec<&str> = text.lines().filter(|line| line.contains("~ f")).collect();
    assert_eq!(shown[0], "    ~ f0:");
    assert!(shown[3].contains("--verbose shows them"), "{text}");
}

#[test]
fn a_plan_as_markdown() {
    let text = plan_markdown(&everything(), COMMENT);
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
    insta::assert_snapshot!("markdown", text);
    let mut quiet = everything();
    quiet.steps.retain(|step| step.action == Action::Same);
    quiet.problems.clear();
    assert_eq!(plan_markdown(&quiet, COMMENT), "");
}

#[test]
fn markdown_fits_into_a_comment() {
    let mut plan = everything();
    let step = plan
        .steps
        .iter()
        .find(|step| step.action == Action::Create)
        .unwrap()
        .clone();
    let risky = plan.steps.iter().find(|step| !step.risks.is_empty()).unwrap().clone();
    plan.steps = vec![step; 3000];
    plan.steps.push(risky.clone());
    let text = plan_markdown(&plan, COMMENT);
    assert!(text.len() <= COMMENT, "{}", text.len());
    assert!(text.contains("more steps are left out"), "{text}");
    // What could hurt is there however long the rest is, and so is what is wrong with the plan.
    let (name, problem) = (short_name(&risky.key, &risky.identity), &plan.problems[0].message);
    assert!(text.matches(&name).count() > 1 && text.contains(problem), "{text}");
    assert_eq!(text, plan_markdown(&plan, COMMENT));
}
