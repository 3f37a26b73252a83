//! Secrets as they stand in a saved plan: a keyed hash, and what may be seen of those that are secret only in part.

use serde_json::{Value as Json, json};

use crate::value::Secret;

/// The key of the reserved form; see [`codec`](crate::value::codec).
const SECRET: &str = "$secret";
/// The key of the form for a user's own object that looks like a reserved one.
const OBJECT: &str = "$object";

/// The form of a secret behind its key: its hash, with what may be seen of it where that is anything.
pub(super) fn form(hash: String, shown: Option<&str>) -> Json {
    match shown {
        Some(shown) => json!({"hash": hash, "shown": shown}),
        None => hash.into(),
    }
}

/// The secret of a form, with its hash for a value: equal secrets are equal, and nobody learns what they are.
pub(super) fn of_form(form: &Json) -> Result<Secret, &'static str> {
    match (form, &form["hash"], &form["shown"]) {
        (Json::String(hash), ..) => Ok(hash.as_str().into()),
        (_, Json::String(hash), Json::String(shown)) => Ok(Secret::from(hash.as_str()).shown_as(shown.as_str())),
        _ => Err("it is no hash of a secret"),
    }
}

/// The same tree with nothing but the hash of each secret: what is compared, and what a digest covers.
pub(super) fn only_hashes(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().map(only_hashes).collect(),
        Json::Object(map) => {
            let mut fields = map.iter();
            match (fields.next(), fields.next()) {
                (Some((key, form)), None) if key == SECRET => json!({ SECRET: hash(form) }),
                // The object within is the user's own.
                (Some((key, Json::Object(own))), None) if key == OBJECT => json!({ OBJECT: children(own) }),
                _ => children(map),
            }
        }
        plain => plain.clone(),
    }
}

fn children(map: &serde_json::Map<String, Json>) -> Json {
    let children = map.iter().map(|(key, child)| (key.clone(), only_hashes(child)));
    Json::Object(children.collect())
}

fn hash(form: &Json) -> &Json {
    form.get("hash").unwrap_or(form)
}

/// Returns the visible part of a tree that is a secret.
pub(super) fn shown(json: &Json) -> Option<&str> {
    let map = json.as_object().filter(|map| map.len() == 1)?;
    let form = map.get(SECRET)?;
    Some(form["shown"].as_str().unwrap_or("(secret)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_seen_of_a_secret_is_taken_out_and_nothing_else() {
        let form = json!({"hash": "h", "shown": "a:(secret)@b"});
        let tree = json!({
            "a": {"$secret": form}, "b": [{"$secret": "h"}],
            "mine": {"$object": {"$secret": form}}, "deep": {"$object": {"$secret": {"x": {"$secret": form}}}},
        });
        let expected = json!({
            "a": {"$secret": "h"}, "b": [{"$secret": "h"}],
            "mine": {"$object": {"$secret": form}}, "deep": {"$object": {"$secret": {"x": {"$secret": "h"}}}},
        });
        assert_eq!(only_hashes(&tree), expected);
    }

    #[test]
    fn a_secret_is_known_by_its_hash() {
        let (plain, partly) = (form("h".into(), None), form("h".into(), Some("a(secret)")));
        assert_eq!(of_form(&plain), of_form(&partly));
        assert_eq!(
            of_form(&partly).map(|secret| secret.shown().map(str::to_owned)),
            Ok(Some("a(secret)".into()))
        );
        for other in [json!(1), json!({"hash": 1}), json!({"hash": "h"}), json!([])] {
            assert!(of_form(&other).is_err(), "{other}");
        }
    }
}
