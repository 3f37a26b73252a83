//! Objects that the server judges alike: in a namespace that is yet to be made one trial does for all of them.
//!
//! So it is with ConfigMaps and Secrets that differ in their name and in the texts of their entries, which the server takes as
//! they are, and with Services and Deployments that differ in their name and in which labels they bear and select. Where somebody else has a say in admission (a webhook, a policy), each is tried by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::value::canonical;
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use crate::object::ObjectId;
use crate::provider::call::{Call, CallError};
use crate::provider::session::Session;

/// The size of an object's entries below which it does not matter to the server: its limit is twice that.
const SMALL: usize = 512 * 1024;

/// The kinds that give others a say in admission.
const ADMISSION: [&str; 4] = [
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// The warnings of an accepted trial; none where it was not accepted, so that every object has to be tried.
pub(crate) type Verdict = Arc<OnceCell<Option<Vec<String>>>>;

/// The trials so far.
#[derive(Debug, Default)]
pub(crate) struct Trials {
    built_in_only: OnceCell<bool>,
    verdicts: Mutex<HashMap<String, Verdict>>,
}

impl Trials {
    /// Where the verdict on all objects alike is kept; none for an object that has to be tried by itself.
    pub(super) async fn of(&self, session: &Session, id: &ObjectId, body: &Json) -> Result<Option<Verdict>, CallError> {
        let Some(shape) = shape(&id.type_name(), body) else {
            return Ok(None);
        };
        if !*self.built_in_only.get_or_try_init(|| built_in_only(session)).await? {
            return Ok(None);
        }
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Arc::clone(verdicts.entry(shape).or_default())))
    }
}

/// True if the cluster has no webhook and no policy, as far as we may see. What may not be seen counts as there.
async fn built_in_only(session: &Session) -> Result<bool, CallError> {
    for kind in ADMISSION {
        let id = ObjectId {
            group: "admissionregistration.k8s.io".to_owned(),
            version: String::new(),
            kind: kind.to_owned(),
            namespace: None,
            name: String::new(),
        };
        let list = match session.discovery.find(&session.connection, &id).await {
            Ok(Some(kind)) => {
                session
                    .get(Call::list_metadata(kind.list_path(None)).with("limit", "1"))
                    .await
            }
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        match list {
            Ok(Some(list)) if is_empty(&list) => {}
            Err(error) if error.is_global() => return Err(error),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// True if it is a list of nothing: the server writes null for the elements of some.
fn is_empty(list: &Json) -> bool {
    let is_list = list["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    is_list && list["items"].as_array().is_none_or(Vec::is_empty)
}

/// Returns a digest of the part of an object that decides the server's verdict, if that is less than the whole.
fn shape(type_name: &str, body: &Json) -> Option<String> {
    let mut shape = body.clone();
    shape["metadata"]["name"] = Json::Null;
    let size = match (type_name, body["type"].as_str()) {
        ("core/ConfigMap", _) => clear(&mut shape, "data", |_| true),
        ("core/Secret", None | Some("Opaque")) => {
            clear(&mut shape, "stringData", |_| true) + clear(&mut shape, "data", is_encoded)
        }
        ("core/Service" | "apps/Deployment", _) => 0,
        _ => return None,
    };
    number_labels(&mut shape)?;
    (size < SMALL).then(|| canonical::digest(&shape))
}

/// Takes out the texts that the server accepts as they are, and gives their size.
fn clear(shape: &mut Json, entries: &str, is_accepted: impl Fn(&str) -> bool) -> usize {
    let mut size = 0;
    let entries = shape.get_mut(entries).and_then(Json::as_object_mut);
    for (key, entry) in entries.into_iter().flatten() {
        if let Json::String(text) = entry
            && is_accepted(text)
        {
            size += key.len() + text.len();
            text.clear();
        }
    }
    size
}

fn is_encoded(text: &str) -> bool {
    STANDARD.decode(text).is_ok()
}

/// Where the labels of an object and of its pods are, and what selects by them.
const LABELS: [&str; 4] = [
    "/metadata/labels",
    "/spec/selector",
    "/spec/selector/matchLabels",
    "/spec/template/metadata/labels",
];

/// Puts numbers in the place of labels' values, the same for the same: what matters is which of them are equal, as a
/// selector has to fit its template. None where a value is no label, which the server has to say.
fn number_labels(shape: &mut Json) -> Option<()> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for pointer in LABELS {
        let labels = shape.pointer_mut(pointer).and_then(Json::as_object_mut);
        // A Deployment's selector holds the labels one level deeper, and terms that stay as they are.
        let values = labels.into_iter().flatten().map(|(_, value)| value);
        for value in values.filter(|value| !value.is_object() && !value.is_array()) {
            let text = value.as_str().filter(|text| is_label(text))?.to_owned();
            let next = numbers.len();
            *value = (*numbers.entry(text).or_insert(next)).into();
        }
    }
    Some(())
}

fn is_label(text: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    bytes.len() <= 63 && bytes.iter().all(inner) && is_end(bytes.first()) && is_end(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_alike_that_differ_in_texts_only() {
        let map = |name: &str, data: Json| json!({"metadata": {"name": name, "namespace": "default"}, "data": data});
        let of_map = |body: &Json| shape("core/ConfigMap", body);
        let first = map("a", json!({"k": "1", "l": "x"}));
        assert_eq!(of_map(&first), of_map(&map("b", json!({"k": "22", "l": ""}))));
        for other in [
            map("a", json!({"k": "1"})),
            map("a", json!({"k": "1", "l": 2})),
            map("a", json!({"k": "1", "l": null})),
            map("a", json!({"k": "1", "bad key": "x"})),
            json!({"metadata": {"name": "a", "namespace": "default", "labels": {"x": "y"}}, "data": {"k": "1", "l": "x"}}),
            json!({"metadata": {"name": "a", "namespace": "default"}, "data": {"k": "1", "l": "x"}, "immutable": true}),
            json!({"metadata": {"name": "a", "namespace": "default"}, "data": {"k": "1", "l": "x"}, "binaryData": {"b": "?"}}),
        ] {
            assert_ne!(of_map(&first), of_map(&other), "{other}");
        }
        assert_eq!(of_map(&map("a", json!({"k": "x".repeat(SMALL)}))), None);
    }

    #[test]
    fn what_the_server_reads_is_part_of_the_shape() {
        let secret = |kind: Option<&str>, field: &str, value: &str| {
            let mut body = json!({"metadata": {"name": "a"}});
            body[field] = json!({"k": value});
            body["type"] = kind.into();
            shape("core/Secret", &body)
        };
        assert_eq!(secret(None, "stringData", "a"), secret(None, "stringData", "b"));
        assert_eq!(secret(None, "data", "YQ=="), secret(None, "data", "Yg=="));
        for wrong in ["no base64", "YQ", "YQ=", "YR=="] {
            assert_ne!(secret(None, "data", "YQ=="), secret(None, "data", wrong), "{wrong}");
        }
        assert_eq!(secret(Some("kubernetes.io/tls"), "stringData", "a"), None);
        assert_eq!(shape("batch/Job", &json!({"metadata": {"name": "a"}})), None);
    }

    #[test]
    fn of_labels_it_matters_which_are_equal() {
        let service = |app: Json, port: i64| {
            shape(
                "core/Service",
                &json!({"metadata": {"name": "a", "labels": {"app": app}}, "spec": {"selector": {"app": app}, "ports": [{"port": port}]}}),
            )
        };
        assert_eq!(service("a".into(), 80), service("b".into(), 80));
        assert_ne!(service("a".into(), 80), service("a".into(), 81));
        for wrong in [
            json!("no label"),
            json!("-a"),
            json!("a.".to_owned()),
            json!("a".repeat(64)),
            json!(1),
            json!(null),
        ] {
            assert_eq!(service(wrong.clone(), 80), None, "{wrong}");
        }
        let deployment = |selects: &str, bears: &str, image: &str| {
            let template = json!({"metadata": {"labels": {"app": bears}}, "spec": {"containers": [{"name": "m", "image": image}]}});
            shape(
                "apps/Deployment",
                &json!({"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"app": selects}}, "template": template}}),
            )
        };
        assert_eq!(deployment("a", "a", "x"), deployment("b", "b", "x"));
        assert_ne!(deployment("a", "a", "x"), deployment("a", "b", "x"));
        assert_ne!(deployment("a", "a", "x"), deployment("a", "a", "y"));
    }
}
