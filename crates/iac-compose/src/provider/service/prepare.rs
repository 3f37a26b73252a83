//! Makes a new service's containers before the services that it waits for are ready: created, with their images pulled, and
//! not started. [`converge`](super::converge) finds them like those of a run that was killed, and starts them.

use futures::stream::{self, StreamExt};
use iac_core::provider::{ApplyRequest, Context, ProviderError};

use super::converge::{Converge, PARALLEL};
use super::request;
use crate::inputs::ServiceInputs;
use crate::model::Service;
use crate::provider::connect::Engine;

/// True if the containers of a service can be created before other containers are there.
pub(crate) fn is_possible(spec: &Service) -> bool {
    let modes = [&spec.network_mode, &spec.pid, &spec.ipc];
    let needs_other = |mode: &str| mode.starts_with("service:") || mode.starts_with("container:");
    let shares = modes.into_iter().flatten().any(|mode| needs_other(mode));
    !shares && spec.links.is_empty() && spec.external_links.is_empty() && spec.volumes_from.is_empty()
}

/// Creates the containers of a service of which there is none yet.
pub(crate) async fn prepare(
    engine: &Engine,
    request: &ApplyRequest,
    inputs: &ServiceInputs,
    cx: &Context,
) -> Result<(), ProviderError> {
    let (run, members) = Converge::begin(engine, request, inputs, cx).await?;
    if !members.is_empty() {
        return Ok(());
    }
    let run = &run;
    let created: Vec<_> = stream::iter(1..=inputs.spec.replicas())
        .map(|number| async move {
            let name = request::container_name(inputs, number);
            run.create(&name, run.request(number)).await
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    created.into_iter().collect::<Result<Vec<_>, _>>()?;
    cx.progress(&request.key, "created, and started once what it depends on is there");
    Ok(())
}
