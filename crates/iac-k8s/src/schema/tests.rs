//! One schema, and objects that fit it or do not.

use iac_core::Key;
use iac_core::declare::{Options, ResourceDecl, SourceLine};
use iac_core::value::Value;
use serde_json::json;

use super::*;
use crate::object::ObjectId;

fn schemas() -> Schemas {
    let spec = json!({
        "type": "object", "required": ["size", "mode"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
            "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 4},
            "port": {"x-kubernetes-int-or-string": true},
            "list": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"name": {"type": "string"}, "on": {"type": "boolean"}}}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "maybe": {"type": "string", "nullable": true},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
                "items": {"type": "object", "required": ["port"], "properties": {
                    "port": {"type": "integer", "format": "int32"}, "protocol": {"type": "string", "default": "TCP"}}}},
            "since": {"type": "string", "format": "date-time"},
            "amount": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "one": {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        },
        "x-kubernetes-validations": [{"rule": "self.size < 9"}, {"rule": "has(self.size)"}],
    });
    let schema =
        json!({"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": {"type": "object"}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.a.io"},
        "spec": {"group": "a.io", "names": {"kind": "Thing", "plural": "things"}, "versions": [
            {"name": "v1", "served": true, "schema": {"openAPIV3Schema": schema}},
            {"name": "v0", "served": false},
        ]},
    });
    let mut schemas = Schemas::default();
    schemas.add(&ResourceDecl {
        key: Key::new(
            "",
            "kubernetes:apiextensions.k8s.io/CustomResourceDefinition",
            "things.a.io",
        )
        .expect("valid"),
        inputs: definition.into(),
        options: Options::default(),
        after: Vec::new(),
        source: SourceLine::caller(),
        lines: None,
    });
    schemas
}

/// Returns the verdict on a Thing of this version and specification.
fn verdict(version: &str, spec: serde_json::Value) -> Verdict {
    let object =
        json!({"apiVersion": format!("a.io/{version}"), "kind": "Thing", "metadata": {"name": "t"}, "spec": spec});
    let inputs: Value = object.into();
    let id = ObjectId::of(&inputs).expect("complete");
    schemas().judge(&id, &inputs).expect("defined")
}

/// Returns the problems of a Thing of this version and specification, without their source lines.
fn wrong(version: &str, spec: serde_json::Value) -> Vec<String> {
    let verdict = verdict(version, spec);
    let text = |message: &str| {
        message
            .trim_end_matches(", says its definition in this stack")
            .to_owned()
    };
    verdict
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.path, text(&problem.message)))
        .collect()
}

#[test]
fn an_object_is_compared_with_the_schema_of_its_definition() {
    for (spec, expected) in [
        (
            json!({"size": 3, "port": "http", "labels": {"a": "b"}, "free": {"x": [1]}, "maybe": null, "list": [{"on": true}]}),
            vec![],
        ),
        (json!({"size": 3.0, "port": 80}), vec![]),
        (json!({}), vec!["spec.size: it is required"]),
        (
            json!({"size": "3"}),
            vec!["spec.size: it must be of type integer, and is a text"],
        ),
        (
            json!({"size": 0}),
            vec!["spec.size: it must not be less than 1, and is 0"],
        ),
        (
            json!({"size": 10}),
            vec!["spec.size: it must not be more than 9, and is 10"],
        ),
        (
            json!({"size": 3, "mode": "odd"}),
            vec!["spec.mode: it must be one of \"fast\", \"slow\""],
        ),
        (
            json!({"size": 3, "name": "ABCDE"}),
            vec![
                "spec.name: it must have at most 4 characters, and has 5",
                "spec.name: it must match \"^[a-z]+$\"",
            ],
        ),
        (
            json!({"size": 3, "port": true}),
            vec!["spec.port: it must be of type integer or string, and is a boolean"],
        ),
        (
            json!({"size": 3, "list": []}),
            vec!["spec.list: it must have at least 1 items, and has 0"],
        ),
        (
            json!({"size": 3, "list": [{"name": "x", "on": "yes"}]}),
            vec!["spec.list[name=x].on: it must be of type boolean, and is a text"],
        ),
        (
            json!({"size": 3, "labels": {"a": 1}}),
            vec!["spec.labels.a: it must be of type string, and is a number"],
        ),
        (json!({"size": 3, "sise": 1}), vec!["spec.sise: there is no such field"]),
        (json!({"size": null}), vec!["spec.size: it must not be null"]),
        (
            json!({"size": 3, "set": ["a", "b", "a"]}),
            vec!["spec.set[2]: it is there twice"],
        ),
        (
            json!({"size": 3, "ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}),
            vec!["spec.ports[2]: it is there twice"],
        ),
    ] {
        assert_eq!(wrong("v1", spec.clone()), expected, "{spec}");
    }
    assert_eq!(
        wrong("v0", json!({"size": 3})),
        ["apiVersion: the stack's definition of Thing does not serve the version \"v0\""]
    );
}

#[test]
fn rules_that_only_a_server_can_check_are_counted_where_they_bear_on_something() {
    for (spec, expected) in [
        (
            json!({"size": 3, "amount": "5", "ports": [{"port": 1}]}),
            vec![("x-kubernetes-validations", 2)],
        ),
        (
            json!({"size": 3, "since": "now", "one": {"a": "x"}, "ports": [{"port": 4_294_967_296_i64}]}),
            vec![("format", 2), ("oneOf", 1), ("x-kubernetes-validations", 2)],
        ),
    ] {
        let left: Vec<(&str, usize)> = verdict("v1", spec.clone()).left.into_iter().collect();
        assert_eq!(left, expected, "{spec}");
    }
}
