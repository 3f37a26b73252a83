//! Variables and files: ConfigMaps for what is plain, Secrets for what is not.

use std::collections::BTreeMap;

use iac_core::Output;
use iac_k8s::k8s_openapi::api::core::v1::{ConfigMap, EnvFromSource, EnvVar, Secret, Volume, VolumeMount};
use iac_k8s::{Namespaced, Object};

use super::{Lowering, metadata};
use crate::part::Data;
use crate::{App, Environment, Text};

/// The objects of the environments that several parts share, by their names.
pub(super) struct Shared(BTreeMap<String, One>);

/// The objects of one environment.
struct One {
    environment: Environment,
    config: Option<Object<ConfigMap>>,
    secrets: Option<Object<Secret>>,
}

/// The environment and files of a container.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) env: Vec<EnvVar>,
    pub(super) env_from: Vec<EnvFromSource>,
    pub(super) volumes: Vec<Volume>,
    pub(super) mounts: Vec<VolumeMount>,
    /// Those of the container that follows on a scheduled job.
    pub(super) then: Option<Box<Self>>,
    /// Hashes of all that it reads: when one changes, the container is restarted.
    pub(super) reads: Vec<Output>,
}

impl Shared {
    /// Declares the objects.
    pub(super) fn declare(app: &App, namespace: &Namespaced) -> Self {
        let mut all = BTreeMap::new();
        for environment in app.0.environments.borrow().iter() {
            let place = namespace.in_stack(&app.0.stack.at(environment.0.source.clone()));
            let plain = environment.entries(false);
            let secret = environment.entries(true);
            let config = (!plain.is_empty()).then(|| {
                let config = ConfigMap {
                    data: Some(texts(plain)),
                    ..ConfigMap::default()
                };
                place.add(&environment.config_name(), config)
            });
            let secrets = (!secret.is_empty()).then(|| place.add(&environment.secret_name(), opaque(secret)));
            let one = One {
                environment: environment.clone(),
                config,
                secrets,
            };
            all.insert(environment.0.name.clone(), one);
        }
        Self(all)
    }

    /// The Secret and the key in it that hold this text already.
    fn holding(&self, text: &Text) -> Option<(&Object<Secret>, String)> {
        self.0
            .values()
            .find_map(|one| Some((one.secrets.as_ref()?, one.environment.key_of(text)?)))
    }
}

impl Lowering<'_> {
    /// The environment and the files of a part's container; declares the objects that hold them.
    pub(super) fn environment(&self, part: &Data) -> Parts {
        let mut parts = Parts::default();
        for environment in &part.container.environments {
            let Some(one) = self.shared.0.get(&environment.0.name) else {
                continue;
            };
            if let Some(config) = &one.config {
                parts.env_from.push(config.env_from());
                parts.reads.push(config.content_hash());
            }
            if let Some(secrets) = &one.secrets {
                parts.env_from.push(secrets.env_from());
                parts.reads.push(secrets.content_hash());
            }
        }
        let name = &part.name.part;
        self.variables(part, &part.container.env, name, &mut parts);
        self.files(part, &mut parts);
        if let Some(then) = &part.container.then {
            let mut own = Parts::default();
            self.variables(part, &then.container.env, &format!("{name}-{}", then.name), &mut own);
            parts.reads.append(&mut own.reads);
            parts.then = Some(Box::new(own));
        }
        parts.reads.sort_by_key(|hash| hash.reference().clone());
        parts.reads.dedup();
        parts
    }

    /// The variables of one of the part's containers; those that are secret, and nowhere else, are in `NAME-secrets`.
    fn variables(&self, part: &Data, variables: &[(String, Text)], container: &str, parts: &mut Parts) {
        let (secret, plain): (Vec<_>, Vec<_>) = variables.iter().partition(|(_, text)| text.is_secret());
        for (name, text) in plain {
            parts.env.push(EnvVar {
                name: name.clone(),
                value: Some(unexpanded(&text.text)),
                ..EnvVar::default()
            });
        }
        let mut own = Vec::new();
        for (name, text) in secret {
            match self.shared.holding(text) {
                Some((secrets, key)) => {
                    parts.env.push(secrets.env(name, &key));
                    // Not the whole of it: a database is not restarted since another key has changed.
                    parts.reads.push(secrets.entry_hash(&key));
                }
                None => own.push((name, text)),
            }
        }
        if own.is_empty() {
            return;
        }
        let secret = Secret {
            metadata: metadata(part),
            ..opaque(own.iter().map(|(name, text)| ((*name).clone(), (*text).clone())))
        };
        let secrets = self.namespace.add(&format!("{container}-secrets"), secret);
        parts.env.extend(own.iter().map(|(name, _)| secrets.env(name, name)));
        parts.reads.push(secrets.content_hash());
    }

    fn files(&self, part: &Data, parts: &mut Parts) {
        let (secret, plain): (Vec<_>, Vec<_>) = part.container.files.iter().partition(|(_, text)| text.is_secret());
        if !plain.is_empty() {
            let entries = plain.iter().map(|(path, text)| (key(path), text.clone()));
            let config = ConfigMap {
                metadata: metadata(part),
                data: Some(texts(entries)),
                ..ConfigMap::default()
            };
            let config = self.namespace.add(&format!("{}-files", part.name.part), config);
            parts.volumes.push(config.volume("files"));
            parts.reads.push(config.content_hash());
            parts.mounts.extend(plain.iter().map(|(path, _)| mount("files", path)));
        }
        if !secret.is_empty() {
            let entries = secret.iter().map(|(path, text)| (key(path), text.clone()));
            let secrets = Secret {
                metadata: metadata(part),
                ..opaque(entries)
            };
            let secrets = self.namespace.add(&format!("{}-secret-files", part.name.part), secrets);
            parts.volumes.push(secrets.volume("secret-files"));
            parts.reads.push(secrets.content_hash());
            parts
                .mounts
                .extend(secret.iter().map(|(path, _)| mount("secret-files", path)));
        }
    }
}

fn texts(entries: impl IntoIterator<Item = (String, Text)>) -> BTreeMap<String, String> {
    entries.into_iter().map(|(name, text)| (name, text.text)).collect()
}

fn opaque(entries: impl IntoIterator<Item = (String, Text)>) -> Secret {
    Secret {
        type_: Some("Opaque".to_owned()),
        string_data: Some(texts(entries)),
        ..Secret::default()
    }
}

/// The key of a file: its path, where `.` stands for all that a key cannot hold.
fn key(path: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() || "-_.".contains(c) {
        true => c,
        false => '.',
    };
    path.trim_start_matches('/').chars().map(plain).collect()
}

/// One file of a volume at its path, which leaves the other files of the image's folder visible.
fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        sub_path: Some(key(path)),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

/// Keeps Kubernetes from putting variables in place of `$(NAME)`.
pub(super) fn unexpanded(text: &str) -> String {
    text.replace("$(", "$$(")
}
