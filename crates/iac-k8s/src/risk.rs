//! What could hurt in a change.

use iac_core::Value;
use iac_core::provider::{Intent, Risk, RiskKind};
use iac_core::value::FieldPath;
use iac_core::value::diff::FieldChange;

use crate::{kinds, rights};

/// What is about to be done.
pub(crate) struct Change<'a> {
    /// `apps/Deployment`.
    pub(crate) type_name: &'a str,
    /// What is intended.
    pub(crate) intent: Intent,
    /// True if the object has to be made anew.
    pub(crate) replaced: bool,
    /// The inputs as last sent; null or empty where there were none.
    pub(crate) before: &'a Value,
    /// The inputs as sent.
    pub(crate) inputs: &'a Value,
    /// The fields that change.
    pub(crate) changes: &'a [FieldChange],
}

/// The risks of a change.
pub(crate) fn of(change: &Change<'_>) -> Vec<Risk> {
    let mut risks = Vec::new();
    let mut add = |kind, message: String| risks.push(Risk { kind, message });
    if change.replaced {
        if change.type_name == "apps/StatefulSet" {
            for template in templates_left(change) {
                let message = format!("the claims of its template {template:?} stay, but nothing uses them any more");
                add(RiskKind::DataLoss, message);
            }
        }
        if kinds::pod_template(change.type_name).is_some() && !serves_nobody(change) {
            add(
                RiskKind::Downtime,
                "all its pods are deleted before new ones start".to_owned(),
            );
        }
    } else if let Some(why) = restart_gap(change) {
        add(RiskKind::Downtime, why);
    }
    if let Some(kind) = new_exposure(change) {
        let where_to = if kind == "NodePort" {
            "on a port of every node"
        } else {
            "outside the cluster"
        };
        add(
            RiskKind::Exposure,
            format!("a Service of type {kind} can be reached {where_to}"),
        );
    }
    let gained = rights::gained(change.type_name, change.before, change.inputs);
    if !gained.is_empty() {
        let what = if change.type_name.ends_with("Binding") {
            ""
        } else {
            "it may "
        };
        risks.push(Risk {
            kind: RiskKind::Privilege,
            message: format!("{what}{}", gained.join("; ")),
        });
    }
    risks
}

/// The claim templates that a StatefulSet no longer has.
fn templates_left<'a>(change: &Change<'a>) -> Vec<&'a str> {
    let names = |inputs: &'a Value| {
        let templates = inputs.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
        let names = templates.unwrap_or_default().iter();
        names.filter_map(|template| template.pointer("/metadata/name")?.as_str())
    };
    let after: Vec<&str> = names(change.inputs).collect();
    names(change.before).filter(|name| !after.contains(name)).collect()
}

/// True if nobody is served by an object, so that its replacement is no downtime: it does its work and ends, has no pods,
/// or is only looked at when something is made.
pub(crate) fn serves_nobody(change: &Change<'_>) -> bool {
    let ends = matches!(
        change.type_name,
        "batch/Job"
            | "batch/CronJob"
            | "node.k8s.io/RuntimeClass"
            | "scheduling.k8s.io/PriorityClass"
            | "storage.k8s.io/StorageClass"
    );
    ends || replicas(change.before) == Some(0)
}

fn replicas(inputs: &Value) -> Option<i64> {
    inputs.pointer("/spec/replicas").and_then(Value::as_i64)
}

/// What a change in place does to the pods of a workload.
enum Rollout {
    /// New ones take their places.
    Replaced,
    /// Those from this number on.
    From(i64),
    /// Nothing, because of this.
    Untouched(String),
}

fn rollout(change: &Change<'_>) -> Option<Rollout> {
    let template = FieldPath::fields(["spec", "template"]);
    let is_workload = matches!(
        change.type_name,
        "apps/Deployment" | "apps/StatefulSet" | "apps/DaemonSet"
    );
    let changes_pods = change.changes.iter().any(|change| change.path.starts_with(&template));
    let in_place = matches!(change.intent, Intent::Update | Intent::Adopt) && !change.replaced;
    if !is_workload || !in_place || !changes_pods || replicas(change.inputs) == Some(0) {
        return None;
    }
    let at = |pointer: &str| change.inputs.pointer(pointer);
    if at("/spec/paused").and_then(Value::as_bool) == Some(true) {
        return Some(Rollout::Untouched(
            "its pods stay as they are until it is resumed: it is paused".to_owned(),
        ));
    }
    if at("/spec/updateStrategy/type").and_then(Value::as_str) == Some("OnDelete") {
        let why = "its pods stay as they are until somebody deletes them: its update strategy is OnDelete";
        return Some(Rollout::Untouched(why.to_owned()));
    }
    let partition = at("/spec/updateStrategy/rollingUpdate/partition").and_then(Value::as_i64);
    match partition {
        Some(first) if first >= replicas(change.inputs).unwrap_or(1) => Some(Rollout::Untouched(format!(
            "its pods stay as they are: its update strategy begins with pod {first}, which there is not"
        ))),
        Some(first) if first > 0 => Some(Rollout::From(first)),
        _ => Some(Rollout::Replaced),
    }
}

/// What a change does to the pods of a workload, in words.
pub(crate) fn of_pods(change: &Change<'_>) -> Option<String> {
    let is_paused = |inputs: &Value| inputs.pointer("/spec/paused").and_then(Value::as_bool) == Some(true);
    if change.type_name == "apps/Deployment"
        && is_paused(change.before)
        && !is_paused(change.inputs)
        && !change.replaced
    {
        return Some("it is resumed: what changed of its pods while it was paused is rolled out".to_owned());
    }
    rollout(change).map(|rollout| match rollout {
        Rollout::Replaced => "its pods are replaced by new ones".to_owned(),
        Rollout::From(first) => format!("its pods from number {first} on are replaced by new ones; the others stay"),
        Rollout::Untouched(why) => why,
    })
}

/// Why a rollout leaves a gap.
fn restart_gap(change: &Change<'_>) -> Option<String> {
    if !matches!(rollout(change), Some(Rollout::Replaced)) {
        return None;
    }
    let text = |pointer: &str| change.inputs.pointer(pointer).and_then(Value::as_str);
    let single = replicas(change.inputs).unwrap_or(1) == 1;
    match change.type_name {
        "apps/Deployment" if text("/spec/strategy/type") == Some("Recreate") => {
            Some("its strategy is Recreate: the old pods stop before the new ones start".to_owned())
        }
        "apps/StatefulSet" if single => Some("its only pod is stopped before the new one starts".to_owned()),
        _ => None,
    }
}

/// The type that newly exposes a Service.
fn new_exposure<'a>(change: &Change<'a>) -> Option<&'a str> {
    let kind = change.inputs.pointer("/spec/type")?.as_str()?;
    let exposes = change.type_name == "core/Service" && matches!(kind, "LoadBalancer" | "NodePort");
    let spec_type = FieldPath::fields(["spec", "type"]);
    let is_new = change.intent == Intent::Create || change.changes.iter().any(|change| change.path == spec_type);
    (exposes && is_new).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kinds(type_name: &str, replaced: bool, inputs: serde_json::Value, changed: &str) -> Vec<RiskKind> {
        let changes = [FieldChange {
            path: changed.parse().expect("a path"),
            before: None,
            after: None,
            origin: None,
        }];
        let inputs: Value = inputs.into();
        let change = Change {
            type_name,
            intent: Intent::Update,
            replaced,
            before: &inputs,
            inputs: &inputs,
            changes: &changes,
        };
        of(&change).into_iter().map(|risk| risk.kind).collect()
    }

    #[test]
    fn risks_are_named() {
        use RiskKind::{Downtime, Exposure};
        for (type_name, replaced, inputs, changed, expected) in [
            ("apps/StatefulSet", true, json!({}), "spec.serviceName", vec![Downtime]),
            ("apps/Deployment", true, json!({}), "spec.selector", vec![Downtime]),
            ("batch/Job", true, json!({}), "spec.template.x", vec![]),
            (
                "apps/Deployment",
                true,
                json!({"spec": {"replicas": 0}}),
                "spec.selector",
                vec![],
            ),
            (
                "apps/StatefulSet",
                false,
                json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}),
                "spec.template.x",
                vec![],
            ),
            (
                "apps/Deployment",
                false,
                json!({"spec": {"strategy": {"type": "Recreate"}}}),
                "spec.template.x",
                vec![Downtime],
            ),
            ("apps/Deployment", false, json!({}), "spec.template.x", vec![]),
            ("apps/StatefulSet", false, json!({}), "spec.template.x", vec![Downtime]),
            (
                "apps/StatefulSet",
                false,
                json!({"spec": {"replicas": 3}}),
                "spec.template.x",
                vec![],
            ),
            (
                "core/Service",
                false,
                json!({"spec": {"type": "LoadBalancer"}}),
                "spec.type",
                vec![Exposure],
            ),
            (
                "core/Service",
                false,
                json!({"spec": {"type": "LoadBalancer"}}),
                "spec.ports",
                vec![],
            ),
        ] {
            assert_eq!(
                kinds(type_name, replaced, inputs, changed),
                expected,
                "{type_name} {changed}"
            );
        }
    }

    #[test]
    fn what_happens_to_pods_is_told() {
        let told = |type_name: &str, before: serde_json::Value, after: serde_json::Value, changed: &str| {
            let (before, inputs): (Value, Value) = (json!({"spec": before}).into(), json!({"spec": after}).into());
            let changes = [FieldChange {
                path: changed.parse().expect("a path"),
                before: None,
                after: None,
                origin: None,
            }];
            of_pods(&Change {
                type_name,
                intent: Intent::Update,
                replaced: false,
                before: &before,
                inputs: &inputs,
                changes: &changes,
            })
            .unwrap_or_default()
        };
        let partition = |from: i64| json!({"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": from}}});
        for (type_name, spec, expected) in [
            ("apps/Deployment", json!({}), "its pods are replaced"),
            ("apps/Deployment", json!({"paused": true}), "until it is resumed"),
            ("apps/Deployment", json!({"replicas": 0}), ""),
            (
                "apps/DaemonSet",
                json!({"updateStrategy": {"type": "OnDelete"}}),
                "until somebody deletes them",
            ),
            (
                "apps/StatefulSet",
                json!({"updateStrategy": {"type": "OnDelete"}}),
                "until somebody deletes them",
            ),
            ("apps/StatefulSet", partition(2), "from number 2 on"),
            ("apps/StatefulSet", partition(3), "stay as they are"),
            ("core/ConfigMap", json!({}), ""),
        ] {
            let text = told(type_name, spec.clone(), spec, "spec.template.x");
            assert!(
                text.contains(expected) && text.is_empty() == expected.is_empty(),
                "{type_name}: {text}"
            );
        }
        let resumed = told("apps/Deployment", json!({"paused": true}), json!({}), "spec.paused");
        assert!(resumed.contains("it is resumed"), "{resumed}");
    }

    #[test]
    fn claims_that_nothing_uses_any_more_are_named() {
        let inputs =
            |name: &str| -> Value { json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": name}}]}}).into() };
        let (before, after) = (inputs("data"), inputs("files"));
        let change = Change {
            type_name: "apps/StatefulSet",
            intent: Intent::Replace,
            replaced: true,
            before: &before,
            inputs: &after,
            changes: &[],
        };
        let risks = of(&change);
        assert!(
            risks[0].kind == RiskKind::DataLoss && risks[0].message.contains("\"data\""),
            "{risks:?}"
        );
    }
}
