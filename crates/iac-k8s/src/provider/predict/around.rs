//! The prediction for a StatefulSet that is recreated around its pods, and for its claims.

use iac_core::Value;
use iac_core::provider::{Prediction, ProviderError};
use serde_json::Value as Json;

use super::Question;
use crate::provider::discovery::ApiKind;
use crate::provider::recreate;
use crate::stateful::{self, Way};

/// The note on the change of a StatefulSet whose pods are not touched.
pub(super) const AROUND_PODS: &str = "the StatefulSet alone is deleted and recreated, once its claims have grown: its pods go on running, and it takes them over; if the new \
     one cannot be made, they run on with nobody to replace them until the next `up` makes it";

impl Question<'_> {
    /// A StatefulSet that is recreated without its pods, and whose claims grow.
    pub(super) async fn around_pods(
        &self,
        kind: &ApiKind,
        live: &Json,
        body: &Json,
    ) -> Result<Prediction, ProviderError> {
        let tried = self.replacement(kind, body).await?;
        let mut prediction = Prediction {
            notes: tried.notes,
            problems: tried.problems,
            ..self.compared()
        };
        prediction.notes.push(AROUND_PODS.to_owned());
        if stateful::changes_more_than_size(live, body) {
            let note = "claims that are there keep all but their size; only new ones follow their template";
            prediction.notes.push(note.to_owned());
        }
        self.foresee_claims(body, &mut prediction).await?;
        Ok(prediction)
    }

    /// Tells which claims grow to what a StatefulSet asks for, and what is in the way of that.
    pub(super) async fn foresee_claims(&self, body: &Json, prediction: &mut Prediction) -> Result<(), ProviderError> {
        if self.id.type_name() != "apps/StatefulSet" || !prediction.problems.is_empty() {
            return Ok(());
        }
        for claim in recreate::claims_to_grow(self.session, &self.id, &stateful::sizes(body)).await? {
            prediction.problems.extend(claim.problem(self.session, &self.id).await);
            prediction.notes.push(claim.told());
        }
        Ok(())
    }

    /// True if the change of a StatefulSet that the server cannot be asked about is made around its pods.
    pub(super) fn goes_around_pods(&self) -> bool {
        let json = |inputs: &Value| inputs.to_json(&mut |_, _| Json::Null);
        let is_set = self.id.type_name() == "apps/StatefulSet";
        is_set && matches!(stateful::way(&json(&self.before), &json(&self.inputs)), Way::Around(_))
    }
}
