//! Fields that are no longer declared and that the server keeps for an object that is there: whoever reads the plan should
//! know that a new object would be another one. They are told whenever the object changes, and only then.

use iac_core::provider::{Intent, ProviderError, Replacement, adopt_hint};
use iac_core::value::{FieldPath, Value};
use serde_json::Value as Json;

use super::Question;
use super::trial::Trial;
use crate::provider::discovery::ApiKind;
use crate::provider::session::Memory;
use crate::{dropped, fields, managed};

impl Question<'_> {
    /// A headless Service that is declared as an ordinary one: the server gives an address to a new one only.
    pub(super) fn kept_headless(&self, result: &Json) -> Option<Replacement> {
        fn text<'v>(object: &'v Value, pointer: &str) -> Option<&'v str> {
            object.pointer(pointer)?.as_str()
        }
        let is_kept = self.id.type_name() == "core/Service"
            && self.request.intent == Intent::Update
            && result.pointer("/spec/clusterIP").and_then(Json::as_str) == Some("None")
            && text(&self.before, "/spec/clusterIP") == Some("None")
            && text(&self.inputs, "/spec/clusterIP").unwrap_or("").is_empty();
        is_kept.then(|| Replacement {
            path: FieldPath::fields(["spec", "clusterIP"]),
            why: "the server keeps \"None\" for an existing Service, and gives an address to a new one only".to_owned(),
        })
    }

    /// Says which fields that were dropped the object has after the change, and who keeps them; `result` is what the
    /// change would lead to. What a new object would have as well is a default, and nothing to speak of.
    pub(super) async fn kept(&self, kind: &ApiKind, body: &Json, result: &Json) -> Result<Vec<String>, ProviderError> {
        if self.request.intent != Intent::Update {
            return Ok(Vec::new());
        }
        let recorded = self.request.recorded.as_ref();
        let memory = recorded
            .map(|recorded| Memory::read(&recorded.private))
            .unwrap_or_default();
        let object = Value::from(result.clone());
        let mut found = dropped::still_there(&self.before, &self.inputs, &memory.dropped, &object);
        let mut notes = Vec::new();
        found.retain(|(path, _)| {
            let owners = managed::others(result, path, &self.session.manager);
            notes.extend(self.held_by(path, &owners, result));
            owners.is_empty()
        });
        let Some((id, stand_in)) = self.stand_in(body).filter(|_| !found.is_empty()) else {
            return Ok(notes);
        };
        let Trial::Accepted(anew) = self.attempt(kind.path(&id), &stand_in, false).await? else {
            return Ok(notes);
        };
        let anew = Value::from(anew.body);
        found.retain(|(path, value)| fields::get(&anew, path) != Some(value));
        notes.extend(found.iter().map(|(path, value)| {
            let value = value.expose().unwrap_or_default();
            let line = format!(
                "the server keeps {path} ({value}), which is not declared any more; a new object would not have it"
            );
            self.secrets.redact(&line)
        }));
        Ok(notes)
    }

    /// Tells which managers besides this stack hold a dropped field.
    fn held_by(&self, path: &FieldPath, owners: &[String], object: &Json) -> Option<String> {
        if owners.is_empty() {
            return None;
        }
        let formers = managed::formers(object, &self.session.manager);
        let hint = match owners.iter().all(|owner| formers.contains(owner)) {
            true => format!("; to remove it, {}", adopt_hint(&self.request.key)),
            false => String::new(),
        };
        Some(format!(
            "{path} stays, since {} holds it as well{hint}",
            owners.join(", ")
        ))
    }
}
