//! Deletes a service: stops and removes its containers. The volumes that only they knew stay unless they may go.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use futures::future::try_join_all;
use iac_core::Value;
use iac_core::provider::{Context, DeleteRequest, ProviderError, Recorded};

use super::containers::{name_of, status_of};
use super::volumes;
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::provider::connect::Engine;

/// Deletes a service's containers, those that docker compose recreated too; those that somebody else made under its name
/// stay.
pub(crate) async fn delete(
    engine: &Engine,
    request: &DeleteRequest,
    inputs: &ServiceInputs,
    cx: &Context,
) -> Result<(), ProviderError> {
    let key = &request.recorded.key;
    let filter = labels::filter([(labels::PROJECT, &inputs.project), (labels::SERVICE, &inputs.service)]);
    let found = engine.inspect_all(engine.list(filter).await?).await?;
    let members = ours(found, engine, &request.recorded, inputs);
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
    for item in volumes::of(&members).filter(|item| request.delete_data.allows(item)) {
        volumes::remove(engine, &item.name).await?;
    }
    Ok(())
}

/// Those of a service's containers that go with it.
pub(crate) fn ours(
    mut members: Vec<ContainerInspectResponse>,
    engine: &Engine,
    recorded: &Recorded,
    inputs: &ServiceInputs,
) -> Vec<ContainerInspectResponse> {
    // Of what an interrupted run made, only our mark tells that it is ours.
    let known = Some(recorded).filter(|recorded| recorded.inputs != Value::Null);
    members.retain(|member| engine.maker_of(member, inputs).is_ours(known) && !is_running_oneoff(member));
    members
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
