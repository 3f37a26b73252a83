//! A hash of the content of a ConfigMap or Secret, which pods bear as an annotation so that they follow it.
//!
//! Accounts that may read pods may not read Secrets, and a short secret can be guessed from a plain hash. So where anything
//! of the content is secret, the hash is made under the key of the stack. It stays as it is for as long as the content
//! does, even if it was made in another way or under another key: pods are not restarted because hashes are made
//! differently. A plain digest of the content tells that; it is recorded beside the hash, and sealed.

use hmac::{Hmac, KeyInit, Mac};
use iac_core::provider::{Recorded, StackKey};
use iac_core::value::{Map, Secret, Value, canonical};
use serde_json::{Value as Json, json};
use sha2::Sha256;

/// Where the hash lies in the outputs of an object.
pub(crate) const HASH: &str = "/iac/contentHash";

/// Where the hashes lie of single entries, by their names; for what reads only one of them.
pub(crate) const HASHES: &str = "/iac/contentHashes";

/// The pointer to the hash of one entry.
pub(crate) fn hash_of(entry: &str) -> String {
    format!("{HASHES}/{}", entry.replace('~', "~0").replace('/', "~1"))
}

/// Where the digest lies that tells whether the content is what it was.
pub(crate) const DIGEST: &str = "/iac/contentDigest";

/// The number of hexadecimal digits of a hash that are used: 64 bits tell a change, and a reader can still compare them.
const LENGTH: usize = 16;

/// Hashes the contents of one object.
pub(crate) struct Hasher<'a> {
    key: Option<&'a StackKey>,
    recorded: Option<&'a Recorded>,
}

impl<'a> Hasher<'a> {
    /// For an object of which this is recorded.
    pub(crate) fn new(key: &'a StackKey, recorded: Option<&'a Recorded>) -> Self {
        Self {
            key: Some(key),
            recorded,
        }
    }

    /// For an object of which only the inputs are known. What a Secret will hold is not, since a controller may fill it.
    pub(crate) fn of_inputs(key: &'a StackKey, recorded: Option<&'a Recorded>, inputs: &Value) -> Self {
        Self {
            key: (!crate::object::is_secret(inputs)).then_some(key),
            recorded,
        }
    }

    /// Returns the outputs for an object's content: the hash, and the digest beside a hash that is not plain. `None` for
    /// other kinds, and without a key where one is needed. `is_secret` says that something of the content is secret.
    pub(crate) fn outputs(&self, object: &Json, is_secret: bool) -> Option<Map> {
        let (key, content) = (self.key?, Content::of(object)?);
        let plain = short(content.digest());
        let kept = self.kept(&content, &plain);
        let kept_as_it_is = kept.is_some();
        let hash = match (kept, is_secret) {
            (Some(kept), _) => kept,
            (None, false) => plain.clone(),
            (None, true) => short(key.hash(&content.purpose(), content.text.as_bytes())?),
        };
        let entries = content.entries().map(|(entry, value)| {
            let recorded = self.recorded.filter(|_| kept_as_it_is);
            let recorded = recorded.and_then(|recorded| recorded.outputs.get(&hash_of(entry))?.as_str());
            let hash = match (recorded, is_secret) {
                (Some(recorded), _) => recorded.to_owned(),
                (None, false) => short(canonical::digest(value)),
                (None, true) => short(key.hash(
                    &format!("{} entry {entry}", content.purpose()),
                    canonical::to_string(value).as_bytes(),
                )?),
            };
            Some((entry.to_owned(), hash.into()))
        });
        let entries: Map = entries.collect::<Option<_>>()?;
        let mut outputs = Map::new();
        outputs.insert(name(HASHES), Value::Object(entries));
        if (is_secret || hash != plain) && key.is_there() {
            let digest = Value::Secret(Secret::new(content.digest()));
            outputs.insert(name(DIGEST), digest);
        }
        outputs.insert(name(HASH), hash.into());
        Some(outputs)
    }

    /// The recorded hash, if the content is the one that it was made of.
    fn kept(&self, content: &Content<'_>, plain: &str) -> Option<String> {
        let outputs = &self.recorded?.outputs;
        let text = |pointer: &str| match outputs.get(pointer)? {
            Value::Secret(secret) => Some(secret.expose().clone()),
            other => other.as_str().map(str::to_owned),
        };
        let hash = text(HASH)?;
        let same = match text(DIGEST) {
            Some(digest) => digest == content.digest(),
            // Earlier versions recorded none: their own hashes tell it.
            None => hash == plain || content.by_uid().as_deref() == Some(&hash),
        };
        same.then_some(hash)
    }
}

/// The field of an output below `iac`.
fn name(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().to_owned()
}

fn short(mut hash: String) -> String {
    hash.truncate(LENGTH);
    hash
}

/// The content of an object, in canonical form.
struct Content<'a> {
    object: &'a Json,
    held: Json,
    text: String,
}

impl<'a> Content<'a> {
    fn of(object: &'a Json) -> Option<Self> {
        if object["apiVersion"] != "v1" || !matches!(object["kind"].as_str(), Some("ConfigMap" | "Secret")) {
            return None;
        }
        // The server drops a map without entries.
        let held = ["data", "binaryData"].map(|field| {
            let entries = object[field].as_object().filter(|entries| !entries.is_empty());
            entries.map_or(Json::Null, |entries| Json::Object(entries.clone()))
        });
        let held = json!(held);
        Some(Self {
            text: canonical::to_string(&held),
            object,
            held,
        })
    }

    fn digest(&self) -> String {
        canonical::digest(&self.held)
    }

    /// Its entries, by their names, which are unique among both fields.
    fn entries(&self) -> impl Iterator<Item = (&str, &Json)> {
        let fields = self.held.as_array().into_iter().flatten();
        let entries = fields.filter_map(Json::as_object).flatten();
        entries.map(|(name, value)| (name.as_str(), value))
    }

    /// Equal contents of two objects have different hashes.
    fn purpose(&self) -> String {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        format!("content of {} {namespace}/{name}", text("/kind"))
    }

    /// The hash that earlier versions gave to a Secret: keyed with its UID, which many may read.
    fn by_uid(&self) -> Option<String> {
        let uid = self.object.pointer("/metadata/uid")?.as_str()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(uid.as_bytes()).ok()?;
        mac.update(self.text.as_bytes());
        let bytes = mac.finalize().into_bytes();
        Some(short(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use iac_core::Key;
    use iac_core::state::{DataKey, Vault};

    use super::*;

    fn key() -> StackKey {
        StackKey::of(Arc::new(Vault::new(&DataKey::generate().expect("random"), "test")))
    }

    fn secret(name: &str, value: &str) -> Json {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "n", "uid": "u"}, "data": {"k": value}})
    }

    fn config(value: &str, label: &str) -> Json {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"l": label}}, "data": {"k": value}})
    }

    /// Recorded with these outputs, as the engine records them: by their pointers.
    fn recorded(outputs: &[(&str, Value)]) -> Recorded {
        let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Recorded {
            key: Key::new("", "kubernetes:core/Secret", "a").expect("a key"),
            identity: "core/Secret n/a".to_owned(),
            uid: Some("u".to_owned()),
            inputs: Value::Null,
            outputs: Value::Object(outputs.collect()),
            private: Default::default(),
            dependencies: Vec::new(),
            ready: true,
        }
    }

    /// Returns the record of outputs.
    fn as_recorded(outputs: &Map) -> Recorded {
        let at = |pointer: &'static str| Some((pointer, outputs.get(&name(pointer))?.clone()));
        recorded(&[HASH, DIGEST].into_iter().filter_map(at).collect::<Vec<_>>())
    }

    fn hash(key: &StackKey, recorded: Option<&Recorded>, object: &Json, is_secret: bool) -> String {
        let outputs = Hasher::new(key, recorded).outputs(object, is_secret).expect("a hash");
        outputs
            .get("contentHash")
            .and_then(Value::as_str)
            .expect("a text")
            .to_owned()
    }

    #[test]
    fn a_secrets_hash_needs_the_key_of_the_stack() {
        let (mine, other) = (key(), key());
        let one = hash(&mine, None, &secret("a", "1"), true);
        assert_eq!(hash(&mine, None, &secret("a", "1"), true), one, "stable");
        assert_ne!(hash(&mine, None, &secret("a", "2"), true), one, "by content");
        assert_ne!(hash(&mine, None, &secret("b", "1"), true), one, "by name");
        assert_ne!(hash(&other, None, &secret("a", "1"), true), one, "by stack");
        let plain = short(Content::of(&secret("a", "1")).expect("content").digest());
        assert_ne!(one, plain);
        assert!(
            Hasher::new(&StackKey::default(), None)
                .outputs(&secret("a", "1"), true)
                .is_none()
        );
        assert!(
            Hasher::of_inputs(&mine, None, &secret("a", "1").into())
                .outputs(&secret("a", "1"), true)
                .is_none()
        );
    }

    #[test]
    fn an_entrys_hash_follows_that_entry_alone() {
        let key = key();
        let two = |first: &str, second: &str| {
            let mut object = secret("a", first);
            object["data"]["a/b"] = second.into();
            object
        };
        let hashes = |object: &Json, key: &StackKey, recorded: Option<&Recorded>| {
            let outputs = Hasher::new(key, recorded).outputs(object, true).expect("hashes");
            let at = |entry: &str| Value::Object(outputs.clone()).pointer(&hash_of(entry)[4..]).cloned();
            [at("k"), at("a/b")].map(|hash| hash.expect("a hash"))
        };
        let before = hashes(&two("1", "1"), &key, None);
        assert_ne!(before[0], before[1], "by name");
        let after = hashes(&two("1", "2"), &key, None);
        assert_eq!((&after[0], after[1] == before[1]), (&before[0], false));
        // Under another key they stay for as long as nothing of the content changes.
        let outputs = Hasher::new(&key, None).outputs(&two("1", "1"), true).expect("hashes");
        let whole = |name: &str| outputs.get(name).expect("an output").clone();
        let old = recorded(&[
            (HASH, whole("contentHash")),
            (DIGEST, whole("contentDigest")),
            ("/iac/contentHashes/k", before[0].clone()),
        ]);
        let other = self::key();
        assert_eq!(hashes(&two("1", "1"), &other, Some(&old))[0], before[0]);
        assert_ne!(hashes(&two("2", "1"), &other, Some(&old))[0], before[0]);
    }

    #[test]
    fn a_config_maps_hash_follows_its_content_and_is_keyed_where_something_of_that_is_secret() {
        let (mine, none) = (key(), StackKey::default());
        let plain = hash(&none, None, &config("a", "1"), false);
        assert_eq!(hash(&mine, None, &config("a", "2"), false), plain);
        assert_ne!(hash(&mine, None, &config("b", "1"), false), plain);
        assert_ne!(hash(&mine, None, &config("a", "1"), true), plain);
        assert!(Hasher::new(&none, None).outputs(&config("a", "1"), true).is_none());
        let other = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
        assert!(Hasher::new(&mine, None).outputs(&other, false).is_none());
    }

    #[test]
    fn a_hash_stays_until_the_content_changes() {
        let first = key();
        let outputs = Hasher::new(&first, None)
            .outputs(&secret("a", "1"), true)
            .expect("a hash");
        let old = [
            ("of this version", as_recorded(&outputs)),
            (
                "keyed with the UID",
                recorded(&[(
                    HASH,
                    Content::of(&secret("a", "1"))
                        .and_then(|content| content.by_uid())
                        .expect("a uid")
                        .into(),
                )]),
            ),
        ];
        for (what, old) in old {
            let before = old
                .outputs
                .get(HASH)
                .and_then(Value::as_str)
                .expect("a hash")
                .to_owned();
            // Another key, since somebody gave the stack a new one.
            for key in [&first, &key()] {
                assert_eq!(hash(key, Some(&old), &secret("a", "1"), true), before, "{what}");
                let kept = Hasher::new(key, Some(&old))
                    .outputs(&secret("a", "1"), true)
                    .expect("a hash");
                assert_eq!(
                    hash(key, Some(&as_recorded(&kept)), &secret("a", "1"), true),
                    before,
                    "{what}"
                );
                let changed = hash(key, Some(&old), &secret("a", "2"), true);
                assert_eq!(changed, hash(key, None, &secret("a", "2"), true), "{what}");
            }
        }
        // A ConfigMap of which something counts as secret now, and the other way round.
        let plain = recorded(&[(HASH, hash(&first, None, &config("a", "1"), false).into())]);
        let kept = Hasher::new(&first, Some(&plain))
            .outputs(&config("a", "2"), true)
            .expect("a hash");
        assert_eq!(kept.get("contentHash"), plain.outputs.get(HASH));
        let keyed = Hasher::new(&first, None)
            .outputs(&config("a", "1"), true)
            .expect("a hash");
        assert_eq!(
            hash(&first, Some(&as_recorded(&keyed)), &config("a", "1"), false),
            keyed.get("contentHash").and_then(Value::as_str).expect("a text")
        );
    }
}
