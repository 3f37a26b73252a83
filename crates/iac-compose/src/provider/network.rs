//! Networks.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkDisconnectRequest, NetworkInspect};
use iac_core::Key;
use iac_core::provider::{Applied, ApplyRequest, DeleteRequest, ErrorKind, Mark, ProviderError, Recorded};
use serde_json::json;

use super::connect::Engine;
use super::errors::{failed, if_there, status};
use super::maker::{Owner, known};
use crate::inputs::NetworkInputs;
use crate::labels;

impl Engine {
    /// A network by its exact name.
    pub(crate) async fn network(&self, name: &str) -> Result<Option<NetworkInspect>, ProviderError> {
        let found = if_there(self.docker.inspect_network(name, None).await);
        let found = found.map_err(|error| failed(&format!("look up the network {name}"), &error))?;
        // The engine also finds a network by the beginning of its ID.
        Ok(found.filter(|network| network.name.as_deref() == Some(name)))
    }

    /// Makes a network, unless it is there.
    pub(crate) async fn apply_network(
        &self,
        request: &ApplyRequest,
        inputs: &NetworkInputs,
    ) -> Result<Applied, ProviderError> {
        let name = inputs.name();
        if let Some(found) = self.network(&name).await? {
            let mark = self.mark_of_network(&found, inputs, request.recorded.as_ref()).await?;
            if !mark.yields_to(request.claim) {
                return Err(taken("network", &name, &request.key, &mark));
            }
            return Ok(applied(&found));
        }
        let body = body(inputs, &self.owner, &crate::hash::of(&request.inputs));
        match self.docker.create_network(body).await {
            Ok(_) => {}
            // Somebody was quicker; what is there is looked at below.
            Err(error) if status(&error) == Some(409) => {}
            Err(error) => return Err(failed(&format!("create the network {name}"), &error)),
        }
        let made = self.network(&name).await?;
        let gone = || {
            ProviderError::new(
                ErrorKind::Conflict,
                format!("the network {name} went right after it was made"),
            )
        };
        made.as_ref().map(applied).ok_or_else(gone)
    }

    /// Returns the mark on a network.
    async fn mark_of_network(
        &self,
        network: &NetworkInspect,
        inputs: &NetworkInputs,
        recorded: Option<&Recorded>,
    ) -> Result<Mark, ProviderError> {
        let place = (labels::NETWORK, inputs.key.as_str());
        self.mark(network.labels.as_ref(), &inputs.project, place, recorded)
            .await
    }

    /// Removes a network. Containers of the same project leave it first; others' keep it.
    pub(crate) async fn delete_network(
        &self,
        request: &DeleteRequest,
        inputs: &NetworkInputs,
    ) -> Result<(), ProviderError> {
        let name = inputs.name();
        let Some(network) = self.network(&name).await? else {
            return Ok(());
        };
        let mark = self.mark_of_network(&network, inputs, known(&request.recorded)).await?;
        mark.allow(&format!("the network {name}"), request.claim)?;
        // The one that was looked at, whatever has its name by now.
        let id = network.id.clone().unwrap_or_else(|| name.clone());
        let ours = match label(&network, labels::PROJECT) {
            Some(project) => labels::filter([(labels::PROJECT, project)]),
            None => labels::filter([(labels::STACK, &self.owner.stack)]),
        };
        let attached = network.containers.unwrap_or_default();
        let mut ours = self.list(ours).await?;
        ours.retain(|container| {
            !matches!(
                self.owner.mark(container.labels.as_ref()),
                Mark::Theirs(_) | Mark::Namesake
            )
        });
        let mut foreign = Vec::new();
        for (container, endpoint) in attached {
            if ours.iter().any(|ours| ours.id.as_deref() == Some(&container)) {
                let leave = NetworkDisconnectRequest {
                    container,
                    force: Some(true),
                };
                let left = self.docker.disconnect_network(&id, leave).await;
                left.map_err(|error| failed(&format!("take a container out of the network {name}"), &error))?;
            } else {
                foreign.push(endpoint.name.unwrap_or(container));
            }
        }
        if !foreign.is_empty() {
            let message = format!(
                "the network {name} is in use by containers of others: {}",
                foreign.join(", ")
            );
            return Err(ProviderError::new(ErrorKind::Conflict, message)
                .with_hint("stop them or take them out with `docker network disconnect`, and run again"));
        }
        match self.docker.remove_network(&id).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed(&format!("remove the network {name}"), &error)),
        }
    }
}

/// The error for something of our name that somebody else made.
pub(crate) fn taken(what: &str, name: &str, key: &Key, mark: &Mark) -> ProviderError {
    let message = format!("the {what} {name} is there already, and {}", mark.why_not_ours());
    let hint = format!("{}, declare it external, or use another name", mark.ways_out(key));
    ProviderError::new(ErrorKind::Conflict, message).with_hint(hint)
}

pub(crate) fn label<'a>(network: &'a NetworkInspect, name: &str) -> Option<&'a String> {
    network.labels.as_ref()?.get(name)
}

/// Returns the values of a network that are recorded and given to others.
pub(crate) fn applied(network: &NetworkInspect) -> Applied {
    Applied {
        uid: network.id.clone(),
        outputs: json!({ "id": network.id, "name": network.name }).into(),
        private: json!({}),
    }
}

/// The labels of a network or volume.
pub(crate) fn labels_of(
    users: &std::collections::BTreeMap<String, String>,
    place: [(&str, &str); 2],
    owner: &Owner,
    digest: &str,
) -> HashMap<String, String> {
    let users = users.iter().map(|(key, value)| (key.clone(), value.clone()));
    let ours = place.into_iter().chain(owner.labels());
    let ours = ours.map(|(key, value)| (key.to_owned(), value.to_owned()));
    // No `config-hash`: docker compose takes a digest that is not its own for a changed definition, and offers to delete
    // the volume with its data. Without one it leaves the object as it is.
    let digest = (labels::SPEC.to_owned(), digest.to_owned());
    users.chain(ours).chain([digest]).collect()
}

fn some(map: &std::collections::BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.clone().into_iter().collect())
}

fn body(inputs: &NetworkInputs, owner: &Owner, digest: &str) -> NetworkCreateRequest {
    let spec = &inputs.spec;
    let place = [
        (labels::PROJECT, inputs.project.as_str()),
        (labels::NETWORK, &inputs.key),
    ];
    let pools = spec.ipam.config.iter().map(|pool| IpamConfig {
        subnet: pool.subnet.clone(),
        ip_range: pool.ip_range.clone(),
        gateway: pool.gateway.clone(),
        auxiliary_addresses: some(&pool.aux_addresses),
    });
    NetworkCreateRequest {
        name: inputs.name(),
        driver: spec.driver.clone(),
        internal: spec.internal.then_some(true),
        attachable: spec.attachable.then_some(true),
        enable_ipv4: spec.enable_ipv4,
        enable_ipv6: spec.enable_ipv6.then_some(true),
        options: some(&spec.driver_opts),
        ipam: (spec.ipam != crate::model::Ipam::default()).then(|| Ipam {
            driver: spec.ipam.driver.clone(),
            config: Some(pools.collect()),
            options: some(&spec.ipam.options),
        }),
        labels: Some(labels_of(&spec.labels, place, owner, digest)),
        ..NetworkCreateRequest::default()
    }
}
