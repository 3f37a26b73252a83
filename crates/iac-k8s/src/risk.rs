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
    /// Whether the object has to be made anew.
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
        match change.type_name {
            "core/PersistentVolumeClaim" => add(
                RiskKind::DataLoss,
                "the claim is deleted, and its data with it".to_owned(),
            ),
            "core/PersistentVolume" => add(RiskKind::DataLoss, "the volume is deleted".to_owned()),
            "core/Namespace" => add(RiskKind::DataLoss, "everything in the namespace is deleted".to_owned()),
            "apps/StatefulSet" => add(
                RiskKind::DataLoss,
                "its claims stay, but are used again only by claim templates of the same names and sizes".to_owned(),
            ),
            "apiextensions.k8s.io/CustomResourceDefinition" => {
                add(
                    RiskKind::DataLoss,
                    "every object of the kind is deleted with its definition".to_owned(),
                );
            }
            _ => {}
        }
        if kinds::pod_template(change.type_name).is_some() && change.type_name != "batch/Job" {
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

/// Whether a change makes a workload replace its pods.
pub(crate) fn rolls_out(type_name: &str, intent: Intent, changes: &[FieldChange]) -> bool {
    let template = FieldPath::fields(["spec", "template"]);
    let is_workload = matches!(type_name, "apps/Deployment" | "apps/StatefulSet" | "apps/DaemonSet");
    let changes_pods = changes.iter().any(|change| change.path.starts_with(&template));
    is_workload && matches!(intent, Intent::Update | Intent::Adopt) && changes_pods
}

/// Why a rollout leaves a gap.
fn restart_gap(change: &Change<'_>) -> Option<String> {
    if !rolls_out(change.type_name, change.intent, change.changes) {
        return None;
    }
    let text = |pointer: &str| change.inputs.pointer(pointer).and_then(Value::as_str);
    let single = change
        .inputs
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1)
        == 1;
    match change.type_name {
        "apps/Deployment" if text("/spec/strategy/type") == Some("Recreate") => {
            Some("its strategy is Recreate: the old pods stop before the new ones start".to_owned())
        }
        "apps/StatefulSet" if single && text("/spec/updateStrategy/type") != Some("OnDelete") => {
            Some("its only pod is stopped before the new one starts".to_owned())
        }
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
        let inputs = inputs.into();
        let change = Change {
            type_name,
            intent: Intent::Update,
            replaced,
            before: &Value::Null,
            inputs: &inputs,
            changes: &changes,
        };
        of(&change).into_iter().map(|risk| risk.kind).collect()
    }

    #[test]
    fn risks_are_named() {
        use RiskKind::{DataLoss, Downtime, Exposure};
        for (type_name, replaced, inputs, changed, expected) in [
            (
                "core/PersistentVolumeClaim",
                true,
                json!({}),
                "spec.storageClassName",
                vec![DataLoss],
            ),
            (
                "apps/StatefulSet",
                true,
                json!({}),
                "spec.serviceName",
                vec![DataLoss, Downtime],
            ),
            ("apps/Deployment", true, json!({}), "spec.selector", vec![Downtime]),
            ("batch/Job", true, json!({}), "spec.template.x", vec![]),
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
}
