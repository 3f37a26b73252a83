//! Containers as the engine has them: found by their labels, stopped, removed, and what they are called.

use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, ContainerSummary};
use bollard::query_parameters::{EventsOptions, RemoveContainerOptions, StopContainerOptions};
use futures::StreamExt;
use iac_core::provider::{ErrorKind, ProviderError};

use crate::labels;
use crate::provider::connect::Engine;
use crate::provider::errors::{failed, status};

/// The time that the engine may take to tell the next of its events.
const EVENTS: Duration = Duration::from_secs(2);

/// More events than an engine remembers.
const MOST_EVENTS: usize = 10_000;

impl Engine {
    /// The containers of a service, by their numbers.
    pub(crate) async fn members(
        &self,
        project: &str,
        service: &str,
    ) -> Result<Vec<ContainerInspectResponse>, ProviderError> {
        let filter = labels::filter([
            (labels::PROJECT, project),
            (labels::SERVICE, service),
            (labels::ONEOFF, "False"),
        ]);
        let mut members = self.inspect_all(self.list(filter).await?).await?;
        members.sort_by_key(number_of);
        Ok(members)
    }

    /// Stops a container, giving it its own time to end; one that is gone or stopped is no error.
    pub(crate) async fn stop(&self, container: &ContainerInspectResponse) -> Result<(), ProviderError> {
        let id = container.id.as_deref().unwrap_or_default();
        let grace = container.config.as_ref().and_then(|config| config.stop_timeout);
        let options = StopContainerOptions {
            t: grace.and_then(|seconds| i32::try_from(seconds).ok()),
            ..StopContainerOptions::default()
        };
        match self.docker.stop_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if matches!(status(&error), Some(304 | 404)) => Ok(()),
            Err(error) => Err(failed(&format!("stop the container {}", name_of(container)), &error)),
        }
    }

    /// Removes a container. Its anonymous volumes stay: they may hold data.
    pub(crate) async fn remove(&self, container: &ContainerInspectResponse) -> Result<(), ProviderError> {
        self.remove_with(container, false).await
    }

    /// Removes a container that has never done its work, with the anonymous volumes that were made for it.
    pub(crate) async fn discard(&self, container: &ContainerInspectResponse) -> Result<(), ProviderError> {
        self.remove_with(container, true).await
    }

    async fn remove_with(&self, container: &ContainerInspectResponse, volumes: bool) -> Result<(), ProviderError> {
        let id = container.id.as_deref().unwrap_or_default();
        let options = RemoveContainerOptions {
            v: volumes,
            force: true,
            ..RemoveContainerOptions::default()
        };
        match self.docker.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if matches!(status(&error), Some(404)) => Ok(()),
            // 409: another removal is under way; wait for it.
            Err(error) if status(&error) == Some(409) => self.gone(id).await,
            Err(error) => Err(failed(&format!("remove the container {}", name_of(container)), &error)),
        }
    }

    /// Whether somebody stopped a container that ended, as far as the engine remembers.
    pub(crate) async fn was_stopped(&self, container: &ContainerInspectResponse) -> Result<bool, ProviderError> {
        Ok(self.stopped_by(container).await?.is_some())
    }

    /// The command by which somebody stopped a container that ended, as far as the engine remembers: it keeps the last 256
    /// events of all containers.
    pub(crate) async fn stopped_by(
        &self,
        container: &ContainerInspectResponse,
    ) -> Result<Option<&'static str>, ProviderError> {
        let now = jiff::Timestamp::now();
        let id = container.id.clone().unwrap_or_default();
        let options = EventsOptions {
            since: Some("0".to_owned()),
            until: Some(format!("{}.{:09}", now.as_second(), now.subsec_nanosecond())),
            filters: Some([("container".to_owned(), vec![id])].into()),
        };
        let doing = "look at the engine's events";
        let stream = self.wire.stream().map_err(|error| failed(doing, &error))?;
        let mut events = std::pin::pin!(stream.docker.events(Some(options)).take(MOST_EVENTS));
        let mut by = None;
        // An engine whose clock is behind would wait until it is now there as well.
        while let Ok(Some(event)) = tokio::time::timeout(EVENTS, events.next()).await {
            stream.meter.restart();
            let event = event.map_err(|error| stream.failed(doing, &error))?;
            match event.action.as_deref() {
                Some("start") => by = None,
                // A stop is a signal first.
                Some("stop") => by = Some("docker stop"),
                Some("kill") => by = Some("docker kill"),
                _ => {}
            }
        }
        Ok(by)
    }

    async fn gone(&self, id: &str) -> Result<(), ProviderError> {
        for _ in 0..100 {
            if self.docker.inspect_container(id, None).await.is_err() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(ProviderError::new(
            ErrorKind::Timeout,
            format!("the engine does not finish removing the container {id}"),
        ))
    }
}

/// A container's number, or a large one where it has none.
pub(super) fn number_of(container: &ContainerInspectResponse) -> u32 {
    let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
    let number = labels.and_then(|labels| labels.get(labels::NUMBER)?.parse().ok());
    number.unwrap_or(u32::MAX)
}

/// A container's name without the slash that the engine puts before it.
pub(crate) fn name_of(container: &ContainerInspectResponse) -> String {
    container
        .name
        .as_deref()
        .unwrap_or_default()
        .trim_start_matches('/')
        .to_owned()
}

/// The same of a container in a list, which may bear several names.
pub(crate) fn listed_name(container: &ContainerSummary) -> &str {
    let first = container.names.iter().flatten().next();
    first.map_or("", |name| name.trim_start_matches('/'))
}

/// Returns the status of a container.
pub(crate) fn status_of(container: &ContainerInspectResponse) -> Status {
    container
        .state
        .as_ref()
        .and_then(|state| state.status)
        .unwrap_or(Status::EMPTY)
}
