//! Volumes.

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::RemoveVolumeOptions;
use iac_core::provider::{Applied, ApplyRequest, Intent, ProviderError};
use serde_json::json;

use super::connect::Engine;
use super::errors::{failed, if_there, status};
use super::network::{labels_of, taken};
use crate::inputs::VolumeInputs;
use crate::labels;

impl Engine {
    /// A volume by its name.
    pub(crate) async fn volume(&self, name: &str) -> Result<Option<Volume>, ProviderError> {
        let found = if_there(self.docker.inspect_volume(name).await);
        found.map_err(|error| failed(&format!("look up the volume {name}"), &error))
    }

    /// Makes a volume, unless it is there.
    pub(crate) async fn apply_volume(
        &self,
        request: &ApplyRequest,
        inputs: &VolumeInputs,
    ) -> Result<Applied, ProviderError> {
        let name = inputs.name();
        if let Some(found) = self.volume(&name).await? {
            let is_ours = found.labels.get(labels::STACK) == Some(&self.stack);
            if !is_ours && request.recorded.is_none() && request.intent != Intent::Adopt {
                return Err(taken("volume", &name));
            }
            return Ok(applied(&found));
        }
        let ours = [
            (labels::PROJECT, inputs.project.as_str()),
            (labels::VOLUME, &inputs.key),
            (labels::STACK, &self.stack),
        ];
        let options = &inputs.spec.driver_opts;
        let body = VolumeCreateRequest {
            name: Some(name.clone()),
            driver: inputs.spec.driver.clone(),
            driver_opts: (!options.is_empty()).then(|| options.clone().into_iter().collect()),
            labels: Some(labels_of(&inputs.spec.labels, ours, &crate::hash::of(&request.inputs))),
            ..VolumeCreateRequest::default()
        };
        let made = self.docker.create_volume(body).await;
        made.map(|volume| applied(&volume))
            .map_err(|error| failed(&format!("create the volume {name}"), &error))
    }

    /// Removes a volume with all that is in it. Containers of the same project that hold it are removed first.
    pub(crate) async fn delete_volume(&self, inputs: &VolumeInputs) -> Result<(), ProviderError> {
        let name = inputs.name();
        if self.volume(&name).await?.is_none() {
            return Ok(());
        }
        let filter = labels::filter([(labels::PROJECT, &inputs.project), (labels::STACK, &self.stack)]);
        for container in self.inspect_all(self.list(filter).await?).await? {
            let holds = container
                .mounts
                .iter()
                .flatten()
                .any(|mount| mount.name.as_deref() == Some(&name));
            if holds {
                self.stop(&container).await?;
                self.remove(&container).await?;
            }
        }
        match self.docker.remove_volume(&name, None::<RemoveVolumeOptions>).await {
            Ok(()) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed(&format!("remove the volume {name}"), &error)
                .with_hint("a container of somebody else may hold it: `docker ps -a --filter volume=NAME`")),
        }
    }
}

/// What is recorded and given to others of a volume. When it was made tells it from another one of its name.
pub(crate) fn applied(volume: &Volume) -> Applied {
    Applied {
        uid: volume.created_at.clone(),
        outputs: json!({ "name": volume.name, "created": volume.created_at.clone().unwrap_or_default() }).into(),
        private: json!({}),
    }
}
