//! The verdict of the stack's own definition on a custom resource, where the server does not have that definition yet.

use iac_core::Value;
use iac_core::provider::{Checked, Prediction, ProviderError};

use super::Question;
use super::probe::Probed;
use crate::provider::call::Call;
use crate::schema::Verdict;

impl Question<'_> {
    /// The prediction, corrected by the definition that the object will be judged by.
    pub(super) async fn by_definition(&self, prediction: Prediction) -> Result<Prediction, ProviderError> {
        let Some(verdict) = self.declared.schemas().judge(&self.id, &self.inputs) else {
            return Ok(prediction);
        };
        if !verdict.problems.is_empty() {
            // With the same definition the server says the same, in its own words.
            let problems = match prediction.problems.is_empty() {
                true => verdict.problems,
                false => prediction.problems,
            };
            return Ok(Prediction { problems, ..prediction });
        }
        if matches!(prediction.checked, Checked::Locally(_)) && prediction.problems.is_empty() {
            return self.checked_by_server(prediction, &verdict).await;
        }
        // A hint tells of what is no matter of the schema: a field that somebody else holds.
        let by_schema =
            !prediction.problems.is_empty() && prediction.problems.iter().all(|problem| problem.hint.is_none());
        if by_schema && self.definition_changes().await? {
            let prediction = self.locally("the server has an older definition of its kind, and this run changes that");
            return self.checked_by_server(prediction, &verdict).await;
        }
        Ok(prediction)
    }

    /// The prediction for an object that fits the definition as far as that can be told here: the rest of the rules is the
    /// server's to check, now if it can.
    async fn checked_by_server(&self, prediction: Prediction, verdict: &Verdict) -> Result<Prediction, ProviderError> {
        let Checked::Locally(why) = &prediction.checked else {
            return Ok(prediction);
        };
        let checked = Checked::Locally(format!("{why}; its fields are as that definition wants them"));
        let mut prediction = Prediction { checked, ..prediction };
        let schema = self
            .declared
            .schemas()
            .of(&self.id)
            .filter(|_| !verdict.left.is_empty());
        // What is known only later is said already.
        if let (Some(Ok(schema)), Ok(object)) = (schema.map(Value::expose), self.inputs.expose()) {
            match self.probe(&schema, object).await? {
                Probed::Right => {}
                Probed::Wrong(problems) => prediction.problems = problems,
                Probed::Untried(reason) => {
                    let rules = verdict.left.iter().map(|(sort, number)| format!("{sort} ({number})"));
                    let rules = rules.collect::<Vec<_>>().join(", ");
                    let note =
                        format!("rules of its definition that are checked only when it is made: {rules}; {reason}");
                    prediction.notes.push(self.secrets.redact(&note));
                }
            }
        }
        Ok(prediction)
    }

    /// Whether the server has another schema for the object's kind than the one that the stack declares.
    async fn definition_changes(&self) -> Result<bool, ProviderError> {
        let schemas = self.declared.schemas();
        let (Some(name), Some(declared)) = (schemas.name(&self.id), schemas.of(&self.id)) else {
            return Ok(false);
        };
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        let live = match self.session.get(Call::get(path)).await {
            Ok(live) => live,
            Err(error) if error.is_global() => return Err(error.into()),
            Err(_) => return Ok(false),
        };
        let Some(live) = live else { return Ok(true) };
        let versions = live.pointer("/spec/versions").and_then(serde_json::Value::as_array);
        let version = versions
            .into_iter()
            .flatten()
            .find(|version| version["name"] == self.id.version.as_str());
        let schema = version.and_then(|version| version.pointer("/schema/openAPIV3Schema"));
        Ok(schema != declared.expose().ok().as_ref())
    }
}
