//! Random edits by somebody else.

use serde_json::{Value as Json, json};

/// Small and reproducible random numbers.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Fields that are left alone: pods would be started, or others would write the object all the time.
const LEFT: [&str; 6] = [
    "/spec/replicas",
    "/spec/clusterIP",
    "/spec/clusterIPs",
    "/spec/ipFamilies",
    "/spec/type",
    "/spec/externalName",
];

/// Changes something of an object, and says what. Not everything that comes of it is valid.
pub(super) fn mutate(random: &mut Random, object: &mut Json) -> String {
    let mut places = Vec::new();
    for (field, value) in object.as_object().unwrap() {
        if !["apiVersion", "kind", "metadata", "status"].contains(&field.as_str()) {
            collect(value, &format!("/{}", escape(field)), &mut places);
        }
    }
    for field in ["labels", "annotations"] {
        if let Some(value) = object["metadata"].get(field) {
            collect(value, &format!("/metadata/{field}"), &mut places);
        }
    }
    // Another id would make it another stack's.
    places.retain(|place| !place.ends_with("stack-id"));
    if places.is_empty() {
        object["metadata"]["labels"] = json!({"extra": "x"});
        return "with a label".to_owned();
    }
    let place = places[random.below(places.len())].clone();
    let node = object.pointer_mut(&place).unwrap();
    let what = match node {
        Json::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = keys.get(random.below(keys.len())).cloned();
            match (random.below(3), key) {
                (0, Some(key)) => {
                    map.remove(&key);
                    format!("without {key}")
                }
                (1, Some(key)) => {
                    let value = map[&key].clone();
                    map.insert("extra".to_owned(), value);
                    "with another like it".to_owned()
                }
                _ => {
                    map.insert("extra".to_owned(), "x".into());
                    "with another".to_owned()
                }
            }
        }
        Json::Array(items) => list(random, items),
        Json::String(text) => {
            *text = ["changed", "x", "2", "UDP", "SCTP", "b"][random.below(6)].to_owned();
            format!("as {text}")
        }
        Json::Number(number) => {
            let next = number.as_i64().unwrap_or(0) + 1;
            *node = next.into();
            format!("as {next}")
        }
        Json::Bool(flag) => {
            *flag = !*flag;
            "turned over".to_owned()
        }
        Json::Null => "null".to_owned(),
    };
    format!("{place} {what}")
}

fn list(random: &mut Random, items: &mut Vec<Json>) -> String {
    let index = random.below(items.len());
    match random.below(6) {
        0 if !items.is_empty() => {
            items.remove(index);
            format!("without {index}")
        }
        1 => {
            items.reverse();
            "in reverse".to_owned()
        }
        2 if items.len() > 1 => {
            items.rotate_left(1);
            "turned round".to_owned()
        }
        3 => {
            items.clear();
            "emptied".to_owned()
        }
        choice => {
            let mut item = items.get(index).cloned().unwrap_or_else(|| "x".into());
            vary(random, &mut item);
            let at = if choice == 4 { 0 } else { items.len() };
            items.insert(at, item.clone());
            format!("with {item} at {at}")
        }
    }
}

/// Makes another one like it.
fn vary(random: &mut Random, item: &mut Json) {
    match item {
        Json::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                if ["name", "port", "containerPort", "ip", "a", "mountPath", "kind"].contains(&key.as_str())
                    || random.chance(30)
                {
                    vary(random, &mut map[&key]);
                }
            }
        }
        Json::Array(items) => items.push("x".into()),
        Json::String(text) => text.push('x'),
        Json::Number(number) => *item = (number.as_i64().unwrap_or(0) + 1).into(),
        _ => {}
    }
}

fn collect(value: &Json, path: &str, places: &mut Vec<String>) {
    if LEFT.contains(&path) {
        return;
    }
    places.push(path.to_owned());
    match value {
        Json::Object(map) => {
            for (key, value) in map {
                collect(value, &format!("{path}/{}", escape(key)), places);
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, &format!("{path}/{index}"), places);
            }
        }
        _ => {}
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Returns the body that an apply sends of an object that was read.
pub(super) fn appliable(object: &Json) -> Json {
    let mut body = object.clone();
    let metadata = &object["metadata"];
    body["metadata"] = json!({"name": metadata["name"]});
    if let Some(namespace) = metadata.get("namespace") {
        body["metadata"]["namespace"] = namespace.clone();
    }
    if let Some(labels) = metadata.get("labels") {
        body["metadata"]["labels"] = labels.clone();
    }
    body.as_object_mut().unwrap().remove("status");
    body
}
