//! Deletes a service: stops and removes its containers. The volumes that only they knew stay unless they may go.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use futures::future::try_join_all;
use iac_core::provider::{Claim, Context, DataItem, DeleteRequest, ProviderError, Recorded};

use super::containers::{name_of, status_of};
use super::volumes::{self, Named};
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::provider::connect::Engine;
use crate::provider::maker::known;

/// Deletes a service's containers, those that docker compose recreated too. Where one does not bear our mark that is an
/// error, once the others are gone.
pub(crate) async fn delete(
    engine: &Engine,
    request: &DeleteRequest,
    inputs: &ServiceInputs,
    cx: &Context,
) -> Result<(), ProviderError> {
    let key = &request.recorded.key;
    let filter = labels::filter([(labels::PROJECT, &inputs.project), (labels::SERVICE, &inputs.service)]);
    let found = engine.inspect_all(engine.list(filter).await?).await?;
    let (members, others) = ours(found, engine, (&request.recorded, request.claim), inputs).await?;
    let named = Named::of(None, inputs);
    let going: Vec<DataItem> = volumes::of(&members, &named)
        .filter(|item| request.delete_data.allows(item))
        .collect();
    volumes::refuse_what_came(engine, &inputs.service, &going)?;
    let removals = members.iter().map(|member| async move {
        // Nothing has ever run in it, so nothing is in the volumes that were made for it.
        if status_of(member) == Status::CREATED {
            return engine.discard(member).await;
        }
        cx.progress(key, format!("stopping {}", name_of(member)));
        cx.waits();
        engine.stop(member).await?;
        engine.remove(member).await
    });
    try_join_all(removals).await?;
    for item in going {
        volumes::remove(engine, &item.name).await?;
    }
    others.map_or(Ok(()), Err)
}

/// Those of a service's containers that go with it, and why others stay: `claim` is what there is to say for what does not
/// bear our mark.
pub(crate) async fn ours(
    all: Vec<ContainerInspectResponse>,
    engine: &Engine,
    (recorded, claim): (&Recorded, Claim),
    inputs: &ServiceInputs,
) -> Result<(Vec<ContainerInspectResponse>, Option<ProviderError>), ProviderError> {
    let (mut members, mut others) = (Vec::new(), None);
    for member in all.into_iter().filter(|member| !is_running_oneoff(member)) {
        let mark = engine.mark_of(&member, inputs, known(recorded)).await?;
        match mark.allow(&format!("the container {}", name_of(&member)), claim) {
            Ok(()) => members.push(member),
            Err(error) => others = Some(error),
        }
    }
    Ok((members, others))
}

/// True if a container is somebody's `docker compose run` that is under way. One that has ended goes with its service, as
/// `docker compose down` has it.
fn is_running_oneoff(member: &ContainerInspectResponse) -> bool {
    let labels = member.config.as_ref().and_then(|config| config.labels.as_ref());
    let is_oneoff = labels
        .and_then(|labels| labels.get(labels::ONEOFF))
        .is_some_and(|value| value == "True");
    is_oneoff && status_of(member) == Status::RUNNING
}
