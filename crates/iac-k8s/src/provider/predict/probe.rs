//! A trial of a custom resource whose definition the server does not have, or not as the stack declares it.
//!
//! No server tries an object of a kind that it does not know. But it checks the default values in a definition by the whole
//! schema around them: rules in CEL, `oneOf` and its like, formats. So the object is sent as the default value in a definition
//! that is only tried (`dryRun`), under a group that nobody has.

use iac_core::provider::{Problem, ProviderError};
use serde_json::{Value as Json, json};

use super::Question;
use super::trial::Trial;
use crate::fields;
use crate::provider::call::Refusal;
use crate::schema;

/// The group of the definition that is tried.
const GROUP: &str = "check.iac.invalid";
/// The property that has the object as its default value, as the server writes it.
const PLACE: &str = "properties[object].default";

/// What came of the trial of an object in its own definition.
pub(super) enum Probed {
    /// The server finds it right.
    Right,
    /// It is wrong.
    Wrong(Vec<Problem>),
    /// The server says nothing about it, because of this.
    Untried(String),
}

impl Question<'_> {
    /// Lets the server check the object by the stack's own definition.
    pub(super) async fn probe(&self, schema: &Json, object: Json) -> Result<Probed, ProviderError> {
        let definition = definition(schema, object);
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/objects.{GROUP}");
        Ok(match self.attempt(path, &definition, false).await? {
            Trial::Accepted(_) => Probed::Right,
            Trial::Untried(why) | Trial::Early(why) => Probed::Untried(why),
            Trial::Refused(refusal) => self.read(&refusal),
        })
    }

    /// The problems of the object in a refusal of the definition around it.
    fn read(&self, refusal: &Refusal) -> Probed {
        let causes = refusal.details.causes.iter();
        let own = causes.filter(|cause| !cause.is_hollow()).filter_map(|cause| {
            let (_, field) = cause.field()?.split_once(PLACE)?;
            let (field, why) = named_in(&cause.message).unwrap_or((field, &cause.message));
            let (path, _) = fields::find(&self.inputs, field);
            Some(Problem::new(path, format!("{why}, says its definition in this stack")))
        });
        let problems: Vec<Problem> = own.collect();
        match problems.is_empty() {
            // A mistake of the definition's own is told where the definition is tried.
            true => Probed::Untried(refusal.message.clone()),
            false => Probed::Wrong(problems),
        }
    }
}

/// The field that a message names itself, as those of `oneOf` and its like do, and what it says of it.
fn named_in(message: &str) -> Option<(&str, &str)> {
    let rest = message.strip_prefix("Invalid value: \"\": \"")?;
    let (field, why) = rest.split_once("\" ")?;
    Some((field, why))
}

/// A definition in which the object is the default value of a property that has this schema.
fn definition(schema: &Json, mut object: Json) -> Json {
    let mut place = schema.clone();
    schema::forget_texts(&mut place);
    schema::fill(&place, &mut object);
    // The server's own, and not for a default to say.
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    place["x-kubernetes-embedded-resource"] = true.into();
    place["default"] = object;
    let root = json!({"type": "object", "properties": {"object": place}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("objects.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"kind": "Object", "listKind": "ObjectList", "plural": "objects", "singular": "object"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": root}}],
        },
    })
}
