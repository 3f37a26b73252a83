//! What `docker login` left behind for registries: the `auths` of docker's own configuration file.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use base64::Engine as _;
use bollard::auth::DockerCredentials;
use serde::Deserialize;

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

/// Credentials for an image's registry, where there are any.
pub(super) fn of_image(image: &str) -> Option<DockerCredentials> {
    all().remove(&registry(image))
}

/// All credentials, by registry. A file that is missing or of another form counts as empty: pulling without them gives
/// the registry's own message.
pub(super) fn all() -> HashMap<String, DockerCredentials> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")));
    let text = folder.and_then(|folder| std::fs::read_to_string(folder.join("config.json")).ok());
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
