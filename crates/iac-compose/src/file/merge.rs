//! Lays one definition of a service over another, as `extends` does.
//!
//! Maps merge, lists add up, and anything else is replaced. `command`, `entrypoint` and a health check's `test` are
//! replaced as a whole. Lists of `KEY=value` merge like the maps they stand for.

use serde_json::{Map, Value as Json};

/// Fields that are replaced even where they are lists.
const REPLACED: [&str; 3] = ["command", "entrypoint", "test"];

/// Fields whose list form stands for a map.
const MAPS: [&str; 7] = [
    "args",
    "depends_on",
    "environment",
    "extra_hosts",
    "labels",
    "networks",
    "sysctls",
];

/// `base` with `over` laid over it.
pub(super) fn over(base: Json, over: Json, field: &str) -> Json {
    match (base, over) {
        (base, Json::Null) => base,
        (base, over) if REPLACED.contains(&field) => {
            if over.is_null() {
                base
            } else {
                over
            }
        }
        (base, over) if MAPS.contains(&field) => match (as_map(&base, field), as_map(&over, field)) {
            (Some(base), Some(over)) => maps(base, over),
            _ => over,
        },
        (Json::Object(base), Json::Object(over)) => maps(base, over),
        (Json::Array(mut base), Json::Array(over)) => {
            for item in over {
                if !base.contains(&item) {
                    base.push(item);
                }
            }
            Json::Array(base)
        }
        (_, over) => over,
    }
}

fn maps(mut base: Map<String, Json>, over: Map<String, Json>) -> Json {
    for (key, value) in over {
        let merged = match base.remove(&key) {
            Some(below) => self::over(below, value, &key),
            None => value,
        };
        base.insert(key, merged);
    }
    Json::Object(base)
}

/// The map that a field's value stands for.
fn as_map(value: &Json, field: &str) -> Option<Map<String, Json>> {
    match value {
        Json::Object(map) => Some(map.clone()),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                let text = item.as_str()?;
                let pair = match field {
                    "depends_on" => (text.to_owned(), serde_json::json!({ "condition": "service_started" })),
                    "networks" => (text.to_owned(), Json::Null),
                    "extra_hosts" => text
                        .split_once([':', '='])
                        .map(|(host, ip)| (host.to_owned(), ip.into()))?,
                    _ => match text.split_once('=') {
                        Some((key, value)) => (key.to_owned(), value.into()),
                        None => (text.to_owned(), Json::Null),
                    },
                };
                Some(pair)
            })
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_rules_of_each_sort_of_field() {
        let table = [
            ("image", json!("a"), json!("b"), json!("b")),
            ("command", json!(["a"]), json!(["b"]), json!(["b"])),
            ("ports", json!(["1:1"]), json!(["2:2", "1:1"]), json!(["1:1", "2:2"])),
            (
                "environment",
                json!(["A=1", "B=2"]),
                json!({"B": "3"}),
                json!({"A": "1", "B": "3"}),
            ),
            (
                "depends_on",
                json!(["a"]),
                json!({"b": {"condition": "service_healthy"}}),
                json!({"a": {"condition": "service_started"}, "b": {"condition": "service_healthy"}}),
            ),
            (
                "healthcheck",
                json!({"test": ["CMD", "a"], "retries": 1}),
                json!({"test": ["CMD", "b"]}),
                json!({"test": ["CMD", "b"], "retries": 1}),
            ),
        ];
        for (field, base, top, merged) in table {
            assert_eq!(over(base, top, field), merged, "{field}");
        }
    }
}
