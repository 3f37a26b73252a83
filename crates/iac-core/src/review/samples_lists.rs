//! Steps whose lists, schemas and partly secret values change.

use serde_json::json;

use super::samples::{change, path, step};
use crate::plan::{Action, Reason, Step};
use crate::provider::{Minor, Risk, RiskKind};
use crate::value::{FieldPath, Secret, Value, diff::diff};

/// A role that gets a right before all others, and one that grows.
pub(crate) fn role() -> Step {
    let mut step = step(
        "kubernetes:rbac.authorization.k8s.io/Role::reader",
        "rbac.authorization.k8s.io/Role codelab/reader",
        Action::Update,
        Reason::Inputs(vec![path("rules[0]"), path("rules[2].verbs[2]")]),
    );
    let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    let pods = rule(&[""], &["pods", "pods/log"], &["get"]);
    let old = json!({"rules": [pods, rule(&[""], &["events"], &["get", "list"]), rule(&["apps"], &["x"], &["get"])]});
    let new =
        json!({"rules": [rule(&["*"], &["*"], &["*"]), pods, rule(&[""], &["events"], &["get", "list", "watch"])]});
    step.changes = diff(&old.into(), &new.into());
    step.risks = vec![Risk {
        kind: RiskKind::Privilege,
        message: "it may do everything (* on * in every group)".into(),
    }];
    step
}

/// A definition of which most changes are descriptions.
pub(crate) fn definition() -> Step {
    let mut step = step(
        "kubernetes:apiextensions.k8s.io/CustomResourceDefinition::things.example.com",
        "apiextensions.k8s.io/CustomResourceDefinition things.example.com",
        Action::Update,
        Reason::Inputs(vec![path("spec.versions[name=v1].served")]),
    );
    let described = |number: usize| path(&format!("spec.fields.f{number}.description"));
    let minor = (0..5).map(|number| change(&described(number), Some("old".into()), Some("new".into())));
    let many = (0..42).map(|number| change(&path(&format!("spec.many.f{number}")), None, Some(true.into())));
    step.changes = many.chain(minor).collect();
    step.minor = Some(Minor {
        what: "of the schema: 5 descriptions".into(),
        paths: (0..5).map(described).collect(),
    });
    step
}

/// A service with a password inside of other texts.
pub(crate) fn connection() -> Step {
    let mut step = step(
        "docker:compose/Service::shop",
        "compose/Service shop/shop",
        Action::Update,
        Reason::Inputs(vec![path("environment.DATABASE_URL")]),
    );
    let url = |password: &str, host: &str| {
        let secret = Secret::new(format!("postgres://app:{password}@{host}/shop"));
        Some(Value::Secret(
            secret.shown_as(format!("postgres://app:(secret)@{host}/shop")),
        ))
    };
    let at = |name: &str| FieldPath::fields(["environment", name]);
    step.changes = vec![
        change(&at("DATABASE_URL"), url("hunter2", "db"), url("hunter2", "db2")),
        change(&at("OTHER_URL"), url("hunter2", "db"), url("hunter3", "db")),
        change(
            &at("WAS_PLAIN_URL"),
            Some("postgres://app:hunter2@db".into()),
            url("hunter2", "db"),
        ),
        change(&at("NEW_URL"), None, url("hunter2", "db")),
        change(&at("LONG"), Some(numbers(0..60).into()), Some(numbers(20..61).into())),
    ];
    step
}

/// A text of so many lines.
fn numbers(range: std::ops::Range<u8>) -> String {
    range.map(|number| format!("{number}\n")).collect()
}
