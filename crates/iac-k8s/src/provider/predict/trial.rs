//! Lets the server try a change, and reads its answer.

use std::time::Duration;

use iac_core::provider::{Problem, ProviderError, adopt_hint};
use iac_core::value::FieldPath;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::Question;
use super::refusal;
use crate::fields;
use crate::provider::call::{Answer, Call, CallError, Cause, Refusal};

/// The server's answer to a trial.
pub(super) enum Trial {
    /// This would come of it.
    Accepted(Answer),
    /// It says nothing about it, because of this.
    Untried(String),
    /// Its own surroundings are not there yet: its namespace, or what a pod names and this stack declares.
    Early(String),
    /// It refuses.
    Refused(Box<Refusal>),
}

impl Question<'_> {
    /// Lets the server try it.
    pub(super) async fn attempt(&self, path: String, body: &Json, force: bool) -> Result<Trial, ProviderError> {
        let call = Call::apply(path, &self.session.manager, body)
            .with("dryRun", "All")
            .with("force", force.to_string());
        let first = self.session.connection.call(&call).await;
        let answer = match first {
            // Nobody makes these while we ask.
            Err(CallError::Refused(refusal)) if refusal.lacks_named() => Err(CallError::Refused(refusal)),
            Err(error) if error.may_pass() => {
                let deadline = Instant::now() + Duration::from_secs(5);
                self.session.connection.call_patiently(&call, deadline, &|_| ()).await
            }
            first => first,
        };
        match answer {
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
            403 if refusal.lacks_named() => Trial::Early("what it names is not there yet".to_owned()),
            404 if refusal.details.kind == "namespaces" => {
                self.session.note_absent_namespace(namespace);
                // One that the stack does not declare is a reference that leads nowhere, and reported as such.
                Trial::Early(format!("the namespace {namespace} is not there yet"))
            }
            403 if refusal.is_namespace_leaving() && self.declared.makes_namespace(namespace) => Trial::Early(format!(
                "the namespace {namespace} is being deleted, and made again in the same run"
            )),
            400 if message.contains("dry run") || message.contains("dryRun") => {
                Trial::Untried(format!("a webhook cannot be tried: {message}"))
            }
            500.. | 429 if !refusal.is_schema_mismatch() => {
                Trial::Untried(format!("the server could not try it: {message}"))
            }
            _ => Trial::Refused(refusal),
        }
    }

    /// Returns the problems, by field.
    pub(super) fn problems(&self, refusal: &Refusal) -> Vec<Problem> {
        let causes = &refusal.details.causes;
        if causes.is_empty() {
            let culprits = refusal::culprits(&refusal.message, &self.inputs).into_iter();
            let culprits: Vec<Problem> = culprits
                .map(|(path, why)| Problem::new(fields::find(&self.inputs, &path.to_string()).0, why))
                .collect();
            if !culprits.is_empty() {
                return culprits;
            }
            let (field, why) = refusal::explain(&refusal.message);
            let path = field.map_or_else(FieldPath::root, |field| fields::find(&self.inputs, &field).0);
            return vec![Problem::new(path, why)];
        }
        let problem = |cause: &Cause| {
            let conflict = cause.reason == "FieldManagerConflict";
            Problem {
                path: cause
                    .field()
                    .map_or_else(FieldPath::root, |field| fields::find(&self.inputs, field).0),
                message: cause.message.clone(),
                hint: conflict.then(|| {
                    format!(
                        "another field manager holds this field: leave it out here, or {}",
                        adopt_hint(&self.request.key)
                    )
                }),
            }
        };
        let telling = causes.iter().filter(|cause| !cause.is_hollow() || causes.len() == 1);
        telling.map(problem).collect()
    }
}
