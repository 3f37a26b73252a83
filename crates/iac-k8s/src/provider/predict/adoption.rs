//! The prediction for an object that is taken over from a manager who wrote it as a whole.

use iac_core::provider::{Intent, ProviderError};
use serde_json::Value as Json;

use super::Question;
use super::trial::Trial;
use crate::managed;
use crate::provider::call::{Answer, Call, CallError};
use crate::provider::discovery::ApiKind;

/// The number of trials of an object that others write all the time.
const LOOKS: usize = 4;

impl Question<'_> {
    /// True if the fields of a former manager become ours: of an object that others made, or that an earlier takeover
    /// left to both.
    pub(super) fn hands_over(&self, live: &Json) -> bool {
        self.is_asked_for() && !managed::formers(live, &self.session.manager).is_empty()
    }

    fn is_asked_for(&self) -> bool {
        self.request.adopt && matches!(self.request.intent, Intent::Adopt | Intent::Update)
    }

    /// Says what is to be done about the Helm release that an object is of: its record names the object still.
    pub(super) fn release(&self, live: &Json) -> Option<String> {
        let annotation = |name: &str| live["metadata"]["annotations"][name].as_str();
        let release = annotation("meta.helm.sh/release-name").filter(|_| self.is_asked_for())?;
        let namespace = annotation("meta.helm.sh/release-namespace").unwrap_or("default");
        Some(format!(
            "it is of the Helm release {release}, and `helm uninstall` would still delete it: once all that you want of the release \
             is taken over, let helm forget it with `kubectl delete secret -n {namespace} -l owner=helm,name={release}`"
        ))
    }

    /// Returns the result of the apply after the hand-over, with the server's defaults for the fields that go. No single
    /// trial can show both, so the server is asked for the result as a whole.
    pub(super) async fn handed_over(&self, kind: &ApiKind, trial: Trial) -> Result<Trial, ProviderError> {
        let Trial::Accepted(answer) = trial else {
            return Ok(trial);
        };
        let mut body = managed::after_hand_over(&answer.body, &self.session.manager);
        for _ in 0..LOOKS {
            let call = Call::put(kind.path(&self.id), &body)
                .with("dryRun", "All")
                .with("fieldManager", self.session.manager.clone());
            match self.session.connection.call(&call).await {
                Ok(whole) => {
                    let warnings = answer.warnings;
                    return Ok(Trial::Accepted(Answer { warnings, ..whole }));
                }
                Err(CallError::Refused(refusal)) if refusal.code == 422 => return Ok(Trial::Refused(refusal)),
                Err(error) if error.is_global() => return Err(error.into()),
                // Somebody wrote it since, if only its status.
                Err(error) if error.code() == Some(409) => {
                    let now = self.session.get(Call::get_metadata(kind.path(&self.id))).await?;
                    let version = now.map(|now| now["metadata"]["resourceVersion"].clone());
                    body["metadata"]["resourceVersion"] = version.unwrap_or_default();
                }
                // Without the right to replace it, what is known without defaults has to do.
                Err(_) => break,
            }
        }
        Ok(Trial::Accepted(Answer { body, ..answer }))
    }
}
