//! Credentials that `docker login` stored for registries: the `auths` of docker's own configuration file.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use bollard::auth::DockerCredentials;
use iac_core::files;
use serde::Deserialize;

use crate::provider::connect::Engine;
use crate::provider::endpoint::Environment;

/// The registry of names that have none.
const HUB: &str = "https://index.docker.io/v1/";

#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    auths: BTreeMap<String, Auth>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    identitytoken: Option<String>,
}

impl Engine {
    /// Credentials for an image's registry, where there are any that may be sent to the engine.
    pub(super) fn credentials_of(&self, image: &str) -> Option<DockerCredentials> {
        self.credentials().remove(&registry(image))
    }

    /// All credentials that may be sent to the engine, by registry: none where somebody on the way could read them.
    pub(super) fn credentials(&self) -> HashMap<String, DockerCredentials> {
        if self.is_private { all() } else { HashMap::new() }
    }

    /// Returns the reason why an image is not available, if that may be for credentials that were kept back.
    pub(super) fn kept_back(&self) -> Option<&'static str> {
        let is_about = !self.is_private && !all().is_empty();
        is_about.then_some(
            "credentials of registries are not sent to this engine, for others could read them on the way; reach it over TLS with a check \
             of its certificate, or ssh",
        )
    }
}

/// All credentials, by registry. A file that is missing or of another form counts as empty: pulling without them gives
/// the registry's own message.
fn all() -> HashMap<String, DockerCredentials> {
    let file = Environment::of_process().file("config.json");
    let text = file.and_then(|file| files::read_text(&file, files::SETTINGS).ok());
    let file: File = text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let known = file.auths.into_iter().map(|(registry, auth)| {
        let credentials = credentials(&registry, auth);
        (registry, credentials)
    });
    known.collect()
}

fn credentials(registry: &str, auth: Auth) -> DockerCredentials {
    let decoded = auth
        .auth
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let (username, password) = decoded
        .as_deref()
        .and_then(|text| text.split_once(':'))
        .map_or((None, None), |(user, password)| {
            (Some(user.to_owned()), Some(password.to_owned()))
        });
    DockerCredentials {
        username,
        password,
        identitytoken: auth.identitytoken,
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    }
}

/// The registry that an image's name leads to.
fn registry(image: &str) -> String {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first.to_owned(),
        _ => HUB.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_part_of_the_name() {
        let table = [
            ("busybox", HUB),
            ("library/busybox:1", HUB),
            ("ghcr.io/a/b:1", "ghcr.io"),
            ("localhost/x", "localhost"),
            ("registry:5000/x", "registry:5000"),
        ];
        for (image, wanted) in table {
            assert_eq!(registry(image), wanted, "{image}");
        }
    }
}
