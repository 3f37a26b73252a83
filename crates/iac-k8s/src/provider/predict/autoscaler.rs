//! The autoscaler that set a number of replicas which a change takes back.

use iac_core::Value;
use iac_core::provider::{Effect, Intent, Prediction, ProviderError};
use iac_core::value::FieldPath;
use serde_json::Value as Json;

use super::Question;
use crate::effect::AUTOSCALER;
use crate::provider::call::Call;

impl Question<'_> {
    /// Names the autoscaler that set what is taken back, with its limits. The server is asked only where one did.
    pub(super) async fn tell_autoscaler(&self, prediction: &mut Prediction) -> Result<(), ProviderError> {
        let replicas = FieldPath::fields(["spec", "replicas"]);
        let mut drift = self.request.live.iter().flat_map(|live| &live.drift);
        let is_scaled = drift.any(|change| change.path == replicas && change.origin.as_deref() == Some(AUTOSCALER));
        let Some(namespace) = self.id.namespace.as_deref().filter(|_| is_scaled) else {
            return Ok(());
        };
        if self.request.intent != Intent::Update {
            return Ok(());
        }
        let path = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
        let all = match self.session.list(Call::get(path)).await {
            Ok(all) => all,
            Err(error) if error.is_global() => return Err(error.into()),
            // That there is one is told without its name then.
            Err(_) => return Ok(()),
        };
        let is_it = |scaler: &&Json| {
            let target = &scaler["spec"]["scaleTargetRef"];
            target["kind"] == self.id.kind.as_str() && target["name"] == self.id.name.as_str()
        };
        let asked = self.inputs.pointer("/spec/replicas").and_then(Value::as_i64);
        let found = all.iter().find(is_it).and_then(|scaler| told(scaler, namespace, asked));
        prediction.effects.extend(found);
        Ok(())
    }
}

/// The consequence of an autoscaler, with its limits.
fn told(scaler: &Json, namespace: &str, asked: Option<i64>) -> Option<Effect> {
    let name = scaler["metadata"]["name"].as_str()?;
    let most = scaler["spec"]["maxReplicas"].as_i64()?;
    let fewest = scaler["spec"]["minReplicas"].as_i64().unwrap_or(1);
    let outside = asked.filter(|asked| !(fewest..=most).contains(asked));
    let outside = outside.map_or_else(String::new, |asked| format!(", of which {asked} is none"));
    Some(Effect::other(format!(
        "HorizontalPodAutoscaler {namespace}/{name} sets spec.replicas, from {fewest} to {most}{outside}; it sets its own number again \
         within about 15 s, and each preview shows that: leave spec.replicas out of the program to let it decide"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_autoscaler_is_told_with_its_limits() {
        let scaler = |spec: Json| json!({"metadata": {"name": "web"}, "spec": spec});
        let text = |spec: Json, asked| told(&scaler(spec), "shop", asked).map(|effect| effect.text());
        let begins = |text: Option<String>, start: &str| text.is_some_and(|text| text.starts_with(start));
        let both = json!({"minReplicas": 3, "maxReplicas": 5});
        assert!(begins(
            text(both.clone(), Some(2)),
            "HorizontalPodAutoscaler shop/web sets spec.replicas, from 3 to 5, of which 2 is none; it"
        ));
        assert!(begins(
            text(both, Some(4)),
            "HorizontalPodAutoscaler shop/web sets spec.replicas, from 3 to 5; it"
        ));
        assert!(begins(
            text(json!({"maxReplicas": 5}), None),
            "HorizontalPodAutoscaler shop/web sets spec.replicas, from 1 to 5; it"
        ));
        assert_eq!(text(json!({}), None), None);
    }
}
