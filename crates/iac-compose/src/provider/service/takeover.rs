//! Containers that docker compose made and that are ours now: taken over as they run where they are as we would make them.
//!
//! A container can be given no label, so the record says which ones were taken over, and by which definition.

use std::collections::BTreeMap;

use bollard::models::{ContainerInspectResponse, ImageConfig};
use iac_core::provider::{Intent, ProviderError, Recorded};

use super::compare::Standing;
use super::equal;
use super::request::Request;
use crate::inputs::ServiceInputs;
use crate::provider::connect::Engine;
use crate::provider::errors::{failed, if_there};
use crate::provider::maker::Maker;

/// Where the record has it: the digest of the definition, by the container's ID.
pub(crate) const FIELD: &str = "taken_over";

/// The facts that decide a container's standing.
pub(crate) struct Takeover {
    known: BTreeMap<String, String>,
    allowed: bool,
    image: ImageConfig,
}

/// The containers that were taken over, each with the digest of the definition that it was taken for.
pub(crate) fn known(recorded: Option<&Recorded>) -> BTreeMap<String, String> {
    let pairs = recorded.and_then(|recorded| recorded.private.json().ok()?.get(FIELD)?.as_object().cloned());
    let text = |(id, digest): (String, serde_json::Value)| Some((id, digest.as_str()?.to_owned()));
    pairs.into_iter().flatten().filter_map(text).collect()
}

impl Takeover {
    /// Asks for what is needed to judge these containers.
    pub(crate) async fn of(
        engine: &Engine,
        members: &[ContainerInspectResponse],
        inputs: &ServiceInputs,
        (intent, recorded): (Intent, Option<&Recorded>),
        image_id: &str,
    ) -> Result<Self, ProviderError> {
        let mut image = ImageConfig::default();
        if members
            .iter()
            .any(|member| engine.maker_of(member, inputs) == Maker::Compose)
        {
            let found = if_there(engine.docker.inspect_image(image_id).await)
                .map_err(|error| failed(&format!("look up the image {image_id}"), &error))?;
            image = found.and_then(|found| found.config).unwrap_or_default();
        }
        Ok(Self {
            known: known(recorded),
            allowed: intent == Intent::Adopt || recorded.is_some(),
            image,
        })
    }

    /// Returns the standing of a container.
    pub(crate) fn standing(
        &self,
        engine: &Engine,
        member: &ContainerInspectResponse,
        request: &Request,
        inputs: &ServiceInputs,
    ) -> Standing {
        match (engine.maker_of(member, inputs), self.digest(member)) {
            (Maker::Us, _) => Standing::Ours,
            (Maker::Compose, Some(digest)) => Standing::TakenOver(digest.to_owned()),
            (Maker::Compose, None) if self.allowed => {
                Standing::Composed(equal::difference(member, request, inputs, &self.image))
            }
            _ => Standing::Foreign,
        }
    }

    /// The digest of the definition that a container was taken over for.
    fn digest(&self, member: &ContainerInspectResponse) -> Option<&str> {
        self.known.get(member.id.as_deref()?).map(String::as_str)
    }
}
