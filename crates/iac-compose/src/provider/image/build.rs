//! Builds an image with the engine's own builder.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures::StreamExt;
use iac_core::Key;
use iac_core::provider::{Context, ErrorKind, ProviderError};
use tokio::io::AsyncReadExt as _;

use super::archive;
use super::context::{self, LeftOut};
use crate::inputs::ImageInputs;
use crate::labels;
use crate::provider::connect::Engine;
use crate::provider::errors::failed;
use crate::provider::maker::Owner;

/// The number of lines of a failed build that are shown.
const LINES: usize = 20;

impl Engine {
    pub(super) async fn build(&self, inputs: &ImageInputs, key: &Key, cx: &Context) -> Result<(), ProviderError> {
        let archive = tokio::fs::File::from_std(packed(inputs, &self.own_files)?);
        let parts = futures::stream::try_unfold(archive, |mut archive| async move {
            let mut part = vec![0; 64 << 10];
            let length = archive.read(&mut part).await?;
            part.truncate(length);
            Ok((length > 0).then(|| (part.into(), archive)))
        });
        cx.progress(key, format!("building {}", inputs.tag));
        let body = bollard::body_try_stream(parts);
        let doing = format!("build the image {}", inputs.tag);
        let build = self.wire.stream().map_err(|error| failed(&doing, &error))?;
        let options = options(inputs, &self.owner);
        let credentials = Some(self.credentials()).filter(|all| !all.is_empty());
        // A step may work for hours without a word.
        let mut stream = std::pin::pin!(build.docker.build_image(options, credentials, Some(body)));
        let kept_back = self.kept_back();
        let hinted = |error: ProviderError| match kept_back {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        let mut output: Vec<String> = Vec::new();
        while let Some(step) = stream.next().await {
            build.meter.restart();
            let step = step.map_err(|error| hinted(build.failed(&doing, &error)).with_details(output.clone()))?;
            if let Some(message) = step.error_detail.and_then(|detail| detail.message) {
                let error = ProviderError::new(ErrorKind::Failed, format!("cannot {doing}: {message}"));
                return Err(hinted(error).with_details(output));
            }
            for line in step
                .stream
                .iter()
                .flat_map(|text| text.lines())
                .filter(|line| !line.trim().is_empty())
            {
                if line.starts_with("Step ") {
                    cx.progress(key, line.to_owned());
                }
                if output.len() == LINES {
                    output.remove(0);
                }
                output.push(line.to_owned());
            }
        }
        Ok(())
    }
}

/// The context, as long as it is still the one that was declared.
fn packed(inputs: &ImageInputs, own_files: &[PathBuf]) -> Result<File, ProviderError> {
    let unreadable = |error: context::ContextError| {
        ProviderError::new(
            ErrorKind::Invalid,
            format!("cannot read the build context of {}: {error}", inputs.tag),
        )
    };
    let left_out = LeftOut::new(&inputs.build, inputs.state_folder.as_deref(), own_files);
    if context::hash(&inputs.build, &left_out).map_err(unreadable)? != inputs.context_hash {
        let message = format!(
            "the build context {} of {} is not the one that was planned",
            inputs.build.context, inputs.tag
        );
        let hint = "run preview again, or check out the commit that the plan was made from";
        return Err(ProviderError::new(ErrorKind::Precondition, message).with_hint(hint));
    }
    archive::archive(&inputs.build, &left_out).map_err(unreadable)
}

fn options(inputs: &ImageInputs, owner: &Owner) -> BuildImageOptions {
    let build = &inputs.build;
    let place = [
        (labels::PROJECT, inputs.project.as_str()),
        (labels::SERVICE, &inputs.service),
    ];
    let mut all: HashMap<String, String> = build.labels.clone().into_iter().collect();
    all.extend(
        place
            .into_iter()
            .chain(owner.labels())
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    BuildImageOptions {
        dockerfile: context::dockerfile(build),
        t: Some(inputs.tag.clone()),
        extrahosts: (!build.extra_hosts.is_empty()).then(|| build.extra_hosts.join(",")),
        nocache: build.no_cache,
        shmsize: build.shm_size.and_then(|size| i32::try_from(size.0).ok()),
        cachefrom: (!build.cache_from.is_empty()).then(|| build.cache_from.clone()),
        pull: build.pull.then(|| "true".to_owned()),
        rm: true,
        forcerm: true,
        buildargs: Some(build.args.clone().into_iter().collect()),
        labels: Some(all),
        networkmode: build.network.clone(),
        platform: inputs.platform.clone().unwrap_or_default(),
        target: build.target.clone().unwrap_or_default(),
        version: BuilderVersion::BuilderV1,
        ..BuildImageOptions::default()
    }
}
