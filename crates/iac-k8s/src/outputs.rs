//! The outputs of an object: itself as JSON, and a hash of its content.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::value::{Secret, Value};
use serde_json::Value as Json;

use crate::content::Hasher;
use crate::exported;
use crate::object;

/// The outputs of an object as it is: all of it but the bookkeeping, what a Secret holds and what is one of `secrets`
/// marked as secret.
pub(crate) fn of_object(object: &Json, secrets: &Secrets, hasher: &Hasher<'_>) -> Value {
    let mut outputs = match secrets.conceal(conceal_secret(Value::from(object.clone()))) {
        Value::Object(outputs) => outputs,
        other => return other,
    };
    if let Some(Value::Object(metadata)) = outputs.get_mut("metadata") {
        metadata.remove("managedFields");
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            exported::conceal_copies(annotations);
        }
    }
    let holds_secret = |field: &str| outputs.get(field).is_some_and(Value::has_secret);
    let is_secret = holds_secret("data") || holds_secret("binaryData");
    if let Some(iac) = hasher.outputs(object, is_secret) {
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
    /// The texts that must not appear in a message: the secret ones, or the secret parts of them.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use iac_core::provider::StackKey;
    use iac_core::state::{DataKey, Vault};
    use serde_json::json;

    use super::*;
    use crate::content::{DIGEST, HASH};

    #[test]
    fn what_an_object_holds_in_secret_is_secret_in_its_outputs() {
        let key = StackKey::of(Arc::new(Vault::new(&DataKey::generate().expect("random"), "test")));
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "managedFields": []}, "data": {"k": "dg=="}});
        let config =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "hunter2"}});
        let secrets = Secrets::of([&Value::Secret("hunter2".into())]);
        for (object, held) in [(secret, "dg=="), (config, "hunter2")] {
            let outputs = of_object(&object, &secrets, &Hasher::new(&key, None));
            assert_eq!(outputs.pointer("/data/k"), Some(&Value::Secret(held.into())));
            assert!(outputs.pointer("/metadata/managedFields").is_none());
            assert!(matches!(outputs.pointer(HASH), Some(Value::String(_))));
            assert!(matches!(outputs.pointer(DIGEST), Some(Value::Secret(_))));
        }
    }
}
