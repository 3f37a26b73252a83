//! Deletes a service: stops and removes its containers, with the volumes that only they knew.

use bollard::query_parameters::RemoveVolumeOptions;
use futures::future::try_join_all;
use iac_core::Key;
use iac_core::provider::{Context, ProviderError};

use super::converge::name_of;
use super::request::is_anonymous;
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::provider::connect::Engine;
use crate::provider::errors::{failed, status};

/// Deletes a service's containers; those that somebody else made under its name stay.
pub(crate) async fn delete(
    engine: &Engine,
    key: &Key,
    inputs: &ServiceInputs,
    cx: &Context,
) -> Result<(), ProviderError> {
    let filter = labels::filter([
        (labels::PROJECT, &inputs.project),
        (labels::SERVICE, &inputs.service),
        (labels::STACK, &engine.stack),
    ]);
    let members = engine.inspect_all(engine.list(filter).await?).await?;
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
