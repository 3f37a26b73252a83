//! The test whether a document is a Kubernetes object, and a guess of its type if it is none.

use std::path::Path;

use serde_json::Value as Json;

/// The advice for a chart.
pub(super) const CHART: &str =
    "this looks like a template of a Helm chart; `helm template NAME CHART > FILE` makes manifests of one";

/// True if a text is a template that has to be filled in.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") && text.contains("}}")
}

/// The objects of a document: a list holds several, of one kind or of many. Each has its position in each list that it
/// stands in.
pub(super) fn unfold(document: Json) -> Vec<(Vec<usize>, Json)> {
    let kind = document["kind"].as_str().unwrap_or_default();
    let item_kind = kind.strip_suffix("List").map(str::to_owned);
    let api_version = document["apiVersion"].clone();
    match (document, item_kind) {
        (Json::Null, _) => Vec::new(),
        (Json::Object(mut list), Some(kind)) if list.contains_key("items") => match list.remove("items") {
            Some(Json::Array(items)) => {
                let item = |(index, mut item): (usize, Json)| {
                    if let (Some(item), false) = (item.as_object_mut(), kind.is_empty()) {
                        item.entry("apiVersion").or_insert_with(|| api_version.clone());
                        item.entry("kind").or_insert_with(|| kind.clone().into());
                    }
                    let below = unfold(item).into_iter();
                    below.map(move |(place, object)| ([vec![index], place].concat(), object))
                };
                items.into_iter().enumerate().flat_map(item).collect()
            }
            _ => Vec::new(),
        },
        (object, _) => vec![(Vec::new(), object)],
    }
}

/// Refuses what is no Kubernetes object.
pub(super) fn check(file: &Path, object: &Json) -> Result<(), String> {
    if let Some(other) = other(file, object) {
        return Err(other.to_owned());
    }
    if !object.is_object() {
        return Err(
            "this is no Kubernetes object: a mapping with apiVersion, kind and metadata is expected".to_owned(),
        );
    }
    for pointer in ["/apiVersion", "/kind", "/metadata/name"] {
        let text = object.pointer(pointer).and_then(Json::as_str).unwrap_or("");
        if text.is_empty() {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            return Err(format!("this is no Kubernetes object: {field} is missing, or no text"));
        }
    }
    Ok(())
}

/// Guesses another type of document, from its name and its content.
fn other(file: &Path, object: &Json) -> Option<&'static str> {
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let is_object = object["kind"].is_string() && !api_version.is_empty();
    if api_version.starts_with("kustomize.config.k8s.io/")
        || (matches!(name.as_str(), "kustomization.yaml" | "kustomization.yml") && !is_object)
    {
        return Some(
            "this is a kustomization, which says how to make manifests: write them with `kubectl kustomize FOLDER > FILE`, and name that file",
        );
    }
    let is_values = name.starts_with("values") || name == "chart.yaml" || name.starts_with("chart.");
    (is_values && !is_object).then_some(
        "this belongs to a Helm chart and is no Kubernetes object; `helm template NAME CHART > FILE` makes manifests of one",
    )
}
