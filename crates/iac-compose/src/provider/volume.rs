//! Volumes.

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::RemoveVolumeOptions;
use iac_core::provider::{Applied, ApplyRequest, DataItem, DeleteRequest, ErrorKind, Mark, ProviderError, Recorded};
use serde_json::json;

use super::connect::Engine;
use super::errors::{failed, if_there, status};
use super::maker::known;
use super::network::{labels_of, taken};
use super::service::volumes::{ANONYMOUS, is_anonymous};
use crate::inputs::VolumeInputs;
use crate::labels;

impl Engine {
    /// A volume by its name.
    pub(crate) async fn volume(&self, name: &str) -> Result<Option<Volume>, ProviderError> {
        let found = if_there(self.docker.inspect_volume(name).await);
        found.map_err(|error| failed(&format!("look up the volume {name}"), &error))
    }

    /// The data in a volume.
    pub(crate) async fn data_of_volume(&self, inputs: &VolumeInputs) -> Result<Vec<DataItem>, ProviderError> {
        let name = inputs.name();
        if self.volume(&name).await?.is_none() {
            return Ok(Vec::new());
        }
        Ok(vec![match is_anonymous(&name) {
            true => DataItem::new(ANONYMOUS, name).amount(&inputs.key),
            false => DataItem::new("volume", name),
        }])
    }

    /// Makes a volume, unless it is there.
    pub(crate) async fn apply_volume(
        &self,
        request: &ApplyRequest,
        inputs: &VolumeInputs,
    ) -> Result<Applied, ProviderError> {
        let name = inputs.name();
        if let Some(found) = self.volume(&name).await? {
            let mark = self.mark_of_volume(&found, inputs, request.recorded.as_ref()).await?;
            if !mark.yields_to(request.claim) {
                return Err(taken("volume", &name, &request.key, &mark));
            }
            return Ok(applied(&found));
        }
        let generation = draw()?;
        let place = [
            (labels::PROJECT, inputs.project.as_str()),
            (labels::VOLUME, &inputs.key),
        ];
        let digest = crate::hash::of(&request.inputs);
        let mut labels = labels_of(&inputs.spec.labels, place, &self.owner, &digest);
        labels.insert(labels::GENERATION.to_owned(), generation);
        let options = &inputs.spec.driver_opts;
        let body = VolumeCreateRequest {
            name: Some(name.clone()),
            driver: inputs.spec.driver.clone(),
            driver_opts: (!options.is_empty()).then(|| options.clone().into_iter().collect()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        let made = self.docker.create_volume(body).await;
        made.map(|volume| applied(&volume))
            .map_err(|error| failed(&format!("create the volume {name}"), &error))
    }

    /// Returns the mark on a volume.
    async fn mark_of_volume(
        &self,
        volume: &Volume,
        inputs: &VolumeInputs,
        recorded: Option<&Recorded>,
    ) -> Result<Mark, ProviderError> {
        let place = (labels::VOLUME, inputs.key.as_str());
        self.mark(Some(&volume.labels), &inputs.project, place, recorded).await
    }

    /// Removes a volume with all that is in it. Containers of the same project that hold it are removed first.
    pub(crate) async fn delete_volume(
        &self,
        request: &DeleteRequest,
        inputs: &VolumeInputs,
    ) -> Result<(), ProviderError> {
        let name = inputs.name();
        let Some(found) = self.volume(&name).await? else {
            return Ok(());
        };
        let mark = self.mark_of_volume(&found, inputs, known(&request.recorded)).await?;
        mark.allow(&format!("the volume {name}"), request.claim)?;
        let filter = if inputs.project.is_empty() {
            // Left by an interrupted run, which recorded no project.
            labels::filter([(labels::STACK, &self.owner.stack)])
        } else {
            labels::filter([(labels::PROJECT, &inputs.project), (labels::STACK, &self.owner.stack)])
        };
        let mut containers = self.list(filter).await?;
        containers.retain(|container| self.owner.mark(container.labels.as_ref()).is_ours());
        for container in self.inspect_all(containers).await? {
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

/// A number that no other volume has. The engine has none for volumes, and the time of creation that it gives moves with
/// what is written into them.
fn draw() -> Result<String, ProviderError> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| ProviderError::new(ErrorKind::Failed, format!("no randomness from the system: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the values of a volume that are recorded and given to others. One that was taken over has no generation.
pub(crate) fn applied(volume: &Volume) -> Applied {
    let generation = volume.labels.get(labels::GENERATION);
    Applied {
        uid: generation.cloned(),
        outputs: json!({ "name": volume.name, "generation": generation.map_or("adopted", String::as_str) }).into(),
        private: json!({}),
    }
}
