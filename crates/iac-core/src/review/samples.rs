//! A hand-made plan for tests: every action, reason and risk.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::json;

use super::samples_lists;
use crate::declare::{Output, SourceLine};
use crate::plan::{
    Action, Fate, KeptData, Leftover, Mode, Order, Plan, PlanNote, PlanProblem, Precondition, Reason, Step,
};
use crate::provider::{Checked, DataItem, DeleteData, Phase, Risk, RiskKind, Target};
use crate::urn::Key;
use crate::value::diff::{FieldChange, diff};
use crate::value::{FieldPath, Value, token};

pub(crate) fn key(text: &str) -> Key {
    text.parse().unwrap()
}

pub(crate) fn path(text: &str) -> FieldPath {
    text.parse().unwrap()
}

pub(crate) fn line(number: u32) -> Option<SourceLine> {
    SourceLine::try_from(format!("stacks/prod.rs:{number}:5")).ok()
}

pub(crate) fn step(name: &str, identity: &str, action: Action, reason: Reason) -> Step {
    Step {
        reasons: vec![reason],
        source: line(u32::try_from(name.len()).unwrap()),
        precondition: Precondition {
            exists: false,
            uid: None,
        },
        ..Step::bare(&key(name), identity, action)
    }
}

pub(crate) fn change(at: &FieldPath, before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange {
        path: at.clone(),
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
    step.lines = BTreeMap::from([
        (path("spec.template.spec.containers[name=api].image"), line(23).unwrap()),
        (
            path("spec.template.spec.containers[name=api].env[name=KEY]"),
            SourceLine::try_from("k8s/common.yaml:7:9".to_owned()).unwrap(),
        ),
    ]);
    step.changes = vec![
        change(
            &path("spec.template.spec.containers[name=api].image"),
            Some("api:1".into()),
            Some("api:2\u{1b}[2J".into()),
        ),
        change(&path("spec.replicas"), Some(3.into()), Some(2.into())),
        change(
            &path("spec.template.spec.containers[name=api].env[name=KEY]"),
            None,
            Some(json!({"name": "KEY", "value": "a b"}).into()),
        ),
        change(&path("spec.paused"), Some(true.into()), None),
        FieldChange {
            origin: Some("webhook mesh".into()),
            ..change(
                &path("metadata.annotations[\"mesh/injected\"]"),
                None,
                Some("yes".into()),
            )
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
        change(&path("data[\"app.conf\"]"), Some(before.into()), Some(after.into())),
        change(
            &path("data.token"),
            Some(Value::Secret("old-hunter2".into())),
            Some(Value::Secret("hunter2".into())),
        ),
        change(
            &path("data.was_plain"),
            Some("clear-hunter2".into()),
            Some(Value::Secret("hunter2".into())),
        ),
        change(&path("data.new"), None, Some(Value::Secret("hunter2".into()))),
        change(&path("data.gone"), Some(Value::Secret("hunter2".into())), None),
        change(
            &path("data.host"),
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
    step.order = Some(Order::DeleteFirst);
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

/// A replacement under another name.
fn renamed_step() -> Step {
    let mut step = step(
        "kubernetes:core/ConfigMap::settings",
        "core/ConfigMap codelab/settings-2",
        Action::Replace,
        Reason::Renamed {
            from: "core/ConfigMap codelab/settings".into(),
        },
    );
    step.order = Some(Order::CreateFirst);
    step.changes = vec![change(
        &path("metadata.name"),
        Some("settings".into()),
        Some("settings-2".into()),
    )];
    step.leftovers = vec![
        leftover(
            "core/ConfigMap codelab/settings-0",
            Fate::Handover {
                to: key("kubernetes:core/ConfigMap::api"),
            },
        ),
        leftover("core/ConfigMap codelab/settings", Fate::Delete),
    ];
    step
}

/// A replacement under another name that has to let go of something first.
fn exclusive_step() -> Step {
    let mut step = step(
        "docker:compose/Service::web",
        "compose/Service shop/web",
        Action::Replace,
        Reason::Renamed {
            from: "compose/Service old/web".into(),
        },
    );
    step.reasons.push(Reason::Exclusive {
        path: path("ports"),
        what: "port 8080/tcp of the host".into(),
    });
    step.order = Some(Order::DeleteFirst);
    step.risks = vec![Risk {
        kind: RiskKind::Downtime,
        message: "nothing takes its place from the deletion of the old object until the new one is ready".into(),
    }];
    step.leftovers = vec![leftover("compose/Service old/web", Fate::Delete)];
    step.leftovers[0].first = true;
    step
}

fn leftover(identity: &str, fate: Fate) -> Leftover {
    Leftover {
        identity: identity.to_owned(),
        uid: None,
        fate,
        first: false,
    }
}

/// A step that only deletes what an earlier replacement left.
fn cleanup_step() -> Step {
    let old = "core/ConfigMap codelab/routes-1";
    let mut step = step(
        "kubernetes:core/ConfigMap::routes",
        "core/ConfigMap codelab/routes",
        Action::Cleanup,
        Reason::Leftover(vec![old.to_owned()]),
    );
    step.leftovers = vec![
        leftover(old, Fate::Delete),
        leftover(
            "core/ConfigMap codelab/routes-0",
            Fate::Forget {
                because: "it is gone".into(),
            },
        ),
    ];
    step
}

/// A plan with a step of every action.
pub(crate) fn everything() -> Plan {
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
        Reason::NotReady {
            why: Some("0 of 1 completed".into()),
            was: false,
        },
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
        renamed_step(),
        exclusive_step(),
        cleanup_step(),
        samples_lists::role(),
        samples_lists::definition(),
        samples_lists::connection(),
        plain("options", Action::Record, Reason::Option("protect".into())),
        plain("tainted", Action::Replace, Reason::Asked("state taint".into())),
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
                evidence: Vec::new(),
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
            items: vec![DataItem::new("PersistentVolumeClaim", "codelab/files").amount("10Gi")],
        }],
        delete_data: DeleteData::None,
        selection: Default::default(),
        estimate: None,
        commits: None,
    }
}
