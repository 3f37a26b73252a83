//! What an object gives to others: itself as JSON, and a digest of what it holds.

use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use iac_core::value::{Map, Secret, Value, canonical};
use serde_json::{Value as Json, json};
use sha2::Sha256;

use crate::object;

/// Where the digest of a ConfigMap's or Secret's content lies in its outputs.
pub(crate) const CONTENT_HASH: &str = "/iac/contentHash";

/// How many hexadecimal digits of a content's digest are used: 64 bits tell a change, and a reader can still compare them.
const DIGEST_LENGTH: usize = 16;

/// The outputs of an object as it is: all of it but the bookkeeping, what a Secret holds marked as secret.
pub(crate) fn of_object(object: &Json) -> Value {
    let hash = content_hash(object);
    let mut outputs = match conceal_secret(Value::from(object.clone())) {
        Value::Object(outputs) => outputs,
        other => return other,
    };
    if let Some(Value::Object(metadata)) = outputs.get_mut("metadata") {
        metadata.remove("managedFields");
    }
    if let Some(hash) = hash {
        let iac: Map = [("contentHash".to_owned(), Value::from(hash))].into();
        outputs.insert("iac".to_owned(), iac.into());
    }
    Value::Object(outputs)
}

/// The same tree with everything that a Secret holds marked as secret.
pub(crate) fn conceal_secret(value: Value) -> Value {
    if !object::is_secret(&value) {
        return value;
    }
    let Value::Object(mut map) = value else { return value };
    for field in ["data", "stringData"] {
        if let Some(Value::Object(data)) = map.get_mut(field) {
            data.values_mut().for_each(|text| *text = conceal(std::mem::take(text)));
        }
    }
    Value::Object(map)
}

/// The same tree with every string in it marked as secret.
pub(crate) fn conceal(value: Value) -> Value {
    match value {
        Value::String(text) => Value::Secret(Secret::new(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(conceal).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, child)| (key, conceal(child))).collect()),
        other => other,
    }
}

/// The secret texts of some trees, to be kept out of whatever the server says or shows.
#[derive(Default)]
pub(crate) struct Secrets {
    /// The texts that are secret, with what may be seen of them where that is not nothing.
    texts: BTreeMap<String, Option<Box<str>>>,
    /// What must not stand in a message: the texts, or the secret parts of them.
    parts: BTreeSet<String>,
}

impl Secrets {
    /// All secret texts in `trees`.
    pub(crate) fn of<'a>(trees: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut secrets = Self::default();
        trees.into_iter().for_each(|tree| secrets.learn(tree));
        secrets
    }

    /// Adds the secret texts of another tree.
    pub(crate) fn learn(&mut self, tree: &Value) {
        for secret in tree.secrets().into_iter().filter(|secret| !secret.expose().is_empty()) {
            self.texts
                .insert(secret.expose().clone(), secret.shown().map(Into::into));
            self.parts.extend(secret.hidden().into_iter().map(str::to_owned));
        }
    }

    /// The same tree with every string that is one of these marked as secret.
    pub(crate) fn conceal(&self, value: Value) -> Value {
        if self.texts.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => match self.texts.get(&text) {
                Some(Some(shown)) => Value::Secret(Secret::new(text).shown_as(shown.clone())),
                Some(None) => Value::Secret(Secret::new(text)),
                None => Value::String(text),
            },
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.conceal(item)).collect()),
            Value::Object(map) => {
                Value::Object(map.into_iter().map(|(key, child)| (key, self.conceal(child))).collect())
            }
            other => other,
        }
    }

    /// The same text with every one of these replaced. Very short ones, which stand in any text, are left.
    pub(crate) fn redact(&self, text: &str) -> String {
        let long = self.parts.iter().filter(|secret| secret.len() > 3);
        long.fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "(secret)")
        })
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        // Wiped like the secrets that they were copied from.
        let texts = std::mem::take(&mut self.texts).into_keys();
        let parts = std::mem::take(&mut self.parts);
        texts.chain(parts).map(Secret::new).for_each(drop);
    }
}

/// A digest of what a ConfigMap or Secret holds; none for other kinds.
///
/// That of a Secret is keyed with the object's UID: equal contents of two Secrets give different digests, and none can
/// be looked up in a table. It changes with the object, which pods that read it have to follow anyway.
pub(crate) fn content_hash(object: &Json) -> Option<String> {
    if object["apiVersion"] != "v1" {
        return None;
    }
    // The server drops a map without entries.
    let content = ["data", "binaryData"].map(|field| {
        let entries = object[field].as_object().filter(|entries| !entries.is_empty());
        entries.map_or(Json::Null, |entries| Json::Object(entries.clone()))
    });
    let content = json!(content);
    let mut digest = match object["kind"].as_str()? {
        "ConfigMap" => canonical::digest(&content),
        "Secret" => {
            let uid = object.pointer("/metadata/uid")?.as_str()?;
            let mut mac = Hmac::<Sha256>::new_from_slice(uid.as_bytes()).ok()?;
            mac.update(canonical::to_string(&content).as_bytes());
            let digest = mac.finalize().into_bytes();
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        _ => return None,
    };
    digest.truncate(DIGEST_LENGTH);
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secrets_outputs_are_secret_and_its_digest_is_keyed() {
        let secret = |uid: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "uid": uid, "managedFields": []}, "data": {"k": "dg=="}});
        let outputs = of_object(&secret("1"));
        assert_eq!(outputs.pointer("/data/k"), Some(&Value::Secret("dg==".into())));
        assert!(outputs.pointer("/metadata/managedFields").is_none());
        assert!(outputs.pointer(CONTENT_HASH).is_some());
        assert_ne!(content_hash(&secret("1")), content_hash(&secret("2")));
    }

    #[test]
    fn a_config_maps_digest_follows_its_content_only() {
        let map = |value: &str, label: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {"l": label}}, "data": {"k": value}});
        assert_eq!(content_hash(&map("a", "1")), content_hash(&map("a", "2")));
        assert_ne!(content_hash(&map("a", "1")), content_hash(&map("b", "1")));
        assert_eq!(
            content_hash(&json!({"apiVersion": "apps/v1", "kind": "Deployment"})),
            None
        );
    }
}
