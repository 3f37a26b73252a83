//! What kinds of objects are like: whether anybody is served by one, and whether two can work at once.

use iac_core::Value;

use super::{containers, list, text};

/// True if the pods of two Deployments can run at once: none has a claim or a port of its node, and neither asks that its old pods
/// stop first.
pub(crate) fn work_side_by_side(old: &Value, new: &Value) -> bool {
    let is_deployment = |object: &Value| {
        text(object, "/kind") == Some("Deployment")
            && text(object, "/apiVersion").is_some_and(|it| it.starts_with("apps/"))
    };
    let is_free = |object: &Value| {
        let spec = object.pointer("/spec/template/spec").unwrap_or(&Value::Null);
        let claims = list(spec, "/volumes")
            .iter()
            .any(|volume| volume.get("persistentVolumeClaim").is_some());
        let ports = containers(spec)
            .flat_map(|container| list(container, "/ports"))
            .any(|port| port.get("hostPort").is_some());
        let host = spec.get("hostNetwork").and_then(Value::as_bool) == Some(true);
        let stops_first = text(object, "/spec/strategy/type") == Some("Recreate");
        !claims && !ports && !host && !stops_first
    };
    [old, new]
        .into_iter()
        .all(|object| is_deployment(object) && is_free(object))
}

/// True if nobody is served by an object, so that its replacement is no downtime: it does its work and ends, has no pods,
/// or is only looked at when something is made.
pub(crate) fn serves_nobody(type_name: &str, before: &Value) -> bool {
    let ends = matches!(
        type_name,
        "batch/Job"
            | "batch/CronJob"
            | "node.k8s.io/RuntimeClass"
            | "scheduling.k8s.io/PriorityClass"
            | "storage.k8s.io/StorageClass"
    );
    ends || before.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0)
}
