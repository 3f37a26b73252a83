//! Images: looked up, pulled, built.

mod archive;
mod build;
mod context;
mod credentials;
mod ensure;
mod ignore;

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{CreateImageInfo, ImageInspect};
use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions, TagImageOptions};
use futures::StreamExt;
use iac_core::Key;
use iac_core::provider::{Applied, Claim, Context, ErrorKind, Mark, ProviderError};
use serde_json::json;

use super::connect::Engine;
use super::errors::{failed, if_there, status};
use super::maker::Owner;
use crate::inputs::ImageInputs;

pub(crate) use context::{LeftOut, hash as context_hash, place_of};
pub(crate) use ensure::UnderWay;

/// The time for which a pull may say nothing: engines tell every bit of progress.
const SILENCE: Duration = Duration::from_mins(10);

/// More layers than an image can have.
const MOST_LAYERS: usize = 1000;

impl Engine {
    /// The ID of an image that the engine has.
    pub(crate) async fn image_id(&self, name: &str) -> Result<Option<String>, ProviderError> {
        let found = if_there(self.docker.inspect_image(name).await);
        let found = found.map_err(|error| failed(&format!("look up the image {name}"), &error))?;
        Ok(found.and_then(|image| image.id))
    }

    async fn pull(&self, name: &str, platform: Option<&str>, key: &Key, cx: &Context) -> Result<(), ProviderError> {
        cx.progress(key, format!("pulling {name}"));
        let options = CreateImageOptions {
            from_image: Some(with_tag(name)),
            platform: platform.unwrap_or_default().to_owned(),
            ..CreateImageOptions::default()
        };
        let mut layers = Layers::default();
        let hint = "check the name and the tag, log in to the registry with `docker login`, or build the image";
        let hint = self.kept_back().unwrap_or(hint);
        let doing = format!("pull the image {name}");
        let pull = self.wire.stream().map_err(|error| failed(&doing, &error))?;
        let mut stream = std::pin::pin!(pull.docker.create_image(Some(options), None, self.credentials_of(name)));
        loop {
            let step = tokio::time::timeout(SILENCE, stream.next()).await.map_err(|_| {
                let minutes = SILENCE.as_secs() / 60;
                let message = format!("cannot pull the image {name}: nothing was heard of it for {minutes} min");
                ProviderError::new(ErrorKind::Timeout, message)
            })?;
            let Some(step) = step else { break };
            pull.meter.restart();
            let step = step.map_err(|error| pull.failed(&doing, &error).with_hint(hint))?;
            if let Some(error) = step.error_detail.as_ref().and_then(|detail| detail.message.clone()) {
                let message = format!("cannot pull the image {name}: {error}");
                return Err(ProviderError::new(ErrorKind::Failed, message).with_hint(hint));
            }
            if let Some(text) = layers.step(step) {
                cx.progress(key, format!("pulling {name}: {text}"));
            }
        }
        Ok(())
    }

    /// Builds an image.
    pub(crate) async fn apply_image(
        &self,
        inputs: &ImageInputs,
        key: &Key,
        cx: &Context,
    ) -> Result<Applied, ProviderError> {
        self.build(inputs, key, cx).await?;
        for name in &inputs.build.tags {
            let options = TagImageOptions {
                repo: Some(repository(name).to_owned()),
                tag: with_tag(name)
                    .strip_prefix(repository(name))
                    .map(|tag| tag.trim_start_matches(':').to_owned()),
            };
            let tagged = self.docker.tag_image(&inputs.tag, Some(options)).await;
            tagged.map_err(|error| failed(&format!("give the image {} the name {name}", inputs.tag), &error))?;
        }
        let built = self.image_id(&inputs.tag).await?;
        let id = built.ok_or_else(|| {
            ProviderError::new(
                ErrorKind::Internal,
                format!("{} was built and is not there", inputs.tag),
            )
        })?;
        Ok(Applied {
            uid: None,
            outputs: json!({ "id": id, "name": inputs.tag }).into(),
            private: json!({ "id": id }),
        })
    }

    /// Removes an image's names, and the image where those were its last ones. A further name that is another image's by
    /// now stays.
    pub(crate) async fn delete_image(&self, inputs: &ImageInputs, claim: Claim) -> Result<(), ProviderError> {
        for name in inputs.build.tags.iter().chain([&inputs.tag]) {
            let found = if_there(self.docker.inspect_image(name).await);
            let found = found.map_err(|error| failed(&format!("look up the image {name}"), &error))?;
            let Some(image) = found else {
                continue;
            };
            match mark(&image, &self.owner).allow(&format!("the image {name}"), claim) {
                Err(error) if *name == inputs.tag => return Err(error),
                Err(_) => continue,
                Ok(()) => {}
            }
            // By its ID: the name may be another image's by now. One that has other names as well loses this one only.
            let is_last = image.repo_tags.as_ref().is_none_or(|tags| tags.len() < 2);
            let what = image.id.as_deref().filter(|_| is_last).unwrap_or(name);
            match self.docker.remove_image(what, None::<RemoveImageOptions>, None).await {
                Ok(_) => {}
                Err(error) if status(&error) == Some(404) => {}
                Err(error) => return Err(failed(&format!("remove the image {name}"), &error)),
            }
        }
        Ok(())
    }
}

/// Returns the mark on an image: an image that we build has our label.
pub(crate) fn mark(image: &ImageInspect, owner: &Owner) -> Mark {
    owner.mark(image.config.as_ref().and_then(|config| config.labels.as_ref()))
}

/// A name with its tag; without one the engine would pull all of them.
fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') || last.contains('@') {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

/// A name without tag and digest: `nginx` of `nginx:1.27`.
fn repository(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or(name);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    name[last..].find(':').map_or(name, |colon| &name[..last + colon])
}

/// True if a repository is the one that a shorter name means: `docker.io/library/nginx` is `nginx`.
fn is_repository(repository: &str, name: &str) -> bool {
    repository
        .strip_suffix(name)
        .is_some_and(|host| host.is_empty() || host.ends_with('/'))
}

/// The state of an image's layers while it is pulled.
#[derive(Default)]
struct Layers {
    done: BTreeMap<String, bool>,
    said: usize,
}

impl Layers {
    /// Takes a sign of life in; a text when another layer is complete.
    fn step(&mut self, step: CreateImageInfo) -> Option<String> {
        let (id, status) = (step.id?, step.status?);
        let is_done = matches!(status.as_str(), "Pull complete" | "Already exists");
        let is_layer = is_done || status.starts_with("Pulling fs") || status == "Waiting";
        if is_layer && (self.done.len() < MOST_LAYERS || self.done.contains_key(&id)) {
            self.done.insert(id, is_done);
        }
        let count = self.done.values().filter(|done| **done).count();
        let is_news = count > self.said;
        self.said = count;
        is_news.then(|| format!("{count} of {} layers", self.done.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_found_under_its_repository() {
        for (name, digest, found) in [
            ("nginx", "nginx@sha256:1", true),
            ("nginx:1.27", "docker.io/library/nginx@sha256:1", true),
            ("registry:5000/shop/api:1", "registry:5000/shop/api@sha256:1", true),
            ("registry:5000/shop/api", "registry:5000/shop/api@sha256:1", true),
            ("api@sha256:1", "api@sha256:1", true),
            ("nginx", "mynginx@sha256:1", false),
            ("shop/api", "other/api@sha256:1", false),
        ] {
            assert_eq!(is_repository(repository(digest), repository(name)), found, "{name}");
        }
    }
}
