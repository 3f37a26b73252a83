//! Losses of a CustomResourceDefinition's objects, which are mostly others', when it changes: a version that is no longer
//! served, and fields that its schema no longer has, which are dropped when an object is next written.

use std::collections::BTreeSet;

use iac_core::provider::{Risk, RiskKind};
use serde_json::{Map, Value as Json};

use crate::object::ObjectId;
use crate::provider::call::{Call, CallError};
use crate::provider::others;
use crate::provider::session::Session;

/// A step of the way to a field.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Field(String),
    /// All elements of a list.
    Elements,
    /// All values of a map.
    Values,
    /// Fields other than these.
    Other(BTreeSet<String>),
}

/// The risks of a definition as it is to be.
pub(crate) async fn risks(session: &Session, id: &ObjectId, after: &Json) -> Result<Vec<Risk>, CallError> {
    let Some(before) = session.read(id).await? else {
        return Ok(Vec::new());
    };
    let gone = versions_gone(&before, after);
    let dropped = fields_dropped(&before, after);
    if gone.is_empty() && dropped.is_empty() {
        return Ok(Vec::new());
    }
    let listed = match others::listing(&before) {
        Some(path) => match session.list(Call::get(path)).await {
            Err(error) if error.is_global() => return Err(error),
            listed => listed.map_err(|error| others::reason(&error)),
        },
        None => Err(others::NOT_SERVED.to_owned()),
    };
    let objects = match listed {
        Ok(objects) => objects,
        Err(why) => {
            let fields = dropped.iter().map(|(version, fields)| fields_text(version, fields));
            let risk = |what: String| loss(format!("{what}; whether objects have it could not be seen: {why}"));
            return Ok(gone.into_iter().chain(fields).map(risk).collect());
        }
    };
    let count = objects.len();
    let unreachable = gone
        .into_iter()
        .filter(|_| count > 0)
        .map(|what| loss(format!("{what}, and there are {count} objects of the kind")));
    let pruned = dropped.iter().filter_map(|(version, fields)| {
        let holds = |object: &&Json| fields.iter().any(|field| holds(object, field));
        let holding: Vec<String> = objects.iter().filter(holds).map(name).collect();
        (!holding.is_empty()).then(|| {
            loss(format!(
                "{}; {} of {count} objects have such fields and lose them when they are next written: {}",
                fields_text(version, fields),
                holding.len(),
                others::list(&holding)
            ))
        })
    });
    Ok(unreachable.chain(pruned).collect())
}

fn loss(message: String) -> Risk {
    Risk {
        kind: RiskKind::DataLoss,
        message,
    }
}

fn name(object: &Json) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
    let name = text("/metadata/name").unwrap_or_default();
    match text("/metadata/namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

fn versions(definition: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let versions = definition.pointer("/spec/versions").and_then(Json::as_array);
    versions
        .into_iter()
        .flatten()
        .filter_map(|version| Some((version["name"].as_str()?, version)))
}

fn version<'a>(definition: &'a Json, name: &str) -> Option<&'a Json> {
    versions(definition)
        .find(|(other, _)| *other == name)
        .map(|(_, version)| version)
}

/// The versions that were served and no longer are.
fn versions_gone(before: &Json, after: &Json) -> Vec<String> {
    let served = versions(before).filter(|(_, version)| version["served"] == true);
    let gone = served.filter_map(|(name, _)| match version(after, name) {
        None => Some(format!("version {name} is removed")),
        Some(now) if now["served"] == false => Some(format!("version {name} is no longer served")),
        Some(_) => None,
    });
    gone.collect()
}

/// The fields that the schema of a version no longer has, by version.
fn fields_dropped(before: &Json, after: &Json) -> Vec<(String, Vec<Vec<Part>>)> {
    let dropped = versions(before).filter_map(|(name, was)| {
        let (was, now) = (
            was.pointer("/schema/openAPIV3Schema")?,
            version(after, name)?.pointer("/schema/openAPIV3Schema")?,
        );
        let mut fields = Vec::new();
        compare(&[], was, now, &mut fields);
        (!fields.is_empty()).then(|| (name.to_owned(), fields))
    });
    dropped.collect()
}

fn fields_text(version: &str, fields: &[Vec<Part>]) -> String {
    let names: Vec<String> = fields.iter().map(|field| path_text(field)).collect();
    format!("the schema of {version} no longer has {}", others::list(&names))
}

fn path_text(path: &[Part]) -> String {
    let mut text = String::new();
    for part in path {
        match part {
            Part::Field(name) if text.is_empty() => text.push_str(name),
            Part::Field(name) => text.push_str(&format!(".{name}")),
            Part::Elements => text.push_str("[]"),
            Part::Values | Part::Other(_) => text.push_str(".*"),
        }
    }
    text
}

fn properties(schema: &Json) -> Option<&Map<String, Json>> {
    schema["properties"].as_object()
}

fn preserves(schema: &Json) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true
}

/// Collects the fields that `was` lets an object have and `now` does not.
fn compare(path: &[Part], was: &Json, now: &Json, dropped: &mut Vec<Vec<Part>>) {
    if preserves(now) {
        return;
    }
    let below = |part: Part| [path, &[part]].concat();
    let values = |schema: &Json| {
        schema
            .get("additionalProperties")
            .filter(|values| **values != false)
            .cloned()
    };
    if preserves(was) && values(now).is_none() {
        let known = properties(now).into_iter().flatten().map(|(name, _)| name.clone());
        let known = known.chain(implicit(path).map(str::to_owned));
        dropped.push(below(Part::Other(known.collect())));
    }
    for (name, was) in properties(was).into_iter().flatten() {
        let field = below(Part::Field(name.clone()));
        match properties(now).and_then(|fields| fields.get(name)) {
            Some(now) => compare(&field, was, now, dropped),
            None if implicit(path).any(|known| known == name) || values(now).is_some() => {}
            None => dropped.push(field),
        }
    }
    match (values(was), values(now)) {
        (Some(was), Some(now)) => compare(&below(Part::Values), &was, &now, dropped),
        // All keys go but those that the new fields take.
        (Some(_), None) => match properties(now) {
            Some(fields) if !preserves(was) => dropped.push(below(Part::Other(fields.keys().cloned().collect()))),
            Some(_) => {}
            None => dropped.push(below(Part::Values)),
        },
        _ => {}
    }
    if let (Some(was), Some(now)) = (was.get("items"), now.get("items")) {
        compare(&below(Part::Elements), was, now, dropped);
    }
}

/// The fields that every object has, whether its schema says so or not.
fn implicit(path: &[Part]) -> impl Iterator<Item = &'static str> {
    let names: &[&str] = if path.is_empty() {
        &["apiVersion", "kind", "metadata"]
    } else {
        &[]
    };
    names.iter().copied()
}

/// True if an object has something there.
fn holds(node: &Json, path: &[Part]) -> bool {
    let Some((part, rest)) = path.split_first() else {
        return !node.is_null();
    };
    let fields = || node.as_object().into_iter().flatten();
    match part {
        Part::Field(name) => node.get(name).is_some_and(|field| holds(field, rest)),
        Part::Elements => node
            .as_array()
            .into_iter()
            .flatten()
            .any(|element| holds(element, rest)),
        Part::Values => fields().any(|(_, value)| holds(value, rest)),
        Part::Other(known) => fields().any(|(name, value)| !known.contains(name) && holds(value, rest)),
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(versions: Json) -> Json {
        json!({"spec": {"versions": versions}})
    }

    fn with(schema: Json) -> Json {
        definition(json!([{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]))
    }

    fn spec(fields: Json) -> Json {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}})
    }

    #[test]
    fn fields_that_a_schema_loses_are_found_with_the_objects_that_have_them() {
        let text = json!({"type": "string"});
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let of_texts = json!({"type": "object", "additionalProperties": text});
        let object = |spec: Json| json!({"metadata": {"name": "a"}, "spec": spec});
        for (was, now, lost, object) in [
            (
                spec(json!({"a": text, "b": text})),
                spec(json!({"a": text})),
                vec!["spec.b"],
                object(json!({"b": "1"})),
            ),
            (
                spec(json!({"list": {"type": "array", "items": {"properties": {"x": text, "y": text}}}})),
                spec(json!({"list": {"type": "array", "items": {"properties": {"x": text}}}})),
                vec!["spec.list[].y"],
                object(json!({"list": [{"x": "1"}, {"y": "1"}]})),
            ),
            (
                spec(json!({"map": {"additionalProperties": {"properties": {"x": text, "y": text}}}})),
                spec(json!({"map": {"additionalProperties": {"properties": {"x": text}}}})),
                vec!["spec.map.*.y"],
                object(json!({"map": {"k": {"y": "1"}}})),
            ),
            (
                spec(json!({"map": of_texts})),
                spec(json!({"map": {"type": "object"}})),
                vec!["spec.map.*"],
                object(json!({"map": {"k": "1"}})),
            ),
            (
                spec(json!({"map": of_texts})),
                spec(json!({"map": {"type": "object", "properties": {"a": text}}})),
                vec!["spec.map.*"],
                object(json!({"map": {"a": "1", "b": "2"}})),
            ),
            (
                spec(json!({"any": open})),
                spec(json!({"any": {"properties": {"x": text}}})),
                vec!["spec.any.*"],
                object(json!({"any": {"z": 1}})),
            ),
            (
                spec(json!({"a": text})),
                json!({"type": "object", "properties": {"spec": open}}),
                vec![],
                object(json!({})),
            ),
            (
                spec(json!({"a": {"properties": {"x": text}}})),
                spec(json!({"a": of_texts})),
                vec![],
                object(json!({})),
            ),
            (
                spec(json!({"a": text})),
                spec(json!({"a": text, "b": text})),
                vec![],
                object(json!({})),
            ),
            (
                json!({"properties": {"metadata": {}, "kind": text}}),
                json!({"properties": {}}),
                vec![],
                object(json!({})),
            ),
        ] {
            let dropped = fields_dropped(&with(was), &with(now));
            let fields: Vec<&Vec<Part>> = dropped.iter().flat_map(|(_, fields)| fields).collect();
            let names: Vec<String> = fields.iter().map(|field| path_text(field)).collect();
            assert_eq!(names, lost);
            assert!(fields.iter().all(|field| holds(&object, field)), "{lost:?}");
            let without = json!({"spec": {"a": "1", "list": [{"x": "1"}], "map": {}, "any": {"x": "1"}}});
            assert!(!fields.iter().any(|field| holds(&without, field)), "{lost:?}");
        }
    }

    #[test]
    fn versions_that_are_no_longer_served_are_found() {
        let both = |first: bool| json!([{"name": "v1", "served": first}, {"name": "v2", "served": true}]);
        let before = definition(both(true));
        assert_eq!(
            versions_gone(&before, &definition(both(false))),
            ["version v1 is no longer served"]
        );
        assert_eq!(
            versions_gone(&before, &definition(json!([{"name": "v2", "served": true}]))),
            ["version v1 is removed"]
        );
        assert!(
            versions_gone(
                &definition(both(false)),
                &definition(json!([{"name": "v2", "served": true}]))
            )
            .is_empty()
        );
    }
}
