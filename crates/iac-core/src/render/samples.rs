//! Hand-made plans and what they look like: every action, reason and risk.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::declare::{Options, Output, SourceLine};
use crate::plan::{Action, KeptData, Mode, Plan, PlanNote, PlanProblem, Precondition, Reason, Step};
use crate::provider::{Checked, DataItem, Phase, ProviderError, Risk, RiskKind, Target};
use crate::urn::Key;
use crate::value::diff::{FieldChange, diff};
use crate::value::{FieldPath, Value, token};

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn path(text: &str) -> FieldPath {
    text.parse().unwrap()
}

fn line(number: u32) -> Option<SourceLine> {
    SourceLine::try_from(format!("stacks/prod.rs:{number}:5")).ok()
}

fn step(name: &str, identity: &str, action: Action, reason: Reason) -> Step {
    Step {
        key: key(name),
        identity: identity.to_owned(),
        action,
        reasons: vec![reason],
        source: line(u32::try_from(name.len()).unwrap()),
        changes: Vec::new(),
        risks: Vec::new(),
        checked: Checked::ByServer,
        notes: Vec::new(),
        after: Vec::new(),
        ready_after: Vec::new(),
        inputs: None,
        options: Options::default(),
        precondition: Precondition {
            exists: false,
            uid: None,
        },
    }
}

fn change(at: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange {
        path: path(at),
        before,
        after,
        origin: None,
    }
}

fn expression(text: &str) -> Value {
    token::parse(text, &FieldPath::root()).unwrap()
}

fn password() -> Output {
    Output::of_resource(&key("random:core/Password::db"), "/result", Phase::Exists, true)
}

fn secret_step() -> Step {
    let inputs = Value::from(json!({"metadata": {"name": "db"}, "stringData": {"user": "app"}}));
    let Value::Object(mut map) = inputs else { unreachable!() };
    let url = expression(&format!("postgres://app:{}@postgres/codelab", password().url_encode()));
    map.insert("stringData".into(), Value::Object([("url".to_owned(), url)].into()));
    let mut step = step(
        "kubernetes:core/Secret::db",
        "core/Secret codelab/db",
        Action::Create,
        Reason::New,
    );
    step.inputs = Some(Value::Object(map));
    step.after = vec![
        (key("random:core/Password::db"), Phase::Exists),
        (key("kubernetes:core/Namespace::codelab"), Phase::Exists),
    ];
    step
}

fn deployment_step() -> Step {
    let reason = Reason::Inputs(vec![
        path("spec.template.spec.containers[name=api].image"),
        path("spec.replicas"),
        path("a"),
        path("b"),
        path("c"),
    ]);
    let mut step = step(
        "api::kubernetes:apps/Deployment::api",
        "apps/Deployment codelab/api",
        Action::Update,
        reason,
    );
    step.reasons.push(Reason::Upstream {
        path: path("spec.template.metadata.annotations.config"),
        from: key("kubernetes:core/ConfigMap::api"),
    });
    step.reasons.push(Reason::Drift(vec![path("spec.replicas")]));
    step.changes = vec![
        change(
            "spec.template.spec.containers[name=api].image",
            Some("api:1".into()),
            Some("api:2\u{1b}[2J".into()),
        ),
        change("spec.replicas", Some(3.into()), Some(2.into())),
        change(
            "spec.template.spec.containers[name=api].env[name=KEY]",
            None,
            Some(json!({"name": "KEY", "value": "a b"}).into()),
        ),
        change("spec.paused", Some(true.into()), None),
        FieldChange {
            origin: Some("webhook mesh".into()),
            ..change("metadata.annotations[\"mesh/injected\"]", None, Some("yes".into()))
        },
    ];
    step.risks = vec![
        Risk {
            kind: RiskKind::Downtime,
            message: "one replica, recreated in place".into(),
        },
        Risk {
            kind: RiskKind::Exposure,
            message: "the port becomes reachable from outside".into(),
        },
    ];
    step.checked = Checked::Locally("403: deployments is forbidden".into());
    step.notes = vec!["the HPA owns spec.replicas".into()];
    step.inputs = Some(json!({"spec": {"replicas": 2}}).into());
    step.precondition = Precondition {
        exists: true,
        uid: Some("uid-1".into()),
    };
    step
}

fn config_step() -> Step {
    let mut step = step(
        "kubernetes:core/ConfigMap::api",
        "core/ConfigMap codelab/api",
        Action::Update,
        Reason::Inputs(vec![path("data[\"app.conf\"]")]),
    );
    let before = "listen 80;\nroot /srv;\n\nlog on;\nkeep 1;\nkeep 2;\nkeep 3;\nlevel info;\n";
    let after = "listen 8080;\nroot /srv;\n\nlog on;\nkeep 1;\nkeep 2;\nkeep 3;\nlevel debug;\nextra;\n";
    step.changes = vec![
        change("data[\"app.conf\"]", Some(before.into()), Some(after.into())),
        change(
            "data.token",
            Some(Value::Secret("old-hunter2".into())),
            Some(Value::Secret("hunter2".into())),
        ),
        change(
            "data.was_plain",
            Some("clear-hunter2".into()),
            Some(Value::Secret("hunter2".into())),
        ),
        change("data.new", None, Some(Value::Secret("hunter2".into()))),
        change("data.gone", Some(Value::Secret("hunter2".into())), None),
        change(
            "data.host",
            Some("10.0.0.1".into()),
            Some(expression(
                &Output::<String>::of_resource(
                    &key("kubernetes:core/Service::api"),
                    "/spec/clusterIP",
                    Phase::Ready,
                    false,
                )
                .to_string(),
            )),
        ),
    ];
    step.inputs = Some(Value::Object(
        [("token".to_owned(), Value::Secret("hunter2".into()))].into(),
    ));
    step
}

fn replaced_step() -> Step {
    let why = "the server says: updates to statefulset spec for fields other than 'replicas' are forbidden".to_owned();
    let reason = Reason::Immutable {
        path: path("spec.volumeClaimTemplates"),
        why,
    };
    let mut step = step(
        "kubernetes:apps/StatefulSet::postgres",
        "apps/StatefulSet codelab/postgres",
        Action::Replace,
        reason,
    );
    step.changes = diff(
        &json!({"spec": {"volumeClaimTemplates": [{"name": "data", "size": "1Gi"}]}}).into(),
        &json!({"spec": {"volumeClaimTemplates": [{"name": "data", "size": "2Gi"}]}}).into(),
    );
    step.risks = vec![
        Risk {
            kind: RiskKind::DataLoss,
            message: "the claim data-postgres-0 goes".into(),
        },
        Risk {
            kind: RiskKind::Irreversible,
            message: "there is no backup".into(),
        },
    ];
    step.precondition = Precondition {
        exists: true,
        uid: Some("uid-2".into()),
    };
    step
}

/// A plan with a step of every action.
fn everything() -> Plan {
    let k = |name: &str| format!("kubernetes:core/ConfigMap::{name}");
    let plain = |name: &str, action, reason| step(&k(name), &format!("core/ConfigMap codelab/{name}"), action, reason);
    let mut removed = plain("old", Action::Delete, Reason::NotDeclared);
    removed.source = None;
    removed.precondition = Precondition {
        exists: true,
        uid: Some("uid-3".into()),
    };
    let mut password = step("random:core/Password::db", "", Action::Create, Reason::New);
    password.inputs = Some(json!({"length": 24}).into());
    let mut waiting = step(
        "kubernetes:batch/Job::migrate",
        "batch/Job codelab/migrate",
        Action::Wait,
        Reason::NotReady("0 of 1 completed".into()),
    );
    waiting.ready_after = vec![(key("kubernetes:apps/StatefulSet::postgres"), Phase::Ready)];
    let steps = vec![
        step(
            "kubernetes:core/Namespace::codelab",
            "core/Namespace codelab",
            Action::Create,
            Reason::Gone,
        ),
        password,
        secret_step(),
        config_step(),
        deployment_step(),
        replaced_step(),
        plain("taken", Action::Adopt, Reason::Exists { ours: false }),
        plain("half", Action::Create, Reason::Interrupted("create, at 03:00".into())),
        plain("again", Action::Adopt, Reason::Exists { ours: true }),
        waiting,
        removed,
        plain("left", Action::Forget, Reason::Option("retain_on_delete".into())),
        step(
            "kubernetes:core/PersistentVolumeClaim::files",
            "core/PersistentVolumeClaim codelab/files",
            Action::Keep,
            Reason::Destroy,
        ),
        plain("same", Action::Same, Reason::Inputs(Vec::new())),
    ];
    Plan {
        stack: "prod".into(),
        mode: Mode::Up,
        build: "35eca38".into(),
        observed: true,
        targets: BTreeMap::from([(
            "kubernetes".to_owned(),
            Target {
                description: "context prod, server https://10.0.0.1:6443".into(),
                id: "cluster-1".into(),
            },
        )]),
        steps,
        exports: BTreeMap::from([
            ("url".to_owned(), Value::from("http://codelab.example/")),
            ("password".to_owned(), expression(&self::password().to_string())),
        ]),
        notes: vec![PlanNote {
            key: Some(key("kubernetes:core/Service::api")),
            source: line(9),
            message: "nothing selects it".into(),
        }],
        problems: vec![PlanProblem {
            key: Some(key("kubernetes:networking.k8s.io/Ingress::api")),
            source: line(12),
            path: path("spec.tls[0].secretName"),
            message: "names the Secret codelab/tls, which neither this stack declares nor the cluster has".into(),
            hint: Some("declare it, or create it first".into()),
        }],
        kept: vec![KeptData {
            key: key("kubernetes:core/PersistentVolumeClaim::files"),
            items: vec![DataItem {
                kind: "PersistentVolumeClaim".into(),
                name: "codelab/files".into(),
            }],
        }],
        delete_data: false,
    }
}

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
    edits.push(|plan| plan.delete_data = true);
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
            plan.steps[13].action = Action::Update;
            plan.exports.clear();
            // Not checked by the server when it was saved: what only the server adds can not be compared.
            plan.steps[4].changes.pop();
        }),
        Vec::<String>::new()
    );
}

#[test]
fn other_changes_are_left_out_and_finished_ones_are_done() {
    let plan = everything();
    let mut fresh = plan.clone();
    fresh.steps[13].action = Action::Update;
    fresh.steps[1].action = Action::Same;
    fresh.steps[9].action = Action::Same;
    let comparison = compare(&saved(&plan), &fresh, &hash);
    assert_eq!(comparison.moved, []);
    assert_eq!(comparison.left_out, [key("kubernetes:core/ConfigMap::same")]);
    assert_eq!(
        comparison.done,
        [key("random:core/Password::db"), key("kubernetes:batch/Job::migrate")]
    );
    fresh.steps[4].after = vec![(key("kubernetes:core/ConfigMap::same"), Phase::Exists)];
    assert_eq!(compare(&saved(&plan), &fresh, &hash).moved.len(), 1);
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
        "the image can not be pulled: not found\nsecond line\u{7}",
    )
    .with_details(["event: Failed to pull image \"api:nope\"".to_owned()])
    .with_hint("check the name");
    let deployment = key("kubernetes:apps/Deployment::api");
    let diagnostic = Diagnostic::from_provider("Deployment codelab/api can not become ready", &provider)
        .about(&deployment, "prod")
        .at(line(40));
    insta::assert_snapshot!(diagnostic.render(&Styles::plain()), @r#"
    error: Deployment codelab/api can not become ready
      resource: prod::kubernetes:apps/Deployment::api
      declared at: stacks/prod.rs:40:5
      caused by: the image can not be pulled: not found
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
