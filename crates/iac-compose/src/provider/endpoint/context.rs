//! Docker's contexts: files below its configuration, written by `docker context create`.
//!
//! `contexts/meta/ID/meta.json` says where the engine is, and `contexts/tls/ID/docker` has the files for TLS; the ID is the SHA-256 of the
//! name.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use iac_core::files;
use iac_core::provider::{ErrorKind, ProviderError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::{Found, Material};

/// The endpoint that is a Docker Engine's; contexts may have others.
const ENDPOINT: &str = "docker";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Configuration {
    #[serde(rename = "currentContext")]
    current: Option<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Endpoints", default)]
    endpoints: BTreeMap<String, Json>,
}

#[derive(Deserialize)]
struct Engine {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skips_check: bool,
}

/// The context that docker's configuration file says is current.
pub(super) fn current(folder: Option<&Path>) -> Result<Option<String>, ProviderError> {
    let Some(file) = folder.map(|folder| folder.join("config.json")) else {
        return Ok(None);
    };
    // docker goes on without the file's context; that may be another engine than the user's.
    let read: Option<Configuration> = json(&file).map_err(|reason| {
        let message = format!("{} does not say which context is current: {reason}", file.display());
        invalid(message).with_hint("mend the file, or say where the engine is with DOCKER_HOST or DOCKER_CONTEXT")
    })?;
    let current = read.and_then(|read| read.current);
    Ok(current.filter(|name| !name.is_empty()))
}

/// Reads a context.
pub(super) fn read(folder: Option<&Path>, name: &str) -> Result<Found, ProviderError> {
    let hint = "`docker context ls` lists the contexts, DOCKER_CONTEXT and `docker context use` choose one, and DOCKER_HOST decides without them";
    let unusable = |reason: String| invalid(format!("the context {name:?} of docker {reason}")).with_hint(hint);
    let missing = || unusable("does not exist".to_owned());
    let folder = folder.ok_or_else(missing)?.join("contexts");
    let digest = Sha256::digest(name.as_bytes());
    let id: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = folder.join("meta").join(&id).join("meta.json");
    let meta: Option<Meta> =
        json(&file).map_err(|reason| unusable(format!("cannot be read: {}: {reason}", file.display())))?;
    let endpoint = meta.ok_or_else(missing)?.endpoints.remove(ENDPOINT);
    let endpoint = endpoint.ok_or_else(|| unusable("is of another kind: it has no Docker Engine".to_owned()))?;
    let engine: Engine = serde_json::from_value(endpoint)
        .map_err(|error| unusable(format!("cannot be read: {}: {error}", file.display())))?;
    if engine.host.trim().is_empty() {
        return Err(unusable("does not say where its engine is".to_owned()));
    }
    let tls = folder.join("tls").join(&id).join(ENDPOINT);
    Ok(Found {
        host: engine.host.trim().to_owned(),
        material: Material::of_context(&tls, engine.skips_check),
        context: Some(name.to_owned()),
    })
}

/// A file of JSON; none where there is no file.
fn json<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, String> {
    match files::read(file, files::SETTINGS) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| error.to_string()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn invalid(message: String) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, message)
}
