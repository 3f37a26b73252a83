//! Certificates of an authority (`caBundle`) that a controller writes into objects which declare a placeholder, or nothing
//! that counts. They are neither sent nor compared: what is there is the controller's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::value::{FieldPath, FieldPattern, Value};

/// Where objects hold such certificates.
const PLACES: [(&str, &str); 4] = [
    (
        "admissionregistration.k8s.io/MutatingWebhookConfiguration",
        "webhooks.*.clientConfig.caBundle",
    ),
    (
        "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
        "webhooks.*.clientConfig.caBundle",
    ),
    (
        "apiextensions.k8s.io/CustomResourceDefinition",
        "spec.conversion.webhook.clientConfig.caBundle",
    ),
    ("apiregistration.k8s.io/APIService", "spec.caBundle"),
];

/// The annotations that ask a controller for them.
const REQUESTS: [&str; 6] = [
    "cert-manager.io/inject-apiserver-ca",
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "certmanager.k8s.io/inject-apiserver-ca",
    "certmanager.k8s.io/inject-ca-from",
    "service.beta.openshift.io/inject-cabundle",
];

/// Takes them out of an object's inputs.
pub(crate) fn strip(object: &mut Value, type_name: &str) {
    for (path, _) in found(object, type_name) {
        object.set_at(&path, None);
    }
}

/// Which of them are left out of an object, and why, a line each.
pub(crate) fn left_out(object: &Value, type_name: &str) -> Vec<String> {
    let found = found(object, type_name).into_iter();
    found.map(|(path, why)| format!("leaves out {path}, {why}")).collect()
}

fn found(object: &Value, type_name: &str) -> Vec<(FieldPath, String)> {
    let place = PLACES.iter().find(|(of, _)| *of == type_name);
    let pattern = place.and_then(|(_, place)| place.parse::<FieldPattern>().ok());
    let paths = pattern.map(|pattern| pattern.find(object)).unwrap_or_default();
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let request = annotations.and_then(|all| REQUESTS.iter().find(|request| all.contains_key(**request)));
    let why = |path: FieldPath| {
        let why = match (request, object.at(&path)) {
            (Some(request), _) => format!("which a controller writes (annotation {request})"),
            (None, Some(Value::String(text))) if is_placeholder(text) => {
                "which holds no certificate: a controller writes it".to_owned()
            }
            _ => return None,
        };
        Some((path, why))
    };
    paths.into_iter().filter_map(why).collect()
}

/// True if a text is well-formed and holds no certificate. One that is not is for the server to refuse.
fn is_placeholder(text: &str) -> bool {
    let bytes = STANDARD.decode(text.trim());
    bytes.is_ok_and(|bytes| !String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WEBHOOKS: &str = "admissionregistration.k8s.io/ValidatingWebhookConfiguration";

    fn certificate() -> String {
        STANDARD.encode("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn placeholders_are_left_out_and_certificates_are_not() {
        let webhooks = |bundle: &str| {
            Value::from(json!({"webhooks": [
                {"name": "a.b.c", "clientConfig": {"service": {"name": "s"}, "caBundle": bundle}},
                {"name": "d.e.f", "clientConfig": {"url": "https://x"}},
            ]}))
        };
        let certificate = certificate();
        for (bundle, is_left_out) in [
            ("", true),
            ("Cg==", true),
            ("e30=", true),
            (&*certificate, false),
            ("{{ x }}", false),
        ] {
            let mut object = webhooks(bundle);
            assert_eq!(
                left_out(&object, WEBHOOKS).len(),
                usize::from(is_left_out),
                "{bundle:?}"
            );
            strip(&mut object, WEBHOOKS);
            let path = "webhooks[0].clientConfig.caBundle".parse().expect("a path");
            assert_eq!(object.at(&path).is_none(), is_left_out, "{bundle:?}");
            let path = "webhooks[0].clientConfig.service".parse().expect("a path");
            assert!(object.at(&path).is_some());
        }
        assert_eq!(
            left_out(&webhooks("Cg=="), WEBHOOKS),
            [
                "leaves out webhooks[name=a.b.c].clientConfig.caBundle, which holds no certificate: a controller writes it"
            ]
        );
        assert!(left_out(&webhooks("Cg=="), "core/ConfigMap").is_empty());
    }

    #[test]
    fn an_annotation_that_asks_for_certificates_leaves_out_any() {
        for (of_type, mut object) in [
            (
                "apiextensions.k8s.io/CustomResourceDefinition",
                json!({"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": certificate()}}}}}),
            ),
            (
                "apiregistration.k8s.io/APIService",
                json!({"spec": {"caBundle": certificate()}}),
            ),
        ] {
            assert!(left_out(&object.clone().into(), of_type).is_empty(), "{of_type}");
            object["metadata"] = json!({"annotations": {"cert-manager.io/inject-ca-from": "ns/cert"}});
            let mut object = Value::from(object);
            let lines = left_out(&object, of_type);
            assert!(
                lines.concat().contains("annotation cert-manager.io/inject-ca-from"),
                "{lines:?}"
            );
            strip(&mut object, of_type);
            assert!(left_out(&object, of_type).is_empty(), "{of_type}");
        }
    }
}
