//! Lets the server try a change, and reads its answer.

use std::time::Duration;

use iac_core::provider::{Problem, ProviderError, adopt_hint};
use iac_core::value::FieldPath;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::Question;
use super::compare::schema_field;
use crate::fields;
use crate::provider::call::{Answer, Call, CallError, Cause, Refusal};

/// What the server said to a trial.
pub(super) enum Trial {
    /// This would come of it.
    Accepted(Answer),
    /// It says nothing about it, because of this.
    Untried(String),
    /// The object's namespace is not there yet.
    NoNamespace(String),
    /// It refuses.
    Refused(Box<Refusal>),
}

impl Question<'_> {
    /// Lets the server try it.
    pub(super) async fn attempt(&self, path: String, body: &Json, force: bool) -> Result<Trial, ProviderError> {
        let call = Call::apply(path, &self.session.manager, body)
            .with("dryRun", "All")
            .with("force", force.to_string());
        let deadline = Instant::now() + Duration::from_secs(5);
        match self.session.connection.call_patiently(&call, deadline, &|_| ()).await {
            Ok(answer) => Ok(Trial::Accepted(answer)),
            Err(CallError::Refused(refusal)) if refusal.code != 401 => Ok(self.judge(refusal)),
            Err(error) => Err(error.into()),
        }
    }

    fn judge(&self, refusal: Box<Refusal>) -> Trial {
        let message = &refusal.message;
        let namespace = self.id.namespace.as_deref().unwrap_or_default();
        match refusal.code {
            403 if message.contains("User \"") && message.contains(" cannot ") => {
                Trial::Untried(format!("the server does not let us try it: {message}"))
            }
            403 if message.contains("service account") || message.contains("serviceaccount") => {
                Trial::Untried(format!("its service account is not there yet: {message}"))
            }
            404 if refusal.details.kind == "namespaces" && self.declared.makes_namespace(namespace) => {
                Trial::NoNamespace(format!("the namespace {namespace} is made in the same run"))
            }
            403 if refusal.is_namespace_leaving() && self.declared.makes_namespace(namespace) => Trial::NoNamespace(
                format!("the namespace {namespace} is being deleted, and made again in the same run"),
            ),
            400 if message.contains("dry run") || message.contains("dryRun") => {
                Trial::Untried(format!("a webhook can not be tried: {message}"))
            }
            500.. | 429 if !refusal.is_schema_mismatch() => {
                Trial::Untried(format!("the server could not try it: {message}"))
            }
            _ => Trial::Refused(refusal),
        }
    }

    /// What is wrong, by field.
    pub(super) fn problems(&self, refusal: &Refusal) -> Vec<Problem> {
        if refusal.code == 404 && refusal.details.kind == "namespaces" {
            return vec![Problem {
                path: FieldPath::fields(["metadata", "namespace"]),
                message: format!(
                    "the namespace {} does not exist, and the stack does not declare it",
                    refusal.details.name
                ),
                hint: Some("declare it and use k.within(&namespace), or make it first".to_owned()),
            }];
        }
        if refusal.details.causes.is_empty() {
            let field = schema_field(&refusal.message);
            let path = field.map_or_else(FieldPath::root, |field| fields::find(&self.inputs, field).0);
            // What stands before names the object that was tried, which the reader knows.
            let message = refusal.message.rsplit("): ").next().unwrap_or(&refusal.message);
            return vec![Problem::new(path, message)];
        }
        let problem = |cause: &Cause| {
            let conflict = cause.reason == "FieldManagerConflict";
            Problem {
                path: fields::find(&self.inputs, &cause.field).0,
                message: cause.message.clone(),
                hint: conflict.then(|| {
                    format!(
                        "another field manager holds this field: leave it out here, or {}",
                        adopt_hint(&self.request.key)
                    )
                }),
            }
        };
        refusal.details.causes.iter().map(problem).collect()
    }
}
