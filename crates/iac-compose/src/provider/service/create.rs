//! One container: made in all its networks, named, filled with its files and started.

use bollard::models::{ContainerInspectResponse, NetworkConnectRequest, NetworkDisconnectRequest};
use bollard::query_parameters::{CreateContainerOptions, RenameContainerOptions, UploadToContainerOptions};
use iac_core::provider::{ErrorKind, ProviderError};

use super::containers::{name_of, number_of};
use super::converge::Converge;
use super::request::{self, Request};
use super::{compare, files};
use crate::provider::errors::{failed, status};

impl Converge<'_> {
    pub(super) async fn join_networks(&self, member: &ContainerInspectResponse) -> Result<(), ProviderError> {
        let missing = compare::missing_networks(member, self.inputs);
        let number = number_of(member);
        for (network, endpoint) in request::endpoints(self.inputs, number) {
            if missing.contains(&network) {
                self.connect(member.id.as_deref().unwrap_or_default(), &network, endpoint)
                    .await?;
            }
        }
        Ok(())
    }

    async fn connect(
        &self,
        id: &str,
        network: &str,
        endpoint: bollard::models::EndpointSettings,
    ) -> Result<(), ProviderError> {
        let docker = &self.engine.docker;
        let leave = NetworkDisconnectRequest {
            container: id.to_owned(),
            force: Some(true),
        };
        let join = NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(endpoint),
        };
        // A container may still be bound to a former network of that name, or have been joined by a run before.
        let _ = docker.disconnect_network(network, leave).await;
        let joined = docker.connect_network(network, join).await;
        joined.map_err(|error| failed(&format!("join the network {network}"), &error))
    }

    pub(super) async fn rename(&self, member: &ContainerInspectResponse, name: &str) -> Result<(), ProviderError> {
        if name_of(member) == name {
            return Ok(());
        }
        let options = RenameContainerOptions { name: name.to_owned() };
        let renamed = self
            .engine
            .docker
            .rename_container(member.id.as_deref().unwrap_or_default(), options)
            .await;
        renamed.map_err(|error| failed(&format!("rename {} to {name}", name_of(member)), &error))
    }

    /// Makes a container, in all its networks, not started; gives its ID.
    pub(super) async fn create(&self, name: &str, mut request: Request) -> Result<String, ProviderError> {
        // An engine that takes all networks at once also keeps the hardware addresses that are asked for.
        if self.engine.api >= (1, 44) {
            let networks = request.body.networking_config.as_mut();
            let endpoints = networks.and_then(|networks| networks.endpoints_config.as_mut());
            if let Some(endpoints) = endpoints {
                endpoints.extend(std::mem::take(&mut request.more_networks));
            }
        }
        self.cx.progress(self.key, format!("creating {name}"));
        let options = CreateContainerOptions {
            name: Some(name.to_owned()),
            platform: self.inputs.spec.platform.clone().unwrap_or_default(),
        };
        let created = self.engine.docker.create_container(Some(options), request.body).await;
        let id = created
            .map_err(|error| failed(&format!("create the container {name}"), &error))?
            .id;
        for (network, endpoint) in request.more_networks {
            self.connect(&id, &network, endpoint).await?;
        }
        Ok(id)
    }

    /// Puts its files into a container and starts it.
    pub(super) async fn start(&self, id: &str, name: &str) -> Result<(), ProviderError> {
        let archive = files::archive(&self.inputs.spec).map_err(|error| {
            ProviderError::new(
                ErrorKind::Invalid,
                format!("cannot pack the configs and secrets of {name}: {error}"),
            )
        })?;
        if let Some(archive) = archive {
            let options = UploadToContainerOptions {
                path: "/".to_owned(),
                ..UploadToContainerOptions::default()
            };
            let body = bollard::body_full(archive.into());
            let uploaded = self.engine.docker.upload_to_container(id, Some(options), body).await;
            uploaded.map_err(|error| failed(&format!("put the configs and secrets into {name}"), &error))?;
        }
        self.cx.progress(self.key, format!("starting {name}"));
        match self.engine.docker.start_container(id, None).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(304) => Ok(()),
            Err(error) => Err(failed(&format!("start the container {name}"), &error)),
        }
    }
}
