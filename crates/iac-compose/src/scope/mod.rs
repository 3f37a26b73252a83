//! Declaration of a project in a program: networks, volumes, configs, secrets and services, with typed references.

mod conceal;
mod content;
mod handles;
mod resolve;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use iac_core::declare::{DeclareError, Declared as _, FieldLines, Handle, NewResource, SourceLine, Wait};
use iac_core::provider::Phase;
use iac_core::value::FieldPattern;
use iac_core::{Key, Output, Stack};
use serde::Serialize;

use crate::inputs::{self, ImageInputs, NetworkInputs, ServiceInputs, VolumeInputs};
use crate::model::{Build, Config, Extension, Job, Network, Port, PullPolicy, Restart, Service, Volume};
use crate::provider::image::{self, LeftOut};
pub use handles::{ConfigRef, JobHandle, NetworkHandle, NetworkRef, SecretRef, ServiceHandle, VolumeHandle, VolumeRef};

/// The key of the network that services without networks of their own are in.
const DEFAULT_NETWORK: &str = "default";

/// A project: what docker compose calls the services, networks and volumes that belong together.
///
/// Resources are named by their keys in the project (`docker:compose/Service::web`). A stack with two projects that use
/// the same keys puts one of them into a component.
#[derive(Debug, Clone)]
pub struct Compose {
    stack: Stack,
    project: String,
    adopt: bool,
    known: Rc<RefCell<Known>>,
}

/// The things that a service can name.
#[derive(Debug, Default)]
struct Known {
    /// Networks: their names in the engine, and their handles where the stack makes them.
    networks: BTreeMap<String, (String, Option<Handle<Network>>)>,
    /// The same of volumes.
    volumes: BTreeMap<String, (String, Option<Handle<Volume>>)>,
    /// Ports, each with the service that publishes it.
    ports: Vec<(Port, String)>,
    configs: BTreeMap<String, Content>,
    secrets: BTreeMap<String, Content>,
    /// Services, with the names of their containers.
    services: BTreeMap<String, (Handle<Service>, Vec<String>)>,
}

/// The content of a config or secret, and the file that it comes from.
#[derive(Debug, Clone)]
struct Content {
    text: String,
    file: Option<String>,
}

impl Compose {
    /// A project of the stack. Its name begins with a lower-case letter or digit, and consists of those, `-` and `_`.
    pub fn project(stack: &Stack, name: impl Into<String>) -> Self {
        Self {
            stack: stack.clone(),
            project: name.into(),
            adopt: false,
            known: Rc::default(),
        }
    }

    /// Takes over what is there of the project, such as what `docker compose up` made: the same as `.adopt()` on each of its
    /// resources, the default network too. `--adopt all` on the command line does it for one run.
    ///
    /// Data stays. A container that is as declared keeps running; the plan says which ones have to be replaced, and why.
    #[must_use]
    pub fn adopt(mut self) -> Self {
        self.adopt = true;
        self
    }

    /// The project's name.
    pub fn name(&self) -> &str {
        &self.project
    }

    /// The stack that the project is declared in.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The same project, for what is declared at a place that is not the caller's.
    pub(crate) fn at(&self, source: SourceLine) -> Self {
        self.in_stack(&self.stack.at(source))
    }

    /// As [`at`](Self::at), where the fields of what is declared can be found.
    pub(crate) fn at_lines(&self, source: SourceLine, lines: Arc<dyn FieldLines>) -> Self {
        self.in_stack(&self.stack.at_lines(source, lines))
    }

    /// The same project, for resources that are declared in a component of its stack.
    #[must_use]
    pub fn in_stack(&self, stack: &Stack) -> Self {
        Self {
            stack: stack.clone(),
            ..self.clone()
        }
    }

    #[track_caller]
    pub(crate) fn report(&self, name: &str, message: impl Into<String>) {
        self.stack.report(DeclareError::Inputs {
            name: format!("{}/{name}", self.project),
            message: message.into(),
            at: self.stack.source(),
        });
    }

    #[track_caller]
    fn declare<R>(&self, kind: &str, name: &str, inputs: &impl Serialize) -> Handle<R> {
        // No closures where something may be reported: they would hide the caller's line.
        let mut inputs = match serde_json::to_value(inputs) {
            Ok(inputs) => inputs,
            Err(error) => {
                self.report(name, error.to_string());
                serde_json::Value::Null
            }
        };
        let what = kind.rsplit('/').next().unwrap_or(kind).to_lowercase();
        conceal::conceal(&self.stack, &format!("{what} {}/{name}", self.project), &mut inputs);
        let handle = self.stack.declare(NewResource::new(kind, name, inputs));
        if self.adopt { handle.adopt() } else { handle }
    }

    fn full_name(&self, given: Option<&String>, key: &str) -> String {
        given.cloned().unwrap_or_else(|| format!("{}_{key}", self.project))
    }

    /// Declares a network.
    #[track_caller]
    pub fn network(&self, key: &str, mut network: Network) -> Handle<Network> {
        if network.external {
            self.report(key, "a network of somebody else is named with external_network");
        }
        let name = self.full_name(network.name.as_ref(), key);
        network.name = Some(name.clone());
        let inputs = NetworkInputs {
            project: self.project.clone(),
            key: key.to_owned(),
            spec: network,
        };
        let handle: Handle<Network> = self.declare(inputs::NETWORK, key, &inputs);
        let entry = (name, Some(handle.clone()));
        self.known.borrow_mut().networks.insert(key.to_owned(), entry);
        handle
    }

    /// Names a network that somebody else made, by its name in the engine.
    pub fn external_network(&self, key: &str, name: impl Into<String>) -> NetworkRef {
        self.known
            .borrow_mut()
            .networks
            .insert(key.to_owned(), (name.into(), None));
        NetworkRef { key: key.to_owned() }
    }

    /// Declares a volume.
    #[track_caller]
    pub fn volume(&self, key: &str, mut volume: Volume) -> Handle<Volume> {
        if volume.external {
            self.report(key, "a volume of somebody else is named with external_volume");
        }
        let name = self.full_name(volume.name.as_ref(), key);
        volume.name = Some(name.clone());
        let inputs = VolumeInputs {
            project: self.project.clone(),
            key: key.to_owned(),
            spec: volume,
        };
        let handle: Handle<Volume> = self.declare(inputs::VOLUME, key, &inputs);
        let entry = (name, Some(handle.clone()));
        self.known.borrow_mut().volumes.insert(key.to_owned(), entry);
        handle
    }

    /// Names a volume that somebody else made, by its name in the engine.
    pub fn external_volume(&self, key: &str, name: impl Into<String>) -> VolumeRef {
        self.known
            .borrow_mut()
            .volumes
            .insert(key.to_owned(), (name.into(), None));
        VolumeRef { key: key.to_owned() }
    }

    /// Names a file's content that services can have in their containers.
    #[track_caller]
    pub fn config(&self, name: &str, config: Config) -> ConfigRef {
        let file = config.file.clone();
        match content::read(config) {
            Ok(text) => {
                let content = Content { text, file };
                self.known.borrow_mut().configs.insert(name.to_owned(), content);
            }
            Err(error) => self.report(name, error.to_string()),
        }
        ConfigRef { name: name.to_owned() }
    }

    /// Names a secret content that services can have in their containers; it is encrypted in the state and never shown.
    #[track_caller]
    pub fn secret(&self, name: &str, secret: Config) -> SecretRef {
        let file = secret.file.clone();
        match content::read(secret) {
            // A content with an output is as secret as that is; tokens cannot be put into a secret of our own.
            Ok(text) if iac_core::value::token::is_token(&text) => {
                let content = Content { text, file };
                self.known.borrow_mut().secrets.insert(name.to_owned(), content);
            }
            Ok(text) => {
                let label = format!("{}/secrets/{name}", self.project);
                let text = self.stack.secret(&label, text).to_string();
                let content = Content { text, file };
                self.known.borrow_mut().secrets.insert(name.to_owned(), content);
            }
            Err(error) => self.report(name, error.to_string()),
        }
        SecretRef { name: name.to_owned() }
    }

    /// Declares a service.
    #[track_caller]
    pub fn service(&self, name: &str, service: Service) -> Handle<Service> {
        self.add(name, service, false)
    }

    /// Declares a service that does its work by ending with status 0, such as a migration. It runs again when its
    /// definition or its image changes.
    #[track_caller]
    pub fn job(&self, name: &str, mut service: Service) -> Handle<Job> {
        if service.restart.is_none() && service.deploy.is_none() {
            service.restart = Some(Restart::No);
        }
        self.add(name, service, true).cast()
    }

    #[track_caller]
    pub(crate) fn add(&self, name: &str, mut spec: Service, completes: bool) -> Handle<Service> {
        if let Err(error) = content::load_environment(&mut spec) {
            self.report(name, error.to_string());
        }
        if let Some(deploy) = &mut spec.deploy {
            let devices = std::mem::take(&mut deploy.resources.reservations.devices);
            spec.device_requests.extend(devices);
        }
        if let Err(error) = content::load_profiles(&mut spec) {
            self.report(name, error.to_string());
        }
        let extension = std::mem::take(&mut spec.extension);
        let mut image_id = None;
        if let Some(build) = spec.build.take() {
            image_id = Some(self.image(name, &mut spec, build));
        }
        self.resolve_networks(name, &mut spec);
        self.resolve_volumes(name, &mut spec);
        self.resolve_files(name, &mut spec);
        self.resolve_shared(name, &mut spec);
        self.claim_ports(name, &spec);
        let containers = container_names(&self.project, name, &spec);
        let inputs = ServiceInputs {
            project: self.project.clone(),
            service: name.to_owned(),
            completes,
            image_id,
            spec,
        };
        let handle: Handle<Service> = self.declare(inputs::SERVICE, name, &inputs);
        self.extend(name, &handle, &extension);
        let entry = (handle.clone(), containers);
        self.known.borrow_mut().services.insert(name.to_owned(), entry);
        handle
    }

    /// Does as a compose file's own key of this tool says.
    #[track_caller]
    fn extend(&self, name: &str, handle: &Handle<Service>, extension: &Extension) {
        for patterns in &extension.ignore_changes {
            match FieldPattern::list(patterns) {
                Ok(patterns) => drop(
                    handle
                        .clone()
                        .with_options(|options| options.ignore_changes.extend(patterns)),
                ),
                Err(error) => self.report(name, format!("x-iac.ignore_changes: {error}")),
            }
        }
        let Some(wait) = &extension.wait else { return };
        match Wait::parse(wait) {
            Ok((wait, limit)) => {
                if wait == Wait::No {
                    handle.clone().skip_wait();
                }
                if let Some(limit) = limit {
                    handle.clone().timeout(limit);
                }
            }
            Err(why) => self.report(name, format!("x-iac.wait: {why}")),
        }
    }

    /// Declares the image that a service is built from; gives its ID as an output.
    #[track_caller]
    fn image(&self, name: &str, spec: &mut Service, build: Build) -> String {
        if spec.image.is_empty() {
            spec.image = format!("{}-{name}", self.project);
        }
        spec.pull_policy = Some(PullPolicy::Build);
        let state_folder = self.stack.state_folder();
        let state_folder = state_folder.and_then(|folder| image::place_of(folder, &build));
        let left_out = LeftOut::new(&build, state_folder.as_deref(), self.stack.own_files());
        let context_hash = match image::context_hash(&build, &left_out) {
            Ok(hash) => hash,
            Err(error) => {
                self.report(name, format!("the build context cannot be read: {error}"));
                String::new()
            }
        };
        let inputs = ImageInputs {
            project: self.project.clone(),
            service: name.to_owned(),
            tag: spec.image.clone(),
            platform: spec.platform.clone(),
            build,
            state_folder,
            context_hash,
        };
        let image: Handle<Build> = self.declare(inputs::IMAGE, name, &inputs);
        image.output("/id").to_string()
    }

    /// Reports a port of the host that another service of the project publishes as well. In the network of the host the
    /// engine publishes nothing.
    #[track_caller]
    fn claim_ports(&self, name: &str, spec: &Service) {
        if spec.network_mode.as_deref() == Some("host") {
            return;
        }
        for port in &spec.ports {
            let claims = &mut self.known.borrow_mut().ports;
            let first = claims.iter().find(|(claimed, _)| claimed.meets(port));
            let first = first.map(|(claimed, service)| format!("the service {service} publishes {claimed} already"));
            claims.push((port.clone(), name.to_owned()));
            if let Some(first) = first {
                self.report(name, format!("ports: {port} cannot be published, since {first}"));
            }
        }
    }
}

/// The port of the host at which the first container of a service publishes a TCP port of its own, for a service that is
/// declared under this name in the stack, or in the component that `stack` is; it may be declared later.
pub fn published_port(stack: &Stack, service: &str, target: u16) -> String {
    // A name that cannot be used is reported when the service is declared.
    let key = Key::new(stack.component_path(), inputs::SERVICE, service);
    let port = |key: Key| Output::<String>::of_resource(&key, &format!("/ports/{target}~1tcp"), Phase::Exists, false);
    key.map(|key| port(key).to_string()).unwrap_or_default()
}

/// Returns the names of a service's containers.
fn container_names(project: &str, service: &str, spec: &Service) -> Vec<String> {
    let numbered = || {
        (1..=spec.replicas())
            .map(|number| format!("{project}-{service}-{number}"))
            .collect()
    };
    spec.container_name
        .as_ref()
        .map_or_else(numbered, |name| vec![name.clone()])
}
