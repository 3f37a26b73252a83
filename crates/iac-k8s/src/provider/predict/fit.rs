//! Adds to a prediction what the stack itself tells of it: whether the object fits the others, and whether it names
//! something that the stack has in another namespace.

use iac_core::provider::{Checked, Prediction, Problem, ProviderError};

use iac_core::value::FieldPath;

use super::Question;
use crate::agree::{Certainty, Misfit, unmounted};
use crate::object::ObjectId;
use crate::reference;

impl Question<'_> {
    pub(super) async fn fit(&self, prediction: &mut Prediction) -> Result<(), ProviderError> {
        self.moves(prediction);
        for named in reference::names(&self.id, &self.inputs) {
            if let (false, Some(namespace)) = (
                self.declared.declares(&named.target),
                self.declared.elsewhere(&named.target),
            ) {
                prediction.notes.push(format!(
                    "{} names {} {}, and this stack has it in the namespace {namespace}",
                    named.path,
                    named.target.kind,
                    named.target.full_name()
                ));
            }
        }
        let mut misfits = self.declared.insides().misfits(&self.id, &self.inputs, &self.before);
        if prediction.checked != Checked::ByServer {
            misfits.extend(unmounted(&self.id, &self.inputs));
        }
        for misfit in misfits {
            let is_problem = match &misfit.certainty {
                Certainty::Certain => true,
                Certainty::Perhaps => false,
                Certainty::UnlessLive(target, key) => match self.live_has(target, key).await? {
                    Some(true) => continue,
                    known => known.is_some(),
                },
            };
            let Misfit {
                path, message, hint, ..
            } = misfit;
            if is_problem {
                let hint = Some(hint.to_owned());
                prediction.problems.push(Problem { path, message, hint });
            } else {
                prediction.notes.push(format!("{path}: {message}"));
            }
        }
        Ok(())
    }

    /// Another kubeconfig, or another context in it, is no reason to move what names no namespace; a setting is.
    fn moves(&self, prediction: &mut Prediction) {
        let recorded = self.request.recorded.as_ref();
        let Some(old) = recorded.and_then(|recorded| ObjectId::from_identity(&recorded.identity)) else {
            return;
        };
        let chosen = &self.session.connection.chosen;
        let (Some(from), Some(to)) = (&old.namespace, &self.id.namespace) else {
            return;
        };
        if from == to || old.name != self.id.name || *to != chosen.name {
            return;
        }
        if chosen.asked {
            prediction
                .notes
                .push(format!("it moves from the namespace {from} to {to}"));
            return;
        }
        prediction.problems.push(Problem {
            path: FieldPath::fields(["metadata", "namespace"]),
            message: format!(
                "it was made in the namespace {from}, and names none; the kubeconfig's context now means {to}"
            ),
            hint: Some(format!(
                "kubernetes.namespace={from} as configuration keeps it where it is, kubernetes.namespace={to} moves it"
            )),
        });
    }

    /// Whether the live object has a key that the stack does not give it; none where that cannot be told.
    async fn live_has(&self, target: &str, key: &str) -> Result<Option<bool>, ProviderError> {
        let Some(id) = ObjectId::from_identity(target) else {
            return Ok(None);
        };
        match self.session.read(&id).await {
            Ok(Some(live)) => Ok(Some(
                ["data", "binaryData"]
                    .iter()
                    .any(|field| live[*field].get(key).is_some()),
            )),
            Ok(None) => Ok(Some(false)),
            Err(error) if error.is_global() => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}
