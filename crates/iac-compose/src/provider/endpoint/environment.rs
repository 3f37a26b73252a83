//! The variables of the user's environment that concern engines.

use std::path::PathBuf;

use super::Material;

/// The variables of docker. One that is empty is not set.
#[derive(Debug, Default)]
pub(in crate::provider) struct Environment {
    pub(super) host: Option<String>,
    pub(super) context: Option<String>,
    /// The folder of docker's configuration.
    pub(super) folder: Option<PathBuf>,
    tls: bool,
    verify: bool,
    certificates: Option<PathBuf>,
}

impl Environment {
    /// The process's own.
    pub(in crate::provider) fn of_process() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = || Some(PathBuf::from(set("HOME")?).join(".docker"));
        Self {
            host: set("DOCKER_HOST"),
            context: set("DOCKER_CONTEXT"),
            folder: set("DOCKER_CONFIG").map(PathBuf::from).or_else(home),
            tls: set("DOCKER_TLS").is_some(),
            verify: set("DOCKER_TLS_VERIFY").is_some(),
            certificates: set("DOCKER_CERT_PATH").map(PathBuf::from),
        }
    }

    /// A file in the folder of docker's configuration.
    pub(in crate::provider) fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(name))
    }

    /// Returns the material to encrypt the connection with, where the variables ask for that.
    pub(super) fn material(&self) -> Option<Material> {
        let folder = self.certificates.clone().or_else(|| self.folder.clone());
        (self.tls || self.verify).then(|| Material::of_user(&folder.unwrap_or_default(), self.verify))
    }
}
