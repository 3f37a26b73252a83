//! Changes of a CustomResourceDefinition: those that a reader has to see, and those that are only counted.
//!
//! A schema has thousands of fields, and most of its changes concern descriptions. Changes that can break objects or
//! clients are shown: fields that go, types, newly required fields, values that are no longer allowed, defaults, and
//! everything outside of the schemas, such as versions and the scope.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::Value;
use iac_core::provider::Minor;
use iac_core::value::Segment;
use iac_core::value::diff::FieldChange;

/// The type of definitions.
pub(crate) const DEFINITION: &str = "apiextensions.k8s.io/CustomResourceDefinition";

/// The subject of a change of a schema that is only counted. The order is that of the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Description,
    NewField,
    Validation,
    Column,
    Other,
}

impl Detail {
    fn text(self, count: usize) -> String {
        let (one, many) = match self {
            Self::Description => ("description", "descriptions"),
            Self::NewField => ("new field", "new fields"),
            Self::Validation => ("validation", "validations"),
            Self::Column => ("printed column", "printed columns"),
            Self::Other => ("other", "others"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// The changes of a definition that are only counted.
pub(crate) fn minor(changes: &[FieldChange]) -> Option<Minor> {
    let mut counts: BTreeMap<Detail, usize> = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for change in changes {
        if let Some(detail) = detail(change) {
            *counts.entry(detail).or_default() += 1;
            paths.insert(change.path.clone());
        }
    }
    let what: Vec<String> = counts.into_iter().map(|(detail, count)| detail.text(count)).collect();
    (!paths.is_empty()).then(|| Minor {
        what: format!("of the schema: {}", what.join(", ")),
        paths,
    })
}

/// Returns the subject of a change; `None` if the change has to be seen.
fn detail(change: &FieldChange) -> Option<Detail> {
    let names: Vec<&str> = change.path.segments().iter().filter_map(name).collect();
    if names.contains(&"additionalPrinterColumns") {
        return Some(Detail::Column);
    }
    let schema = names.iter().position(|name| *name == "openAPIV3Schema")?;
    let names = &names[schema + 1..];
    let added = change.before.is_none();
    let removed = change.after.is_none();
    // Nobody but the controller writes a status.
    let in_status = names.starts_with(&["properties", "status"]);
    match keyword(names)? {
        Keyword::Property if added => Some(Detail::NewField),
        Keyword::Property => None,
        Keyword::Of("description" | "title" | "example" | "externalDocs") => Some(Detail::Description),
        Keyword::Of("x-kubernetes-list-type" | "x-kubernetes-map-type") if added && is_default(change) => {
            Some(Detail::Other)
        }
        Keyword::Of("required" | "enum" | "default") if in_status => Some(Detail::Validation),
        Keyword::Of(
            "type"
            | "default"
            | "x-kubernetes-preserve-unknown-fields"
            | "x-kubernetes-int-or-string"
            | "x-kubernetes-embedded-resource"
            | "x-kubernetes-list-type"
            | "x-kubernetes-list-map-keys"
            | "x-kubernetes-map-type",
        ) => None,
        Keyword::Of("required") if removed => Some(Detail::Validation),
        Keyword::Of("enum") if added => Some(Detail::Validation),
        Keyword::Of("required" | "enum") => None,
        Keyword::Of(
            "format"
            | "pattern"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "exclusiveMaximum"
            | "minLength"
            | "maxLength"
            | "minItems"
            | "maxItems"
            | "minProperties"
            | "maxProperties"
            | "multipleOf"
            | "uniqueItems"
            | "nullable"
            | "x-kubernetes-validations"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "not",
        ) => Some(Detail::Validation),
        Keyword::Of(_) => Some(Detail::Other),
    }
}

/// True if a list or map now is said to be what it was without a word.
fn is_default(change: &FieldChange) -> bool {
    let after = change.after.as_ref().and_then(Value::as_str);
    matches!(after, Some("atomic" | "granular"))
}

/// A segment's name; an element of a list has none.
fn name(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Field(name) => Some(name),
        Segment::Element { .. } | Segment::Index(_) => None,
    }
}

/// The schema keyword that a path below a schema leads to.
#[derive(Debug, PartialEq, Eq)]
enum Keyword<'a> {
    /// A field that the schema describes.
    Property,
    /// Something that is said of one, by its name.
    Of(&'a str),
}

/// Reads a path below a schema. A field may be called as a word of the schema is, such as `type`.
fn keyword<'a>(names: &[&'a str]) -> Option<Keyword<'a>> {
    match names {
        [] => None,
        ["properties" | "patternProperties" | "definitions", _] => Some(Keyword::Property),
        ["properties" | "patternProperties" | "definitions", _, rest @ ..] => keyword(rest),
        ["items" | "additionalProperties"] => Some(Keyword::Property),
        ["items" | "additionalProperties", rest @ ..] => keyword(rest),
        [first, ..] => Some(Keyword::Of(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iac_core::value::diff::diff;
    use serde_json::{Value as Json, json};

    fn definition(schema: &Json, served: bool) -> Value {
        json!({"spec": {"scope": "Namespaced", "versions": [
            {"name": "v1", "served": served, "storage": true, "schema": {"openAPIV3Schema": schema}},
        ]}})
        .into()
    }

    #[test]
    fn what_can_break_is_shown_and_the_rest_is_counted() {
        let old = json!({"type": "object", "description": "a", "required": ["size"], "properties": {
            "size": {"type": "string", "description": "b", "enum": ["s", "m", "l"], "default": "s", "maxLength": 3},
            "gone": {"type": "string"},
            "type": {"type": "string", "description": "c"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "status": {"type": "object", "properties": {"was": {"type": "string"}}},
        }});
        let new = json!({"type": "object", "description": "A", "required": ["kind", "size"], "properties": {
            "size": {"type": "integer", "description": "B", "enum": ["s", "l", "xl"], "default": "l", "maxLength": 2},
            "added": {"type": "object", "properties": {"x": {"type": "string"}}},
            "type": {"type": "string", "description": "C"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "boolean"}}}},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}, "x-kubernetes-map-type": "granular"},
            "status": {"type": "object", "required": ["is"], "properties": {"is": {"type": "string"}}},
        }});
        let changes = diff(&definition(&old, true), &definition(&new, false));
        let minor = minor(&changes).expect("some");
        assert_eq!(
            minor.what,
            "of the schema: 3 descriptions, 2 new fields, 3 validations, 1 other"
        );
        let shown = changes.iter().filter(|change| !minor.paths.contains(&change.path));
        let shown: Vec<String> = shown
            .map(|change| {
                change
                    .path
                    .to_string()
                    .replace("spec.versions[name=v1].schema.openAPIV3Schema.", "")
            })
            .collect();
        assert_eq!(
            shown,
            [
                "properties.gone",
                "properties.list.items.properties.a.type",
                "properties.map.additionalProperties.type",
                "properties.size.default",
                "properties.size.enum[1]",
                "properties.size.type",
                "properties.status.properties.was",
                "required[0]",
                "spec.versions[name=v1].served",
            ]
        );
    }
}
