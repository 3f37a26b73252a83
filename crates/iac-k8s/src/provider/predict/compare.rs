//! The parts of two objects that are worth comparing, and the parts of a trial that are worth telling.

use iac_core::Value;
use iac_core::value::Segment;
use iac_core::value::diff::FieldChange;
use serde_json::Value as Json;

use crate::content::Hasher;
use crate::outputs::{self, Secrets};

/// The inputs without what names the object.
pub(super) fn unnamed(inputs: &Value) -> Value {
    let Value::Object(mut map) = inputs.clone() else {
        return inputs.clone();
    };
    map.remove("apiVersion");
    map.remove("kind");
    if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
        metadata.remove("name");
        metadata.remove("namespace");
        if metadata.is_empty() {
            map.remove("metadata");
        }
    }
    Value::Object(map)
}

/// The outputs after a change, as far as the trial tells: not what controllers make of it later.
pub(super) fn predicted_outputs(result: &Json, secrets: &Secrets, hasher: &Hasher<'_>) -> Value {
    let mut outputs = outputs::of_object(result, secrets, hasher);
    if let Value::Object(map) = &mut outputs {
        map.remove("status");
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            metadata.remove("resourceVersion");
            metadata.remove("generation");
        }
    }
    outputs
}

/// True for a port that the server draws when it makes the change: a trial gets another one.
pub(super) fn is_drawn(change: &FieldChange) -> bool {
    let last = change.path.segments().last();
    let is_port = matches!(last, Some(Segment::Field(field)) if field == "nodePort" || field == "healthCheckNodePort");
    is_port && change.before.is_none() && change.origin.is_some()
}

/// Removes what the server allocates once: the old object still has it.
pub(super) fn strip_allocated(body: &mut Json) {
    let Some(spec) = body.get_mut("spec").and_then(Json::as_object_mut) else {
        return;
    };
    for field in ["clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName"] {
        // "None" is no address but the mark of a headless Service.
        if spec.get(field).is_none_or(|value| *value != "None") {
            spec.remove(field);
        }
    }
    let ports = spec.get_mut("ports").and_then(Json::as_array_mut).into_iter().flatten();
    ports.filter_map(Json::as_object_mut).for_each(|port| {
        port.remove("nodePort");
    });
}
