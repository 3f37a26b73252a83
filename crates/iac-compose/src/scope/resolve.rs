//! Puts what the project declares where a service names it by its key: networks, volumes, configs, secrets, and the containers
//! of other services.

use super::{Compose, Content, DEFAULT_NETWORK};
use crate::model::{Attachment, Mount, MountKind, Network, Service};

impl Compose {
    /// Puts the containers of other services where a service names those: for their networks, processes, memory, volumes
    /// and links. Another container of theirs then means another one of this service as well.
    #[track_caller]
    pub(super) fn resolve_shared(&self, name: &str, spec: &mut Service) {
        let known = self.known.borrow().services.clone();
        let mut missing: Vec<(&str, String)> = Vec::new();
        let modes = [
            ("network_mode", &mut spec.network_mode),
            ("pid", &mut spec.pid),
            ("ipc", &mut spec.ipc),
        ];
        for (field, mode) in modes {
            let Some(other) = mode.as_deref().and_then(|mode| mode.strip_prefix("service:")) else {
                continue;
            };
            match known.get(other) {
                Some((handle, _)) => *mode = Some(format!("container:{}", handle.output("/id"))),
                None => missing.push((field, other.to_owned())),
            }
        }
        for from in &mut spec.volumes_from {
            if let Some(container) = from.strip_prefix("container:") {
                *from = container.to_owned();
                continue;
            }
            let (other, access) = from.split_once(':').unwrap_or((from, ""));
            match known.get(other) {
                Some((handle, _)) if access.is_empty() => *from = handle.output("/id").to_string(),
                Some((handle, _)) => *from = format!("{}:{access}", handle.output("/id")),
                None => missing.push(("volumes_from", other.to_owned())),
            }
        }
        let mut links = Vec::new();
        for link in &spec.links {
            let (other, alias) = link.split_once(':').unwrap_or((link, link));
            match known.get(other) {
                Some((_, containers)) => {
                    links.extend(containers.iter().map(|container| format!("{container}:{alias}")));
                }
                None => missing.push(("links", other.to_owned())),
            }
        }
        spec.links = links;
        for (other, dependency) in spec.depends_on.iter_mut().filter(|(_, dependency)| dependency.restart) {
            dependency.container = known.get(other).map(|(handle, _)| handle.output("/id").to_string());
        }
        for (field, other) in missing {
            let message = format!("{field}: the project has no service {other:?}; declare it before this one");
            self.report(name, message);
        }
    }

    #[track_caller]
    pub(super) fn resolve_networks(&self, name: &str, spec: &mut Service) {
        if spec.network_mode.is_some() {
            return;
        }
        if spec.networks.is_empty() {
            spec.networks.insert(DEFAULT_NETWORK.to_owned(), Attachment::default());
        }
        let uses_default = spec.networks.contains_key(DEFAULT_NETWORK);
        if uses_default && !self.known.borrow().networks.contains_key(DEFAULT_NETWORK) {
            // Its fields are not those of the service.
            let _ = self
                .at(self.stack.source())
                .network(DEFAULT_NETWORK, Network::default());
        }
        for (key, attachment) in &mut spec.networks {
            let known = self.known.borrow().networks.get(key).cloned();
            let Some((network, handle)) = known else {
                self.report(
                    name,
                    format!("networks.{key}: the project has no network {key:?}; declare it before the service"),
                );
                continue;
            };
            attachment.network = network;
            attachment.network_id = handle.map(|handle| handle.output("/id").to_string());
        }
    }

    #[track_caller]
    pub(super) fn resolve_volumes(&self, name: &str, spec: &mut Service) {
        for mount in &mut spec.volumes {
            if mount.kind != MountKind::Volume || mount.source.is_empty() {
                continue;
            }
            let known = self.known.borrow().volumes.get(&mount.source).cloned();
            let Some((volume, handle)) = known else {
                let message = format!(
                    "volumes: the project has no volume {:?}; declare it before the service",
                    mount.source
                );
                self.report(name, message);
                continue;
            };
            mount.source = volume;
            mount.generation = handle.map(|handle| handle.output("/generation").to_string());
        }
    }

    #[track_caller]
    pub(super) fn resolve_files(&self, name: &str, spec: &mut Service) {
        let known = self.known.borrow();
        let read_only = spec.read_only;
        for (what, folder, files, contents) in [
            ("config", "/", &mut spec.configs, &known.configs),
            ("secret", "/run/secrets/", &mut spec.secrets, &known.secrets),
        ] {
            let mut kept = Vec::new();
            for mut file in std::mem::take(files) {
                match contents.get(&file.source) {
                    _ if file.content.is_some() => kept.push(file),
                    // Nothing can be written into a container that is read only, but a file can be mounted.
                    Some(Content { file: Some(path), .. }) if read_only => {
                        let target = file.target_in(folder);
                        spec.volumes.push(Mount::bind(path, target).read_only());
                    }
                    Some(content) => {
                        file.content = Some(content.text.clone());
                        kept.push(file);
                    }
                    None => {
                        let message = format!(
                            "{what}s: the project has no {what} {:?}; declare it before the service",
                            file.source
                        );
                        self.report(name, message);
                    }
                }
            }
            *files = kept;
        }
    }
}
