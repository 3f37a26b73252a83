//! Generated values: the one provider that the engine brings along, whose outside world is the state itself.

use async_trait::async_trait;

use super::{
    Applied, ApplyRequest, Checked, ConnectRequest, Context, DataItem, DeleteRequest, ErrorKind, Existence,
    ExternalRef, Live, Mark, ObserveRequest, Observed, PredictRequest, Prediction, Problem, Provider, ProviderError,
    Readiness, Recorded, Reference, Replacement, Target, WaitRequest,
};
use crate::declare::{PASSWORD_KIND, ResourceDecl};
use crate::urn::Key;
use crate::value::{FieldPath, Map, Secret, Value};

/// Letters and digits: they need no quoting in a URL, a shell or a configuration file.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The lengths that make sense: below, it can be guessed; above, systems cut it.
const LENGTHS: std::ops::RangeInclusive<i64> = 8..=128;
/// The length of the text that tells one generated value from another, in characters.
const UID_LENGTH: usize = 16;

/// Draws passwords. They live in the state only, so nothing is ever looked up.
#[derive(Debug, Default)]
pub struct RandomProvider;

/// A password of `length` characters, each drawn evenly.
fn draw(length: usize) -> Result<Secret, ProviderError> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0_u8; 64];
        getrandom::fill(&mut bytes).map_err(|error| {
            ProviderError::new(ErrorKind::Failed, format!("no randomness from the system: {error}"))
        })?;
        // Bytes past the largest multiple of the alphabet's size would favour its first letters.
        let even = bytes
            .iter()
            .filter(|byte| usize::from(**byte) < 256 / ALPHABET.len() * ALPHABET.len());
        let letters = even.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        text.extend(letters.take(length - text.len()));
    }
    Ok(Secret::new(text))
}

impl RandomProvider {
    /// Returns the identity of a generated value. The value lies nowhere but in the record, so it is named as the resource is.
    pub(crate) fn identity_of(key: &Key) -> String {
        let component = key.component();
        let slash = if component.is_empty() { "" } else { "/" };
        format!("core/Password {component}{slash}{}", key.name())
    }
}

#[async_trait]
impl Provider for RandomProvider {
    fn name(&self) -> &str {
        "random"
    }

    fn always_recorded(&self) -> &[&str] {
        &["/result"]
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        Ok(Self::identity_of(&resource.key))
    }

    fn references(&self, _: &[&ResourceDecl]) -> Vec<Reference> {
        Vec::new()
    }

    fn validate(&self, resource: &ResourceDecl) -> Vec<Problem> {
        if resource.key.kind() != PASSWORD_KIND {
            return vec![Problem::new(
                FieldPath::root(),
                format!("{} is no type of the random provider", resource.key.kind()),
            )];
        }
        match resource.inputs.get("length").and_then(Value::as_i64) {
            Some(length) if LENGTHS.contains(&length) => Vec::new(),
            _ => vec![Problem::new(
                FieldPath::fields(["length"]),
                format!("a password has {} to {} characters", LENGTHS.start(), LENGTHS.end()),
            )],
        }
    }

    async fn connect(&self, _: &ConnectRequest) -> Result<Target, ProviderError> {
        Ok(Target {
            description: "generated here".to_owned(),
            id: "random".to_owned(),
            evidence: Vec::new(),
        })
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        Ok(vec![Existence::No; names.len()])
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        let observe = |request: &ObserveRequest| match &request.recorded {
            Some(_) => Observed::Present(Live {
                uid: None,
                mark: Mark::Ours,
                outputs: Value::Null,
                drift: Vec::new(),
                ignored: Vec::new(),
                readiness: Readiness::Ready,
                leaving: None,
                co_owners: Vec::new(),
                writes: Default::default(),
            }),
            None => Observed::Absent,
        };
        Ok(requests.iter().map(observe).collect())
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        let predict = |request: &PredictRequest| {
            let recorded = request.recorded.as_ref().map(|recorded| &recorded.inputs);
            let changed = recorded.is_some_and(|recorded| *recorded != request.inputs);
            let replace = Replacement {
                path: FieldPath::fields(["length"]),
                why: "another length takes another password".to_owned(),
            };
            let in_place = request.intent == super::Intent::Update;
            Prediction {
                changes: recorded
                    .map(|recorded| crate::value::diff::diff(recorded, &request.inputs))
                    .unwrap_or_default(),
                replace: if changed && in_place { vec![replace] } else { Vec::new() },
                checked: Checked::ByServer,
                ..Prediction::default()
            }
        };
        Ok(requests.iter().map(predict).collect())
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        Ok(vec![Vec::new(); resources.len()])
    }

    async fn apply(&self, request: &ApplyRequest, _: &Context) -> Result<Applied, ProviderError> {
        let length = request
            .inputs
            .get("length")
            .and_then(Value::as_i64)
            .unwrap_or(*LENGTHS.end());
        let password = draw(usize::try_from(length).unwrap_or_default())?;
        let outputs = Map::from([("result".to_owned(), Value::Secret(password))]);
        Ok(Applied {
            // Tells one password from the next, so that the history shows a new one.
            uid: Some(draw(UID_LENGTH)?.expose().to_owned()),
            outputs: outputs.into(),
            ..Applied::default()
        })
    }

    async fn delete(&self, _: &DeleteRequest, _: &Context) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn wait_ready(&self, _: &WaitRequest, _: &Context) -> Result<Applied, ProviderError> {
        Ok(Applied::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_their_length_and_differ() {
        let (a, b) = (draw(40).expect("drawn"), draw(40).expect("drawn"));
        assert_eq!(a.expose().len(), 40);
        assert!(a.expose().bytes().all(|byte| ALPHABET.contains(&byte)));
        assert_ne!(a, b);
    }
}
