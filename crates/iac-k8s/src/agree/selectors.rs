//! Selectors of pods, and names of parts of the pods that they lead to. Others may create such pods, so nothing here is
//! more than a note.

use iac_core::value::{FieldPath, Value};

use super::ports::Template;
use super::{Certainty, Insides, Misfit, backends};
use crate::object::{DEFAULT_NAMESPACE, ObjectId, split_api_version, type_name};
use crate::reference::items;

pub(super) fn misfits(insides: &Insides, id: &ObjectId, kind: &str, inputs: &Value) -> Vec<Misfit> {
    match kind {
        "core/Service" => service(insides, id, inputs),
        "policy/PodDisruptionBudget" => labelled(insides, id, inputs, "selector"),
        "networking.k8s.io/NetworkPolicy" => labelled(insides, id, inputs, "podSelector"),
        "networking.k8s.io/Ingress" => backends::misfits(insides, id, inputs),
        "autoscaling/HorizontalPodAutoscaler" => autoscaler(insides, id, inputs),
        _ => Vec::new(),
    }
}

pub(super) fn perhaps(path: FieldPath, message: String) -> Misfit {
    Misfit {
        path,
        message,
        hint: "",
        certainty: Certainty::Perhaps,
    }
}

/// The templates of a namespace; none where there are none, since then the pods are somebody else's.
fn near<'a>(insides: &'a Insides, id: &ObjectId) -> Option<Vec<&'a Template>> {
    let templates = insides
        .templates
        .iter()
        .filter(|template| template.namespace == id.namespace);
    let templates: Vec<&Template> = templates.collect();
    (!templates.is_empty()).then_some(templates)
}

fn matches(template: &Template, selector: &Value) -> bool {
    let wanted = selector.as_object().into_iter().flatten();
    wanted
        .into_iter()
        .all(|(label, value)| template.labels.get(label).map(String::as_str) == value.as_str())
}

fn service(insides: &Insides, id: &ObjectId, inputs: &Value) -> Vec<Misfit> {
    let selector = inputs.pointer("/spec/selector");
    let selector =
        selector.filter(|selector| selector.as_object().is_some_and(|map| !map.is_empty()) && selector.is_known());
    let (Some(selector), Some(templates)) = (selector, near(insides, id)) else {
        return Vec::new();
    };
    let selected: Vec<&Template> = templates
        .into_iter()
        .filter(|template| matches(template, selector))
        .collect();
    let path = FieldPath::fields(["spec"]);
    if selected.is_empty() {
        let message = "no pods of this stack have these labels".to_owned();
        return vec![perhaps(path.field("selector"), message)];
    }
    let spec = inputs.get("spec").unwrap_or(&Value::Null);
    let ports = items(spec, &path, "ports").into_iter().filter_map(|(path, port)| {
        let name = port.get("targetPort").and_then(Value::as_str)?;
        let named = name.parse::<u16>().is_ok() || selected.iter().any(|template| template.ports.contains(name));
        let message = || format!("no container of the pods that it selects has a port named {name:?}");
        (!named).then(|| perhaps(path.field("targetPort"), message()))
    });
    ports.collect()
}

/// A selector with labels and conditions that no pods of the stack meet.
fn labelled(insides: &Insides, id: &ObjectId, inputs: &Value, field: &str) -> Vec<Misfit> {
    let selector = inputs.get("spec").and_then(|spec| spec.get(field));
    let selector = selector.filter(|selector| selector.is_known());
    let (Some(selector), Some(templates)) = (selector, near(insides, id)) else {
        return Vec::new();
    };
    let labels = selector.get("matchLabels");
    let conditions = selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let is_selected = |template: &Template| {
        labels.is_none_or(|labels| matches(template, labels))
            && conditions.iter().all(|condition| meets(template, condition))
    };
    if templates.into_iter().any(is_selected) {
        return Vec::new();
    }
    let path = FieldPath::fields(["spec", field]);
    let path = match labels {
        Some(_) if conditions.is_empty() => path.field("matchLabels"),
        _ => path,
    };
    vec![perhaps(path, "no pods of this stack have these labels".to_owned())]
}

/// True if pods meet a condition of `matchExpressions`. One that is not known here counts as met.
fn meets(template: &Template, condition: &Value) -> bool {
    let text = |field: &str| condition.get(field).and_then(Value::as_str);
    let own = text("key").and_then(|key| template.labels.get(key));
    let values = condition.get("values").and_then(Value::as_array).unwrap_or_default();
    let is_one = || own.is_some_and(|own| values.iter().any(|value| value.as_str() == Some(own)));
    match text("operator") {
        Some("In") => is_one(),
        Some("NotIn") => !is_one(),
        Some("Exists") => own.is_some(),
        Some("DoesNotExist") => own.is_none(),
        _ => true,
    }
}

fn autoscaler(insides: &Insides, id: &ObjectId, inputs: &Value) -> Vec<Misfit> {
    let spec = inputs.get("spec").unwrap_or(&Value::Null);
    let text = |field: &str| {
        spec.get("scaleTargetRef")
            .and_then(|target| target.get(field)?.as_str())
    };
    let (Some(api_version), Some(kind), Some(name)) = (text("apiVersion"), text("kind"), text("name")) else {
        return Vec::new();
    };
    let namespace = id.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    let target = format!(
        "{} {namespace}/{name}",
        type_name(split_api_version(api_version).0, kind)
    );
    let Some(template) = insides.templates.iter().find(|template| template.identity == target) else {
        return Vec::new();
    };
    let metrics = items(spec, &FieldPath::fields(["spec"]), "metrics").into_iter();
    metrics
        .filter_map(|(path, metric)| of_metric(template, &path, metric))
        .collect()
}

/// A share of what the containers ask for cannot be told where one asks for nothing.
fn of_metric(template: &Template, path: &FieldPath, metric: &Value) -> Option<Misfit> {
    let (field, source) = ["resource", "containerResource"]
        .iter()
        .find_map(|field| Some((*field, metric.get(field)?)))?;
    let resource = source.get("name")?.as_str()?;
    let container = source.get("container").and_then(Value::as_str);
    let path = path.field(field);
    if let Some(container) = container
        && !template.containers.contains_key(container)
    {
        let message = format!("the pods that it scales have no container {container:?}");
        return Some(perhaps(path.field("container"), message));
    }
    source.get("target")?.get("averageUtilization")?;
    let concerned = template
        .containers
        .iter()
        .filter(|(name, _)| container.is_none_or(|container| container == *name));
    let lacking = concerned.into_iter().find(|(_, given)| !given.contains(resource))?.0;
    let message = format!(
        "container {lacking:?} requests no {resource}, so its utilization cannot be told, unless a LimitRange gives one"
    );
    Some(perhaps(path.field("target"), message))
}
