//! A digest of what a container, network or volume is made from, kept in a label.
//!
//! It tells whether something was made from the definition at hand, and outlives the record of it. It covers no secret:
//! anybody who may list containers can read labels, and a short secret can be guessed from its digest. Secrets are
//! compared where they are, on the engine.
//!
//! The first part is the version of the normal form, so that a later release can tell an old digest from a changed
//! definition and need not recreate everything.

use iac_core::value::{Map, Value, canonical};
use serde_json::Value as Json;

/// The version of the normal form.
const VERSION: &str = "v1";

/// Fields of a service that a running container takes over without being recreated. Predictions go by them as well, so
/// that what a preview says and what the digest makes happen are the same.
pub(crate) const IN_PLACE: [&str; 11] = [
    "completes",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "deploy",
    "mem_limit",
    "mem_reservation",
    "pids_limit",
    "restart",
    "scale",
];

/// Fields of a service that do not go into its containers.
const NOT_IN_CONTAINER: [&str; 5] = ["expose", "image_id", "project", "pull_policy", "service"];

/// The digest of a service's container.
pub(crate) fn of_service(inputs: &Value) -> String {
    let Value::Object(map) = inputs else { return of(inputs) };
    let kept: Map = map
        .iter()
        .filter(|(key, _)| !NOT_IN_CONTAINER.contains(&key.as_str()) && !IN_PLACE.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), without_ids(key, value)))
        .collect();
    of(&Value::Object(kept))
}

/// Leaves out what only says which network or volume of a name it is.
fn without_ids(key: &str, value: &Value) -> Value {
    let strip = |value: &Value, field: &str| match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| *key != field);
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => other.clone(),
    };
    match (key, value) {
        ("networks", Value::Object(map)) => {
            let networks = map.iter().map(|(key, value)| (key.clone(), strip(value, "network_id")));
            Value::Object(networks.collect())
        }
        ("volumes", Value::Array(items)) => items.iter().map(|item| strip(item, "generation")).collect(),
        _ => value.clone(),
    }
}

/// The digest of anything else.
pub(crate) fn of(inputs: &Value) -> String {
    let json = inputs.to_json(&mut |_, _| Json::from("(secret)"));
    format!("{VERSION}:{}", canonical::digest(&json))
}

/// The digest without its version, as docker compose's own label has it.
pub(crate) fn hex(digest: &str) -> &str {
    digest.split_once(':').map_or(digest, |(_, hex)| hex)
}

#[cfg(test)]
mod tests {
    use iac_core::value::Secret;
    use serde_json::json;

    use super::*;

    fn service(json: Json) -> String {
        of_service(&Value::from(json))
    }

    #[test]
    fn the_digest_is_the_same_in_every_release() {
        let digest = service(json!({"project": "p", "service": "s", "image": "busybox:1", "environment": {"A": "1"}}));
        assert_eq!(
            digest,
            "v1:05d7606e411f12423618126b8b8fa5fe930a36e7dd6cc3a51f040a2ead784f53"
        );
    }

    #[test]
    fn what_does_not_go_into_the_container_does_not_count() {
        let plain = service(json!({"image": "a", "networks": {"n": {"network": "p_n"}}}));
        let other = service(json!({
            "image": "a", "networks": {"n": {"network": "p_n", "network_id": "123"}}, "cpus": 2.0,
            "deploy": {"replicas": 3}, "depends_on": {"db": {"condition": "service_started"}}, "restart": "always",
        }));
        assert_eq!(plain, other);
        assert_ne!(
            plain,
            service(json!({"image": "b", "networks": {"n": {"network": "p_n"}}}))
        );
    }

    #[test]
    fn secrets_do_not_count() {
        let with = |secret: &str| {
            let mut map = Map::new();
            map.insert("PASSWORD".to_owned(), Value::Secret(Secret::from(secret)));
            let mut inputs = Map::new();
            inputs.insert("environment".to_owned(), Value::Object(map));
            of_service(&Value::Object(inputs))
        };
        assert_eq!(with("one"), with("two"));
    }
}
