//! Objects that the server judges alike: in a namespace that is yet to be made one trial does for all of them.
//!
//! So it is with ConfigMaps and Secrets that differ in their name and in the texts of their entries, which the server takes as
//! they are. Where somebody else has a say in admission (a webhook, a policy), each is tried by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use iac_core::value::canonical;
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use crate::object::ObjectId;
use crate::provider::call::{Call, CallError};
use crate::provider::session::Session;

/// How large an object may be of which no size is counted: the server's limit is twice that.
const SMALL: usize = 512 * 1024;

/// What says who has a say in admission.
const ADMISSION: [&str; 4] = [
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// The warnings of an accepted trial; none where it was not accepted, so that every object has to be tried.
pub(crate) type Verdict = Arc<OnceCell<Option<Vec<String>>>>;

/// What was tried so far.
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

/// What the server's verdict on an object depends on, if that is less than the whole.
fn shape(type_name: &str, body: &Json) -> Option<String> {
    let entries = match (type_name, body["type"].as_str()) {
        ("core/ConfigMap", _) => "data",
        ("core/Secret", None | Some("Opaque")) => "stringData",
        _ => return None,
    };
    let mut shape = body.clone();
    shape["metadata"]["name"] = Json::Null;
    let mut size = 0;
    for (key, entry) in shape
        .get_mut(entries)
        .and_then(Json::as_object_mut)
        .into_iter()
        .flatten()
    {
        if let Json::String(text) = entry {
            size += key.len() + text.len();
            text.clear();
        }
    }
    (size < SMALL).then(|| canonical::digest(&shape))
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
        assert_ne!(secret(None, "data", "YQ=="), secret(None, "data", "no base64"));
        assert_eq!(secret(Some("kubernetes.io/tls"), "stringData", "a"), None);
        assert_eq!(shape("apps/Deployment", &json!({"metadata": {"name": "a"}})), None);
    }
}
