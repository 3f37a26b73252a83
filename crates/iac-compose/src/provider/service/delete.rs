//! Deletes a service: stops and removes its containers, with the volumes that only they knew.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status};
use bollard::query_parameters::RemoveVolumeOptions;
use futures::future::try_join_all;
use iac_core::Value;
use iac_core::provider::{Context, ProviderError, Recorded};

use super::containers::{name_of, status_of};
use super::request::is_anonymous;
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::provider::connect::Engine;
use crate::provider::errors::{failed, status};

/// Deletes a service's containers, those that docker compose recreated too; those that somebody else made under its name
/// stay.
pub(crate) async fn delete(
    engine: &Engine,
    recorded: &Recorded,
    inputs: &ServiceInputs,
    cx: &Context,
) -> Result<(), ProviderError> {
    let key = &recorded.key;
    let filter = labels::filter([(labels::PROJECT, &inputs.project), (labels::SERVICE, &inputs.service)]);
    let mut members = engine.inspect_all(engine.list(filter).await?).await?;
    // Of what an interrupted run made, only our mark tells that it is ours.
    let known = Some(recorded).filter(|recorded| recorded.inputs != Value::Null);
    members.retain(|member| engine.maker_of(member, inputs).is_ours(known) && !is_running_oneoff(member));
    let removals = members.iter().map(|member| async move {
        cx.progress(key, format!("stopping {}", name_of(member)));
        engine.stop(member).await?;
        engine.remove(member).await
    });
    try_join_all(removals).await?;
    // A volume that went from one container to its successor is no longer anonymous to the engine.
    let volumes = members.iter().flat_map(|member| member.mounts.iter().flatten());
    for volume in volumes
        .filter_map(|mount| mount.name.clone())
        .filter(|name| is_anonymous(name))
    {
        match engine.docker.remove_volume(&volume, None::<RemoveVolumeOptions>).await {
            Ok(()) => {}
            Err(error) if matches!(status(&error), Some(404 | 409)) => {}
            Err(error) => return Err(failed(&format!("remove the volume {volume}"), &error)),
        }
    }
    Ok(())
}

/// Whether a container is somebody's `docker compose run` that is under way. One that has ended goes with its service, as
/// `docker compose down` has it.
fn is_running_oneoff(member: &ContainerInspectResponse) -> bool {
    let labels = member.config.as_ref().and_then(|config| config.labels.as_ref());
    let is_oneoff = labels
        .and_then(|labels| labels.get(labels::ONEOFF))
        .is_some_and(|value| value == "True");
    is_oneoff && status_of(member) == Status::RUNNING
}
