//! Plain compose files as part of a program.
//!
//! What is read: anchors and merge keys, variables with `.env`, `extends` within a folder, an override file beside the
//! file, profiles, env files, short and long forms. What is not: `include`, and remote files. A key that is not supported
//! is an error that names it; nothing is ignored without a word.

mod keys;
mod merge;
mod places;
mod read;
mod variables;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use iac_core::Stack;
use iac_core::declare::Handle;

use crate::model::{Condition, Network, Service, Volume};
use crate::parse::dotenv::DotenvError;
use crate::scope::Compose;
use places::Places;
use read::Project;

/// What is wrong with a compose file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// A file can not be read.
    #[error("{path} can not be read: {error}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is no YAML.
    #[error("{path}:{line}: {message}")]
    Yaml {
        /// Which file.
        path: String,
        /// Where.
        line: u64,
        /// What the parser says.
        message: String,
    },
    /// `.env` is not of the form.
    #[error("{path}: {error}")]
    Dotenv {
        /// Which file.
        path: String,
        /// Where and why.
        error: DotenvError,
    },
    /// Something at a key is wrong.
    #[error("{path}: {message}")]
    Key {
        /// The key's path.
        path: String,
        /// What.
        message: String,
    },
}

impl FileError {
    fn key(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Key {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// What a compose file declared.
#[derive(Debug, Clone, Default)]
pub struct ComposeFile {
    /// Its services, by name; those of inactive profiles are left out.
    pub services: BTreeMap<String, Handle<Service>>,
    /// Its networks, by key.
    pub networks: BTreeMap<String, Handle<Network>>,
    /// Its volumes, by key.
    pub volumes: BTreeMap<String, Handle<Volume>>,
}

/// The profiles that `COMPOSE_PROFILES` names.
fn active_profiles() -> BTreeSet<String> {
    let names = std::env::var("COMPOSE_PROFILES").unwrap_or_default();
    names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Compose {
    /// The name that a compose file gives its project: its `name`, else that of its folder, in the letters that a name may
    /// have. None where nothing of that is left.
    pub fn name_of(path: impl AsRef<Path>) -> Option<String> {
        read::project_name(path.as_ref())
    }

    /// A project with all that a compose file declares, named as [`name_of`](Self::name_of) says.
    #[track_caller]
    pub fn load(stack: &Stack, path: impl AsRef<Path>) -> (Self, ComposeFile) {
        let path = path.as_ref();
        let name = Self::name_of(path).unwrap_or_else(|| "project".to_owned());
        let compose = Self::project(stack, name);
        let file = compose.file(path);
        (compose, file)
    }

    /// Declares all that a compose file says, in this project. Profiles are those that `COMPOSE_PROFILES` names.
    ///
    /// What is wrong with the file is reported with the other problems of the declaration.
    #[track_caller]
    pub fn file(&self, path: impl AsRef<Path>) -> ComposeFile {
        self.file_with_profiles(path, active_profiles())
    }

    /// As [`file`](Self::file), with these profiles.
    #[track_caller]
    pub fn file_with_profiles<S: Into<String>>(
        &self,
        path: impl AsRef<Path>,
        profiles: impl IntoIterator<Item = S>,
    ) -> ComposeFile {
        let path = path.as_ref();
        let profiles = profiles.into_iter().map(Into::into).collect();
        match read::project(self.stack(), self.name(), path, &profiles) {
            Ok(project) => self.declare_file(project, &Places::of(path)),
            Err(error) => {
                self.report(&path.display().to_string(), error.to_string());
                ComposeFile::default()
            }
        }
    }

    #[track_caller]
    fn declare_file(&self, project: Project, places: &Places) -> ComposeFile {
        let mut declared = ComposeFile::default();
        for note in project.notes {
            self.stack().note(note);
        }
        for (key, network) in project.networks {
            if network.external {
                let _ = self.external_network(&key, network.name.unwrap_or_else(|| key.clone()));
            } else {
                let handle = self.at(places.source("networks", &key)).network(&key, network);
                declared.networks.insert(key, handle);
            }
        }
        for (key, volume) in project.volumes {
            if volume.external {
                let _ = self.external_volume(&key, volume.name.unwrap_or_else(|| key.clone()));
            } else {
                let handle = self.at(places.source("volumes", &key)).volume(&key, volume);
                declared.volumes.insert(key, handle);
            }
        }
        for (name, config) in project.configs {
            let _ = self.at(places.source("configs", &name)).config(&name, config);
        }
        for (name, secret) in project.secrets {
            let _ = self.at(places.source("secrets", &name)).secret(&name, secret);
        }
        let conditions = project.services.values().flat_map(|service| service.depends_on.clone());
        let jobs: BTreeSet<String> = conditions
            .filter(|(_, dependency)| dependency.condition == Condition::Completed)
            .map(|(name, _)| name)
            .collect();
        for (name, service) in project.services {
            let place = self.at(places.source("services", &name));
            let handle = place.add(&name, service, jobs.contains(&name));
            declared.services.insert(name, handle);
        }
        declared
    }
}
